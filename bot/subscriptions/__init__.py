"""Subscriptions of Discord channels and watches of members, beside the channels of `config.yaml`.

`types` has both as values, `channel_subscriptions` and `model_watches` store them, `delivery_misses` counts days on
which nothing could be delivered, and `change_detection` decides whether a change is worth a post (pure). The rule:
store nothing about a person beyond what their watch needs, and the account id in one column only.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.subscriptions.change_detection import ModelChange, detect_change, stillness_reason
    from bot.subscriptions.channel_subscriptions import ChannelSubscriptions
    from bot.subscriptions.delivery_misses import correct_since, is_over, record_miss
    from bot.subscriptions.model_watches import ErasureResult, ModelWatches
    from bot.subscriptions.types import (
        MISSES,
        ModelWatch,
        Subscription,
        SubscriptionError,
        SubscriptionLimits,
        SubscriptionOptions,
    )
else:
    __getattr__ = lazy_attributes(__name__, __file__)
