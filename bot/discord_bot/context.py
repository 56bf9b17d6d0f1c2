"""What commands, buttons and answers share: the bot's services, as they find them on `interaction.client`.

The rule: everything in this package may import this module, and it imports none of what answers.
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
"""Seconds between two looks at whether the ledger has new models."""

log = structlog.get_logger("bot.discord_bot")


class FootfallBot(discord.AutoShardedClient):
    """The services of one connection. What it answers from is handed in and stays open when it closes."""

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
        """Disconnect; work that is not begun is given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await super().close()

    async def run_in_thread(self, job: Callable[[], T]) -> T:
        """What a job returns that reads the database or draws. Raises `TimeoutError`."""
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, job), self._seconds)

    def render_answer(self, question: Query, locale: str = "en") -> RenderedAnswer:
        """A question's answer. Takes its time; call it in a thread."""
        return AnswerPresenter(self.desk, self.pictures, self._recent).present_answer(
            question, self.index.get_names, locale
        )

    def refresh_names_if_stale(self) -> None:
        """Have the names in memory renewed, where that is due; whoever asks meanwhile gets those of before."""
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
