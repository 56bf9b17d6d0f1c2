"""The list of mechs: every mech that the marketplace ever created, from its first block on.

The rule: a mech never leaves the list, because no event takes one off. The list of the end of a day is known once all
blocks up to there were read; until then there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from bot.chain import ChainReader, Cursor, LogBatch
from bot.chain.abi import AbiDecodeError
from bot.clients.raw_archive import open_raw_archive
from bot.records import EventBatch, Listing, Period, SafeName, Snapshot, SourceRef, each_day
from bot.sources.olas.events import MechCreated, created_events, decode_event
from bot.sources.olas.settings import FACTORIES, OTHER, OlasSettings

CURSOR = "mechs"
ONE = timedelta(days=1)


class Mech(msgspec.Struct, frozen=True):
    """One mech, by the log that created it."""

    address: str
    service: str
    factory: str
    block: int
    at: int
    """Seconds since 1970 UTC."""

    @property
    def listing(self) -> Listing:
        category = SafeName(FACTORIES.get(self.factory, OTHER))
        return Listing(
            SafeName(self.address),
            SafeName(f"service {self.service}", 40),
            datetime.fromtimestamp(self.at, UTC),
            category,
        )


class MechList(msgspec.Struct):
    """What is known of the list; stored as a cursor."""

    older: Cursor
    """How far the blocks before the first reading of deliveries were searched."""
    until: int
    """The last of those blocks."""
    since: date
    """The first day of which deliveries are read; the list of the day before is the first that is needed."""
    mechs: dict[str, Mech] = msgspec.field(default_factory=dict)
    listed: date | None = None
    """The last day whose list was stored; `None`: none yet."""

    @property
    def is_complete(self) -> bool:
        """Whether every block before the first reading of deliveries was searched."""
        return self.older.next_block > self.until

    def add(self, chunk: LogBatch) -> bool:
        """Add the mechs that a range of blocks created; whether there was one. A mech of a block that was removed by a
        re-organisation goes."""
        known = len(self.mechs)
        if chunk.forget_from is not None:
            self.mechs = {name: mech for name, mech in self.mechs.items() if mech.block < chunk.forget_from}
        changed = len(self.mechs) != known
        for log in chunk.logs:
            try:
                event = decode_event(log)
            except AbiDecodeError:
                continue
            if isinstance(event, MechCreated) and event.mech not in self.mechs:
                self.mechs[event.mech] = Mech(event.mech, str(event.service), event.factory, log.block, log.at)
                changed = True
        return changed

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


def stored_list(text: str | None) -> MechList | None:
    return msgspec.json.decode(text, type=MechList) if text else None


def search_older(chain: ChainReader, settings: OlasSettings, mechs: MechList) -> Iterator[EventBatch]:
    """Search the blocks before the first reading of deliveries, as far as one reading may. Raises `SourceError`."""
    if mechs.is_complete:
        return
    for requests, chunk in enumerate(chain.read_logs(created_events(settings.contract), mechs.older, mechs.until), 1):
        mechs.add(chunk)
        mechs.older = chunk.cursor
        left = max(0, mechs.until - chunk.to_block)
        read = f"mechs created up to block {chunk.to_block}: {len(mechs.mechs)}; {left} blocks left"
        yield EventBatch("olas", "mechs", read, cursors={CURSOR: mechs.to_json()})
        if requests == settings.list_requests:
            return


def due_lists(mechs: MechList, complete: datetime, raw: Path, where: str) -> Iterator[Snapshot]:
    """The lists of days that are not stored yet, up to the instant up to which all blocks were read; none before the
    older blocks were searched. Moves `mechs.listed`."""
    first = (mechs.listed or mechs.since - 2 * ONE) + ONE
    for day in each_day(first, complete.date() - ONE) if mechs.is_complete else ():
        yield day_list(mechs.mechs.values(), day, raw, where)
        mechs.listed = day


def day_list(mechs: Iterable[Mech], day: date, raw: Path, where: str) -> Snapshot:
    """The list of the end of a day, with its lines in the raw archive."""
    ends = Period(day, day).ends_at
    listed = sorted((mech for mech in mechs if mech.at < ends.timestamp()), key=lambda mech: (mech.block, mech.address))
    with open_raw_archive(raw) as archive:
        for mech in listed:
            archive.add(msgspec.json.encode(mech))
    ref = SourceRef(f"{where}/mechs", ends, archive.sha256)
    return Snapshot("olas", "mechs", ends, ref, tuple(mech.listing for mech in listed), closes=day)
