"""Whom we serve on Discord beside the channels of `config.yaml`: servers that subscribed, members who watch a model.

The modules: `types` (both as values), `channel_subscriptions` (a server's subscriptions), `model_watches` (a
member's), `delivery_misses` (how long nothing got through), `change_detection` (whether a digest or a model gives
cause to speak; pure). The rule: nothing is kept about a person beyond what their watch needs, and a member's number
stands in one column.
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
