"""Keeps the bot connected. An unavailable gateway, a refused token or a lost lease ends only one connection."""

from __future__ import annotations

import asyncio
import gc
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
import discord
import structlog
from pydantic import SecretStr

from bot.discord_bot import chart_cache
from bot.discord_bot.client import FootfallClient
from bot.discord_bot.context import BotSettings
from bot.outlets.discord.rest_client import wait_seconds
from bot.queries import QueryContext
from bot.redaction import clip_text

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds; the pause doubles with each connection that was lost early."""
LONGEST_WAIT = 24 * 3600.0
"""Most seconds to wait, even if Discord asks for more."""
HEALTHY = 600.0
"""After a connection of this many seconds, the pauses start again at the first one."""
LOOK = 0.25
"""Seconds between two checks whether to continue."""

# discord.py 2.7 fails if the very first connection fails: AttributeError from Client.connect, and finally
# RecursionError from AutoShardedClient.launch_shard, which calls itself at each attempt.
# It passes on the errors of an invalid frame (no JSON, no object, wrong compression) unchanged.
LOST = (
    *(discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError, AttributeError, RecursionError),
    *(ValueError, LookupError, TypeError, zlib.error),
)

REFUSED = {
    4004: "the token is not accepted; make a new one and set DISCORD_TOKEN",
    4010: "Discord knows no such shard; update Footfall",
    4011: "the bot is in too many servers for one connection; lower discord.sharded_from",
    4012: "Discord no longer speaks this version of its gateway; update discord.py",
    4013: "Discord does not know the intents asked for; update discord.py",
    4014: "the bot may not have the intents asked for; see the bot's page in the developer portal",
}
"""Close codes after which a new connection would fail too (topics/opcodes-and-status-codes, Gateway Close Event Codes:
"Reconnect: false"), and what to do."""

log = structlog.get_logger("bot.discord_bot")


def run_bot(
    desk: QueryContext,
    token: SecretStr,
    stop: threading.Event,
    leads: Callable[[], bool] = lambda: True,
    bot_settings: BotSettings | None = None,
    first_pause: float = FIRST_PAUSE,
) -> None:
    """Answer slash commands until `stop` is set. Runs in its own thread, with its own event loop.

    `leads` says, at once and without input or output, whether this worker should answer: only one may be
    connected."""
    bot_settings = bot_settings or BotSettings()
    discord.http.Route.BASE = bot_settings.api
    try:
        with gc_frozen():
            asyncio.run(_Kept(desk, token, stop, leads, bot_settings).run(first_pause))
    finally:
        chart_cache.dismiss()


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Exclude existing objects from garbage collection, whose passes delay answers by 50 ms and more."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, slots=True)
class _Kept:
    """Connects again after each connection."""

    desk: QueryContext
    token: SecretStr
    stop: threading.Event
    leads: Callable[[], bool]
    bot_settings: BotSettings

    async def run(self, first_pause: float) -> None:
        loop, pause = asyncio.get_running_loop(), first_pause
        while not self.stop.is_set():
            if not self.leads():
                await asyncio.sleep(LOOK)
                continue
            began = loop.time()
            error = await self._run_connection()
            if error is None:
                continue
            refused = _refusal(error) is not None
            pause = LONGEST_PAUSE if refused else first_pause if loop.time() - began >= HEALTHY else pause
            wait = max(pause, _wanted_wait(error))
            log.error("not connected to Discord", why=_error_reason(error), again_in=wait)
            await self._interruptible_sleep(wait)
            pause = first_pause if refused else min(pause * 2, LONGEST_PAUSE)

    async def _run_connection(self) -> Exception | None:
        """Run one connection until it ends or is lost. Returns why it was lost."""
        client = FootfallClient(self.desk, self.bot_settings)
        going = asyncio.create_task(client.start(self.token.get_secret_value()))
        stop_task = asyncio.create_task(self._wait_for_stop())
        try:
            await asyncio.wait({going, stop_task}, return_when=asyncio.FIRST_COMPLETED)
            if not going.done():
                return None
            going.result()
            return discord.ClientException("Discord ended the connection")
        except LOST as error:
            return error
        finally:
            stop_task.cancel()
            await client.close()
            going.cancel()
            await asyncio.gather(going, stop_task, return_exceptions=True)

    async def _wait_for_stop(self) -> None:
        while not self.stop.is_set() and self.leads():
            await asyncio.sleep(LOOK)

    async def _interruptible_sleep(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while not self.stop.is_set() and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(min(LOOK, seconds))


def _wanted_wait(error: BaseException | None) -> float:
    """Seconds that Discord asked us to wait (a 429's Retry-After, also if discord.py wraps it in another error), at
    most a day; 0 if it did not."""
    while error is not None:
        if isinstance(error, discord.RateLimited):
            return min(error.retry_after, LONGEST_WAIT)
        if isinstance(error, discord.HTTPException) and error.status == 429:
            return min(wait_seconds(error.response.headers.get("Retry-After")), LONGEST_WAIT)
        error = error.__cause__
    return 0.0


def _refusal(error: Exception) -> str | None:
    """What an operator must do before a new connection can work; `None` if it may work without."""
    if isinstance(error, discord.LoginFailure):
        return REFUSED[4004]
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return REFUSED[4014]
    return REFUSED.get(error.code) if isinstance(error, discord.ConnectionClosed) else None


def _error_reason(error: Exception) -> str:
    if refusal := _refusal(error):
        return refusal
    # For invalid data only the error's type: its text quotes the frame.
    quotes = isinstance(error, ValueError | LookupError | TypeError)
    return type(error).__name__ if quotes else clip_text(f"{type(error).__name__}: {error}", 300)
