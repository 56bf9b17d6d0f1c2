"""Day repair: reads a damaged day of the lake again, over several event batches.

The rule: the damaged day stays in place until the new one is complete. Until then, the new part is in the lake as a
separate day that a row beside the cursors names, and nothing counts it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bot import lake
from bot.lake import DayRef, DayUpdate
from bot.ledger.catalogue_query import ONE
from bot.ledger.snapshots.write import insert_new
from bot.records import CompleteWindow, start_of_day
from bot.store import Store, cursors

NAME = "lake mending"
"""Under which a row is kept among the cursors of a network: this, the catalogue and the day."""


@dataclass(frozen=True, slots=True)
class DayRepair:
    """A day, as far as it was read again."""

    day: DayRef
    read: tuple[CompleteWindow, ...] = ()
    """The stretches that were read, oldest first; no two touch each other."""
    before: str = ""
    """The row as it was; empty if there was none."""

    @property
    def is_complete(self) -> bool:
        return self.read == (CompleteWindow(start_of_day(self.day.day), start_of_day(self.day.day + ONE)),)

    @property
    def cursor_text(self) -> str:
        """The new row; empty if the day is complete, because the new day then replaces the old one."""
        if self.is_complete or not self.day.manifest:
            return ""
        read = [[complete_window.begins.isoformat(), complete_window.ends.isoformat()] for complete_window in self.read]
        return json.dumps({"manifest": self.day.manifest, "read": read})

    def with_update(self, update: DayUpdate, windows: Iterable[CompleteWindow]) -> DayRepair:
        """Add an event batch and the stretches that are now complete. After a reorganisation of the chain, start again.
        Raises `LakeError`."""
        begun = self if update.forget_from is None else self.without_reads
        day_ref, _ = lake.update_day(begun.day, replace(update, forget_from=None))
        return replace(begun, day=day_ref, read=tuple(join_windows((*begun.read, *self._windows_within(windows)))))

    @property
    def without_reads(self) -> DayRepair:
        """Start again with nothing read."""
        return replace(self, day=replace(self.day, manifest=""), read=())

    def _windows_within(self, windows: Iterable[CompleteWindow]) -> Iterator[CompleteWindow]:
        first, last = start_of_day(self.day.day), start_of_day(self.day.day + ONE)
        for window in windows:
            if window.begins < last and window.ends > first:
                yield CompleteWindow(max(window.begins, first), min(window.ends, last))


def join_windows(windows: Iterable[CompleteWindow]) -> Iterator[CompleteWindow]:
    """The same stretches, with those that touch each other merged."""
    last: CompleteWindow | None = None
    for window in sorted(windows, key=lambda window: window.begins):
        if last is not None and window.begins <= last.ends:
            last = CompleteWindow(last.begins, max(last.ends, window.ends))
            continue
        if last is not None:
            yield last
        last = window
    if last is not None:
        yield last


def start_repair(day: DayRef) -> DayRepair:
    """A damaged day with its sound files. Which stretches these files cover is unknown, so `read` is empty. Raises
    `LakeError`."""
    return DayRepair(lake.salvage_day(day))


def repairs_by_day(store: Store, network: str, catalogue: str) -> Mapping[date, DayRepair]:
    """The days of a catalogue that are being read anew, each as far as it is."""
    mine = (
        repair for repair in all_repairs(store) if (repair.day.network, repair.day.catalogue) == (network, catalogue)
    )
    return {repair.day.day: repair for repair in mine}


def save_repair(connection: sa.Connection, repair: DayRepair) -> bool:
    """Store the progress; false if another process did so meanwhile."""
    mine = (cursors.c.network == repair.day.network, cursors.c.name == _cursor_name(repair.day))
    same = (*mine, cursors.c.text == repair.before)
    if repair.before and not repair.cursor_text:
        return bool(connection.execute(cursors.delete().where(*same)).rowcount)
    if repair.before:
        return bool(connection.execute(cursors.update().where(*same).values(text=repair.cursor_text)).rowcount)
    row = {"network": repair.day.network, "name": _cursor_name(repair.day), "text": repair.cursor_text}
    return not repair.cursor_text or insert_new(connection, cursors, [row]) == 1


def all_repairs(store: Store) -> Sequence[DayRepair]:
    """All days that are being read again."""
    with store.read_transaction() as connection:
        chosen = sa.select(cursors).where(cursors.c.name.startswith(f"{NAME} ", autoescape=True))
        rows = connection.execute(chosen).all()
    return [_repair_from_row(store, row) for row in rows]


def _cursor_name(day: DayRef) -> str:
    return f"{NAME} {day.catalogue} {day.day}"


def _repair_from_row(store: Store, row: Any) -> DayRepair:
    catalogue, _, day = row.name.removeprefix(f"{NAME} ").rpartition(" ")
    fields = json.loads(row.text)
    read = (CompleteWindow(*map(datetime.fromisoformat, ends)) for ends in fields["read"])
    of = DayRef(store.lake, row.network, catalogue, date.fromisoformat(day), fields["manifest"])
    return DayRepair(of, tuple(read), row.text)
