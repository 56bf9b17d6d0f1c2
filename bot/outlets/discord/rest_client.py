"""discord.py's REST client, without a gateway, on an event loop in its own thread: with a rate limit, time-outs and a
record of what left this machine. It knows no posts; failures are returned as `DiscordFailure`, never raised.

What discord.py 2.7 does within one call: it waits after a 429 with `Via`, and retries after 500, 502, 504 and 524 up to
five times. For a new message, the nonce makes that safe; an edit and a crosspost may be repeated. It raises at once on
503, on a dropped connection and on a 429 without `Via` (Cloudflare's).
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from bot.config import proxy_for
from bot.outlets.types import PlatformClock, redact_reason

if TYPE_CHECKING:
    from types import SimpleNamespace

    import aiohttp
    import discord

T = TypeVar("T")
log = logging.getLogger(__name__)

SECOND = 1.02
"""A second as counted here: what leaves within one may arrive within a little less."""
FASTER = 2.0
"""How much faster than the pace requests follow each other while lost time is made up for."""


class RateLimiter:
    """Turns of one event loop, first come first served: evenly spread, and in any second no more requests really leave
    than so many. What a busy machine delayed is made up for."""

    def __init__(self, per_second: int) -> None:
        self._gap = SECOND / per_second
        self._left: deque[float] = deque(maxlen=per_second)
        """When the last ones left."""
        self._due = 0.0
        self._lock = asyncio.Lock()

    async def wait_turn(self) -> None:
        """Wait for the next turn. Turns given out ahead would not do: where the loop was held up, all that came due
        meanwhile would leave at once, right before those of the next second."""
        now = asyncio.get_running_loop().time
        async with self._lock:
            while (wait := self._next_time() - now()) > 0:
                await asyncio.sleep(wait)
            left = now()
            earliest = left - SECOND if self._left else left  # what was due longer ago is lost
            self._due = max(self._due, earliest) + self._gap
            self._left.append(left)

    def _next_time(self) -> float:
        """When the next one may leave."""
        if not self._left:
            return 0.0
        full = len(self._left) == self._left.maxlen
        return max(self._due, self._left[-1] + self._gap / FASTER, self._left[0] + SECOND if full else 0.0)


PER_SECOND = 50
"""Requests in any second; "All bots can make up to 50 requests per second" (topics/rate-limits, Global Rate Limit)."""
CONNECTIONS = 32
PATIENCE = 30.0
"""Seconds for one request and its response."""
LONGEST_NAP = 30.0
"""Most seconds that discord.py may sleep for a rate limit; longer waits are raised. It accepts no smaller value."""
LONGEST_CALL = 600.0
"""Most seconds for a call without a request so far: it waits for its turn."""
LIMITS_KEPT = 64
UNTOLD_WAIT = 600.0
"""Seconds to wait after a 429 without a time: Cloudflare's ban counts in 10 minutes."""


@dataclass(frozen=True, slots=True)
class DiscordFailure:
    """A call without a usable response, and the known facts."""

    words: str
    """One clean line without secrets."""
    status: int = 0
    code: int = 0
    """Discord's own error code; 0 if there is none."""
    wait: float | None = None
    """Seconds that Discord asks us to wait; `None` if it does not."""
    doubt: bool = False
    """A request with an effect left this machine and may have been accepted."""
    everywhere: bool = False
    """Not about one channel: any other request now fails in the same way."""


@dataclass(slots=True)
class _Attempt:
    """The requests of one call."""

    deadline: asyncio.Timeout | None = None
    open: bool = False
    doubt: bool = False
    everywhere: bool = False


_ATTEMPT: ContextVar[_Attempt] = ContextVar("_ATTEMPT")


class DiscordRestClient:
    """One REST session, opened at the first request and kept until `close`."""

    def __init__(self, api: str, token: SecretStr, patience: float = PATIENCE, per_second: int = PER_SECOND) -> None:
        self._api, self._token, self._patience, self._proxy = api, token, patience, proxy_for(api)
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: discord.Client | None = None
        self._opening = asyncio.Lock()
        self._pace = RateLimiter(per_second)
        self._prune_at = LIMITS_KEPT
        self.time = PlatformClock()
        """Discord's clock, by its last response."""

    def submit_work(self, work: Coroutine[object, object, T]) -> Future[T]:
        """Run a coroutine in the client's thread."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="discord", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the session and the thread."""
        with self._starting:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close_client(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def call_api(self, question: Callable[[discord.Client], Awaitable[T]]) -> T | DiscordFailure:
        """The result of a call on a logged-in client, or why it failed."""
        import aiohttp
        import discord

        attempt = _Attempt()
        note = _ATTEMPT.set(attempt)
        try:
            async with asyncio.timeout(LONGEST_CALL) as attempt.deadline:
                return await question(await self._logged_in_client())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            return self._failure_from(error, attempt)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # discord.py raises these for a response that is not what Discord promises.
            log.debug("unreadable response", exc_info=True)
            return DiscordFailure(
                f"an answer that cannot be read ({type(error).__name__})", doubt=attempt.open or attempt.doubt
            )
        finally:
            _ATTEMPT.reset(note)
            self._prune_limits()

    async def _logged_in_client(self) -> discord.Client:
        async with self._opening:
            if self._client is None:
                self._client = await self._open_client()
            return self._client

    async def _open_client(self) -> discord.Client:
        import aiohttp
        import discord

        discord.http.Route.BASE = self._api
        client = discord.Client(
            intents=discord.Intents(guilds=True),  # used only by a gateway; without it discord.py warns
            max_ratelimit_timeout=LONGEST_NAP,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            http_trace=self._trace_config(),
            proxy=self._proxy,
        )
        try:
            await client.login(self._token.get_secret_value())
        except BaseException:
            await client.close()
            raise
        return client

    def _prune_limits(self) -> None:
        """discord.py keeps each channel's rate limit for minutes, which adds up over thousands of channels. An expired
        one that is not in use has no effect any more."""
        limits = self._client.http._buckets if self._client is not None else {}
        if len(limits) >= self._prune_at:
            for key, limit in list(limits.items()):
                if limit.is_expired() and not limit.outgoing and not limit._pending_requests:
                    del limits[key]
            self._prune_at = len(limits) + LIMITS_KEPT

    async def _close_client(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _trace_config(self) -> aiohttp.TraceConfig:
        from bot.outlets.discord.response_guard import make_trace_config

        trace = make_trace_config()
        trace.on_request_start.append(self._on_request_start)
        trace.on_request_headers_sent.append(self._on_headers_sent)
        trace.on_request_end.insert(0, self._on_request_end)  # the status is known before the body is read
        trace.on_request_redirect.insert(0, self._redirected)
        return trace

    async def _on_request_start(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestStartParams
    ) -> None:
        """Each request, also a retry, waits for its turn and then has `patience`."""
        await self._pace.wait_turn()
        self._extend_deadline(self._patience)

    async def _on_headers_sent(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        if request.method != "GET":
            _ATTEMPT.get().open = True

    async def _on_request_end(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestEndParams
    ) -> None:
        attempt, response = _ATTEMPT.get(), answer.response
        if response.status < 500:  # otherwise it may come from a proxy
            self.time.observe(response.headers.get("Date"))
        if attempt.open:
            attempt.open = False
            attempt.doubt |= response.status < 300 or response.status >= 500
        if response.status == 429:
            attempt.everywhere = "Via" not in response.headers or response.headers.get("X-RateLimit-Scope") == "global"
        # The next deadline must not fall into discord.py's own sleep: if that is cut short, a global limit never ends.
        self._extend_deadline(self._patience + LONGEST_NAP)

    async def _redirected(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestRedirectParams
    ) -> None:
        """The server that redirects may have accepted the request first."""
        attempt = _ATTEMPT.get()
        attempt.doubt, attempt.open = attempt.doubt or attempt.open, False

    def _extend_deadline(self, seconds: float) -> None:
        deadline = _ATTEMPT.get().deadline
        if deadline is not None:
            deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def _failure_from(self, error: Exception, attempt: _Attempt) -> DiscordFailure:
        import discord

        doubt = attempt.open or attempt.doubt
        if isinstance(error, discord.RateLimited):
            wait = wait_seconds(error.retry_after)
            words = f"rate limit, {wait:.0f} s to wait"
            return DiscordFailure(words, 429, wait=wait, doubt=doubt, everywhere=attempt.everywhere)
        if isinstance(error, discord.LoginFailure):
            return DiscordFailure("401 Unauthorized", 401, doubt=doubt, everywhere=True)
        if isinstance(error, discord.HTTPException):
            words = redact_reason(f"{error.status}: {error.text or 'no text'}", [self._token])
            if error.code:
                words = f"{words} (code {error.code})"
            seconds = wait_seconds(error.response.headers.get("Retry-After"))
            everywhere = error.status == 401 or attempt.everywhere
            return DiscordFailure(
                words, error.status, error.code, seconds if error.status == 429 else None, doubt, everywhere
            )
        return DiscordFailure(_words(error), doubt=doubt)


def _words(error: Exception) -> str:
    from bot.outlets.discord.response_guard import GuardError

    if isinstance(error, GuardError):
        return str(error)
    return "no answer in time" if isinstance(error, TimeoutError) else f"connection failed ({type(error).__name__})"


def wait_seconds(retry_after: object) -> float:
    """A wait as told, in seconds and plausible; `UNTOLD_WAIT` for anything else."""
    try:
        wait = float(str(retry_after))
    except ValueError:
        return UNTOLD_WAIT
    return min(max(wait, 1.0), 24 * 3600.0) if math.isfinite(wait) else UNTOLD_WAIT
