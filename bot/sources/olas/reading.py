"""Reads the marketplace's logs from a checkpoint to the newest final block, and settles them against its counters.

The rule: a stretch counts as read only when its logs agree with what the contract counted. Until then its deliveries
are stored and its days are unknown; if the two differ, the stretch is read again next time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from bot.chain import ChainReader, Cursor, LogBatch, archive_logs
from bot.chain.abi import AbiDecodeError
from bot.records import (
    BlockRange,
    CompleteWindow,
    EventBatch,
    Gauge,
    SafeName,
    Snapshot,
    SourceError,
    SourceRef,
    Use,
    each_day,
    start_of_day,
)
from bot.sources.olas import mech_list
from bot.sources.olas.counters import Counters, LogSums, add_event, find_difference, read_counters
from bot.sources.olas.events import MechDelivery, Requested, Upgraded, all_events, decode_event
from bot.sources.olas.mech_list import MechList, due_lists
from bot.sources.olas.settings import OlasSettings

CURSOR = "deliveries"
ONE = timedelta(days=1)
ROUNDS = 4
"""How often the newest final block is looked up again, because the contract's counters can only be read there."""
NEAR = 64
"""Blocks behind it that a node without an archive still has the state of."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A block up to which the logs agree with the counters."""

    cursor: Cursor
    at: datetime
    """The instant up to which everything is read."""
    counters: Counters | None = None
    """The counters there; `None` where the record begins."""


class Demand(msgspec.Struct):
    """Requests made on chain, by day."""

    since: datetime
    """They are complete from here on."""
    days: dict[date, int] = msgspec.field(default_factory=dict)


class Progress(msgspec.Struct):
    """How far the logs were read; stored as a cursor."""

    checkpoint: Checkpoint
    settled: Demand
    """As of the checkpoint."""
    cursor: Cursor
    at: datetime
    """The instant of the last block read."""
    sums: LogSums
    demand: Demand

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


def begin_at(checkpoint: Checkpoint, demand: Demand) -> Progress:
    """Nothing read yet after a checkpoint."""
    days = Demand(demand.since, dict(demand.days))
    return Progress(checkpoint, demand, checkpoint.cursor, checkpoint.at, LogSums(), days)


def stored_progress(text: str | None) -> Progress | None:
    return msgspec.json.decode(text, type=Progress) if text else None


@dataclass(frozen=True, slots=True)
class DecodedRange:
    """The events of a range of blocks."""

    uses: tuple[Use, ...]
    requests: Counter[date]
    """Made on chain, by day."""
    upgrades: tuple[tuple[datetime, str], ...]
    """When the contract got other code, and which."""
    refused: int
    """Logs that no compiler would write."""


def decode_range(chunk: LogBatch, mechs: MechList, sums: LogSums) -> DecodedRange:
    """Decode a range of blocks and add it to the sums. Deliveries of a mech that the list does not hold yet keep its
    address, so that they can be named later."""
    uses: list[Use] = []
    requests: Counter[date] = Counter()
    upgrades: list[tuple[datetime, str]] = []
    refused = 0
    for log in chunk.logs:
        try:
            event = decode_event(log)
        except AbiDecodeError:
            refused += 1
            continue
        add_event(sums, event)
        at = at_utc(log.at)
        if isinstance(event, MechDelivery):
            uses += _uses(event, f"{log.tx}:{log.index}", log.block, at, mechs)
        elif isinstance(event, Requested):
            requests[at.date()] += event.count
        elif isinstance(event, Upgraded):
            upgrades.append((at, event.implementation))
    return DecodedRange(tuple(uses), requests, tuple(upgrades), refused)


def _uses(event: MechDelivery, place: str, block: int, at: datetime, mechs: MechList) -> Iterator[Use]:
    known = mechs.is_complete and event.mech in mechs.mechs
    model, content = (SafeName(event.mech), "") if known else (None, event.mech)
    requesters = sorted(event.requesters.items()) or [("", event.count)]
    for number, (caller, count) in enumerate(requesters if event.count else ()):
        where = f"{place}:{number}" if len(requesters) > 1 else place
        yield Use(where, block, at, count, model, caller, content)


@dataclass(slots=True)
class DeliveryReading:
    """One reading of the logs up to the newest final block."""

    settings: OlasSettings
    chain: ChainReader
    raw: Path = field(repr=False)
    progress: Progress
    mechs: MechList

    @property
    def settled_until(self) -> datetime:
        """The instant up to which the logs agree with the counters."""
        return self.progress.checkpoint.at

    @property
    def where(self) -> str:
        """The marketplace as refs name it."""
        return where(self.chain.pin.chain_id, self.settings.contract)

    def batches(self) -> Iterator[Snapshot | EventBatch]:
        """The new logs range by range, then what settles them. Raises `SourceError`."""
        for _ in range(ROUNDS):
            before = self.progress.cursor.next_block
            yield from self._read_ranges()
            if self.progress.cursor.next_block - before < NEAR:
                break
        if self.progress.cursor.next_block > self.progress.checkpoint.cursor.next_block:
            yield from self._settle()

    def _read_ranges(self) -> Iterator[EventBatch]:
        for chunk in self.chain.read_logs(all_events(self.settings.contract), self.progress.cursor):
            restarts = chunk.forget_from is not None and self._rewind(chunk.forget_from)
            listed = self.mechs.add(chunk)
            if restarts:
                yield self._batch(
                    chunk, DecodedRange((), Counter(), (), 0), listed, "read again from the checkpoint on"
                )
                yield from self._read_ranges()
                return
            decoded = decode_range(chunk, self.mechs, self.progress.sums)
            for day, count in decoded.requests.items():
                self.progress.demand.days[day] = self.progress.demand.days.get(day, 0) + count
            self.progress.cursor, self.progress.at = chunk.cursor, max(self.progress.at, at_utc(chunk.at))
            yield self._batch(chunk, decoded, listed)

    def _rewind(self, block: int) -> bool:
        """Go back after a re-organisation from a block on. True if the logs since the checkpoint are to be read again;
        otherwise a new record begins at that block."""
        checkpoint, demand = self.progress.checkpoint, self.progress.settled
        if checkpoint.cursor.next_block <= block:
            self.progress = begin_at(checkpoint, demand)
            return True
        before = self.chain.block_headers([block - 1])[0] if block else None
        at = min(checkpoint.at, at_utc(before.at)) if before else checkpoint.at
        pin = self.chain.pin
        self.progress = begin_at(Checkpoint(Cursor(pin.chain_id, pin.genesis, block), at), Demand(at))
        return False

    def _batch(self, chunk: LogBatch, decoded: DecodedRange, listed: bool, why: str = "") -> EventBatch:
        """A range's deliveries. Without a window: they are not settled yet."""
        cursors = {CURSOR: self.progress.to_json()}
        if listed:
            cursors[mech_list.CURSOR] = self.mechs.to_json()
        at = self.progress.checkpoint.at
        window = None if chunk.forget_from is None else CompleteWindow(at, at)
        return range_batch(chunk, decoded, self.raw, self.chain.pin.chain_id, window, cursors, why)

    def _settle(self) -> Iterator[Snapshot | EventBatch]:
        """Compare with the counters; only then the stretch counts as read."""
        progress, checkpoint = self.progress, self.progress.checkpoint
        last = progress.cursor.next_block - 1
        counted = {*progress.sums.deliveries, *progress.sums.created}
        counted |= checkpoint.counters.deliveries.keys() if checkpoint.counters else set()
        after = read_counters(self.chain, self.settings.contract, counted, last)
        before = checkpoint.counters or older_counters(self.settings, counted, checkpoint.cursor.next_block - 1)
        stretch = f"blocks {checkpoint.cursor.next_block} to {last} of chain {self.chain.pin.chain_id}"
        if difference := find_difference(progress.sums, before, after):
            days = each_day(checkpoint.at.date(), progress.at.date())
            again = {CURSOR: begin_at(checkpoint, progress.settled).to_json()}
            alarm = f"{stretch}: {difference}; they stay unknown and are read again next time"
            unread = dict.fromkeys(days, difference)
            yield EventBatch(
                "olas", "mechs", f"{stretch}, which do not agree", cursors=again, unread=unread, alarm=alarm
            )
            raise SourceError(alarm)
        yield from due_lists(self.mechs, progress.at, self.raw, self.where)
        gauges = tuple(_whole_days(progress.demand, progress.at))
        if gauges:
            yield EventBatch("olas", "demand", f"requests of {len(gauges)} days", gauges=gauges)
        running = {day: n for day, n in progress.demand.days.items() if day >= progress.at.date()}
        settled = Demand(max(progress.demand.since, start_of_day(progress.at.date())), running)
        self.progress = begin_at(Checkpoint(progress.cursor, progress.at, after), settled)
        yield EventBatch(
            *("olas", "mechs", f"{stretch}, which agree with the contract's counters"),
            window=CompleteWindow(checkpoint.at, progress.at),
            cursors={CURSOR: self.progress.to_json(), mech_list.CURSOR: self.mechs.to_json()},
            evidence="verified",
        )


def range_batch(
    chunk: LogBatch,
    decoded: DecodedRange,
    raw: Path,
    chain_id: int,
    window: CompleteWindow | None,
    cursors: dict[str, str],
    why: str = "",
) -> EventBatch:
    """The batch of a range of blocks, with its logs in the raw archive."""
    blocks = f"blocks {chunk.from_block} to {chunk.to_block} of chain {chain_id}"
    alarms = [
        f"the marketplace got other code, {code}, at {at:%Y-%m-%d %H:%M} UTC; check that its events are the same"
        for at, code in decoded.upgrades
    ]
    if decoded.refused:
        alarms.append(f"{decoded.refused} logs in {blocks} are none that a compiler writes; left out")
    ref = SourceRef(f"evm:{chain_id}/blocks/{chunk.from_block}-{chunk.to_block}", at_utc(chunk.at))
    days = sorted({use.at.date() for use in decoded.uses} | {at.date() for at, _ in decoded.upgrades})
    return EventBatch(
        *("olas", "mechs", f"{blocks}, {len(chunk.logs)} logs{f'; {why}' if why else ''}"),
        refs=(SourceRef(ref.url, ref.at, archive_logs(raw, chunk, chain_id)),) if days else (),
        days=tuple(days),
        window=window,
        cursors=cursors,
        blocks=BlockRange(chunk.from_block, chunk.to_block, dict(chunk.cursor.recent).get(chunk.to_block, "")),
        forget_from=chunk.forget_from,
        uses=decoded.uses,
        gauges=tuple(Gauge("contract_upgrades", at.date(), at, 1) for at, _ in decoded.upgrades),
        evidence="verified",
        alarm="; ".join(alarms),
    )


def older_counters(settings: OlasSettings, mechs: set[str], block: int) -> Counters | None:
    """The counters as of an old block, where a node has an archive; asked once."""
    if block < 0:
        return None
    try:
        with settings.open_chain(tries=1) as chain:
            return read_counters(chain, settings.contract, mechs, block)
    except SourceError:
        return None


def _whole_days(demand: Demand, complete: datetime) -> Iterator[Gauge]:
    """The requests of each day that was read whole and is over."""
    since = demand.since.date() if demand.since == start_of_day(demand.since.date()) else demand.since.date() + ONE
    for day in each_day(since, complete.date() - ONE):
        yield Gauge("requests_made", day, complete, demand.days.get(day, 0))


def where(chain_id: int, contract: str) -> str:
    """The marketplace as refs name it."""
    return f"evm:{chain_id}/{contract}"


def at_utc(seconds: int) -> datetime:
    """A block's time as a UTC instant."""
    return datetime.fromtimestamp(seconds, UTC)
