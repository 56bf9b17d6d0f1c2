"""Blobs from Walrus, read from several aggregators and kept for ever, since they expire after about 126 to 140 days.

Two things can be checked: a batch's leaves hash to the root in its log (the caller's `matches`), and the stored bytes
are those once read (their SHA-256 is the file's name). That the bytes belong to the blob id cannot be checked: the id
commits to the slivers of Walrus's erasure code, which only a Walrus encoder can compute. So an aggregator is trusted
only as far as `matches` goes, and after a wrong answer the next one is tried.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from bot.clients.http import HttpFailure, get_bounded, host_label
from bot.records import message
from bot.sources.opengradient.merkle_batch import MAX_BYTES

BLOB_ID = re.compile(r"[A-Za-z0-9_-]{43}")
"""Base64url of 32 bytes; anything else never becomes part of a URL or a file name."""

SURE_LIFE = timedelta(days=126)
"""Ten epochs of 14 days minus a first one that is nearly over (facilitator: `epochs=10`; Walrus mainnet epochs)."""

RETRIED_FOR = timedelta(hours=24)
FIRST_WAIT = timedelta(minutes=5)

SECONDS = 20.0
"""Time limit for one aggregator's whole response, however slow it is."""
KEPT_VERSIONS = 4
"""Most contents stored per blob id: aggregators may lie, and must not fill the disk."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's bytes and their origin."""

    content: bytes
    sha256: str
    aggregator: str
    """A base URL, or `archive` for our own copy."""
    matches: bool = True
    """The content passed the caller's check."""


@dataclass(frozen=True, slots=True)
class BlobMissing:
    """A blob that could not be read, with the reason. Reads well after "unknown: "."""

    reason: str
    retry: bool
    """A later request may help."""
    final: bool
    """No request can help: it expired, cannot exist, or every aggregator has denied it for a day."""


def blob_id(raw: bytes) -> str | None:
    """The id that a log's `walrusBlobId` holds as ASCII; `None` if it is not one (a path, a host, 32 raw bytes)."""
    text = raw.decode("ascii", "replace")
    return text if BLOB_ID.fullmatch(text) else None


def next_try(first_seen: datetime, attempts: int) -> datetime | None:
    """When to request a blob again after `attempts` failures (1 or more): 5, 15, 35, 75 ... minutes after it was first
    seen, a last time at 24 hours, then never."""
    before, wait = (FIRST_WAIT * ((1 << min(times, 32)) - 1) for times in (attempts - 1, attempts))
    return None if before >= RETRIED_FOR else first_seen + min(wait, RETRIED_FOR)


@dataclass(frozen=True, slots=True)
class Walrus:
    """Aggregators, with the archive as a cache."""

    aggregators: Sequence[str]
    """Base URLs, tried in this order."""
    archive: Path
    """`data/lake/raw/walrus`: one folder per blob id, one file per content, named by its SHA-256."""
    client: httpx.Client
    max_bytes: int = MAX_BYTES
    seconds: float = SECONDS
    monotonic: Callable[[], float] = time.monotonic

    def fetch_blob(
        self, blob_id: str, settled_at: datetime, now: datetime, matches: Callable[[bytes], bool] = lambda _: True
    ) -> Blob | BlobMissing:
        """The first content that `matches`, or why there is none. Content that does not match is returned, marked, only
        after a day and if no aggregator can return anything else: one may lie, or its response be cut off. Never raises
        for anything an aggregator does. `settled_at` is when the blob was first named on chain."""
        if not BLOB_ID.fullmatch(blob_id):
            return BlobMissing("its blob id is not one: wanted 43 characters of base64url", retry=False, final=True)
        other: Blob | None = None
        failures: list[tuple[str, HttpFailure]] = []
        for blob in self._candidate_blobs(blob_id, failures):
            found = Blob(blob.content, blob.sha256, blob.aggregator, matches(blob.content))
            if found.matches:
                return found
            other = found
        age = now - settled_at
        if other is None:
            return _blob_missing(blob_id, failures, age)
        if age >= RETRIED_FOR and all(_is_definite(each) for _, each in failures):
            return other
        reason = f"blob {blob_id}: what was given is not what the log names"
        return BlobMissing("; ".join([reason, *_failure_texts(failures)]), retry=True, final=False)

    def _candidate_blobs(self, blob_id: str, failures: list[tuple[str, HttpFailure]]) -> Iterator[Blob]:
        yield from self._archived_blobs(blob_id)
        for base in self.aggregators:
            url = f"{base.rstrip('/')}/v1/blobs/{blob_id}"
            http_body = get_bounded(self.client, url, self.max_bytes, self.seconds, monotonic=self.monotonic)
            if isinstance(http_body, HttpFailure):
                failures.append((base, http_body))
                continue
            yield Blob(http_body.content, self._archive_blob(blob_id, http_body.content), base)

    def _archived_blobs(self, blob_id: str) -> Iterator[Blob]:
        folder = self.archive / blob_id
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == path.name:
                yield Blob(content, path.name, "archive")

    def _archive_blob(self, blob_id: str, content: bytes) -> str:
        """Store a blob completely or not at all; returns its SHA-256."""
        name = hashlib.sha256(content).hexdigest()
        folder = self.archive / blob_id
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / name).exists() or len(os.listdir(folder)) >= KEPT_VERSIONS:
            return name
        with tempfile.NamedTemporaryFile(dir=self.archive, prefix=".", delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, folder / name)
        return name


def blob_checksum(archive: Path, blob_id: str, sha256: str) -> str | None:
    """The SHA-256 of the stored content of that name; `None` if there is none."""
    if not (BLOB_ID.fullmatch(blob_id) and re.fullmatch(r"[0-9a-f]{64}", sha256)):
        return None
    try:
        return hashlib.sha256((archive / blob_id / sha256).read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def _is_definite(failure: HttpFailure) -> bool:
    """Whether another request to the same aggregator would fail in the same way."""
    return failure.status == 404 or failure.oversize


def _failure_texts(failures: Sequence[tuple[str, HttpFailure]]) -> list[str]:
    return [f"{host_label(base)}: {each.reason}" for base, each in failures]


def _blob_missing(blob_id: str, failures: Sequence[tuple[str, HttpFailure]], age: timedelta) -> BlobMissing:
    reasons = "; ".join(_failure_texts(failures)) or "no aggregator is configured"
    reason = f"blob {blob_id}: {reasons}"
    if not failures or not all(_is_definite(each) for _, each in failures):
        return BlobMissing(reason, retry=True, final=False)
    if any(each.oversize for _, each in failures):
        return BlobMissing(reason, retry=False, final=True)
    if age >= SURE_LIFE:
        return BlobMissing(message("blob_expired", name=blob_id, n=age.days), retry=False, final=True)
    over = age >= RETRIED_FOR
    return BlobMissing(reason, retry=not over, final=over)
