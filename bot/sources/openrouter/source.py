"""OpenRouter as an event source: the newest export and the list once a day, then the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from bot.clients.daily_api import DailyApi, host_responds
from bot.clients.daily_reading import is_read, listed_snapshot, read_parts
from bot.clients.raw_archive import archived_checksum
from bot.records import EventBatch, Listing, Period, Snapshot, SourceError, SourceRef, each_day
from bot.sources import SourceStateReader
from bot.sources.openrouter.exports import COVERS, OLDEST, older_exports, read_export, read_manifest
from bot.sources.openrouter.rankings import ONE, RankedUse, day_totals, listing_of, parse_history
from bot.sources.openrouter.settings import OpenRouterSettings

KEY = "OPENROUTER_API_KEY"
"""The variable that holds the key to the history."""
FIRST_EXPORTED = OLDEST - COVERS * ONE
FIRST_KEYED = date(2025, 1, 1)
STEP = 90
"""Days of the keyed history in one request; at most 366 are allowed."""
PAGE = 1000
PAGES = 50


class _ListedModel(msgspec.Struct):
    canonical_slug: Annotated[str, msgspec.Meta(min_length=1)]
    created: Annotated[int, msgspec.Meta(ge=0, le=2**33)] | None = None


class _ModelList(msgspec.Struct):
    data: list[_ListedModel]


@dataclass(frozen=True, slots=True)
class OpenRouter:
    """The network's source."""

    settings: OpenRouterSettings
    data: Path
    clock: Callable[[], datetime]
    key: str = field(default="", repr=False)

    @property
    def settles_for(self) -> timedelta:
        """Each new export holds the days before again, so nothing is read in between."""
        return timedelta()

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """Read every part in turn. Raises `SourceError` at the end."""
        now = self.clock()
        with open_api(self.settings, self.data, self.clock) as api:
            yield from read_parts(self._parts(api, wanted, memory, now))

    def _parts(
        self, api: DailyApi, wanted: Period | None, memory: SourceStateReader, now: datetime
    ) -> Iterator[Iterator[Snapshot | EventBatch]]:
        yesterday, windows = now.date() - ONE, memory.covered_windows("models")
        first = max(FIRST_KEYED, wanted.first) if wanted else FIRST_KEYED
        last = min(wanted.last, yesterday) if wanted else yesterday
        newest = now.date() - COVERS * ONE
        if last >= newest and any(not is_read(windows, day) for day in each_day(max(first, newest), last)):
            yield self._read_newest(api, memory)
        if memory.cursor("listed") != now.date().isoformat() and (wanted is None or wanted.last >= yesterday):
            yield self._read_list(api, memory, now)
        if wanted is not None or memory.cursor("filled") is None:
            yield self._read_older(api, max(first, FIRST_EXPORTED), min(last + ONE, newest), wanted is None)
        if self.key and (wanted is not None or memory.cursor("keyed") is None):
            yield self._read_keyed(api, first, min(last, FIRST_EXPORTED - ONE), wanted is None)

    def _read_newest(self, api: DailyApi, memory: SourceStateReader) -> Iterator[EventBatch]:
        """The newest export. Its days replace those of earlier ones."""
        manifest = read_manifest(api, self.settings.api)
        if memory.cursor("read") == manifest.snapshot_date.isoformat() and _holds(memory, manifest.days):
            return
        _, days, ref = read_export(api, self.settings.api, manifest)
        yield _batch(days, manifest.days, ref, {"read": manifest.snapshot_date.isoformat()})

    def _read_older(self, api: DailyApi, first: date, before: date, whole: bool) -> Iterator[EventBatch]:
        """Older exports, of each the days that no newer one holds."""
        for manifest, days, ref in older_exports(api, self.settings.api, before, first):
            wanted = [day for day in manifest.days if first <= day < before]
            if wanted:
                yield _batch(days, wanted, ref, {})
            before = min(before, manifest.days[0])
        if whole:
            yield EventBatch("openrouter", "models", "all exports", cursors={"filled": before.isoformat()})

    def _read_keyed(self, api: DailyApi, first: date, last: date, whole: bool) -> Iterator[EventBatch]:
        """The history before the oldest export."""
        while first <= last:
            end = min(first + (STEP - 1) * ONE, last)
            answer = api.get(
                f"{self.settings.api}/v1/datasets/rankings-daily",
                {"start_date": first.isoformat(), "end_date": end.isoformat(), "period": "day"},
                self.key,
            )
            days = parse_history(answer.content, answer.ref.url)
            yield _batch(days, each_day(first, end), answer.ref, {})
            first = end + ONE
        if whole:
            yield EventBatch("openrouter", "models", "the history", cursors={"keyed": last.isoformat()})

    def _read_list(self, api: DailyApi, memory: SourceStateReader, now: datetime) -> Iterator[Snapshot | EventBatch]:
        read = fetch_list(api, self.settings, now)
        yield listed_snapshot(read, now, memory.cursor("listed") is None)
        listed = f"a list of {len(read.listings)} models"
        yield EventBatch("openrouter", "models", listed, cursors={"listed": now.date().isoformat()})


def fetch_list(api: DailyApi, settings: OpenRouterSettings, at: datetime) -> Snapshot:
    """The models on offer now; variants of a model are one. Raises `SourceError`."""
    listings: dict[str, Listing] = {}
    for page in range(PAGES):
        answer = api.get(
            f"{settings.api}/v1/models", {"output_modalities": "all", "offset": page * PAGE, "limit": PAGE}
        )
        try:
            found = msgspec.json.decode(answer.content, type=_ModelList).data
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceError(f"{answer.ref.url}: is not a list of models: {error}; run again later") from error
        before = len(listings)
        for model in found:
            created = datetime.fromtimestamp(model.created, UTC) if model.created else None
            listing = listing_of(model.canonical_slug, created)
            listings.setdefault(listing.model, listing)
        # A server that does not page gives the same list again.
        if len(found) < PAGE or len(listings) == before:
            break
    if not listings:
        raise SourceError(f"{answer.ref.url}: lists no model; run again later")
    return Snapshot("openrouter", "models", at, answer.ref, tuple(listings[name] for name in sorted(listings)))


def _holds(memory: SourceStateReader, days: list[date]) -> bool:
    windows = memory.covered_windows("models")
    return any(is_read(windows, day) for day in days)


def _batch(
    days: Mapping[date, list[RankedUse]], wanted: Sequence[date], ref: SourceRef, cursors: Mapping[str, str]
) -> EventBatch:
    totals = tuple(day_totals(days, wanted))
    known = sum(not total.unknown for total in totals)
    read = f"{wanted[0]} to {wanted[-1]}, {known} of {len(wanted)} days known"
    return EventBatch(
        "openrouter", "models", read, (ref,), tuple(wanted), cursors=cursors, totals=totals, evidence="reported"
    )


def make_source(
    settings: OpenRouterSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> OpenRouter:
    """The network, ready to be read."""
    return OpenRouter(settings, data, clock, secrets.get(KEY, ""))


def open_api(settings: OpenRouterSettings, data: Path, clock: Callable[[], datetime]) -> DailyApi:
    return DailyApi(raw_folder(data), clock, settings.contact, settings.timeout, settings.silence)


def ref_checksum(
    settings: OpenRouterSettings, data: Path, url: str, sha256: str, day: date | None = None
) -> str | None:
    """The SHA-256 of this machine's copy of an answer."""
    return archived_checksum(raw_folder(data), sha256, day)


def responds(settings: OpenRouterSettings, seconds: float) -> bool:
    """Whether its API answers within so many seconds."""
    return host_responds(settings.api, seconds)


def check_reachable(settings: OpenRouterSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """Reads the newest manifest and the list, for `doctor`. Raises `SourceError`."""
    now = datetime.now(UTC)
    with open_api(settings, data, lambda: now) as api:
        manifest = read_manifest(api, settings.api)
        listed = fetch_list(api, settings, now)
    return f"{settings.api} answers: export of {manifest.snapshot_date}, {len(listed.listings)} models on offer"


def raw_folder(data: Path) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / "openrouter"
