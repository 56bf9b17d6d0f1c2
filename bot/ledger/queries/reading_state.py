"""How far a catalogue was read: its newest list that counts, and the instant up to which its events were read
completely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from bot.ledger.catalogue_query import of_catalogue
from bot.records import Catalogue
from bot.store import Store, snapshots, verdicts, windows


@dataclass(frozen=True, slots=True)
class ListState:
    """The newest list that is neither held nor rejected."""

    at: datetime
    day: date | None
    """The day that it closes; `None`: it was read too late to close one."""
    listed: int
    unplaced: int
    """Models that may be missing in it; 0: it is complete."""
    note: str
    """What is not known about it, one sentence per line; may be empty."""


@dataclass(frozen=True, slots=True)
class ReadingState:
    """How far one catalogue was read."""

    newest_list: ListState | None
    read_until: datetime | None
    """The end of the newest complete window; `None` for a catalogue without events."""


def reading_state(store: Store, catalogue: Catalogue) -> ReadingState:
    """How far a catalogue was read."""
    doubted = sa.select(verdicts.c.snapshot).where(verdicts.c.state != "confirmed")
    lists = of_catalogue(sa.select(snapshots), snapshots, catalogue).where(snapshots.c.id.not_in(doubted))
    latest = sa.func.max(windows.c.ends, type_=windows.c.ends.type)
    with store.read_transaction() as connection:
        row = connection.execute(lists.order_by(snapshots.c.at.desc()).limit(1)).first()
        until = connection.scalar(of_catalogue(sa.select(latest), windows, catalogue))
    newest = ListState(row.at, row.day, row.listed, row.unplaced, row.note) if row else None
    return ReadingState(newest, until)
