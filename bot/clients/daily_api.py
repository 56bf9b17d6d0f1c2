"""Reads a public API once a day: descriptive User-Agent, conditional requests, `Retry-After`, raw answers stored.

A host that does not answer ends the reading: all requests together wait at most `silence` seconds for hosts that are
silent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import httpx

from bot.clients.http import BodyTooLargeError, decoded_chunks, host_label, next_page_url, read_capped, retry_after
from bot.clients.raw_archive import archived_content, open_raw_archive, record_use
from bot.clients.recording import open_client, tls_context
from bot.records import SafeName, SourceError, SourceRef

SIZE = 128 * 2**20
"""Most bytes of an answer, uncompressed; the whole history of Chutes had 20 MB in September 2026."""
INDEX = "requests.json"
"""In the raw archive: what each address answered last, and when its host wants to be asked again."""


class UnreachableError(SourceError):
    """A host does not answer at all, so nothing more is asked of the network."""


class ApiStatusError(SourceError):
    """A host answered with another status than 200."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One complete answer, as it is stored."""

    content: bytes
    ref: SourceRef
    next_page: str = ""
    """The address of the next page if the header `Link` names one."""


@dataclass
class DailyApi:
    """A reader of one network. Use as a context manager."""

    folder: Path
    """The raw archive."""
    clock: Callable[[], datetime]
    contact: str = ""
    timeout: float = 60.0
    """Seconds until the last byte of an answer."""
    silence: float = 4.0
    """Seconds until the first byte of an answer; of several silent hosts, all together."""
    monotonic: Callable[[], float] = time.monotonic
    size: int = SIZE
    """Most bytes of an answer, uncompressed."""

    def __enter__(self) -> Self:
        about = f"; contact: {self.contact}" if self.contact else ""
        headers = {"User-Agent": f"Footfall (daily counts of the use of AI models{about})", "Accept": "*/*"}
        self._client = open_client(headers=headers, follow_redirects=False)
        self._index = _read_index(self.folder / INDEX)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        params: Mapping[str, str | int | Sequence[str]] | None = None,
        token: str = "",
        secret_headers: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        """The body of a 200, or the stored one if the host says that nothing changed. `secret_headers` are sent and
        never stored. Raises `SourceError`."""
        full = str(httpx.URL(url, params=dict(params or {})) if params else httpx.URL(url))
        shown, host, now = SafeName(full, 200), host_label(full), self.clock()
        if (wait := self._index.get(f"wait {host}")) and now.isoformat() < wait["until"]:
            raise SourceError(f"{shown}: {host} asked us to wait until {wait['until']}; run again then")
        known = self._index.get(full, {})
        stored = archived_content(self.folder, known.get("sha256", ""))
        headers = {"If-None-Match": known["etag"]} if stored is not None and known.get("etag") else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        result = self._ask(full, shown, {**headers, **(secret_headers or {})})
        status, answered, body = result.status, result.headers, result.body
        if status == 304 and stored is not None:
            record_use(self.folder, known["sha256"], stored, now)
            return ApiAnswer(stored[:-1], SourceRef(full, now, known["sha256"]), known.get("next", ""))
        if status != 200:
            self._note_wait(host, answered, now)
            raise ApiStatusError(status, f"{shown}: answered {status}, wanted 200; run again later")
        if "html" in answered.get("Content-Type", "").lower() or body.lstrip()[:1] == b"<":
            raise SourceError(f"{shown}: answered with a web page, wanted data; run again later")
        with open_raw_archive(self.folder) as raw:
            raw.add(body)
        self._index[full] = {"etag": answered.get("ETag", ""), "sha256": raw.sha256, "next": result.next_page}
        self._write_index()
        return ApiAnswer(body, SourceRef(full, now, raw.sha256), result.next_page)

    def pages(
        self,
        url: str,
        params: Mapping[str, str | int | Sequence[str]],
        next_page: Callable[[ApiAnswer], str],
        most: int,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Iterator[ApiAnswer]:
        """Every page of a list. `next_page` gives the address of the page after one, empty after the last; it must be
        at the same scheme, host, port and path. Raises `SourceError`, also if there are more than `most` pages."""
        here = str(httpx.URL(url, params=dict(params)) if params else httpx.URL(url))
        visited: set[str] = set()
        while here:
            if here in visited:
                raise SourceError(f"{SafeName(url, 200)}: its pages form a loop, after {len(visited)}; run again later")
            if len(visited) == most:
                raise SourceError(f"{SafeName(url, 200)}: goes on after {most} pages; raise page_budget")
            visited.add(here)
            answer = self.get(here, secret_headers=secret_headers)
            yield answer
            there = next_page(answer)
            here = next_page_url(here, urljoin(here, there)) if there else ""

    def store_together(self, pages: Sequence[ApiAnswer]) -> SourceRef:
        """One ref for all pages of a list, at the instant of the last one: their bytes are stored as one file too."""
        if len(pages) == 1:
            return pages[0].ref
        with open_raw_archive(self.folder) as raw:
            for page in pages:
                raw.add(page.content)
        return SourceRef(pages[0].ref.url, self.clock(), raw.sha256)

    def _ask(self, url: str, shown: SafeName, headers: dict[str, str]) -> _Result:
        """The answer. A daemon thread reads, because a DNS look-up has no time-out."""
        begun, result = threading.Event(), _Result()
        began = self.monotonic()
        threading.Thread(target=self._read, args=(url, headers, begun, result), daemon=True).start()
        if not begun.wait(max(0.0, self.silence)):
            waited, self.silence = self.silence, 0.0
            raise UnreachableError(f"{shown}: no answer within {waited:g} s; check the network and run again")
        if result.error is not None and result.status == 0:
            self.silence = max(0.0, self.silence - (self.monotonic() - began))
            raise UnreachableError(f"{shown}: no answer ({result.error}); check the network and run again")
        result.done.wait(self.timeout + 1)
        if not result.done.is_set() or result.error is not None:
            why = result.error or f"not complete within {self.timeout:g} s"
            raise SourceError(f"{shown}: {why}; run again later")
        return result

    def _read(self, url: str, headers: dict[str, str], begun: threading.Event, result: _Result) -> None:
        ends = self.monotonic() + self.timeout
        try:
            with self._client.stream("GET", url, headers=headers, timeout=self.timeout) as answer:
                result.status, result.headers = answer.status_code, answer.headers
                result.next_page = answer.links.get("next", {}).get("url", "")
                begun.set()
                if answer.status_code == 200:
                    result.body = bytes(read_capped(decoded_chunks(answer, self.size), self.size, ends, self.monotonic))
        except BodyTooLargeError:
            result.error = f"more than {self.size} bytes; refused"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            # Only the type: a transport's message may quote what was sent.
            result.error = type(error).__name__
        finally:
            result.done.set()
            begun.set()

    def _note_wait(self, host: str, headers: httpx.Headers, now: datetime) -> None:
        """Store until when a host wants not to be asked, at most a day."""
        if wait := retry_after(headers, now):
            until = now + timedelta(seconds=min(wait, 86_400.0))
            self._index[f"wait {host}"] = {"until": until.isoformat()}
            self._write_index()

    def _write_index(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        made = self.folder / f".{INDEX}"
        made.write_text(json.dumps(self._index, indent=0), encoding="utf-8")
        made.replace(self.folder / INDEX)


@dataclass
class _Result:
    """What the reading thread has so far."""

    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    next_page: str = ""
    error: str | None = None
    done: threading.Event = field(default_factory=threading.Event)


def _read_index(path: Path) -> dict[str, Any]:
    """What was stored of earlier requests; nothing if it cannot be read, so that everything is asked again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def host_responds(url: str, seconds: float) -> bool:
    """Whether a host answers at all, with whatever status. A name look-up may take longer than that."""
    try:
        with httpx.stream("GET", url, timeout=seconds, follow_redirects=False, verify=tls_context()):
            return True
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
