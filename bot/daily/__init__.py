"""The conductor: collect, compose, render, publish. Plain code that puts the pure parts between ledger, archive and
outbox. The modules: `walk` (source to digest to post), `backfill` (many days at once), `readers` (what is asked of them
and what they answered), `publishing` (what goes out, and where), `speaking` (what each delivery says), `notices` (what
members who watch a model are told)."""

from bot.daily.backfill import Backfill
from bot.daily.notices import Notices, plan_notices, spoken
from bot.daily.publishing import Announced, Desk, Targets, held_back, make_outbox, plan_deliveries
from bot.daily.readers import Habits
from bot.daily.speaking import Posts
from bot.daily.walk import (
    Collected,
    Plan,
    Tell,
    collect,
    compose_digest,
    compose_outdated,
    composed,
    covered_periods,
    find_mismatches,
    late,
    mismatches_with,
    outdated_periods,
    recompute_digest,
    render_post,
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
    "compose_digest",
    "compose_outdated",
    "composed",
    "covered_periods",
    "find_mismatches",
    "held_back",
    "late",
    "make_outbox",
    "mismatches_with",
    "outdated_periods",
    "plan_deliveries",
    "plan_notices",
    "recompute_digest",
    "render_post",
    "spoken",
    "stand",
]
