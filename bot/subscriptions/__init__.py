"""Subscriptions of Discord channels and watches of members, beside the channels of `config.yaml`.

`types` has both as values, `channel_subscriptions` and `model_watches` store them, `delivery_misses` counts days on
which nothing could be delivered, and `change_detection` decides whether a change is worth a post (pure). The rule:
store nothing about a person beyond what their watch needs, and the account id in one column only.
"""

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
