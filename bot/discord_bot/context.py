"""The bot's services, which commands, buttons and answers use through `interaction.client`.

It counts who asked when, and has what the operator decided.

Everything in this package may import this module, and it imports none of the modules that answer.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import discord
import structlog
from discord.app_commands import Cooldown

from bot import i18n, pipeline
from bot.deliveries import Outbox
from bot.discord_bot.chart_cache import ChartCache
from bot.discord_bot.name_index import RefreshingNameIndex
from bot.discord_bot.presenter import KEPT, AnswerPresenter, Query, RenderedAnswer
from bot.i18n import Translator
from bot.queries import QueryContext
from bot.queries.context import VersionedCache
from bot.store import StoreError
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


PER_USER = (6, 15.0)
"""Questions, and the seconds in which that many may be asked."""
PER_GUILD = (120, 10.0)
ASKERS_KEPT = 10_000
"""Members and servers remembered at most; the ones that asked longest ago are forgotten first."""


class Cooldowns:
    """Who asked when, in memory only."""

    def __init__(self, per_user: tuple[int, float] = PER_USER, per_guild: tuple[int, float] = PER_GUILD) -> None:
        self._rates = {"user": per_user, "guild": per_guild}
        self._known: OrderedDict[tuple[str, int], Cooldown] = OrderedDict()

    def seconds_to_wait(self, user: int, guild: int | None, at: float) -> int:
        """Seconds to wait, rounded up; 0 where the question may be asked now, which counts it. `at` is in seconds."""
        askers = [("user", user)] + ([("guild", guild)] if guild is not None else [])
        cooldowns = [self._cooldown_for(*asker) for asker in askers]
        left = max(cooldown.get_retry_after(at) for cooldown in cooldowns)
        if left > 0:
            return math.ceil(left)
        for cooldown in cooldowns:
            cooldown.update_rate_limit(at)
        return 0

    def forget_user(self, user: int) -> None:
        """Forget that a member asked anything."""
        self._known.pop(("user", user), None)

    def _cooldown_for(self, kind: str, asker: int) -> Cooldown:
        key = (kind, asker)
        if key not in self._known:
            self._known[key] = Cooldown(*self._rates[kind])
            while len(self._known) > ASKERS_KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


T = TypeVar("T")

THREADS = 4
LOOK_EVERY = 30.0
"""Seconds between two checks whether the ledger has new models."""

log = structlog.get_logger("bot.discord_bot")


class FootfallBot(discord.AutoShardedClient):
    """The services of one connection. Its data sources are passed in and stay open when it closes."""

    def __init__(
        self, desk: QueryContext, bot_settings: BotSettings, cooldowns: Cooldowns, seconds: float, **options: Any
    ) -> None:
        super().__init__(**options)
        self.desk, self.index, self.pictures = desk, RefreshingNameIndex(desk), ChartCache()
        self.cooldowns, self.bot_settings = cooldowns, bot_settings
        self.repositories = BotRepositories.from_context(desk, bot_settings)
        self._recent, self._seconds = VersionedCache(KEPT), seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="footfall-slash")
        self._refreshed_at, self._refreshing = 0.0, False

    async def close(self) -> None:
        """Disconnect; jobs that have not started are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await super().close()

    async def run_in_thread(self, job: Callable[[], T]) -> T:
        """The result of a job that reads the database or draws. Raises `TimeoutError`."""
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, job), self._seconds)

    def render_answer(self, question: Query, locale: str = "en") -> RenderedAnswer:
        """A query's answer. Slow: call it in a thread."""
        return AnswerPresenter(self.desk, self.pictures, self._recent).present_answer(
            question, self.index.get_names, locale
        )

    def refresh_names_if_stale(self) -> None:
        """Refresh the names in memory, if due; meanwhile the old ones are used."""
        if self._refreshing or (self._refreshed_at and time.monotonic() - self._refreshed_at < LOOK_EVERY):
            return
        self._refreshing = True
        self._threads.submit(self._refresh_names)

    def _refresh_names(self) -> None:
        try:
            self.index.refresh()
        except StoreError as error:
            log.warning("names could not be read", error=str(error))
        finally:
            self._refreshed_at, self._refreshing = time.monotonic(), False


Interaction: TypeAlias = discord.Interaction[FootfallBot]


def translator_for(interaction: discord.Interaction[Any]) -> Translator:
    """The language that whoever asks is answered in. An unknown locale is a stand-in that still has its value."""
    return i18n.translator_for(interaction.locale.value)
