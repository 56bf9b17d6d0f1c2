"""The conductor: plain code that puts the pure parts between sources, ledger, archive and outbox. One verb a module:
`collection` collects, `composition` composes (`polls`: with what readers answered),
`digest_content` renders, `verification` verifies, `publication` publishes; `watch_content` is what members who watch a
model get.
"""

from bot.pipeline.collection import BackfillThrottle, CollectResult, Tell, collect
from bot.pipeline.composition import (
    NetworkPlan,
    build_digest,
    compose_digest,
    compose_outdated,
    covered_periods,
    outdated_periods,
    periods_to_recompose,
)
from bot.pipeline.digest_content import DigestContentProvider, PostOptions, render_post
from bot.pipeline.publication import PublishContext, PublishDecision, Targets, held_back, make_outbox, plan_deliveries
from bot.pipeline.verification import mismatches_with, recompute_digest
from bot.pipeline.watch_content import WatchContentProvider, plan_notices
