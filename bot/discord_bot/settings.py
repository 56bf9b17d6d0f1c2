"""The operator's settings of the Discord interface, and the repositories of its commands."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot import pipeline
from bot.deliveries import Outbox
from bot.queries import QueryContext
from bot.subscriptions import ChannelSubscriptions, ModelWatches, SubscriptionLimits

API = "https://discord.com/api/v10"
SHARDED_FROM = 1000
"""Servers; discord.py recommends shards from this number, Discord requires them at 2,500 (topics/gateway, Sharding)."""


@dataclass(frozen=True, slots=True)
class BotSettings:
    """The settings of one Footfall on Discord."""

    owners: frozenset[int] = frozenset()
    """Who may use the operator's commands; if empty, there are none."""
    sharded_from: int = SHARDED_FROM
    bounds: SubscriptionLimits = field(default_factory=SubscriptionLimits)
    posts: bool = True
    """Whether the Discord outlet is configured; without it, subscriptions would get no posts."""
    outlets: tuple[str, ...] = ()
    """All configured outlets, and direct messages."""
    taken: frozenset[str] = frozenset()
    """Channels that the configuration already posts to."""
    closed: frozenset[str] = frozenset()
    """Networks whose record has ended, so that nothing changes there."""
    api: str = API


@dataclass(frozen=True, slots=True)
class BotRepositories:
    """The data that commands of members, servers and operators read and write."""

    channels: ChannelSubscriptions
    watches: ModelWatches
    outbox: Outbox

    @classmethod
    def from_context(cls, desk: QueryContext, bot_settings: BotSettings) -> BotRepositories:
        return cls(
            ChannelSubscriptions(desk.store, bot_settings.bounds),
            ModelWatches(desk.store, bot_settings.bounds),
            pipeline.make_outbox(desk.store, bot_settings.taken),
        )
