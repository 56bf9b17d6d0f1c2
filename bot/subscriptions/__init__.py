"""Whom we serve on Discord beside the channels of `config.yaml`: servers that subscribed, members who watch a model.

The modules: `rows` (both as values), `channels` (a server's subscriptions), `watches` (a member's), `moved` (whether a
digest or a model gives cause to speak; pure). The rule: nothing is kept about a person beyond what their watch needs,
and a member's number stands in one column.
"""

from bot.subscriptions.channels import Channels
from bot.subscriptions.moved import News, news, stillness
from bot.subscriptions.rows import Bounds, Subscription, SubscriptionError, Terms, Watch
from bot.subscriptions.watches import Forgotten, Watches

__all__ = [
    "Bounds",
    "Channels",
    "Forgotten",
    "News",
    "Subscription",
    "SubscriptionError",
    "Terms",
    "Watch",
    "Watches",
    "news",
    "stillness",
]
