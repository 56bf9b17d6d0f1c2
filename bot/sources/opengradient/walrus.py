"""Blobs from Walrus, read from several aggregators, the fastest first, and stored, since they expire after about 126
to 140 days.

Two things can be checked: a batch's leaves hash to the root in its log (the caller's `matches`), and the stored bytes
are those once read (their SHA-256 is the file's name). That the bytes belong to the blob id cannot be checked: the id
commits to the slivers of Walrus's erasure code, which only a Walrus encoder can compute. So an aggregator is trusted
only as far as `matches` goes, and after a wrong answer the next one is tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx

from bot.clients.http import HttpFailure, get_bounded, host_label
from bot.records import Message, message
from bot.sources.opengradient.aggregator_health import AggregatorHealth, is_answer
from bot.sources.opengradient.blob_archive import BLOB_ID, BlobArchive
from bot.sources.opengradient.merkle_batch import MAX_BYTES

SURE_LIFE = timedelta(days=126)
"""Ten epochs of 14 days minus a first one that is nearly over (facilitator: `epochs=10`; Walrus mainnet epochs)."""

RETRIED_FOR = timedelta(hours=24)
GONE_FOR = timedelta(hours=48)
"""After this the aggregators that answer decide alone: one that is gone for good must not keep a blob open for ever."""
FIRST_WAIT = timedelta(minutes=5)

SECONDS = 20.0
"""Time limit for one aggregator's whole response, however slow it is."""


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
    """For the operator: it may name the blob and the aggregators."""
    retry: bool
    """A later request may help."""
    final: bool
    """No request can help: it expired, cannot exist, or every aggregator has denied it for a day."""

    @property
    def public_reason(self) -> str:
        """For readers, without ids and hosts."""
        if isinstance(self.reason, Message):
            return self.reason
        return message("blob_denied") if self.final else message("blob_not_read")


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
    """Base URLs, tried in this order until their response times are known."""
    archive: BlobArchive
    client: httpx.Client
    max_bytes: int = MAX_BYTES
    seconds: float = SECONDS
    monotonic: Callable[[], float] = time.monotonic
    health: AggregatorHealth = field(default_factory=AggregatorHealth)

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
        for blob in self._candidate_blobs(blob_id, settled_at.astimezone(UTC).date(), failures):
            candidate = Blob(blob.content, blob.sha256, blob.aggregator, matches(blob.content))
            if candidate.matches:
                return candidate
            other = candidate
        age = now - settled_at
        if other is None:
            return _blob_missing(blob_id, failures, age)
        if age >= RETRIED_FOR and _are_definite(failures, age):
            return other
        reason = f"blob {blob_id}: what was given is not what the log names"
        return BlobMissing("; ".join([reason, *_failure_texts(failures)]), retry=True, final=False)

    def _candidate_blobs(self, blob_id: str, day: date, failures: list[tuple[str, HttpFailure]]) -> Iterator[Blob]:
        for sha256, content in self.archive.contents(blob_id, day):
            yield Blob(content, sha256, "archive")
        usable = self.health.usable(self.aggregators)
        resting = HttpFailure("not asked, because it did not answer before")
        failures += [(base, resting) for base in self.aggregators if base not in usable]
        for base in usable:
            url = f"{base.rstrip('/')}/v1/blobs/{blob_id}"
            began = self.monotonic()
            http_body = get_bounded(self.client, url, self.max_bytes, self.seconds, monotonic=self.monotonic)
            self.health.record_answer(base, self.monotonic() - began, http_body)
            if isinstance(http_body, HttpFailure):
                failures.append((base, http_body))
                continue
            yield Blob(http_body.content, self.archive.add(blob_id, day, http_body.content), base)


def _is_definite(failure: HttpFailure) -> bool:
    """Whether another request to the same aggregator would fail in the same way."""
    return failure.status == 404 or failure.oversize


def _are_definite(failures: Sequence[tuple[str, HttpFailure]], age: timedelta) -> bool:
    """Whether another request would bring nothing else. Of an old blob, only aggregators that answer count."""
    answers = [each for _, each in failures if age < GONE_FOR or is_answer(each)]
    return bool(answers or not failures) and all(map(_is_definite, answers))


def _failure_texts(failures: Sequence[tuple[str, HttpFailure]]) -> list[str]:
    return [f"{host_label(base)}: {each.reason}" for base, each in failures]


def _blob_missing(blob_id: str, failures: Sequence[tuple[str, HttpFailure]], age: timedelta) -> BlobMissing:
    reasons = "; ".join(_failure_texts(failures)) or "no aggregator is configured"
    reason = f"blob {blob_id}: {reasons}"
    if not failures or not _are_definite(failures, age):
        return BlobMissing(reason, retry=True, final=False)
    if any(each.oversize for _, each in failures):
        return BlobMissing(reason, retry=False, final=True)
    if age >= SURE_LIFE:
        return BlobMissing(message("blob_expired", n=age.days), retry=False, final=True)
    over = age >= RETRIED_FOR
    return BlobMissing(reason, retry=not over, final=over)
