"""The pipeline: connects sources, ledger, archive and outbox with the pure parts. One step per module: `collection`,
`composition` (`polls`: with readers' votes), `digest_content` renders (`digest_pictures`: with pictures),
`verification` verifies, `publication`
publishes; `watch_content` renders the messages to members who watch a model.
"""

from bot.pipeline.collection import BackfillThrottle, CollectResult, Tell, collect
from bot.pipeline.composition import (
    NetworkPlan,
    build_digest,
    comparison_plan,
    compose_digest,
    compose_outdated,
    covered_periods,
    outdated_periods,
    periods_to_recompose,
)
from bot.pipeline.digest_content import DigestContentProvider, PostOptions, render_post
from bot.pipeline.digest_pictures import describe_picture, draw_picture
from bot.pipeline.publication import PublishContext, PublishDecision, Targets, held_back, make_outbox, plan_deliveries
from bot.pipeline.verification import mismatches_with, recompute_digest
from bot.pipeline.watch_content import WatchContentProvider, plan_notices
