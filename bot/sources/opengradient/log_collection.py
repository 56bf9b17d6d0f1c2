"""OpenGradient's logs as hauls: each range of blocks with its records, its window of completeness and its cursor.

The last days are read again once a day, since a node may have lagged; what is known already is kept once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.chain import ChainReader, Cursor, Filter, Log, LogBatch
from bot.clients.raw_archive import open_raw_archive
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
from bot.sources.opengradient.log_decoding import DecodedLogs, at_utc

LATE = 3
"""Days before today that are read again: nodes lag, proofs come late."""
RESUMED = timedelta(days=30)
"""A record that ends longer ago is not read up to today: that could take hours; `collect --since` does it."""
MOST = 500
"""Settlements kept in one transaction."""
ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadRange:
    """What to read of a chain."""

    start: Cursor
    begins: datetime
    """The instant that `start` stands for."""
    until: int | None = None
    """The block to end with; `None`: the newest final one."""
    message: str = ""
    """One line for whoever waits; empty where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class LogCollector:
    """One way of reading one chain for one catalogue."""

    name: str
    """Of its cursor."""
    catalogue: str
    chain: ChainReader
    wanted: Filter
    decode: Callable[[LogBatch], DecodedLogs]
    lake: Path = field(repr=False)
    began: date
    """The earliest day worth reading where nobody says from which on."""

    @property
    def chain_label(self) -> str:
        return f"chain {self.chain.pin.chain_id}"

    def event_batches(self, wanted: Period | None, memory: SourceStateReader, today: date) -> Iterator[EventBatch]:
        """What is new, range by range; with `wanted`, what of its days was not read. Raises `SourceError`; what was
        yielded before stays good."""
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
                # What is read anew knows nothing of what was read before: first the gone blocks' records have to go.
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
        """From when on nothing counts as read once all from a block on is forgotten: the last block that stays."""
        before = self.chain.block_headers([block - 1])[0] if block else None
        return min(begins, at_utc(before.at)) if before else begins

    def _next_range(self, cursor: Cursor | None, memory: SourceStateReader, today: date, reread: bool) -> ReadRange:
        """Where to go on."""
        covered = memory.covered_windows(self.catalogue)
        last = covered[-1].ends if covered else None
        late = start_of_day(today - LATE * ONE)
        if cursor and last and (last < late or not reread) and last > start_of_day(today) - RESUMED:
            return ReadRange(cursor, last)
        told = ""
        if last and last <= start_of_day(today) - RESUMED:
            missing = f"what is missing since {short_date(last.date())} takes --since"
            told = f"{self.chain_label} from {short_date(late.date())} on; {missing}"
        return self._range_from(late, cursor, None, told)

    def _missing_ranges(
        self, wanted: Period, cursor: Cursor | None, memory: SourceStateReader, today: date
    ) -> list[ReadRange]:
        """What was asked for and not read yet; where no first day was named, from where the record ends, or the
        chain's begins."""
        covered = memory.covered_windows(self.catalogue)
        ends = start_of_day(min(wanted.last, today) + ONE)
        begins, told = start_of_day(wanted.first), ""
        if wanted.first <= ALWAYS and covered:
            begins = min(covered[-1].ends, ends)
            told = f"{self.chain_label} from {_minute_text(begins)} on, where it stopped"
        elif wanted.first <= ALWAYS:
            begins = start_of_day(self.began)
            why = "the earliest day there is, since no --since says otherwise"
            told = f"{self.chain_label} from {short_date(self.began)} on, {why}"
        spans: list[ReadRange] = []
        for gap in missing_windows(CompleteWindow(begins, ends), covered):
            if gap.begins > begins and not told and not spans:
                told = f"{self.chain_label} from {_minute_text(gap.begins)} on, since what came before is there already"
            spans.append(self._range_from(gap.begins, cursor, self.chain.first_block(_unix_seconds(gap.ends)), told))
            told = ""
        return spans

    def _range_from(self, begins: datetime, cursor: Cursor | None, until: int | None, message: str = "") -> ReadRange:
        first = self.chain.first_block(_unix_seconds(begins))
        if first:
            before, start = self.chain.block_headers([first - 1, first])
            if before is None and start is not None:  # The node has dropped what came before.
                begins = max(begins, at_utc(start.at))
        pin = self.chain.pin
        genesis = cursor.genesis if cursor else pin.genesis
        return ReadRange(Cursor(pin.chain_id, genesis, first), begins, until, message)

    def _split_batches(self, chunk: LogBatch, begins: datetime, cursors: dict[str, str]) -> Iterator[EventBatch]:
        """A range's haul; of many settlements some go ahead of it: a long transaction keeps other writers waiting."""
        found, forget = self.decode(chunk), chunk.forget_from
        while len(found.settlements) > MOST:
            some, rest = found.settlements[:MOST], found.settlements[MOST:]
            blocks = f"blocks {chunk.from_block} to {chunk.to_block}"
            read = f"the first {MOST} settlements of {blocks} of {self.chain_label}"
            window = CompleteWindow(begins, begins)
            yield EventBatch("opengradient", self.catalogue, read, window=window, forget_from=forget, settlements=some)
            found, forget = replace(found, settlements=rest), None
        yield self._range_batch(chunk, found, begins, cursors, forget)

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
                "settlements; check networks.opengradient.relays with: python -m bot doctor"
            )
        unread = Counter(log.at for log in records.unread)
        url = f"evm:{self.chain.pin.chain_id}/blocks/{chunk.from_block}-{chunk.to_block}"
        return EventBatch(
            "opengradient",
            self.catalogue,
            f"{blocks}, {len(chunk.logs)} logs",
            refs=(SourceRef(url, at_utc(chunk.at), archive_logs(self.lake, chunk, self.chain.pin.chain_id)),),
            days=each_day(begins.date(), ends.date()),
            window=CompleteWindow(begins, ends),
            cursors=cursors,
            blocks=BlockRange(chunk.from_block, chunk.to_block, dict(chunk.cursor.recent).get(chunk.to_block, "")),
            forget_from=forget,
            settlements=records.settlements,
            uses=records.uses,
            payments=records.payments,
            gauges=tuple(Gauge("logs_unread", at_utc(at).date(), at_utc(at), n) for at, n in unread.items()),
            alarm="; ".join(filter(None, alarms)),
        )


def missing_windows(whole: CompleteWindow, covered: Sequence[CompleteWindow]) -> Iterator[CompleteWindow]:
    """What of a window is in none of those covered, oldest first."""
    begins = whole.begins
    for one in sorted(covered, key=lambda window: window.begins):
        if begins < min(one.begins, whole.ends):
            yield CompleteWindow(begins, min(one.begins, whole.ends))
        begins = max(begins, one.ends)
    if begins < whole.ends:
        yield CompleteWindow(begins, whole.ends)


def archive_logs(lake: Path, chunk: LogBatch, chain_id: int) -> str:
    """Keep a range's logs in the lake; the SHA-256 of what was kept."""
    with open_raw_archive(lake) as raw:
        about = {"chain": chain_id, "from": chunk.from_block, "to": chunk.to_block, "sha256": chunk.sha256}
        raw.add(json.dumps(about).encode())
        for log in chunk.logs:
            raw.add(json.dumps(_log_document(log)).encode())
    return raw.sha256


def _log_document(log: Log) -> dict[str, object]:
    return {
        "block": log.block,
        "index": log.index,
        "tx": log.tx,
        "address": log.address,
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "block_hash": log.block_hash,
        "at": log.at,
    }


def _unix_seconds(at: datetime) -> int:
    return int(at.timestamp())


def _minute_text(at: datetime) -> str:
    return f"{short_date(at.date())} {at:%H:%M} UTC"
