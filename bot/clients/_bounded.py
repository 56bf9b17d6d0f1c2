"""One GET that cannot hurt: bounded in bytes and in time, never redirected, never unpacked, and failing as a value."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx


@dataclass(frozen=True, slots=True)
class HttpBody:
    """A complete answer of status 200 that is not a web page."""

    content: bytes


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """No usable answer, and why. Reads well after "found "."""

    reason: str
    status: int = 0
    """The HTTP status, 0 where there was none."""
    retry_after: float | None = None
    """Seconds the server asked us to wait, at most an hour."""
    oversize: bool = False


def get_bounded(
    client: httpx.Client,
    url: str,
    max_bytes: int,
    seconds: float,
    params: dict[str, str | int] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> HttpBody | HttpFailure:
    """Read `url` whole, at most `max_bytes` in at most `seconds`, however slowly it drips. Raises nothing."""
    ends = monotonic() + seconds
    # Identity, so that a small compressed answer cannot unpack into a large one.
    plain = {"Accept-Encoding": "identity"}
    try:
        with client.stream(
            "GET", url, params=params, headers=plain, timeout=seconds, follow_redirects=False
        ) as response:
            if refused := _rejection_reason(response, max_bytes):
                return refused
            content = bytearray()
            for piece in response.iter_raw():  # A chunk size would wait for a chunk to fill, past the deadline.
                content += piece
                if len(content) > max_bytes:
                    return HttpFailure(f"more than {max_bytes:,} bytes", 200, oversize=True)
                if monotonic() > ends:
                    return _too_slow(seconds)
    except httpx.TimeoutException:
        return _too_slow(seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return HttpFailure(f"no answer ({type(error).__name__})")
    return HttpBody(bytes(content))


def _too_slow(seconds: float) -> HttpFailure:
    """The same words whichever of two equal limits is met first: the socket's, or that of the whole answer."""
    return HttpFailure(f"no complete answer within {seconds:g} s")


def _rejection_reason(response: httpx.Response, max_bytes: int) -> HttpFailure | None:
    """Why a body is not worth reading; none where it is."""
    status, headers = response.status_code, response.headers
    if status != 200:
        return HttpFailure(f"HTTP {status}", status, _retry_after_seconds(headers.get("Retry-After", "")))
    if "html" in headers.get("Content-Type", "").lower():
        return HttpFailure("a web page", status)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return HttpFailure("a compressed answer where none was asked for", status)
    length = headers.get("Content-Length", "0")
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > max_bytes):
        return HttpFailure(f"more than {max_bytes:,} bytes", status, oversize=True)
    return None


def _retry_after_seconds(header: str) -> float | None:
    """A `Retry-After` in seconds; none where it is a date or nonsense."""
    if not (header.isascii() and header.isdigit() and len(header) < 10):
        return None
    return min(float(header), 3600.0)


def host_label(url: str) -> str:
    """Host and port: the rest of an address may hold a key."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "an address that cannot be read"
