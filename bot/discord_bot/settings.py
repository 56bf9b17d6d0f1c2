"""What the operator decided for the Discord face, and the books that its own commands write into."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot import pipeline
from bot.deliveries import Outbox
from bot.queries import QueryContext
from bot.subscriptions import ChannelSubscriptions, ModelWatches, SubscriptionLimits

API = "https://discord.com/api/v10"
SHARDED_FROM = 1000
"""Servers; discord.py advises shards from here on, Discord demands them at 2,500 (topics/gateway, Sharding)."""


@dataclass(frozen=True, slots=True)
class BotSettings:
    """The rules of one Footfall on Discord."""

    owners: frozenset[int] = frozenset()
    """Who may use the operator's commands; without any there are none."""
    sharded_from: int = SHARDED_FROM
    bounds: SubscriptionLimits = field(default_factory=SubscriptionLimits)
    posts: bool = True
    """Whether the outlet to Discord is set up, without which nothing subscribed to would come."""
    outlets: tuple[str, ...] = ()
    """Every outlet of the configuration, and direct messages."""
    taken: frozenset[str] = frozenset()
    """Channels that the configuration posts to already."""
    closed: frozenset[str] = frozenset()
    """Networks whose record has ended: nothing will happen there."""
    api: str = API


@dataclass(frozen=True, slots=True)
class BotRepositories:
    """What commands of members, servers and operators read and write."""

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
