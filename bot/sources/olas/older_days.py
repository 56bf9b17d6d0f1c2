"""Days before the record of deliveries, or those to be read again, day by day.

The rule: where a node still has the state of both ends of a day, the day must agree with the contract's counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.chain import ChainReader
from bot.clients.daily_reading import is_read
from bot.records import (
    CompleteWindow,
    EventBatch,
    Gauge,
    Period,
    Snapshot,
    SourceError,
    each_day,
    short_date,
    start_of_day,
)
from bot.records.messages import Message
from bot.sources import ALWAYS
from bot.sources.olas import mech_list
from bot.sources.olas.counters import LogSums, find_difference
from bot.sources.olas.events import all_events
from bot.sources.olas.mech_list import MechList, day_list
from bot.sources.olas.reading import at_utc, decode_range, older_counters, range_batch, where
from bot.sources.olas.settings import OlasSettings

ONE = timedelta(days=1)


@dataclass(slots=True)
class OlderDays:
    """Reads whole days of the past; the cursor of the record does not move."""

    settings: OlasSettings
    chain: ChainReader
    raw: Path = field(repr=False)
    mechs: MechList
    archive: bool = True
    """False once a node did not have the state of an old block."""

    def batches(
        self, wanted: Period, covered: Sequence[CompleteWindow], settled_until: Callable[[], datetime]
    ) -> Iterator[Snapshot | EventBatch]:
        """The wanted days that were not read, up to where the record is settled. Raises `SourceError` at the end."""
        if wanted.first <= ALWAYS:
            return  # no first day was given: the record goes on where it ended
        (began,) = self.chain.block_headers([self.settings.first_block])
        first = at_utc(began.at).date() + ONE if began else wanted.first
        wrong: list[str] = []
        for day in each_day(max(wanted.first, first), min(wanted.last, settled_until().date() - ONE)):
            if not is_read(covered, day):
                try:
                    yield from self._read_day(day)
                except SourceError as error:
                    wrong.append(str(error))
        if wrong:
            raise SourceError("\n".join(wrong))

    def _read_day(self, day: date) -> Iterator[Snapshot | EventBatch]:
        begins, ends = start_of_day(day), start_of_day(day + ONE)
        first, after = (self.chain.first_block(int(at.timestamp()), self.settings.first_block) for at in (begins, ends))
        before = self.chain.block_headers([max(0, first - 1)])[0]
        if before is None:
            raise SourceError(
                f"olas: {short_date(day)}: the nodes have dropped its blocks; set networks.olas.api to others"
            )
        sums, requests = LogSums(), Counter[date]()
        wanted, chain_id = all_events(self.settings.contract), self.chain.pin.chain_id
        for chunk in self.chain.read_logs(wanted, first, after - 1) if after > first else ():
            decoded = decode_range(chunk, self.mechs, sums)
            requests += decoded.requests
            window = None if chunk.forget_from is None else CompleteWindow(begins, begins)
            yield range_batch(chunk, decoded, self.raw, chain_id, window, {})
        if difference := self._difference(sums, first, after):
            alarm = f"{short_date(day)}: {difference}; it stays unknown"
            yield EventBatch("olas", "mechs", f"{short_date(day)} again", unread={day: difference}, alarm=alarm)
            raise SourceError(f"olas: {alarm}")
        if self.mechs.is_complete:
            place = where(chain_id, self.settings.contract)
            yield from (day_list(self.mechs.mechs.values(), each, self.raw, place) for each in (day - ONE, day))
        self.mechs.since = min(self.mechs.since, day)
        yield EventBatch("olas", "demand", "its requests", gauges=(Gauge("requests_made", day, ends, requests[day]),))
        cursors = {mech_list.CURSOR: self.mechs.to_json()}
        window = CompleteWindow(begins, ends)
        yield EventBatch("olas", "mechs", short_date(day), window=window, cursors=cursors, evidence="verified")

    def _difference(self, sums: LogSums, first: int, after: int) -> Message | None:
        mechs = {*sums.deliveries, *sums.created}
        at_start = older_counters(self.settings, mechs, first - 1) if self.archive else None
        at_end = older_counters(self.settings, mechs, after - 1) if at_start else None
        self.archive = at_end is not None
        return find_difference(sums, at_start, at_end) if at_end else None
