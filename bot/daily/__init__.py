"""The conductor: collect, compose, render, publish. Plain code that puts the pure parts between ledger, archive and
outbox. The modules: `walk` (source to digest to post), `backfill` (many days at once), `readers` (what is asked of them
and what they answered), `publishing` (what goes out, and where), `speaking` (what each delivery says), `notices` (what
members who watch a model are told)."""

from bot.daily.backfill import Backfill
from bot.daily.notices import Notices, notify, spoken
from bot.daily.publishing import Announced, Desk, Targets, held_back, outbox, publish
from bot.daily.readers import Habits
from bot.daily.speaking import Posts
from bot.daily.walk import (
    Collected,
    Plan,
    Tell,
    collect,
    compose,
    compose_outdated,
    composed,
    covered,
    late,
    mismatches,
    mismatches_with,
    outdated,
    post,
    recomputed,
    stand,
)

__all__ = [
    "Announced",
    "Backfill",
    "Collected",
    "Desk",
    "Habits",
    "Notices",
    "Plan",
    "Posts",
    "Targets",
    "Tell",
    "collect",
    "compose",
    "compose_outdated",
    "composed",
    "covered",
    "held_back",
    "late",
    "mismatches",
    "mismatches_with",
    "notify",
    "outbox",
    "outdated",
    "post",
    "publish",
    "recomputed",
    "spoken",
    "stand",
]
