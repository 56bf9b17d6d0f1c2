"""The conductor: collect, compose, render, publish. Plain code that puts the pure parts between ledger, archive and
outbox. The modules: `walk` (source to digest to post), `backfill` (many days at once), `publishing` (what goes out, and
where)."""

from bot.daily.backfill import Backfill
from bot.daily.publishing import Announced, Desk, Posts, Targets, outbox, publish
from bot.daily.walk import Collected, Plan, Tell, collect, compose, composed, covered, mismatches, post, stand

__all__ = [
    "Announced",
    "Backfill",
    "Collected",
    "Desk",
    "Plan",
    "Posts",
    "Targets",
    "Tell",
    "collect",
    "compose",
    "composed",
    "covered",
    "mismatches",
    "outbox",
    "post",
    "publish",
    "stand",
]
