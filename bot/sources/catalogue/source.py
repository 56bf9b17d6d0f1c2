"""A list of your own as a source: the list once a day, and of the use by day the last closed days and the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.clients.daily_reading import is_read, listed_snapshot, months_between, read_counted_list, read_parts
from bot.clients.raw_archive import archived_checksum
from bot.number_format import format_with_noun
from bot.records import (
    Catalogue,
    CompleteWindow,
    DayTotals,
    EventBatch,
    Period,
    Snapshot,
    SourceError,
    each_day,
    message,
)
from bot.sources import EventSource, SourceStateReader
from bot.sources.catalogue.reader import RowReader, open_reader
from bot.sources.catalogue.rows import listing_of, read_models, read_uses
from bot.sources.catalogue.settings import CatalogueSettings, UseRows

ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ConfiguredCatalogue:
    """The source of one block of `config.yaml`."""

    network: str
    settings: CatalogueSettings
    data: Path
    clock: Callable[[], datetime]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def settles_for(self) -> timedelta:
        """The last days are read again with each new day, and not in between."""
        return timedelta()

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """Read every part in turn. Raises `SourceError` at the end."""
        with open_reader(self.settings, raw_folder(self.data, self.network), self.clock, self.secrets) as reader:
            yield from read_parts(self._parts(reader, wanted, memory))

    def _parts(
        self, reader: RowReader, wanted: Period | None, memory: SourceStateReader
    ) -> Iterator[Iterator[Snapshot | EventBatch]]:
        now = self.clock()
        today, yesterday = now.date().isoformat(), now.date() - ONE
        listed = memory.cursor("listed")
        yield read_counted_list(lambda: self._read_list(reader, listed is None, now), listed, wanted, now)
        if (use := self.settings.uses) is None:
            return
        windows = memory.covered_windows("models")
        if wanted is not None:
            for first, last in months_between(wanted.first, min(wanted.last, yesterday)):
                if any(not is_read(windows, day) for day in each_day(first, last)):
                    yield self._read_days(reader, use, first, last, windows, {})
            return
        recent = yesterday - (use.reread - 1) * ONE
        if memory.cursor("read") != today:
            yield self._read_days(reader, use, recent, yesterday, windows, {"read": today})
        if use.since is not None:
            stored = memory.cursor("filled")
            begins = date.fromisoformat(stored) + ONE if stored else use.since
            for first, last in months_between(begins, recent - ONE):
                yield self._read_days(reader, use, first, last, windows, {"filled": last.isoformat()})

    def _read_list(self, reader: RowReader, is_first: bool, now: datetime) -> Snapshot:
        rows, ref = reader.read(self.settings.models)
        listings, readings = read_models(rows, self.settings.models.keys, ref.url)
        if not listings:
            raise SourceError(f"{ref.url}: lists no model; correct the list, or run again later")
        snapshot = Snapshot(self.network, "models", self.clock(), ref, listings, readings)
        # A counter belongs to its instant; a list alone may close the day before.
        return listed_snapshot(snapshot, now, is_first) if self.settings.uses else snapshot

    def _read_days(
        self,
        reader: RowReader,
        use: UseRows,
        first: date,
        last: date,
        windows: tuple[CompleteWindow, ...],
        cursors: Mapping[str, str],
    ) -> Iterator[EventBatch]:
        rows, ref = reader.read(use, first, last)
        by_day = read_uses(rows, use.keys, ref.url)
        days = tuple(each_day(first, last))
        totals = tuple(_day_totals(by_day, days, use.without_rows == "zero", is_read(windows, first - ONE)))
        known = sum(not total.unknown for total in totals)
        read = f"{first} to {last}, {known} of {len(days)} days known"
        # A day whose rows come late is looked for again.
        stored = {} if "read" in cursors and totals[-1].unknown else cursors
        yield EventBatch(
            *(self.network, "models", read, (ref,), days), cursors=stored, totals=totals, evidence="reported"
        )


def _day_totals(
    by_day: Mapping[date, Mapping[str | None, int]], days: tuple[date, ...], zero: bool, is_known: bool
) -> Iterator[DayTotals]:
    """The totals of each day. A day without rows is unknown; with `zero` only where the day before it is.
    `is_known`: whether the day before the first is known."""
    for day in days:
        is_known = day in by_day or (zero and is_known)
        if not is_known:
            yield DayTotals(day, unknown=message("count_no_rows"))
            continue
        uses = {listing_of(name): count for name, count in by_day.get(day, {}).items() if name is not None and count}
        yield DayTotals(day, uses, by_day.get(day, {}).get(None, 0))


def raw_folder(data: Path, network: str) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / network


@dataclass(frozen=True, slots=True)
class CatalogueNetwork:
    """What a block of `config.yaml` declares as a network; its names are those of a network's module."""

    network: str
    TITLE: str
    CATALOGUES: tuple[Catalogue, ...]
    SECRETS: tuple[str, ...]
    ABOUT: str

    def make_source(
        self,
        settings: CatalogueSettings,
        data: Path,
        secrets: Mapping[str, str],
        clock: Callable[[], datetime],
        executor: Executor | None = None,
    ) -> EventSource:
        """The network, ready to be read."""
        return ConfiguredCatalogue(self.network, settings, data, clock, secrets)

    def ref_checksum(
        self, settings: CatalogueSettings, data: Path, url: str, sha256: str, day: date | None = None
    ) -> str | None:
        """The SHA-256 of this machine's copy of what was read."""
        return archived_checksum(raw_folder(data, self.network), sha256, day)

    def check_reachable(self, settings: CatalogueSettings, data: Path, secrets: Mapping[str, str]) -> str:
        """Reads the first models and the uses of yesterday, for `doctor`. Raises `SourceError`."""
        now = datetime.now(UTC)
        yesterday = now.date() - ONE
        with open_reader(settings, raw_folder(data, self.network), lambda: now, secrets) as reader:
            rows, ref = reader.read(settings.models, probe=True)
            models, _ = read_models(rows, settings.models.keys, ref.url)
            text = f"{ref.url} answers, {format_with_noun(len(models), 'models')} on its first page"
            if settings.uses is None:
                return text
            rows, ref = reader.read(settings.uses, yesterday, yesterday, probe=True)
            read_uses(rows, settings.uses.keys, ref.url)
            return f"{text}; {ref.url} answers, {len(rows)} rows of use"


def make_network(network: str, settings: Any) -> CatalogueNetwork:
    """A block of `config.yaml` as a network."""
    daily = settings.uses is not None
    caveats: tuple[str, ...] = ()
    if settings.licence:
        caveats = (message("source_licensed", name=settings.source, rest=settings.licence),)
    elif settings.source:
        caveats = (message("source_reported", name=settings.source),)
    catalogue = Catalogue(
        *(network, "models", settings.lists, settings.unit, "reported"),
        evidences=("reported",) if daily else (),
        place="the list's own count" if daily else "",
        caveats=caveats,
    )
    about = settings.about or f"{settings.title} is a list that the operator of this Footfall watches."
    counted = "uses per day" if daily else "a counter that only rises"
    text = (
        f"{about}\n\n**What is counted.** The list holds {settings.lists} and states {counted}, in {settings.unit}. "
        "Nobody outside can check it from there, so the evidence is *reported*."
    )
    return CatalogueNetwork(network, settings.title, (catalogue,), settings.secret_names, text)
