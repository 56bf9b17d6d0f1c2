"""Olas as an event source: the list of mechs, then what was delivered since, then older days that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.chain import ChainReader, Cursor, QuorumUnreachableError
from bot.clients.daily_reading import read_parts
from bot.clients.raw_archive import archived_checksum
from bot.records import EventBatch, Period, SafeName, Snapshot, SourceError, each_day, start_of_day
from bot.sources import SourceStateReader
from bot.sources.olas import mech_list, reading
from bot.sources.olas.counters import read_counters
from bot.sources.olas.mech_list import MechList, due_lists, search_older, stored_list
from bot.sources.olas.older_days import OlderDays
from bot.sources.olas.reading import Checkpoint, DeliveryReading, Demand, Progress, at_utc, begin_at, stored_progress
from bot.sources.olas.settings import OlasSettings

ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Olas:
    """The network's source."""

    settings: OlasSettings
    data: Path
    clock: Callable[[], datetime]

    @property
    def settles_for(self) -> timedelta:
        """No time: only final blocks are read, and a day counts once it agrees with the contract's counters."""
        return timedelta()

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """Read every part in turn. Raises `SourceError` at the end."""
        require_answer(self.settings)
        progress = stored_progress(memory.cursor(reading.CURSOR))
        with self.settings.open_chain(progress.cursor.genesis if progress else None) as chain:
            started = progress is not None
            progress = progress or self._begin(chain, wanted)
            mechs = stored_list(memory.cursor(mech_list.CURSOR)) or self._begin_list(progress)
            forward = DeliveryReading(self.settings, chain, raw_folder(self.data), progress, mechs)
            parts = [self._read_list(forward, started), forward.batches()]
            if wanted is not None:
                older = OlderDays(self.settings, chain, raw_folder(self.data), mechs)
                parts.append(older.batches(wanted, memory.covered_windows("mechs"), lambda: forward.settled_until))
            yield from read_parts(parts)

    def _begin(self, chain: ChainReader, wanted: Period | None) -> Progress:
        """Where a first reading begins: `backfill` days ago, or with the first wanted day if that is later."""
        day = self.clock().date() - timedelta(days=self.settings.backfill)
        at = start_of_day(max(day, wanted.first) if wanted else day)
        first = chain.first_block(int(at.timestamp()), self.settings.first_block)
        before, start = chain.block_headers([max(0, first - 1), first])
        if start is not None and (before is None or first <= self.settings.first_block):
            # The marketplace began then, or the nodes have dropped what came before.
            at = max(at, at_utc(start.at))
        return begin_at(Checkpoint(Cursor(chain.pin.chain_id, chain.pin.genesis, first), at), Demand(at))

    def _begin_list(self, progress: Progress) -> MechList:
        start = progress.checkpoint.cursor
        older = Cursor(start.chain_id, start.genesis, self.settings.first_block)
        return MechList(older, start.next_block - 1, progress.checkpoint.at.date())

    def _read_list(self, forward: DeliveryReading, started: bool) -> Iterator[Snapshot | EventBatch]:
        """The mechs that were created before; once all are known, the lists of the days read so far, and the names of
        the deliveries that were stored without."""
        mechs, progress = forward.mechs, forward.progress
        with self.settings.open_chain(progress.cursor.genesis, window=self.settings.list_window) as wide:
            yield from search_older(wide, self.settings, mechs)
        if not mechs.is_complete or mechs.listed is not None:
            return
        yield from due_lists(mechs, progress.checkpoint.at, forward.raw, forward.where)
        owners = {name: SafeName(name) for name in mechs.mechs} if started else {}
        days = each_day(mechs.since, progress.at.date()) if started else ()
        cursors = {mech_list.CURSOR: mechs.to_json()}
        yield EventBatch(
            "olas", "mechs", f"a list of {len(mechs.mechs)} mechs", days=days, owners=owners, cursors=cursors
        )


def require_answer(settings: OlasSettings) -> None:
    """Raise a `SourceError` of one line if too few addresses answer within `silence` seconds."""
    try:
        with settings.open_chain(budget=settings.silence) as chain:
            chain.final_head()
    except QuorumUnreachableError as error:
        lines = "; ".join(str(error).splitlines()[:-1])
        raise SourceError(
            f"{lines}; the mechs of Olas stay unknown until an address of networks.olas.api answers"
        ) from error


def make_source(
    settings: OlasSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Olas:
    """The network, ready to be read."""
    return Olas(settings, data, clock)


def ref_checksum(settings: OlasSettings, data: Path, url: str, sha256: str, day: date | None = None) -> str | None:
    """The SHA-256 of this machine's copy of a range of logs or of a list."""
    return archived_checksum(raw_folder(data), sha256, day)


def check_reachable(settings: OlasSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """Reads the newest final block and the marketplace's counters there, for `doctor`. Raises `SourceError`."""
    require_answer(settings)
    with settings.open_chain() as chain:
        head = chain.final_head()
        if not chain.contract_code(settings.contract, head.number):
            raise SourceError(f"{settings.contract}: no contract there; correct networks.olas.marketplace")
        counters = read_counters(chain, settings.contract, (), head.number)
    counted = f"{counters.requests} requests, {counters.delivered} delivered"
    return f"final block {head.number} of {at_utc(head.at):%Y-%m-%d %H:%M} UTC; the contract counts {counted}"


def raw_folder(data: Path) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / "olas"
