"""The pipeline: connects sources, ledger, archive and outbox with the pure parts. One step per module: `collection`,
`composition` (`polls`: with readers' votes), `digest_content` renders (`digest_pictures`: with pictures),
`verification` verifies, `publication` publishes; `watch_content` renders the messages to members who watch a model.
`network_plan` says what a network's digests are made of, `post_options` what is set about posts.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.pipeline.collection import BackfillThrottle, CollectResult, Tell, collect
    from bot.pipeline.composition import (
        build_digest,
        compose_digest,
        compose_outdated,
        outdated_periods,
        periods_to_recompose,
    )
    from bot.pipeline.digest_content import DigestContentProvider, render_post
    from bot.pipeline.digest_pictures import describe_picture, draw_picture
    from bot.pipeline.network_plan import NetworkPlan, comparison_plan, covered_periods
    from bot.pipeline.post_options import PostOptions
    from bot.pipeline.publication import (
        PublishContext,
        PublishDecision,
        Targets,
        held_back,
        make_outbox,
        plan_deliveries,
    )
    from bot.pipeline.verification import mismatches_with, recompute_digest
    from bot.pipeline.watch_content import WatchContentProvider, plan_notices
else:
    __getattr__ = lazy_attributes(__name__, __file__)
