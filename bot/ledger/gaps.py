"""What is not known of a period by its snapshots, in words, and where they were read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from bot.ledger.asking import Asked
from bot.ledger.falls import overlapping
from bot.ledger.flows import HOLE, counted
from bot.ledger.snapshots import ONE
from bot.ledger.verdicts import doubts
from bot.records import Period, Ref, spoken
from bot.store import falls, refs, snapshots, stretches, usage


def gaps(asked: Asked, period: Period) -> Iterable[str]:
    """What a reader of this period could misread, in words."""
    for day in (period.first - ONE, period.last):
        found = asked.stock(day)
        if found is not None and found.unplaced and not found.note:
            low, high = found.listed, found.listed + found.unplaced
            yield f"At the end of {spoken(day)} between {low:,} and {high:,} models were listed."
    yield from left_out(asked, period)
    yield from _stretch_gaps(asked, period)
    yield from notes(asked, period)


def left_out(asked: Asked, period: Period) -> Iterable[str]:
    """The readings of a period and its beginning that are held or rejected."""
    for reason in doubts(asked.connection, asked.catalogue, period.first - ONE, period.last):
        yield f"A reading is left out: {reason}."


def notes(asked: Asked, period: Period) -> Iterable[str]:
    """What the snapshots at a period's ends say of themselves."""
    stocks = [found for day in (period.first - ONE, period.last) if (found := asked.stock(day)) is not None]
    yield from dict.fromkeys(line for found in stocks for line in found.note.splitlines())


def _stretch_gaps(asked: Asked, period: Period) -> Iterable[str]:
    chosen = sa.select(stretches).where(
        stretches.c.catalogue == asked.catalogue,
        stretches.c.last_day >= period.first,
        stretches.c.first_day <= period.last,
    )
    found = asked.connection.execute(chosen.order_by(stretches.c.last_day)).all()
    for row in found:
        if row.first_day < row.last_day and not row.resets:
            days = f"{spoken(row.first_day)} to {spoken(row.last_day)}"
            use = f"{row.uses:,} {asked.unit}, {row.models_used:,} models used"
            yield f"{days} taken together: {use}; not known by day."
    yield from _fall_gaps(asked, period)
    late = sum(row.newcomers for row in found)
    if late:
        yield f"{counted(late)} appeared with {asked.unit} already counted; those are on no known day and left out."
    ending = usage.c.last_day.between(period.first, period.last)
    same = (falls.c.model == usage.c.model, falls.c.first_day == usage.c.first_day)
    hole = (usage.c.catalogue == asked.catalogue, HOLE, usage.c.uses > 0, ending, ~sa.exists().where(*same))
    spanning = asked.connection.execute(sa.select(sa.func.count(), sa.func.min(usage.c.first_day)).where(*hole)).one()
    if spanning[0]:
        since = spoken(spanning[1])
        yield f"{counted(spanning[0])} came back after missed readings; use since {since} is in no single day."


def _fall_gaps(asked: Asked, period: Period) -> Iterable[str]:
    """Whose use is not known because its counter fell, or on no single day because it fell and came back."""
    found = overlapping(asked.connection, asked.catalogue, period.first, period.last)
    lost = {fall.model for fall in found if fall.uses is None}
    if lost:
        yield f"The counter of {counted(len(lost))} fell: a reset, so what {_it(len(lost))} use was is not known."
    back = {fall.model: fall.first_day for fall in reversed(found) if fall.uses is not None}
    if back:
        since = spoken(min(back.values()))
        yield f"The counter of {counted(len(back))} fell and came back; use since {since} is in no single day."


def _it(count: int) -> str:
    return "its" if count == 1 else "their"


def references(asked: Asked, days: Iterable[date]) -> tuple[Ref, ...]:
    """Where the snapshots that close these days were read."""
    chosen = (
        sa.select(refs.c.url, refs.c.at, refs.c.sha256)
        .join(snapshots, snapshots.c.ref == refs.c.id)
        .where(snapshots.c.catalogue == asked.catalogue, snapshots.c.day.in_(set(days)))
        .order_by(snapshots.c.day)
    )
    return tuple(Ref(row.url, row.at, row.sha256) for row in asked.connection.execute(chosen))
