"""HTTP clients whose answers can be recorded and replayed. Every source opens its clients with `open_client`."""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import httpx
import msgspec

from bot.clients.transcript import MAX_BODIES, Disguise, Exchange

KEPT_HEADERS = ("content-type", "content-length", "retry-after", "date", "etag")
"""Headers of answers that readers look at."""
_FAILURES: dict[str, type[httpx.TransportError]] = {
    kind.__name__: kind
    for kind in (
        *(httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.ProxyError),
        *(httpx.ConnectTimeout, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout),
        *(httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.UnsupportedProtocol),
    )
}
Forward = Callable[[], httpx.Response]


class Tap(Protocol):
    """What stands between clients and the network."""

    def answer(self, request: httpx.Request, forward: Forward) -> httpx.Response: ...


_tap: Tap | None = None


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """All clients that are opened meanwhile, in any thread, ask through the tap."""
    global _tap
    _tap = tap
    try:
        yield
    finally:
        _tap = None


def tls_context(*, http2: bool = False) -> ssl.SSLContext:
    """The certificates that clients trust, as httpx finds them. They are read once, since that takes longer than most
    requests. Clients with HTTP/2 share a context of their own, because a client sets the protocols that it offers."""
    return _tls_context(http2, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _tls_context(_http2: bool, _file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def open_client(**options: Any) -> httpx.Client:
    """A client with the options of `httpx.Client`. It asks for gzip alone, which `http.decoded_chunks` reads."""
    headers = {"Accept-Encoding": "gzip", **options.pop("headers", {})}
    options = {"verify": tls_context(http2=options.get("http2", False)), "headers": headers, **options}
    return httpx.Client(**options) if _tap is None else _TappedClient(_tap, **options)


class _TappedClient(httpx.Client):
    def __init__(self, tap: Tap, **options: Any) -> None:
        super().__init__(**options)
        self._between = tap

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        ask = super().send
        response = self._between.answer(request, lambda: ask(request, stream=True, **options))
        if not stream:
            response.read()
        return response


@dataclass
class Recorder:
    """Lets requests through until the time is over, and records them. Thread-safe."""

    disguise: Disguise
    seconds: float
    monotonic: Callable[[], float] = time.monotonic
    exchanges: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = self.monotonic() + self.seconds
        self._bytes = 0
        self._lock = threading.Lock()

    def answer(self, request: httpx.Request, forward: Forward) -> httpx.Response:
        if self.monotonic() > self._ends or self._bytes > MAX_BODIES:
            self._fail(request, httpx.ConnectTimeout("the rehearsal's time or room is used up", request=request))
        # Compressed bytes cannot be searched for secrets.
        request.headers["Accept-Encoding"] = "identity"
        try:
            response = forward()
        except httpx.TransportError as error:
            self._fail(request, error)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.close()
            self._fail(request, httpx.RemoteProtocolError("compressed", request=request))
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _RecordedBody(response.stream, lambda body, error: self._add(request, response, body, error))
        return response

    def _fail(self, request: httpx.Request, error: httpx.TransportError) -> None:
        self._add(request, None, b"", type(error).__name__)
        raise error

    def _add(self, request: httpx.Request, response: httpx.Response | None, body: bytes, error: str) -> None:
        text, coding = self.disguise.of_bytes(body)
        headers = response.headers if response is not None else {}
        exchange = Exchange(
            request.method,
            self.disguise.of_url(str(request.url)),
            self.disguise.of_text(_question(request)),
            response.status_code if response is not None else 0,
            {name: self.disguise.of_text(headers[name]) for name in KEPT_HEADERS if name in headers},
            text,
            coding,
            error,
        )
        with self._lock:
            self._bytes += len(body)
            self.exchanges.append(exchange)


class _RecordedBody(httpx.SyncByteStream):
    """A body that is recorded as far as it was read."""

    def __init__(self, stream: httpx.SyncByteStream, done: Callable[[bytes, str], None]) -> None:
        self._stream, self._done = stream, done
        # A reader that stops early has enough, or its time is over: replayed, the rest takes too long.
        self._body, self._error, self._closed = bytearray(), "ReadTimeout", False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._body += chunk
                yield chunk
            self._error = ""
        except httpx.TransportError as error:
            self._error = type(error).__name__
            raise

    def close(self) -> None:
        self._stream.close()
        if not self._closed:
            self._closed = True
            self._done(bytes(self._body), self._error)


class Replayer:
    """Answers from a transcript, and never asks anybody. Thread-safe."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._left: dict[str, deque[Exchange]] = defaultdict(deque)
        for exchange in exchanges:
            self._left[_key(exchange.method, exchange.url, exchange.question)].append(exchange)
        self._calls = {key: answer for exchange in exchanges for key, answer in _single_answers(exchange)}
        self._lock = threading.Lock()

    def _batch_answer(self, url: str, question: str) -> bytes:
        """The answer to JSON-RPC calls that were recorded in other batches; empty if one of them is missing."""
        calls = rpc_calls(question)
        found = [self._calls.get((url, _call_key(call))) for call in calls]
        if not calls or None in found:
            return b""
        answers = [{**(answer or {}), "id": call.get("id")} for call, answer in zip(calls, found, strict=True)]
        return json.dumps(answers if question.lstrip().startswith("[") else answers[0]).encode()

    def answer(self, request: httpx.Request, forward: Forward) -> httpx.Response:
        question = _question(request)
        with self._lock:
            left = self._left.get(_key(request.method, str(request.url), question))
            # The last answer stands for all that follow it.
            exchange = (left.popleft() if len(left) > 1 else left[0]) if left else None
        if exchange is None and (body := self._batch_answer(str(request.url), question)):
            return httpx.Response(200, content=body, request=request)
        if exchange is None:
            raise httpx.ConnectError("not in the transcript", request=request)
        if not exchange.status:
            raise _failure(exchange.error, request)
        body = _with_ids(exchange.content, _ids(exchange.question), _ids(question))
        kept = exchange.headers.items()
        headers = {
            name: value for name, value in kept if name in KEPT_HEADERS and value.isascii() and value.isprintable()
        }
        if "content-length" in headers and not exchange.error:
            headers["content-length"] = str(len(body))
        stream = _ReplayedBody(body, _failure(exchange.error, request) if exchange.error else None)
        return httpx.Response(exchange.status, headers=headers, stream=stream, request=request)


class _ReplayedBody(httpx.SyncByteStream):
    def __init__(self, body: bytes, error: httpx.TransportError | None) -> None:
        self._body, self._error = body, error

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        if self._error is not None:
            raise self._error


def _failure(name: str, request: httpx.Request) -> httpx.TransportError:
    return _FAILURES.get(name, httpx.ConnectError)("as recorded", request=request)


def _question(request: httpx.Request) -> str:
    return request.read().decode("utf-8", "replace")


def rpc_calls(question: str) -> list[dict[str, Any]]:
    """The JSON-RPC calls of a request's body; none if it is not JSON-RPC."""
    try:
        read = json.loads(question) if question else None
    except (ValueError, RecursionError):
        return []
    calls: list[Any] = read if isinstance(read, list) else [read]
    return calls if all(isinstance(call, dict) and "method" in call for call in calls) else []


def _key(method: str, url: str, question: str) -> str:
    """What a request is recognised by: JSON-RPC numbers its calls anew each time."""
    calls = rpc_calls(question)
    asked = (
        msgspec.json.encode([(call["method"], call.get("params")) for call in calls]).decode() if calls else question
    )
    return f"{method} {url} {asked}"


def _call_key(call: Mapping[str, Any]) -> str:
    return msgspec.json.encode((call["method"], call.get("params"))).decode()


def _single_answers(exchange: Exchange) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """The answers to the single calls of a JSON-RPC request."""
    calls = rpc_calls(exchange.question)
    if not calls or exchange.error or exchange.status != 200:
        return
    try:
        read = json.loads(exchange.content)
    except (ValueError, RecursionError):
        return
    answers = {
        str(each.get("id")): each for each in (read if isinstance(read, list) else [read]) if isinstance(each, dict)
    }
    for call in calls:
        if (answer := answers.get(str(call.get("id")))) is not None:
            yield (exchange.url, _call_key(call)), answer


def _ids(question: str) -> list[Any]:
    return [call.get("id") for call in rpc_calls(question)]


def _with_ids(body: bytes, recorded: list[Any], wanted: list[Any]) -> bytes:
    """A JSON-RPC answer with the numbers of the calls that are asked now."""
    if recorded == wanted or len(recorded) != len(wanted):
        return body
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return body
    numbers = {str(old): new for old, new in zip(recorded, wanted, strict=True)}
    for answer in read if isinstance(read, list) else [read]:
        if isinstance(answer, dict) and str(answer.get("id")) in numbers:
            answer["id"] = numbers[str(answer["id"])]
    return json.dumps(read).encode()
