"""OpenGradient's logs as event batches: each range of blocks with its records, its complete window and its cursor.

The last days are read again once a day, since a node may have lagged; known records are kept once.

Who else emits its settlement events is scanned by topic alone, each day since the first scan once, also the days on
which nobody collected. What that finds is shown and alarmed, and never added to a figure; a day that was not scanned
has no gauge, and its digest says so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.chain import ChainReader, Cursor, Filter, LogBatch, archive_logs
from bot.records import (
    BlockRange,
    CompleteWindow,
    EventBatch,
    Gauge,
    Period,
    SourceRef,
    each_day,
    short_date,
    start_of_day,
)
from bot.sources import ALWAYS, SourceStateReader
from bot.sources.opengradient.log_decoding import SETTLES, DecodedLogs, at_utc

LATE = 3
"""Days before today that are read again, because nodes lag and proofs come late."""
RESUMED = timedelta(days=30)
"""If a record ended longer ago, it is not read up to today, which could take hours; `collect --since` does that."""
MOST = 500
"""Settlements stored in one transaction."""
ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadRange:
    """A range of a chain to read."""

    start: Cursor
    begins: datetime
    """The instant of `start`."""
    until: int | None = None
    """The last block; `None`: the newest final one."""
    message: str = ""
    """One progress line for the operator; empty if there is none."""


@dataclass(frozen=True, slots=True)
class LogCollector:
    """One way to read one chain for one catalogue."""

    name: str
    """The name of its cursor."""
    catalogue: str
    chain: ChainReader
    wanted: Filter
    decode: Callable[[LogBatch], DecodedLogs]
    lake: Path = field(repr=False)
    began: date
    """The earliest day to read if no other is set."""

    @property
    def chain_label(self) -> str:
        return f"chain {self.chain.pin.chain_id}"

    def event_batches(self, wanted: Period | None, memory: SourceStateReader, today: date) -> Iterator[EventBatch]:
        """New logs, range by range; with `wanted`, also those of its unread days. Raises `SourceError`; batches that
        were yielded before stay valid."""
        kept = memory.cursor(self.name)
        cursor = Cursor.from_json(kept) if kept else None
        again = memory.cursor(f"{self.name}:again") != today.isoformat()
        if wanted:
            spans = self._missing_ranges(wanted, cursor, memory, today)
        else:
            spans = [self._next_range(cursor, memory, today, again)]
        if not spans:
            ends = memory.covered_windows(self.catalogue)[-1].ends
            read = f"nothing new: {self.chain_label} was read to {_minute_text(ends)} already"
            yield EventBatch("opengradient", self.catalogue, read)
        for span in spans:
            if span.message:
                yield EventBatch("opengradient", self.catalogue, span.message)
            if cursor and span.start is not cursor and self.chain.is_forked(cursor):
                # A new read does not know what an earlier one stored, so first delete the records of removed blocks.
                covered = memory.covered_windows(self.catalogue)
                yield from self._read_range(ReadRange(cursor, covered[-1].ends if covered else span.begins), cursor)
                cursor = Cursor.from_json(memory.cursor(self.name) or cursor.json_text)
            yield from self._read_range(span, cursor)
        if wanted is None and again:
            marks = {f"{self.name}:again": today.isoformat()}
            yield EventBatch("opengradient", self.catalogue, f"{self.chain_label} again", cursors=marks)

    def _read_range(self, span: ReadRange, cursor: Cursor | None) -> Iterator[EventBatch]:
        begins = span.begins
        for chunk in self.chain.read_logs(self.wanted, span.start, span.until):
            if chunk.forget_from is not None:
                begins = self._begin_after_fork(chunk.forget_from, begins)
            moves = cursor is None or chunk.cursor.next_block > cursor.next_block or chunk.forget_from is not None
            yield from self._split_batches(chunk, begins, {self.name: chunk.cursor.json_text} if moves else {})
            begins = max(begins, at_utc(chunk.at))

    def _begin_after_fork(self, block: int, begins: datetime) -> datetime:
        """The instant from which nothing counts as read after a fork: the last block that stays."""
        before = self.chain.block_headers([block - 1])[0] if block else None
        return min(begins, at_utc(before.at)) if before else begins

    def _next_range(self, cursor: Cursor | None, memory: SourceStateReader, today: date, reread: bool) -> ReadRange:
        covered = memory.covered_windows(self.catalogue)
        last = covered[-1].ends if covered else None
        late = start_of_day(today - LATE * ONE)
        if cursor and last and (last < late or not reread) and last > start_of_day(today) - RESUMED:
            return ReadRange(cursor, last)
        text = ""
        if last and last <= start_of_day(today) - RESUMED:
            missing = f"what is missing since {short_date(last.date())} takes --since"
            text = f"{self.chain_label} from {short_date(late.date())} on; {missing}"
        return self._range_from(late, cursor, None, text)

    def _missing_ranges(
        self, wanted: Period, cursor: Cursor | None, memory: SourceStateReader, today: date
    ) -> list[ReadRange]:
        """The requested ranges that were not read; without a first day, from the end of the record, or from the
        chain's start."""
        covered = memory.covered_windows(self.catalogue)
        ends = start_of_day(min(wanted.last, today) + ONE)
        begins, text = start_of_day(wanted.first), ""
        if wanted.first <= ALWAYS and covered:
            begins = min(covered[-1].ends, ends)
            text = f"{self.chain_label} from {_minute_text(begins)} on, where it stopped"
        elif wanted.first <= ALWAYS:
            begins = start_of_day(self.began)
            why = "the earliest day there is, since no --since says otherwise"
            text = f"{self.chain_label} from {short_date(self.began)} on, {why}"
        spans: list[ReadRange] = []
        for gap in missing_windows(CompleteWindow(begins, ends), covered):
            if gap.begins > begins and not text and not spans:
                text = f"{self.chain_label} from {_minute_text(gap.begins)} on, since what came before is there already"
            spans.append(self._range_from(gap.begins, cursor, self.chain.first_block(_unix_seconds(gap.ends)), text))
            text = ""
        return spans

    def _range_from(self, begins: datetime, cursor: Cursor | None, until: int | None, message: str = "") -> ReadRange:
        first = self.chain.first_block(_unix_seconds(begins))
        if first:
            before, start = self.chain.block_headers([first - 1, first])
            if before is None and start is not None:  # The node has dropped earlier blocks.
                begins = max(begins, at_utc(start.at))
        pin = self.chain.pin
        genesis = cursor.genesis if cursor else pin.genesis
        return ReadRange(Cursor(pin.chain_id, genesis, first), begins, until, message)

    def _split_batches(self, chunk: LogBatch, begins: datetime, cursors: dict[str, str]) -> Iterator[EventBatch]:
        """A range's batches; many settlements are split off first, because a long transaction blocks other writers."""
        text, forget = self.decode(chunk), chunk.forget_from
        while len(text.settlements) > MOST:
            some, rest = text.settlements[:MOST], text.settlements[MOST:]
            blocks = f"blocks {chunk.from_block} to {chunk.to_block}"
            read = f"the first {MOST} settlements of {blocks} of {self.chain_label}"
            window = CompleteWindow(begins, begins)
            yield EventBatch("opengradient", self.catalogue, read, window=window, forget_from=forget, settlements=some)
            text, forget = replace(text, settlements=rest), None
        yield self._range_batch(chunk, text, begins, cursors, forget)

    def _range_batch(
        self, chunk: LogBatch, records: DecodedLogs, begins: datetime, cursors: dict[str, str], forget: int | None
    ) -> EventBatch:
        ends = max(begins, at_utc(chunk.at))
        blocks = f"blocks {chunk.from_block} to {chunk.to_block} of {self.chain_label}"
        alarms = [records.alarm]
        if records.refused:
            alarms.append(f"{records.refused} logs in {blocks} are none that a compiler writes; left out")
        if records.unread:
            emitters = ", ".join(sorted({log.address for log in records.unread}))
            alarms.append(
                f"{len(records.unread)} logs of {emitters} in {blocks} are of no event that is known and may be "
                "uses; check networks.opengradient.relays and precompile with: python -m bot doctor"
            )
        kept = chunk if records.archived is None else replace(chunk, logs=records.archived)
        url = f"evm:{self.chain.pin.chain_id}/blocks/{chunk.from_block}-{chunk.to_block}"
        return EventBatch(
            "opengradient",
            self.catalogue,
            f"{blocks}, {len(chunk.logs)} logs",
            refs=(SourceRef(url, at_utc(chunk.at), archive_logs(self.lake, kept, self.chain.pin.chain_id)),),
            days=each_day(begins.date(), ends.date()),
            window=CompleteWindow(begins, ends),
            cursors=cursors,
            blocks=BlockRange(chunk.from_block, chunk.to_block, dict(chunk.cursor.recent).get(chunk.to_block, "")),
            forget_from=forget,
            settlements=records.settlements,
            uses=records.uses,
            payments=records.payments,
            gauges=records.block_gauges(),
            alarm="; ".join(filter(None, alarms)),
        )


def missing_windows(whole: CompleteWindow, covered: Sequence[CompleteWindow]) -> Iterator[CompleteWindow]:
    """The parts of a window that no covered window contains, oldest first."""
    begins = whole.begins
    for complete_window in sorted(covered, key=lambda window: window.begins):
        if begins < min(complete_window.begins, whole.ends):
            yield CompleteWindow(begins, min(complete_window.begins, whole.ends))
        begins = max(begins, complete_window.ends)
    if begins < whole.ends:
        yield CompleteWindow(begins, whole.ends)


def _unix_seconds(at: datetime) -> int:
    return int(at.timestamp())


def _minute_text(at: datetime) -> str:
    return f"{short_date(at.date())} {at:%H:%M} UTC"


EMITTERS = 50
"""Unrecognised emitters kept of a day, at most; the sender of logs chooses how many there are."""
BACK = 30
"""Days before today that are scanned unasked; older ones take `collect --since`."""
CURSOR = "emitters"


def emitter_batches(
    chain: ChainReader, relays: Sequence[str], memory: SourceStateReader, now: datetime, wanted: Period | None
) -> Iterator[EventBatch]:
    """The days not scanned yet, those `wanted` among them, oldest first. Raises `SourceError`; what was yielded before
    stays good."""
    kept = memory.cursor(CURSOR)
    scanned = {date.fromisoformat(day) for day in json.loads(kept)} if kept else set()
    for day in _due_days(scanned, now.date(), wanted):
        scanned.add(day)
        yield _scan_day(chain, relays, day, now, json.dumps([day.isoformat() for day in sorted(scanned)]))


def _due_days(scanned: set[date], today: date, wanted: Period | None) -> list[date]:
    oldest, yesterday = today - BACK * ONE, today - ONE
    due = set(each_day(max(oldest, min(scanned, default=today - LATE * ONE)), yesterday))
    if wanted is not None:
        due |= set(each_day(wanted.first if wanted.first > ALWAYS else oldest, min(wanted.last, yesterday)))
    return sorted(due - scanned)


def _scan_day(chain: ChainReader, relays: Sequence[str], day: date, now: datetime, cursor: str) -> EventBatch:
    first, after = (chain.first_block(int(start_of_day(day).timestamp())) for day in (day, day + ONE))
    counts: Counter[str] = Counter()
    wanted = Filter(topics=SETTLES)
    digests = []
    if after > first:
        for chunk in chain.read_logs(wanted, Cursor(chain.pin.chain_id, chain.pin.genesis, first), after - 1):
            digests.append(chunk.sha256)
            counts.update(log.address for log in chunk.logs if log.address not in relays)
            if len(counts) > 100 * EMITTERS:
                counts = Counter(dict(counts.most_common(EMITTERS)))
    most = dict(counts.most_common(EMITTERS))
    named = ", ".join(sorted(most)[:3])
    return EventBatch(
        "opengradient",
        "llm",
        f"the emitters of {short_date(day)} on chain {chain.pin.chain_id}",
        days=(day,),
        cursors={CURSOR: cursor},
        strangers=most,
        gauges=(Gauge("strangers_seen", day, now, sum(counts.values())),),
        alarm=f"{sum(counts.values())} settlement events of unrecognised emitters on {day}: {named}" if most else "",
    )
