"""Models that went idle or became active on a day, if the readings allow no other explanation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, in_chunks
from bot.records import Model
from bot.store import readings, snapshots, usage

ModelUses = tuple[tuple[Model, int], ...]
ModelDays = tuple[tuple[Model, date], ...]
QUIET_AFTER = 7
"""Days in a row with use, after which a day without use counts as going idle."""
AWAKE_AFTER = 14
"""Days without use before a day with some counts as waking."""


def went_idle(connection: sa.Connection, catalogue: int, listed: Iterable[Model], day: date) -> ModelUses:
    """Models used on each of the days before and not on this one, with their use of those days, most used first."""
    suspects = {m.id: m for m in listed if m.last_used == day - ONE and m.last_used_from == day - ONE}
    both = _readings_in(connection, catalogue, list(suspects), day - ONE, day)
    return _used_daily(connection, suspects, [model for model in suspects if both.get(model) == 2], day)


def went_idle_by_events(connection: sa.Connection, listed: Iterable[Model], day: date) -> ModelUses:
    """As `went_idle`, where use is told event by event and these days are known to be read whole."""
    suspects = {m.id: m for m in listed if m.last_used == day - ONE}
    return _used_daily(connection, suspects, list(suspects), day)


def _used_daily(connection: sa.Connection, suspects: Mapping[int, Model], ids: list[int], day: date) -> ModelUses:
    """Those used on each of the days before this one."""
    week = usage.c.last_day.between(day - QUIET_AFTER * ONE, day - ONE)
    found: list[tuple[Model, int]] = []
    for some in in_chunks(ids):
        daily = (usage.c.model.in_(some), week, usage.c.first_day == usage.c.last_day)
        chosen = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*daily).group_by(usage.c.model)
        whole = chosen.having(sa.func.count() == QUIET_AFTER)
        found += [(suspects[model], int(uses)) for model, uses in connection.execute(whole)]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0].name)))


def became_active_by_events(connection: sa.Connection, catalogue: int, listed: Iterable[Model], day: date) -> ModelDays:
    """As `became_active`, where use is told event by event; whether the days between were read whole is not looked
    at."""
    known = {m.id: m for m in listed if m.last_used == day}
    found = connection.execute(_used_again(catalogue, day, day - AWAKE_AFTER * ONE)).all() if known else ()
    return tuple((known[model], before) for model, before in found if model in known)


def became_active(
    connection: sa.Connection, catalogue: int, listed: Iterable[Model], by_model: Mapping[int, int], day: date
) -> ModelDays:
    """Models used on a day whose use before it lies `AWAKE_AFTER` days back or more, read on every day since."""
    edge = day - AWAKE_AFTER * ONE
    known = {m.id: m for m in listed if m.first_used is not None and m.first_used <= edge and m.id in by_model}
    asleep: dict[date, list[int]] = {}
    for model, before in connection.execute(_used_again(catalogue, day, edge)).all() if known else ():
        if model in known:
            asleep.setdefault(before, []).append(model)
    found = []
    for before, ids in asleep.items():
        read = _readings_in(connection, catalogue, ids, before, day)
        found += [(known[model], before) for model in ids if read.get(model) == (day - before).days + 1]
    return tuple(found)


def _used_again(catalogue: int, day: date, edge: date) -> sa.Select[int, date]:
    """Models used on a day whose last use before was on `edge` or earlier, with the day of that use. Reads one index
    entry per model, however long the history is."""
    earlier = usage.alias()
    same = (earlier.c.model == usage.c.model, earlier.c.last_day < day, earlier.c.uses > 0)
    last = sa.select(earlier.c.last_day).where(*same).order_by(earlier.c.last_day.desc()).limit(1).scalar_subquery()
    today = (usage.c.catalogue == catalogue, usage.c.last_day == day)
    return sa.select(usage.c.model, last.label("before")).where(*today, last <= edge)


def _readings_in(connection: sa.Connection, catalogue: int, ids: list[int], first: date, last: date) -> dict[int, int]:
    """The number of these days, both ends included, if each model has a closing reading on all of them; less, or
    nothing, if not."""
    days = (snapshots.c.catalogue == catalogue, snapshots.c.day.between(first, last))
    # The snapshots are listed, so that both databases read one index entry per day and model and no other days.
    closing = connection.scalars(sa.select(snapshots.c.id).where(*days)).all() if ids else []
    counts: dict[int, int] = {}
    if len(closing) < (last - first).days + 1:  # No model has a reading on a day that no snapshot closes.
        return counts
    for some in in_chunks(ids):
        inside = (readings.c.model.in_(some), readings.c.snapshot.in_(closing), readings.c.counter.is_not(None))
        counted = sa.select(readings.c.model, sa.func.count().label("days")).where(*inside)
        counts |= dict(connection.execute(counted.group_by(readings.c.model)).all())
    return counts
