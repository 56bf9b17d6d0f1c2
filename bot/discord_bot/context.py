"""The bot's services, which commands, buttons and answers use through `interaction.client`.

Everything in this package may import this module, and it imports none of the modules that answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import discord
import structlog

from bot.discord_bot.chart_cache import ChartCache
from bot.discord_bot.cooldowns import Cooldowns
from bot.discord_bot.name_index import RefreshingNameIndex
from bot.discord_bot.presenter import KEPT, AnswerPresenter, RenderedAnswer
from bot.discord_bot.query import Query
from bot.discord_bot.settings import BotRepositories, BotSettings
from bot.queries import QueryContext
from bot.queries.versioned_cache import VersionedCache
from bot.store import StoreError

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
