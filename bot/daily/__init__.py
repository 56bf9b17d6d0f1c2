"""The conductor: collect, compose, render, publish. Plain code that puts the pure parts between ledger, archive and
outbox. The modules: `walk` (source to digest to post), `publishing` (what goes out, and where), `notices` (what members
who watch a model are told)."""

from bot.daily.notices import Notices, notify, spoken
from bot.daily.publishing import Announced, Desk, Posts, Targets, outbox, publish
from bot.daily.walk import Collected, Plan, Tell, collect, compose, composed, covered, mismatches, post, stand

__all__ = [
    "Announced",
    "Collected",
    "Desk",
    "Notices",
    "Plan",
    "Posts",
    "Targets",
    "Tell",
    "collect",
    "compose",
    "composed",
    "covered",
    "mismatches",
    "notify",
    "outbox",
    "post",
    "publish",
    "spoken",
    "stand",
]
