"""Reads public APIs within limits: every request has a time-out, a size limit and a bounded number of attempts, and
nothing leads to another host."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import stamina

from bot.clients.recording import open_client
from bot.records import SafeName, SourceError


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of a reader."""

    timeout: float
    """Seconds for one request, from sending it to the last byte of the response."""
    size: int = 32 * 2**20
    """Bytes of one response, uncompressed."""
    tries: int = 6
    patience: float = 60.0
    """Most seconds that a server may ask us to wait between two attempts; if it asks for more, give up."""
    monotonic: Callable[[], float] = time.monotonic


class _Again(Exception):
    """A response that asks for a later attempt. `wait` is in seconds; `None` if the server names no time."""

    def __init__(self, status: int, wait: float | None) -> None:
        self.status = status
        self.wait = wait
        super().__init__(f"answered {status}")


class BodyTooLargeError(Exception):
    """A body has more bytes than it may."""


def read_capped(
    chunks: Iterable[bytes], size: int, ends: float, monotonic: Callable[[], float] = time.monotonic
) -> bytearray:
    """A body of at most `size` bytes that is complete by `ends`. Raises `BodyTooLargeError` or `httpx.ReadTimeout`."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > size:
            raise BodyTooLargeError
        if monotonic() > ends:
            raise httpx.ReadTimeout("the answer takes too long")
    return body


def decoded_chunks(response: httpx.Response, size: int) -> Iterator[bytes]:
    """A body, decompressed piece by piece, so that a few bytes cannot become gigabytes in memory: at most `size` and
    one byte from each piece. Raises `BodyTooLargeError` or `httpx.DecodingError`."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        yield from response.iter_raw()
        return
    if coding not in ("gzip", "x-gzip"):
        raise httpx.DecodingError(f"answered in {SafeName(coding, 40)!r}, wanted gzip or plain")
    unpack, begun = zlib.decompressobj(wbits=31), False
    for piece in response.iter_raw():
        begun = begun or bool(piece)
        try:
            yield unpack.decompress(piece, size + 1)
        except zlib.error as error:
            raise httpx.DecodingError(f"answered in broken gzip: {error}") from error
        if unpack.unconsumed_tail:
            raise BodyTooLargeError
    if begun and not unpack.eof:
        raise httpx.DecodingError("broke off in the middle of an answer")


def make_client(token: str, limits: HttpLimits) -> httpx.Client:
    """A client that identifies itself with a bearer token and follows no redirect."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "footfall"}
    return open_client(http2=True, headers=headers, timeout=limits.timeout, follow_redirects=False)


def get_body(client: httpx.Client, url: str, limits: HttpLimits) -> bytes:
    """The body of a 200. Tried again on 429, 5xx and broken connections, so for reads only. Raises `SourceError`."""
    shown = SafeName(url, 200)

    def retry_delay(error: Exception) -> bool | float:
        if not isinstance(error, _Again):
            return isinstance(error, httpx.TransportError)
        if error.wait is None:
            return True
        return error.wait if error.wait <= limits.patience else False

    attempts = stamina.retry_context(
        on=retry_delay, attempts=limits.tries, timeout=None, wait_initial=0.5, wait_max=limits.patience
    )
    try:
        for attempt in attempts:
            with attempt:
                return _get_once(client, url, shown, limits)
    except _Again as error:
        wait = f" and asks to wait {error.wait:g} s" if error.wait is not None else ""
        raise SourceError(f"{shown}: answered {error.status}{wait}; run again later") from error
    except httpx.TimeoutException as error:
        late = f"no complete answer within {limits.timeout:g} s"
        raise SourceError(f"{shown}: {late}; check the network and run again") from error
    except httpx.HTTPError as error:
        # Only the type: a transport's message may quote what was sent.
        raise SourceError(f"{shown}: no answer ({type(error).__name__}); check the network and run again") from error
    raise AssertionError("unreachable")


def _get_once(client: httpx.Client, url: str, shown: SafeName, limits: HttpLimits) -> bytes:
    ends = limits.monotonic() + limits.timeout
    with client.stream("GET", url) as response:
        if response.status_code == 429 or response.status_code >= 500:
            raise _Again(response.status_code, retry_after(response.headers))
        if response.status_code != 200:
            hint = "; is the token valid?" if response.status_code in (401, 403) else ""
            raise SourceError(f"{shown}: answered {response.status_code}, wanted 200{hint}")
        try:
            return bytes(read_capped(decoded_chunks(response, limits.size), limits.size, ends, limits.monotonic))
        except BodyTooLargeError as error:
            raise SourceError(f"{shown}: answered more than {limits.size} bytes; refused") from error


@dataclass(frozen=True, slots=True)
class HttpBody:
    """A complete answer of status 200 that is not a web page."""

    content: bytes


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """No usable answer, with the reason. Reads well after "found "."""

    reason: str
    status: int = 0
    """The HTTP status, 0 where there was none."""
    retry_after: float | None = None
    """Seconds that the server asks us to wait."""
    oversize: bool = False


def get_bounded(
    client: httpx.Client,
    url: str,
    max_bytes: int,
    seconds: float,
    params: dict[str, str | int] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> HttpBody | HttpFailure:
    """Read all of `url`, at most `max_bytes` in at most `seconds`, however slow the server is. Raises nothing."""
    ends = monotonic() + seconds
    # Identity, so that a small compressed answer cannot unpack into a large one.
    plain = {"Accept-Encoding": "identity"}
    try:
        with client.stream("GET", url, params=params, headers=plain, timeout=seconds, follow_redirects=False) as answer:
            if refused := _rejection_reason(answer, max_bytes):
                return refused
            # A chunk size would wait for a chunk to fill, past the deadline.
            return HttpBody(bytes(read_capped(answer.iter_raw(), max_bytes, ends, monotonic)))
    except BodyTooLargeError:
        return HttpFailure(f"more than {max_bytes:,} bytes", 200, oversize=True)
    except httpx.TimeoutException:
        # The same message for both equal limits: that of the socket and that of the whole response.
        return HttpFailure(f"no complete answer within {seconds:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return HttpFailure(f"no answer ({type(error).__name__})")


def _rejection_reason(response: httpx.Response, max_bytes: int) -> HttpFailure | None:
    """Why a body must not be read; `None` if it may be."""
    status, headers = response.status_code, response.headers
    if status != 200:
        return HttpFailure(f"HTTP {status}", status, retry_after(response.headers))
    if "html" in headers.get("Content-Type", "").lower():
        return HttpFailure("a web page", status)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return HttpFailure("a compressed answer where none was asked for", status)
    length = headers.get("Content-Length", "0")
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > max_bytes):
        return HttpFailure(f"more than {max_bytes:,} bytes", status, oversize=True)
    return None


EPOCH_SECONDS = 1e9
"""From this number on, a wait is an instant in seconds since 1970, as Docker Hub gives it."""


def retry_after(headers: httpx.Headers, now: datetime | None = None) -> float | None:
    """Seconds from `Retry-After` or `X-Retry-After`: a number of seconds, an instant (with `now`), or a date, compared
    with the server's own; or from what `RateLimit` says of a budget that is used up (Hugging Face)."""
    header = (headers.get("Retry-After") or headers.get("X-Retry-After", "")).strip()
    if header.isascii() and header.isdigit():
        wait = float(header[:12])
        return max(0.0, wait - now.timestamp()) if now and wait >= EPOCH_SECONDS else wait
    if not header and (match := re.search(r"\br=0;\s*t=([0-9]{1,6})\b", headers.get("RateLimit", ""))):
        return float(match[1])
    try:
        until, now = parsedate_to_datetime(header), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def next_page_url(here: str, there: str) -> str:
    """`there` as the page after `here`. Raises `SourceError` if it has another scheme, host, port or path."""
    try:
        old, new = httpx.URL(here), httpx.URL(there)
    except httpx.InvalidURL as error:
        raise SourceError(f"{here}: its next page is no URL: {SafeName(there)}") from error
    places = {(url.scheme, url.host, url.port, url.path.rstrip("/")) for url in (old, new)}
    if len(places) > 1 or new.userinfo:
        elsewhere = SafeName(str(new.copy_with(userinfo=b"")))
        raise SourceError(f"{here}: its next page is elsewhere, at {elsewhere}; refused")
    return str(new.copy_with(fragment=None))


def host_label(url: str) -> str:
    """Host and port: the rest of an address may hold a key."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "an address that cannot be read"
