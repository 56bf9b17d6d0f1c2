"""A bounded HTTP client for outlets, and what a failed call means for a part.

A call ends in one of four ways: an answer, `CallNotSentError` (no byte left), `CallLostError` (it was sent, and no
usable answer came back) or `CallRefusedError` (another status than 2xx). Redirects are not followed.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from bot.clients.http import BodyTooLargeError, decoded_chunks, read_capped, retry_after
from bot.clients.recording import tls_context
from bot.outlets.types import (
    AccountRefused,
    OutcomeUnknown,
    OutletError,
    PlatformClock,
    Refused,
    RetryLater,
    instant_of,
    redact_reason,
)

CONNECT, TIMEOUT = 5.0, 30.0
"""Seconds to connect, and to wait for the next bytes."""
DEADLINE = 60.0
"""Seconds for a whole answer, however slow it is."""
ANSWER_LIMIT = 2_000_000
"""Bytes of an answer, decoded."""
PAUSE = timedelta(minutes=1)
"""Pause before a retry after a temporary failure."""
WINDOW = timedelta(minutes=5)
"""Wait after a 429 that names no reset."""
LONGEST = timedelta(hours=24)
"""A later reset is ignored."""


class CallNotSentError(OutletError):
    """Nothing was sent."""


class CallLostError(OutletError):
    """The request was sent, and no usable answer came back."""


class CallRefusedError(OutletError):
    """The server answered with a status other than success."""

    def __init__(self, status: int, headers: httpx.Headers, problem: Mapping[str, Any]) -> None:
        self.status, self.headers, self.problem = status, headers, problem
        super().__init__(f"HTTP {status}")

    @property
    def kind(self) -> str:
        """The platform's name of the error, such as `ExpiredToken`."""
        return str(self.problem.get("error", ""))

    @property
    def detail(self) -> str:
        """The platform's own message. Foreign: redact it before storing it."""
        texts = (self.problem.get(key) for key in ("message", "error_description", "error"))
        return next((text for text in texts if isinstance(text, str) and text), "")


CallError = CallNotSentError | CallLostError | CallRefusedError


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its status, its JSON (`None` if it is not JSON) and its headers."""

    status: int
    document: Any
    headers: httpx.Headers = field(default_factory=httpx.Headers)

    def mapping(self) -> Mapping[str, Any]:
        """The JSON object of the answer. Raises `CallLostError`."""
        if not isinstance(self.document, dict):
            raise CallLostError(f"HTTP {self.status} with a body that is not a JSON object")
        return self.document


class HttpCaller:
    """Calls to one server, also concurrently."""

    def __init__(self, base: str = "") -> None:
        self._client = httpx.Client(
            base_url=base,
            verify=tls_context(),
            follow_redirects=False,
            headers={"User-Agent": "footfall", "Accept-Encoding": "gzip"},
        )
        self.time = PlatformClock()
        """The server's clock, by its last answer."""

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """One request, with the options of `httpx.Client.request`. Raises a `CallError`."""
        answered: Future[Answer] = Future()
        # A daemon thread, because neither a DNS look-up nor the head of an answer has a time-out as a whole.
        threading.Thread(target=self._settle, args=(answered, method, path, options), daemon=True).start()
        try:
            return answered.result(DEADLINE)
        except TimeoutError as error:
            raise CallLostError("no answer (Deadline)") from error

    def _settle(self, answered: Future[Answer], method: str, path: str, options: Mapping[str, Any]) -> None:
        try:
            answered.set_result(self._exchange(method, path, options))
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is asked for
            answered.set_exception(error)

    def _exchange(self, method: str, path: str, options: Mapping[str, Any]) -> Answer:
        ends, limits = time.monotonic() + DEADLINE, httpx.Timeout(TIMEOUT, connect=CONNECT)
        try:
            with self._client.stream(method, path, timeout=limits, **options) as response:
                if response.status_code < 500:  # otherwise it may come from a proxy
                    self.time.observe(response.headers.get("Date"))
                body = bytes(read_capped(decoded_chunks(response, ANSWER_LIMIT), ANSWER_LIMIT, ends))
        except _NEVER_SENT as error:
            raise CallNotSentError(f"not reached ({type(error).__name__})") from error
        except (httpx.HTTPError, BodyTooLargeError) as error:
            # Only the type: a transport's message may quote what was sent.
            raise CallLostError(f"no answer ({type(error).__name__})") from error
        document = _parse_json(body)
        if response.is_success:
            return Answer(response.status_code, document, response.headers)
        problem = document if isinstance(document, dict) else {}
        raise CallRefusedError(response.status_code, response.headers, problem)

    def close(self) -> None:
        self._client.close()


_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    UnicodeError,  # a host that IDNA cannot encode
)


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class CallFailures:
    """What failed calls to one platform mean for a part."""

    platform: str
    cure: str
    """What to do when the account is refused."""
    secrets: tuple[SecretStr, ...]
    is_account: Callable[[CallRefusedError], bool] = lambda error: error.status == 401
    """Whether a refusal is about the account, not about the part."""

    def outcome(
        self, error: CallError, now: datetime, *, creating: bool, more: Iterable[SecretStr] = ()
    ) -> Refused | RetryLater | OutcomeUnknown | AccountRefused:
        """The outcome of a failed call. `creating`: the call that creates the post; otherwise nothing can be out.
        `more`: further secrets that the answer may hold."""
        if isinstance(error, CallNotSentError):
            return RetryLater(f"{self.platform} was {error}", now + PAUSE)
        if isinstance(error, CallLostError):
            lost = f"{self.platform}: {error}"
            return OutcomeUnknown(lost) if creating else RetryLater(f"{lost}; nothing was posted", now + PAUSE)
        text = f"{self.platform}: HTTP {error.status}: {error.detail or 'no reason given'}"
        reason = redact_reason(text, (*self.secrets, *more))
        if error.status == 429:
            return RetryLater(reason, limit_reset(error.headers, now))
        if self.is_account(error):
            return AccountRefused(f"{reason}; {self.cure}")
        if error.status >= 500 or error.status < 400 or error.status == 408:
            return OutcomeUnknown(reason) if creating else RetryLater(reason, now + PAUSE)
        return Refused(reason)


def limit_reset(headers: httpx.Headers, now: datetime) -> datetime:
    """When a rate limit ends, within `LONGEST`: `Retry-After`, `RateLimit-Reset` (seconds since 1970 or from now) or
    `X-RateLimit-Reset` (a time in ISO 8601). An instant is one of the server's clock, and compared with that."""
    wait, there = retry_after(headers), instant_of(headers.get("Date")) or now
    if wait is None:
        wait = _reset_wait(headers.get("RateLimit-Reset") or headers.get("X-RateLimit-Reset") or "", there)
    return now + (WINDOW if wait is None else min(max(timedelta(seconds=wait), PAUSE), LONGEST))


def _reset_wait(text: str, there: datetime) -> float | None:
    if text.isascii() and text.isdigit() and len(text) < 12:
        seconds = float(text)
        return seconds - there.timestamp() if seconds > LONGEST.total_seconds() else seconds
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - there).total_seconds()
