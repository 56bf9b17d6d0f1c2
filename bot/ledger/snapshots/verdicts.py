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
from bot.ledger.snapshots._comparison import Comparison
from bot.ledger.snapshots._lists import RecentLists
from bot.ledger.snapshots.counter_falls import BACK_WITHIN
from bot.plausibility import ClosingSnapshot, Mark, State, Track, Verdict
from bot.records import short_date
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


def judge_new(
    connection: sa.Connection, catalogue: int, reading: ClosingSnapshot, at: datetime, lists: RecentLists
) -> Judged:
    """Judge a snapshot that was just kept, and those whose verdicts rest on it."""
    after = (snapshots.c.catalogue == catalogue, snapshots.c.day > reading.day)
    doubted = (_catalogue_filter(catalogue), verdicts.c.day > reading.day)
    late = any(connection.scalar(sa.select(sa.exists().where(*some))) for some in (after, doubted))
    new = Known(reading, at, False, None)
    if late:
        return _judge_from(connection, catalogue, reading.day, lists, new)
    track = _newest_track(connection, catalogue, reading.day)
    _, changes = plausibility.judge_reading(track, reading, Comparison(connection, catalogue, lists))
    known = {one.id: Known(one, at, False, mark) for one, mark in track.held}
    return _store_verdicts(connection, catalogue, {**known, reading.id: new}, changes)


def judge_again(connection: sa.Connection, catalogue: int, day: date, lists: RecentLists) -> Judged:
    """Judge the snapshots from a day on, until nothing changes any more."""
    return _judge_from(connection, catalogue, day, lists, None)


def _judge_from(connection: sa.Connection, catalogue: int, day: date, lists: RecentLists, new: Known | None) -> Judged:
    """Judge from the last undoubted snapshot before a day; later verdicts depend on nothing before it."""
    track = _certain_track(connection, catalogue, day)
    compare = Comparison(connection, catalogue, lists, new.reading if new else None)
    known: dict[int, Known] = {}
    made: dict[int, Verdict] = {}
    settled = 0
    for one in _later_snapshots(connection, catalogue, track.base, new):
        apart = track.prior is not None and track.prior.day - day > BACK_WITHIN
        track, changes = plausibility.judge_reading(track, one.reading, compare)
        known[one.reading.id] = one
        made |= {change.reading.id: change for change in changes}
        mine = made[one.reading.id]
        unchanged = one.is_sound and mine.closes and mine.mark is None and not track.held
        settled = settled + 1 if unchanged and apart else 0
        if settled == SETTLED:
            break
    return _store_verdicts(connection, catalogue, known, made.values())


def _catalogue_filter(catalogue: int) -> sa.ColumnElement[bool]:
    return verdicts.c.catalogue == catalogue


def _newest_track(connection: sa.Connection, catalogue: int, day: date) -> Track:
    """The state of judging before a snapshot that is newer than all others."""
    base = _latest_reading(connection, catalogue, day)
    if base is None:
        return Track()
    since = (_catalogue_filter(catalogue), verdicts.c.day.between(base.day, day), verdicts.c.state == "held")
    rows = connection.execute(sa.select(verdicts).where(*since).order_by(verdicts.c.day)).all()
    held = tuple((ClosingSnapshot(row.snapshot, row.day), _mark_from_row(row)) for row in rows)
    return Track(_latest_reading(connection, catalogue, base.day), base, held)


def _certain_track(connection: sa.Connection, catalogue: int, day: date) -> Track:
    base = _latest_reading(connection, catalogue, day, certain=True)
    return Track(_latest_reading(connection, catalogue, base.day), base) if base else Track()


def _latest_reading(
    connection: sa.Connection, catalogue: int, day: date, certain: bool = False
) -> ClosingSnapshot | None:
    """The last snapshot that closes a day before this one; the last that was never in doubt."""
    before = (snapshots.c.catalogue == catalogue, snapshots.c.day < day)
    doubt = (sa.exists().where(verdicts.c.snapshot == snapshots.c.id),) if certain else ()
    chosen = sa.select(snapshots.c.id, snapshots.c.day).where(*before, *(~one for one in doubt))
    row = connection.execute(chosen.order_by(snapshots.c.day.desc()).limit(1)).first()
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
        rows = [one for one in rows if one is new or one.reading.id not in fresh]
        yield from sorted(rows, key=lambda one: (one.reading.day, one.at))
        first = last + timedelta(days=1)


def _select_between(catalogue: int, first: date, last: date) -> sa.CompoundSelect[Any]:
    columns = (snapshots.c.id, snapshots.c.at, snapshots.c.day.label("closes"), *verdicts.c)
    closing = (snapshots.c.catalogue == catalogue, snapshots.c.day.between(first, last))
    doubted = (_catalogue_filter(catalogue), verdicts.c.day.between(first, last), snapshots.c.day.is_(None))
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
    for one in changed:
        connection.execute(verdicts.delete().where(verdicts.c.snapshot == one.reading.id))
        if one.mark is not None:
            row = {"snapshot": one.reading.id, "catalogue": catalogue, "day": one.reading.day}
            told = {"state": one.mark.state, "fault": one.mark.fault, "agreed": one.mark.agreed}
            connection.execute(verdicts.insert().values(**row, **told, by_hand=one.mark.by_hand))
    moved = [one for one in changed if one.closes != known[one.reading.id].closes]
    # A day has one closing snapshot, so first update those that no longer close it.
    for one in sorted(moved, key=lambda one: one.closes):
        mine = snapshots.update().where(snapshots.c.id == one.reading.id)
        connection.execute(mine.values(day=one.reading.day if one.closes else None))
    doubted = [one.reading.day for one in changed if one.mark != known[one.reading.id].mark]
    changes = sorted(((one.reading.id, one.reading.day) for one in moved), key=lambda one: one[1])
    return Judged(changes, min(doubted, default=None))


def store_decision(connection: sa.Connection, catalogue: int, snapshot: int, day: date, state: State | None) -> None:
    """Store or delete an operator's decision on a snapshot; `judge_again` applies it."""
    mine = verdicts.c.snapshot == snapshot
    if state and not connection.scalar(sa.select(sa.exists().where(mine))):
        row = {"snapshot": snapshot, "catalogue": catalogue, "day": day, "state": state, "fault": BY_HAND}
        connection.execute(verdicts.insert().values(**row, agreed=0, by_hand=True))
    change = {"by_hand": state is not None, **({"state": state} if state else {})}
    connection.execute(verdicts.update().where(mine).values(change))


BY_HAND = "the list was not believed"
"""The reason for a list that an operator rejects although no rule found a fault."""
_WORDS = {
    "held": "not confirmed yet",
    "rejected": "later readings did not confirm it",
    "confirmed": "later readings confirmed it",
}
_BY_HAND = {"rejected": "the operator rejected it", "confirmed": "the operator confirmed it"}


def doubt_text(row: Any) -> str:
    """The reason of a verdict as a sentence."""
    word = _BY_HAND.get(row.state) if row.by_hand else None
    return f"{row.fault} at the end of {short_date(row.day)}; {word or _WORDS[row.state]}"


def doubt_reasons(connection: sa.Connection, catalogue: int, first: date, last: date) -> list[str]:
    """Why snapshots do not close these days, oldest first."""
    out = (_catalogue_filter(catalogue), verdicts.c.day.between(first, last), verdicts.c.state != "confirmed")
    chosen = sa.select(verdicts).where(*out).order_by(verdicts.c.day, verdicts.c.snapshot)
    return [doubt_text(row) for row in connection.execute(chosen)]
