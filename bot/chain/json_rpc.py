"""One JSON-RPC endpoint: sends calls, returns raw results. Only the envelope of a response is checked here.

Every request has a time-out, a size limit and a rate limit. An endpoint's URL may hold a key, so only its host is
shown.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import msgspec

from bot.clients.http import BodyTooLargeError, decoded_chunks, read_capped
from bot.clients.recording import open_client
from bot.records import SafeName
from bot.redaction import clip_text

# httpx logs each request's URL at INFO, keys included.
logging.getLogger("httpx").setLevel(logging.WARNING)

Call = tuple[str, tuple[object, ...]]
"""A method and its parameters."""

_TOO_MUCH = re.compile(
    r"blocks distance|more than \d+ (results|logs)|block range|range (is )?too|too (large|big)"
    r"|too many (results|logs|blocks)|response size|size (is )?(over|exceed)|limit(ed)? (to|exceeded)"
    r"|exceed(s|ed|ing)? (the |a )?(limit|max|range|block)|timed? ?out"
    r"|(over|above|beyond|at most|than|up to|within|only|max(imum)?( of| is)?|limit( of| is)?:?|exceed(s|ed)?) "
    r"[\d,._]+k? ?(blocks?|logs|results|entries)\b"
    r"|max(imum)? (allowed )?(block )?range"
    r"|(narrow|reduce|shorten|smaller|lower) (the |your |a )?(block |query )?(range|window)",
    re.IGNORECASE,
)
"""Messages that mean "ask for less". The first two are og-evm's (`rpc/namespaces/ethereum/eth/filters/filters.go`);
the others are those of public endpoints of Base and other chains."""
_THROTTLED = re.compile(r"too many requests|rate.?limit|requests? (per|rate)|capacity", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an endpoint and the limits of its use."""

    url: str = field(repr=False)
    """May hold a key: never shown."""
    rate: float = 5.0
    """HTTP requests a second."""
    concurrency: int = 2
    """HTTP requests at a time."""
    timeout: float = 10.0
    """Seconds for one request, until the last byte of the response."""
    size: int = 12 * 2**20
    """Most bytes of one uncompressed response. Each concurrent request needs about six times this in memory."""
    batch: int = 50
    """JSON-RPC calls in one HTTP request; 1 for endpoints without batches."""
    agent: str = "footfall"
    """The User-Agent."""

    @property
    def name(self) -> str:
        """Host and port, the only part of the URL that may be shown."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "an endpoint that is no http(s) URL"
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname


class NoResponseError(Exception):
    """An endpoint gave no usable response. The message follows the endpoint's name. A retry may help."""


class RpcTimeoutError(NoResponseError):
    """The request timed out; a smaller one may succeed."""


class DeadlineBeforeTurnError(NoResponseError):
    """The deadline is before the endpoint's next turn, so no request was sent."""


class ResponseTooLargeError(Exception):
    """An endpoint, or our own size limit, requires a smaller request."""


class RpcError(Exception):
    """A JSON-RPC error: the endpoint understood the call and refused it."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = str(SafeName(message, 160))
        super().__init__(f"says {self.message!r} (code {code})")


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


_ONE = msgspec.json.Decoder(_Answer)
_MANY = msgspec.json.Decoder(list[_Answer])


class RpcConnection:
    """The connection to one endpoint. Thread-safe."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.endpoint = endpoint
        self.name = name
        self._batch = max(1, endpoint.batch)
        self._turns = threading.Lock()
        self._free = threading.BoundedSemaphore(endpoint.concurrency)
        self._next = 0.0
        self._ids = 0
        headers = {"Content-Type": "application/json", "User-Agent": endpoint.agent}
        limits = httpx.Limits(max_connections=endpoint.concurrency)
        self._client = open_client(headers=headers, limits=limits, follow_redirects=False)

    def __repr__(self) -> str:
        return f"Line({self.name})"

    def close(self) -> None:
        self._client.close()

    def send_calls(self, calls: Sequence[Call], deadline: float) -> list[msgspec.Raw | RpcError]:
        """The results in order; `deadline` is on the clock of `time.monotonic()`. Raises `NoResponseError` or
        `ResponseTooLargeError`."""
        answers: list[msgspec.Raw | RpcError] = []
        while len(answers) < len(calls):
            part = calls[len(answers) : len(answers) + self._batch]
            try:
                answers += self._send_batch(part, deadline)
            except _NoBatches as error:
                if len(part) == 1:
                    raise NoResponseError(str(error)) from error
                self._batch = max(1, len(part) // 2)
        return answers

    def _send_batch(self, calls: Sequence[Call], deadline: float) -> list[msgspec.Raw | RpcError]:
        with self._turns:
            first = self._ids
            self._ids += len(calls)
        questions = [
            {"jsonrpc": "2.0", "id": first + i, "method": method, "params": params}
            for i, (method, params) in enumerate(calls)
        ]
        body = msgspec.json.encode(questions if len(calls) > 1 else questions[0])
        status, answer = self._post_request(body, deadline)
        return _match_responses(answer, status, first, len(calls))

    def _post_request(self, body: bytes, deadline: float) -> tuple[int, bytearray]:
        """Status and body of the response; waits for this endpoint's next turn."""
        with self._free:
            self._wait_turn(deadline)
            ends = min(deadline, time.monotonic() + self.endpoint.timeout)
            try:
                return self._read_response(body, ends)
            except httpx.TimeoutException as error:
                raise RpcTimeoutError(f"did not answer within {self.endpoint.timeout:g} s") from error
            except (httpx.HTTPError, httpx.InvalidURL, zlib.error) as error:
                # Only the type: a transport's message may quote the URL.
                raise NoResponseError(f"cannot be reached or broke off ({type(error).__name__})") from error

    def _read_response(self, body: bytes, ends: float) -> tuple[int, bytearray]:
        left = max(0.05, ends - time.monotonic())
        size = self.endpoint.size
        with self._client.stream("POST", self.endpoint.url, content=body, timeout=left) as answer:
            if answer.status_code == 413:
                raise ResponseTooLargeError("answered 413")
            try:
                return answer.status_code, read_capped(decoded_chunks(answer, size), size, ends)
            except BodyTooLargeError as error:
                raise ResponseTooLargeError(f"answered more than {size} bytes") from error
            except httpx.DecodingError as error:
                raise NoResponseError(str(error)) from error

    def _wait_turn(self, deadline: float) -> None:
        """Wait for this endpoint's next turn. Raises `DeadlineBeforeTurnError`."""
        with self._turns:
            now = time.monotonic()
            turn = max(now, self._next)
            if turn > deadline:
                raise DeadlineBeforeTurnError("got no request: its turn comes after the deadline")
            self._next = turn + 1 / self.endpoint.rate
        time.sleep(turn - now)


class _NoBatches(Exception):
    """The endpoint answered a batch with a single error."""


def _match_responses(body: bytearray, status: int, first: int, count: int) -> list[msgspec.Raw | RpcError]:
    """One result or error for each call, by id."""
    answers = _parse_responses(body, status)
    if count > 1 and len(answers) == 1 and answers[0].error and answers[0].id in (None, first):
        _response_result(answers[0])  # raises if the request was too large or throttled; batches may still work
        raise _NoBatches(f"takes no batch: {RpcError(answers[0].error.code, answers[0].error.message)}")
    if count == 1 and len(answers) == 1 and answers[0].error and answers[0].id is None:
        return [_response_result(answers[0])]  # the endpoint could not parse the request, so there is no id
    by_id = {answer.id: answer for answer in answers}
    if len(answers) != count or set(by_id) != set(range(first, first + count)):
        raise NoResponseError("answered another request (wrong ids)")
    return [_response_result(by_id[first + i]) for i in range(count)]


def _parse_responses(body: bytearray, status: int) -> list[_Answer]:
    try:
        return _MANY.decode(body) if body[:64].lstrip()[:1] == b"[" else [_ONE.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if status == 429:
            raise NoResponseError("answered 429, too many requests; lower its rate") from error
        start = SafeName(clip_text(bytes(body[:2000]).decode("utf-8", "replace"), 60), 40)
        raise NoResponseError(f"answered {status} with no JSON-RPC, beginning {start!r}") from error


def _response_result(answer: _Answer) -> msgspec.Raw | RpcError:
    error = answer.error
    if error is None:
        if not memoryview(answer.result).nbytes:
            raise NoResponseError("answered with neither a result nor an error")
        return answer.result
    if error.code == 429 or _THROTTLED.search(error.message[:500]):
        raise NoResponseError(f"{RpcError(error.code, error.message)}; lower its rate")
    if _TOO_MUCH.search(error.message[:500]):
        raise ResponseTooLargeError(str(RpcError(error.code, error.message)))
    return RpcError(error.code, error.message)
