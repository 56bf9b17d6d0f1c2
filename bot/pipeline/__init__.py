"""The conductor: collect, compose, render, publish. Plain code that puts the pure parts between ledger, archive and
outbox. The modules: `collection` (source to digest to post), `backfill` (many days at once), `polls` (what is asked
of them and what they answered), `publication` (what goes out, and where), `digest_content` (what each delivery says),
`watch_content` (what members who watch a model are told).
"""

from bot.pipeline.backfill import BackfillThrottle
from bot.pipeline.collection import (
    CollectResult,
    NetworkPlan,
    Tell,
    build_digest,
    collect,
    compose_digest,
    compose_outdated,
    covered_periods,
    find_mismatches,
    mismatches_with,
    outdated_periods,
    periods_to_recompose,
    recompute_digest,
    render_post,
    store_static_listings,
)
from bot.pipeline.digest_content import DigestContentProvider
from bot.pipeline.polls import PostOptions
from bot.pipeline.publication import PublishContext, PublishDecision, Targets, held_back, make_outbox, plan_deliveries
from bot.pipeline.watch_content import WatchContentProvider, dispatch_content, plan_notices

__all__ = [
    "BackfillThrottle",
    "CollectResult",
    "DigestContentProvider",
    "NetworkPlan",
    "PostOptions",
    "PublishContext",
    "PublishDecision",
    "Targets",
    "Tell",
    "WatchContentProvider",
    "build_digest",
    "collect",
    "compose_digest",
    "compose_outdated",
    "covered_periods",
    "dispatch_content",
    "find_mismatches",
    "held_back",
    "make_outbox",
    "mismatches_with",
    "outdated_periods",
    "periods_to_recompose",
    "plan_deliveries",
    "plan_notices",
    "recompute_digest",
    "render_post",
    "store_static_listings",
]
