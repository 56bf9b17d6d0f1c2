"""Whom we serve on Discord beside the channels of `config.yaml`: servers that subscribed, members who watch a model.

The modules: `rows` (both as values), `channels` (a server's subscriptions), `watches` (a member's), `misses` (how long
nothing got through), `moved` (whether a digest or a model gives cause to speak; pure). The rule: nothing is kept about
a person beyond what their watch needs, and a member's number stands in one column.
"""

from bot.subscriptions.channels import Channels
from bot.subscriptions.misses import correct_since, is_over, record_miss
from bot.subscriptions.moved import News, detect_change, stillness_reason
from bot.subscriptions.rows import MISSES, Bounds, Subscription, SubscriptionError, Terms, Watch
from bot.subscriptions.watches import Forgotten, Watches

__all__ = [
    "MISSES",
    "Bounds",
    "Channels",
    "Forgotten",
    "News",
    "Subscription",
    "SubscriptionError",
    "Terms",
    "Watch",
    "Watches",
    "correct_since",
    "detect_change",
    "is_over",
    "record_miss",
    "stillness_reason",
]
