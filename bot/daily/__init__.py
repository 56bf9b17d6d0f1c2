"""The conductor: collect, compose, render, publish. Plain code that puts the pure parts between ledger, archive and
outbox. The modules: `walk` (source to digest to post), `publishing` (what goes out, and where)."""

from bot.daily.publishing import Announced, Desk, Posts, Targets, outbox, publish
from bot.daily.walk import Collected, Plan, Tell, collect, compose, composed, covered, late, mismatches, post, stand

__all__ = [
    "Announced",
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
    "late",
    "mismatches",
    "outbox",
    "post",
    "publish",
    "stand",
]
