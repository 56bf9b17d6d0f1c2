"""Chutes as an event source: the last days again, the list of models once a day, then the history month by month."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.clients.daily_api import DailyApi, host_responds
from bot.clients.daily_reading import is_read, listed_snapshot, months_between, read_parts
from bot.clients.raw_archive import archived_checksum
from bot.records import EventBatch, Gauge, Period, Snapshot, SourceError, SourceRef, each_day
from bot.sources import SourceStateReader
from bot.sources.chutes.inventory import fetch_list
from bot.sources.chutes.settings import ChutesSettings
from bot.sources.chutes.usage import (
    ONE,
    ChuteNames,
    Days,
    day_totals,
    differing_chutes,
    hold_short_days,
    parse_days,
)

BEGAN = date(2025, 1, 30)
"""The first day that the count has."""
BREAKS = (date(2025, 8, 26),)
REREAD = 7
"""Closed days that are read again each day."""
BASE = 7
"""Days before those, to compare them with."""


@dataclass(frozen=True, slots=True)
class Chutes:
    """The network's source."""

    settings: ChutesSettings
    data: Path
    clock: Callable[[], datetime]

    @property
    def settles_for(self) -> timedelta:
        """The last days are read again with each new day, and not in between."""
        return timedelta()

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """Read every part in turn. Raises `SourceError` at the end."""
        names, now = ChuteNames(memory.cursor("names")), self.clock()
        with open_api(self.settings, self.data, self.clock) as api:
            yield from read_parts(self._parts(api, wanted, memory, names, now))

    def _parts(
        self, api: DailyApi, wanted: Period | None, memory: SourceStateReader, names: ChuteNames, now: datetime
    ) -> Iterator[Iterator[Snapshot | EventBatch]]:
        yesterday, windows = now.date() - ONE, memory.covered_windows("models")
        if wanted is not None:
            last = min(wanted.last, yesterday)
            for first, end in months_between(max(wanted.first, BEGAN), last):
                if any(not is_read(windows, day) for day in each_day(first, end)):
                    yield self._read_days(api, first, end, end, names, now)
        elif not is_read(windows, yesterday) or memory.cursor("read") != now.date().isoformat():
            yield self._read_days(api, max(BEGAN, yesterday - (REREAD + BASE - 1) * ONE), yesterday, None, names, now)
        if memory.cursor("listed") != now.date().isoformat() and (wanted is None or wanted.last >= yesterday):
            yield self._read_list(api, memory, names, now)
        if wanted is None:
            yield self._fill_history(api, memory, names, now)

    def _read_days(
        self, api: DailyApi, first: date, last: date, filled: date | None, names: ChuteNames, now: datetime
    ) -> Iterator[EventBatch]:
        """Some closed days. Without `filled`, they are the last ones, of which the first only serve as a base."""
        found, ref = self._fetch_days(api, first, last)
        hold_short_days(found, BREAKS)
        if filled is not None:
            yield from _batches(found, (ref,), names, now, {})
            return
        recent = {day: rows for day, rows in found.items() if day > last - REREAD * ONE}
        known = any(not rows.fault for rows in recent.values())
        yield from _batches(recent, (ref,), names, now, {"read": now.date().isoformat()} if known else {})
        yield from self._compare_counts(api, recent, now)

    def _fetch_days(self, api: DailyApi, first: date, last: date) -> tuple[Days, SourceRef]:
        answer = api.get(
            f"{self.settings.api}/invocations/stats/llm",
            {"start_date": first.isoformat(), "end_date": last.isoformat()},
        )
        return parse_days(answer.content, answer.ref.url, first, last), answer.ref

    def _compare_counts(self, api: DailyApi, days: Days, now: datetime) -> Iterator[EventBatch]:
        """How the network's second count of the last days differs."""
        answer = api.get(f"{self.settings.api}/invocations/usage")
        gauges = tuple(
            Gauge(key, day, now, value)
            for day, numbers in differing_chutes(answer.content, answer.ref.url, days).items()
            for key, value in zip(("second_differs", "second_here", "second_there"), numbers, strict=True)
        )
        if gauges:
            yield EventBatch("chutes", "models", f"the second count of {len(gauges) // 3} days", gauges=gauges)

    def _read_list(
        self, api: DailyApi, memory: SourceStateReader, names: ChuteNames, now: datetime
    ) -> Iterator[Snapshot | EventBatch]:
        read = fetch_list(api, self.settings, names, now)
        yield listed_snapshot(read, now, memory.cursor("listed") is None)
        cursors = {"listed": now.date().isoformat(), "names": names.to_json()}
        yield EventBatch("chutes", "models", f"a list of {len(read.listings)} models", cursors=cursors)

    def _fill_history(
        self, api: DailyApi, memory: SourceStateReader, names: ChuteNames, now: datetime
    ) -> Iterator[EventBatch]:
        """The days since the count began that were never read, month by month. An empty answer ends it for today."""
        stored = memory.cursor("filled")
        begins = date.fromisoformat(stored) + ONE if stored else BEGAN
        base = None
        for first, last in months_between(begins, now.date() - (REREAD + 1) * ONE):
            found, ref = self._fetch_days(api, first, last)
            if not any(rows.rows for rows in found.values()):
                raise SourceError(f"{ref.url}: answered without a row; run again later")
            base = hold_short_days(found, BREAKS, base)
            yield from _batches(found, (ref,), names, now, {"filled": last.isoformat()})


def _batches(
    days: Days, refs: tuple[SourceRef, ...], names: ChuteNames, now: datetime, cursors: Mapping[str, str]
) -> Iterator[EventBatch]:
    """The totals of public chutes, and the figures of all chutes beside them."""
    totals = tuple(day_totals(days, names))
    covered = tuple(sorted(days))
    known = sum(not total.unknown for total in totals)
    read = f"{covered[0]} to {covered[-1]}, {known} of {len(covered)} days known"
    gauges = tuple(gauge for day in covered for gauge in _traffic_gauges(days, day, now))
    yield EventBatch("chutes", "traffic", read, refs, covered, gauges=gauges)
    stored = {**cursors, "names": names.to_json()}
    yield EventBatch("chutes", "models", read, refs, covered, cursors=stored, totals=totals, evidence="reported")


def _traffic_gauges(days: Days, day: date, now: datetime) -> Iterator[Gauge]:
    found = days[day]
    if found.fault:
        return
    yield Gauge("requests_all", day, now, found.requests)
    yield Gauge("requests_private", day, now, found.private)
    if found.tokens is not None:
        yield Gauge("tokens_in", day, now, found.tokens[0])
        yield Gauge("tokens_out", day, now, found.tokens[1])


def make_source(
    settings: ChutesSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Chutes:
    """The network, ready to be read."""
    return Chutes(settings, data, clock)


def open_api(settings: ChutesSettings, data: Path, clock: Callable[[], datetime]) -> DailyApi:
    return DailyApi(raw_folder(data), clock, settings.contact, settings.timeout, settings.silence)


def ref_checksum(settings: ChutesSettings, data: Path, url: str, sha256: str, day: date | None = None) -> str | None:
    """The SHA-256 of this machine's copy of an answer."""
    return archived_checksum(raw_folder(data), sha256, day)


def responds(settings: ChutesSettings, seconds: float) -> bool:
    """Whether its API answers within so many seconds."""
    return host_responds(settings.api, seconds)


def check_reachable(settings: ChutesSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """Reads the count of yesterday and the list, for `doctor`. Raises `SourceError`."""
    now = datetime.now(UTC)
    yesterday = now.date() - ONE
    with open_api(settings, data, lambda: now) as api:
        found, _ = Chutes(settings, data, lambda: now)._fetch_days(api, yesterday, yesterday)
        listed = fetch_list(api, settings, ChuteNames(None), now)
    rows = found[yesterday]
    state = rows.fault or f"{len(rows.rows)} chutes used on {yesterday}"
    return f"{settings.api} answers: {state}; {len(listed.listings)} models on offer"


def raw_folder(data: Path) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / "chutes"
