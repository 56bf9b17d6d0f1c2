"""Gaps of a period on networks with snapshots, and the refs of its snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, CatalogueQuery
from bot.ledger.snapshots.counter_falls import overlapping_falls
from bot.ledger.snapshots.usage import HOLE
from bot.ledger.snapshots.verdicts import doubt_reasons
from bot.records import Period, SourceRef, message, message_parts
from bot.store import falls, refs, snapshots, stretches, usage


def snapshot_gaps(query: CatalogueQuery, period: Period) -> Iterable[str]:
    """What is unknown in this period, as gaps."""
    for day in (period.first - ONE, period.last):
        found = query.closing_snapshot(day)
        if found is not None and found.unplaced and not found.note:
            low, high = found.listed, found.listed + found.unplaced
            yield message("gap_listed_between", day=day, n=low, m=high)
    yield from left_out(query, period)
    yield from _stretch_gaps(query, period)
    yield from snapshot_notes(query, period)


def left_out(query: CatalogueQuery, period: Period) -> Iterable[str]:
    """Gaps for the held or rejected readings of a period and its beginning."""
    for reason in doubt_reasons(query.connection, query.catalogue, period.first - ONE, period.last):
        yield message("reading_left_out", reason=reason)


def snapshot_notes(query: CatalogueQuery, period: Period) -> Iterable[str]:
    """The notes of the snapshots at both ends of a period."""
    stocks = [found for day in (period.first - ONE, period.last) if (found := query.closing_snapshot(day)) is not None]
    yield from dict.fromkeys(line for found in stocks for line in message_parts(found.note))


def _stretch_gaps(query: CatalogueQuery, period: Period) -> Iterable[str]:
    chosen = sa.select(stretches).where(
        stretches.c.catalogue == query.catalogue,
        stretches.c.last_day >= period.first,
        stretches.c.first_day <= period.last,
    )
    found = query.connection.execute(chosen.order_by(stretches.c.last_day)).all()
    for row in found:
        if row.first_day < row.last_day and not row.resets:
            use = {"n": int(row.uses), "unit": query.unit, "m": row.models_used}
            yield message("days_together", first=row.first_day, last=row.last_day, **use)
    yield from _fall_gaps(query, period)
    late = sum(row.newcomers for row in found)
    if late:
        yield message("appeared_with_use", models=late, unit=query.unit)
    ending = usage.c.last_day.between(period.first, period.last)
    same = (falls.c.model == usage.c.model, falls.c.first_day == usage.c.first_day)
    hole = (usage.c.catalogue == query.catalogue, HOLE, usage.c.uses > 0, ending, ~sa.exists().where(*same))
    spanning = query.connection.execute(sa.select(sa.func.count(), sa.func.min(usage.c.first_day)).where(*hole)).one()
    if spanning[0]:
        yield message("models_came_back", models=spanning[0], day=spanning[1])


def _fall_gaps(query: CatalogueQuery, period: Period) -> Iterable[str]:
    """Gaps for models whose use is unknown because their counter fell, or unknown by day because it came back."""
    found = overlapping_falls(query.connection, query.catalogue, period.first, period.last)
    lost = {fall.model for fall in found if fall.uses is None}
    if lost:
        yield message("gap_counter_fell" if len(lost) == 1 else "gap_counters_fell", models=len(lost))
    back = {fall.model: fall.first_day for fall in reversed(found) if fall.uses is not None}
    if back:
        yield message("counters_came_back", models=len(back), day=min(back.values()))


def snapshot_references(query: CatalogueQuery, days: Iterable[date]) -> tuple[SourceRef, ...]:
    """The refs of the snapshots that close these days."""
    chosen = (
        sa.select(refs.c.url, refs.c.at, refs.c.sha256)
        .join(snapshots, snapshots.c.ref == refs.c.id)
        .where(snapshots.c.catalogue == query.catalogue, snapshots.c.day.in_(set(days)))
        .order_by(snapshots.c.day)
    )
    return tuple(SourceRef(row.url, row.at, row.sha256) for row in query.connection.execute(chosen))
