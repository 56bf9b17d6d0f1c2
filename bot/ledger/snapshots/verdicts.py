"""Which snapshots close a day: the verdicts of `bot.plausibility`, stored beside the readings.

A held or rejected snapshot closes no day, so for everything else it is a missed reading. The cost of judging a new
snapshot does not grow with the history. After a late snapshot, the later ones are judged again until nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot import plausibility
from bot.ledger.catalogue_query import CATALOGUE, DAY, FIRST, LAST
from bot.ledger.snapshots.comparison import Comparison, RecentLists
from bot.ledger.snapshots.counter_falls import BACK_WITHIN
from bot.plausibility import ClosingSnapshot, Mark, State, Track, Verdict, dated_fault, fault_message
from bot.records import join_messages, message
from bot.store import snapshots, verdicts

WINDOW = timedelta(days=30)
"""Days whose snapshots are looked up together when they are judged again."""
SETTLED = 2
"""After this many consecutive unchanged verdicts, later ones cannot change either: a verdict depends on the last
sound snapshot, the one before it, and the highest counters of the `BACK_WITHIN` before that."""


@dataclass(frozen=True, slots=True)
class Known:
    """A stored snapshot that would close a day."""

    reading: ClosingSnapshot
    at: datetime
    closes: bool
    mark: Mark | None

    @property
    def is_sound(self) -> bool:
        return self.closes and self.mark is None


@dataclass(frozen=True, slots=True)
class Judged:
    """The changes of a judgement."""

    moved: Sequence[tuple[int, date]] = ()
    """Snapshots that now close their day or no longer do, oldest first."""
    since: date | None = None
    """The first day whose verdict changed."""


_LATER = tuple(
    sa.select(sa.exists().where(table.c.catalogue == CATALOGUE, table.c.day > DAY)) for table in (snapshots, verdicts)
)
_HELD = (
    sa.select(verdicts)
    .where(verdicts.c.catalogue == CATALOGUE, verdicts.c.day.between(FIRST, LAST), verdicts.c.state == "held")
    .order_by(verdicts.c.day)
)
_LATEST = (
    sa.select(snapshots.c.id, snapshots.c.day)
    .where(snapshots.c.catalogue == CATALOGUE, snapshots.c.day < DAY)
    .order_by(snapshots.c.day.desc())
    .limit(1)
)
_LATEST_CERTAIN = _LATEST.where(~sa.exists().where(verdicts.c.snapshot == snapshots.c.id))
_FORGET = verdicts.delete().where(verdicts.c.snapshot == sa.bindparam("key"))
_CLOSE = snapshots.update().where(snapshots.c.id == sa.bindparam("key")).values(day=sa.bindparam("closes"))


def judge_new(
    connection: sa.Connection, catalogue: int, reading: ClosingSnapshot, at: datetime, lists: RecentLists
) -> Judged:
    """Judge a snapshot that was just kept, and those whose verdicts rest on it."""
    since = {"catalogue": catalogue, "day": reading.day}
    late = any(connection.scalar(later, since) for later in _LATER)
    new = Known(reading, at, False, None)
    if late:
        return _judge_from(connection, catalogue, reading.day, lists, new)
    track = _newest_track(connection, catalogue, reading.day)
    _, changes = plausibility.judge_reading(track, reading, Comparison(connection, catalogue, lists))
    known = {snapshot.id: Known(snapshot, at, False, mark) for snapshot, mark in track.held}
    return _store_verdicts(connection, catalogue, {**known, reading.id: new}, changes)


def judge_again(connection: sa.Connection, catalogue: int, day: date, lists: RecentLists) -> Judged:
    """Judge the snapshots from a day on, until nothing changes any more."""
    return _judge_from(connection, catalogue, day, lists, None)


def _judge_from(connection: sa.Connection, catalogue: int, day: date, lists: RecentLists, new: Known | None) -> Judged:
    """Judge from the last undoubted snapshot before a day; later verdicts depend on nothing before it."""
    track = _certain_track(connection, catalogue, day)
    compare = Comparison(connection, catalogue, lists, new.reading if new else None)
    known: dict[int, Known] = {}
    marks: dict[int, Verdict] = {}
    settled = 0
    for snapshot in _later_snapshots(connection, catalogue, track.base, new):
        apart = track.prior is not None and track.prior.day - day > BACK_WITHIN
        track, changes = plausibility.judge_reading(track, snapshot.reading, compare)
        known[snapshot.reading.id] = snapshot
        marks |= {change.reading.id: change for change in changes}
        mine = marks[snapshot.reading.id]
        unchanged = snapshot.is_sound and mine.closes and mine.mark is None and not track.held
        settled = settled + 1 if unchanged and apart else 0
        if settled == SETTLED:
            break
    return _store_verdicts(connection, catalogue, known, marks.values())


def _newest_track(connection: sa.Connection, catalogue: int, day: date) -> Track:
    """The state of judging before a snapshot that is newer than all others."""
    base = _latest_reading(connection, catalogue, day)
    if base is None:
        return Track()
    rows = connection.execute(_HELD, {"catalogue": catalogue, "first": base.day, "last": day}).all()
    held = tuple((ClosingSnapshot(row.snapshot, row.day), _mark_from_row(row)) for row in rows)
    return Track(_latest_reading(connection, catalogue, base.day), base, held)


def _certain_track(connection: sa.Connection, catalogue: int, day: date) -> Track:
    base = _latest_reading(connection, catalogue, day, certain=True)
    return Track(_latest_reading(connection, catalogue, base.day), base) if base else Track()


def _latest_reading(
    connection: sa.Connection, catalogue: int, day: date, certain: bool = False
) -> ClosingSnapshot | None:
    """The last snapshot that closes a day before this one; the last that was never in doubt."""
    row = connection.execute(_LATEST_CERTAIN if certain else _LATEST, {"catalogue": catalogue, "day": day}).first()
    return ClosingSnapshot(row.id, row.day) if row else None


def _later_snapshots(
    connection: sa.Connection, catalogue: int, base: ClosingSnapshot | None, new: Known | None
) -> Iterator[Known]:
    """Everything after a snapshot that closes a day or would, oldest first."""
    days = [new.reading.day] if new else []
    for table in (snapshots, verdicts):
        ends = sa.select(sa.func.min(table.c.day), sa.func.max(table.c.day)).where(table.c.catalogue == catalogue)
        days += [day for day in connection.execute(ends).one() if day]
    first = base.day + timedelta(days=1) if base else min(days, default=date.max)
    while first <= max(days, default=date.min):
        last = first + WINDOW
        rows = [_known_from_row(row) for row in connection.execute(_select_between(catalogue, first, last))]
        rows += [new] if new and first <= new.reading.day <= last else []
        fresh = {new.reading.id} if new else set()
        rows = [row for row in rows if row is new or row.reading.id not in fresh]
        yield from sorted(rows, key=lambda row: (row.reading.day, row.at))
        first = last + timedelta(days=1)


def _select_between(catalogue: int, first: date, last: date) -> sa.CompoundSelect[Any]:
    columns = (snapshots.c.id, snapshots.c.at, snapshots.c.day.label("closes"), *verdicts.c)
    closing = (snapshots.c.catalogue == catalogue, snapshots.c.day.between(first, last))
    doubted = (verdicts.c.catalogue == catalogue, verdicts.c.day.between(first, last), snapshots.c.day.is_(None))
    both = verdicts.c.snapshot == snapshots.c.id
    return sa.union_all(
        sa.select(*columns).join_from(snapshots, verdicts, both, isouter=True).where(*closing),
        sa.select(*columns).join_from(verdicts, snapshots, both).where(*doubted),
    )


def _known_from_row(row: Any) -> Known:
    mark = _mark_from_row(row) if row.state else None
    decided = mark if mark and mark.by_hand else None
    return Known(ClosingSnapshot(row.id, row.closes or row.day, decided), row.at, row.closes is not None, mark)


def _mark_from_row(row: Any) -> Mark:
    return Mark(row.state, row.fault, row.agreed, row.by_hand)


def _store_verdicts(
    connection: sa.Connection, catalogue: int, known: dict[int, Known], new_verdicts: Iterable[Verdict]
) -> Judged:
    """Keep what is another verdict than before."""
    changed = [v for v in new_verdicts if (v.closes, v.mark) != (known[v.reading.id].closes, known[v.reading.id].mark)]
    for verdict in changed:
        connection.execute(_FORGET, {"key": verdict.reading.id})
        if verdict.mark is not None:
            row = {"snapshot": verdict.reading.id, "catalogue": catalogue, "day": verdict.reading.day}
            mark = {"state": verdict.mark.state, "fault": verdict.mark.fault, "agreed": verdict.mark.agreed}
            connection.execute(verdicts.insert().values(**row, **mark, by_hand=verdict.mark.by_hand))
    moved = [verdict for verdict in changed if verdict.closes != known[verdict.reading.id].closes]
    # A day has one closing snapshot, so first update those that no longer close it.
    for verdict in sorted(moved, key=lambda verdict: verdict.closes):
        closes = verdict.reading.day if verdict.closes else None
        connection.execute(_CLOSE, {"key": verdict.reading.id, "closes": closes})
    doubted = [verdict.reading.day for verdict in changed if verdict.mark != known[verdict.reading.id].mark]
    changes = sorted(((verdict.reading.id, verdict.reading.day) for verdict in moved), key=lambda change: change[1])
    return Judged(changes, min(doubted, default=None))


def store_decision(connection: sa.Connection, catalogue: int, snapshot: int, day: date, state: State | None) -> None:
    """Store or delete an operator's decision on a snapshot; `judge_again` applies it."""
    mine = verdicts.c.snapshot == snapshot
    if state and not connection.scalar(sa.select(sa.exists().where(mine))):
        row = {"snapshot": snapshot, "catalogue": catalogue, "day": day, "state": state, "fault": BY_HAND}
        connection.execute(verdicts.insert().values(**row, agreed=0, by_hand=True))
    change = {"by_hand": state is not None, **({"state": state} if state else {})}
    connection.execute(verdicts.update().where(mine).values(change))


BY_HAND = fault_message("list_not_believed")
"""The reason for a list that an operator rejects although no rule found a fault."""
_WORDS = {
    "held": message("not_confirmed"),
    "rejected": message("readings_did_not_confirm"),
    "confirmed": message("readings_confirmed"),
}
_BY_HAND = {"rejected": message("operator_rejected"), "confirmed": message("operator_confirmed")}


def doubt_text(row: Any) -> str:
    """The reason of a verdict as a sentence."""
    word = _BY_HAND.get(row.state) if row.by_hand else None
    return join_messages([dated_fault(row.fault, row.day), word or _WORDS[row.state]])


_DOUBTED = (
    sa.select(verdicts)
    .where(
        verdicts.c.catalogue == CATALOGUE,
        verdicts.c.day.between(FIRST, LAST),
        verdicts.c.state != "confirmed",
    )
    .order_by(verdicts.c.day, verdicts.c.snapshot)
)


def doubt_reasons(connection: sa.Connection, catalogue: int, first: date, last: date) -> list[str]:
    """Why snapshots do not close these days, oldest first."""
    days = {"catalogue": catalogue, "first": first, "last": last}
    return [doubt_text(row) for row in connection.execute(_DOUBTED, days)]
