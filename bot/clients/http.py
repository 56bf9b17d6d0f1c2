"""Reads public APIs politely: every request has a time-out, a size limit and a bounded number of attempts, and nothing
is followed to another host."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx
import stamina

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


def make_client(token: str, manners: HttpLimits) -> httpx.Client:
    """An HTTP client with a bearer token that follows no redirects."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "footfall"}
    return httpx.Client(http2=True, headers=headers, timeout=manners.timeout, follow_redirects=False)


def get_body(client: httpx.Client, url: str, manners: HttpLimits) -> bytes:
    """The body of a 200. Retries on 429, 5xx and broken connections, so only for reads. Raises `SourceError`."""
    shown = SafeName(url, 200)

    def retry_delay(error: Exception) -> bool | float:
        if not isinstance(error, _Again):
            return isinstance(error, httpx.TransportError)
        if error.wait is None:
            return True
        return error.wait if error.wait <= manners.patience else False

    attempts = stamina.retry_context(
        on=retry_delay, attempts=manners.tries, timeout=None, wait_initial=0.5, wait_max=manners.patience
    )
    try:
        for attempt in attempts:
            with attempt:
                return _get_once(client, url, manners)
    except _Again as error:
        asks = f" and asks to wait {error.wait:g} s" if error.wait is not None else ""
        raise SourceError(f"{shown}: answered {error.status}{asks}; run again later") from error
    except httpx.TimeoutException as error:
        late = f"no complete answer within {manners.timeout:g} s"
        raise SourceError(f"{shown}: {late}; check the network and run again") from error
    except httpx.HTTPError as error:
        # Only the type: a transport's message may quote what was sent.
        raise SourceError(f"{shown}: no answer ({type(error).__name__}); check the network and run again") from error
    raise AssertionError("unreachable")


def _get_once(client: httpx.Client, url: str, manners: HttpLimits) -> bytes:
    ends = manners.monotonic() + manners.timeout
    with client.stream("GET", url) as answer:
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Again(answer.status_code, _retry_after(answer))
        if answer.status_code != 200:
            raise SourceError(
                f"{SafeName(url, 200)}: answered {answer.status_code}, wanted 200{_status_hint(answer.status_code)}"
            )
        read = bytearray()
        for chunk in answer.iter_bytes():
            read += chunk
            if len(read) > manners.size:
                raise SourceError(f"{SafeName(url, 200)}: answered more than {manners.size} bytes; refused")
            if manners.monotonic() > ends:
                raise httpx.ReadTimeout("the answer takes too long")
        return bytes(read)


def _status_hint(status: int) -> str:
    return "; is the token valid?" if status in (401, 403) else ""


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds from `Retry-After`, a number of seconds or a date; a date is compared with the server's `Date`."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:12])
    try:
        until, now = parsedate_to_datetime(said), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None


def next_page_url(here: str, there: str) -> str:
    """`there` as the page after `here`. Raises `SourceError` if it leads to another scheme, host, port or path."""
    try:
        old, new = httpx.URL(here), httpx.URL(there)
    except httpx.InvalidURL as error:
        raise SourceError(f"{here}: the address of its next page is not a URL: {SafeName(there)}") from error
    same = (old.scheme, old.host, old.port, old.path.rstrip("/")) == (
        (new.scheme, new.host, new.port, new.path.rstrip("/"))
    )
    if not same or new.userinfo:
        raise SourceError(
            f"{here}: its next page is elsewhere, at {SafeName(str(new.copy_with(userinfo=b'')))}; refused"
        )
    return str(new.copy_with(fragment=None))
