"""Counters that fell, and those that came back: the days on which a model's use is unknown because of that.

A counter that falls was reset, or its network showed a wrong number for a while. Only later readings tell which.

A step restores a counter if it regains at least half of the loss: the level before the fall minus the lowest reading
since. If the step ends at or above that level, it ends the fall: the model's use is known over all days from the
reading before the fall to this one together, and on none of them alone. If it ends below, its days become unknown too,
and the rest may still come back. The same holds, within `BACK_WITHIN`, for a step that regains a tenth or more: it may
be part of the return or use of a counter that was reset, and nothing tells which.

If a counter grows again after a reset in smaller steps, its use is known from the first reading after the reset.
After more than `BACK_WITHIN`, only the days of a step that regains half are unknown; the days before it count from
the reset.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, FIRST, LAST, ONE
from bot.store import falls, models, readings, snapshots, stretches, usage

BACK_WITHIN = timedelta(days=7)
"""How long after a fall its days may still become part of it. In Replicate's record, 19 of 20 counters that came
back did so within 6 days; the other fell by a single run and passed its old level through the use of 24 days."""
HALF, TENTH = 2, 10
"""A step restores a counter (`HALF`), or may do so (`TENTH`), if this many such steps would regain the whole loss."""
Points = Sequence[tuple[date, int]]
"""A model's readings by the day that they close, oldest first."""


@dataclass(frozen=True, slots=True)
class Fall:
    """Days on which a model's use is unknown, because its counter fell."""

    first_day: date
    last_day: date
    level: int
    """The counter before it fell."""
    low: int
    """The lowest value since, from which it may still come back; the level if nothing is left to come back."""
    uses: int | None = None
    """Use over all of these days together; `None` if the counter did not come back."""

    @property
    def may_come_back(self) -> bool:
        """Whether the counter may still come back."""
        return self.uses is None and self.low < self.level

    def is_regained_by(self, before: int, now: int, parts: int = HALF) -> bool:
        """Whether a step restored the counter; with `TENTH`, whether it may be part of a return."""
        return self.may_come_back and before < now and parts * (min(now, self.level) - before) >= self.level - self.low

    def covers(self, first: date, last: date) -> bool:
        """Whether these days contain some others."""
        return self.first_day <= first and last <= self.last_day

    def overlaps(self, first: date, last: date) -> bool:
        """Whether these days overlap some others."""
        return self.first_day <= last and first <= self.last_day


def falls_of(points: Points) -> list[Fall]:
    """Every fall in a model's readings. A fall inside another one is part of it."""
    counter_falls: list[Fall] = []
    for (earlier, before), (day, now) in pairwise(points):
        if now < before:
            counter_falls = [
                replace(fall, low=min(fall.low, now)) if fall.may_come_back else fall for fall in counter_falls
            ]
            counter_falls.append(Fall(earlier + ONE, day, before, now))
        regained = [place for place, fall in enumerate(counter_falls) if fall.is_regained_by(before, now)]
        soon = next((place for place in regained if day - counter_falls[place].last_day <= BACK_WITHIN), None)
        if soon is not None:
            fall = counter_falls[soon]
            uses = now - fall.level if now >= fall.level else None
            counter_falls[soon:] = [replace(fall, last_day=day, low=min(now, fall.level), uses=uses)]
        elif regained:
            counter_falls = [
                replace(f, low=min(now, f.level)) if n in regained else f for n, f in enumerate(counter_falls)
            ]
            counter_falls.append(Fall(earlier + ONE, day, now, now))
        else:
            counter_falls = _extended(counter_falls, before, day, now)
    return counter_falls


def _extended(counter_falls: list[Fall], before: int, day: date, now: int) -> list[Fall]:
    """The falls after a step that may be part of a return: its days are unknown too."""
    for place, fall in enumerate(counter_falls):
        if fall.is_regained_by(before, now, TENTH) and day - fall.last_day <= BACK_WITHIN:
            low = fall.level if now >= fall.level else fall.low
            return [*counter_falls[:place], replace(fall, last_day=day, low=low)]
    return counter_falls


_OVERLAP = (falls.c.catalogue == CATALOGUE, falls.c.last_day >= FIRST, falls.c.first_day <= LAST)
_INSIDE = sa.and_(falls.c.first_day >= FIRST, falls.c.last_day <= LAST, falls.c.uses.is_not(None))
_UNKNOWN = sa.select(falls.c.model).where(*_OVERLAP, ~_INSIDE)
_OVERLAPPING = sa.select(falls).where(*_OVERLAP).order_by(falls.c.first_day, falls.c.model)
_MODELS_THAT_FELL = sa.select(sa.func.count(falls.c.model.distinct())).where(*_OVERLAP)


def unknown_models(connection: sa.Connection, catalogue: int, first: date, last: date) -> frozenset[int]:
    """Models whose use between two days is unknown, because their counter fell."""
    return frozenset(connection.scalars(_UNKNOWN, {"catalogue": catalogue, "first": first, "last": last}))


def unknown_among(rows: Iterable[Any], first: date, last: date) -> frozenset[int]:
    """The same from falls that were read before."""

    def is_inside(fall: Any) -> bool:
        return bool(fall.first_day >= first and fall.last_day <= last)

    return frozenset(
        fall.model
        for fall in rows
        if fall.last_day >= first and fall.first_day <= last and not (is_inside(fall) and fall.uses is not None)
    )


def overlapping_falls(connection: sa.Connection, catalogue: int, first: date, last: date) -> Sequence[Any]:
    """The falls that overlap these days, in order of time."""
    return connection.execute(_OVERLAPPING, {"catalogue": catalogue, "first": first, "last": last}).all()


def update_falls(
    connection: sa.Connection, catalogue: int, here: int, first: date, last: date, fell: Iterable[int]
) -> date | None:
    """Update the falls after the usage of a stretch was computed. `here` is the snapshot that closes the stretch,
    `fell` the models whose counter is lower than at the reading before. Returns the first day of the falls that
    changed."""
    known = {row.model for row in overlapping_falls(connection, catalogue, first, last)}
    changed: list[Fall] = []
    for model in sorted({*fell, *known, *_regained_models(connection, catalogue, here, last)}):
        changed += _restate_model(connection, catalogue, model, first, last)
    if changed:
        _total_again(connection, catalogue, changed)
    return min((fall.first_day for fall in changed), default=None)


_NOW = readings.c.counter
_REGAINED = (
    sa.select(falls.c.model)
    .join(usage, usage.c.model == falls.c.model)
    .join(readings, readings.c.model == falls.c.model)
    .where(falls.c.catalogue == CATALOGUE, falls.c.uses.is_(None), falls.c.low < falls.c.level)
    .where(usage.c.last_day == LAST, readings.c.snapshot == sa.bindparam("snapshot"))
    .where(
        TENTH * (sa.case((falls.c.level > _NOW, _NOW), else_=falls.c.level) - (_NOW - usage.c.uses))
        >= falls.c.level - falls.c.low
    )
)


def _regained_models(connection: sa.Connection, catalogue: int, here: int, last: date) -> set[int]:
    """Models whose rise in the stretch that ends with `last` may restore their counter after an earlier fall."""
    return set(connection.scalars(_REGAINED, {"catalogue": catalogue, "snapshot": here, "last": last}))


def _restate_model(connection: sa.Connection, catalogue: int, model: int, first: date, last: date) -> list[Fall]:
    """Recompute a model's falls and its use on their days from its readings, for falls that changed or lie in a stretch
    whose usage was just computed."""
    points = _model_points(connection, model)
    old, new = _stored_falls(connection, model), falls_of(points)
    changed = [*(set(old) ^ set(new)), *(fall for fall in new if fall in old and fall.overlaps(first, last))]
    if not changed:
        return []
    connection.execute(falls.delete().where(falls.c.model == model))
    mine: dict[str, Any] = {"model": model, "catalogue": catalogue}
    if new:
        connection.execute(falls.insert(), [{**mine, **_fall_row(fall)} for fall in new])
    days = _closed_days(connection, catalogue, changed)
    for fall in changed:
        ending = usage.c.last_day.between(fall.first_day, fall.last_day)
        connection.execute(usage.delete().where(usage.c.model == model, ending))
    rows = {row["last_day"]: {**mine, **row} for row in _restated_usage(points, new, changed, days)}
    if rows:
        connection.execute(usage.insert(), list(rows.values()))
    date_use(connection, model)
    return changed


def _model_points(connection: sa.Connection, model: int) -> Points:
    chosen = (
        sa.select(snapshots.c.day, readings.c.counter)
        .join(readings, readings.c.snapshot == snapshots.c.id)
        .where(readings.c.model == model, readings.c.counter.is_not(None), snapshots.c.day.is_not(None))
    )
    return [(day, int(counter)) for day, counter in connection.execute(chosen.order_by(snapshots.c.day))]


def _stored_falls(connection: sa.Connection, model: int) -> list[Fall]:
    rows = connection.execute(sa.select(falls).where(falls.c.model == model))
    return [Fall(row.first_day, row.last_day, row.level, row.low, row.uses) for row in rows]


def _fall_row(fall: Fall) -> dict[str, Any]:
    return {name: getattr(fall, name) for name in ("first_day", "last_day", "level", "low", "uses")}


def _closed_days(connection: sa.Connection, catalogue: int, changed: Collection[Fall]) -> list[date]:
    """Days with a snapshot, from before the first of these falls to the end of the last."""
    first, last = min(fall.first_day for fall in changed) - ONE, max(fall.last_day for fall in changed)
    mine = (snapshots.c.catalogue == catalogue, snapshots.c.day.between(first, last))
    return list(connection.scalars(sa.select(snapshots.c.day).where(*mine).order_by(snapshots.c.day)))


def _restated_usage(
    points: Points, new: Collection[Fall], changed: Collection[Fall], days: Sequence[date]
) -> Iterable[dict[str, Any]]:
    """A model's use on the days of the falls that changed: its steps outside of falls, and the use over all days of a
    fall, if known."""
    before = {day: earlier for earlier, day in pairwise(days)}
    for (earlier, then), (day, now) in pairwise(points):
        first = earlier + ONE
        here = any(fall.first_day <= day <= fall.last_day for fall in changed)
        if here and now > then and not any(fall.covers(first, day) for fall in new):
            hole = before.get(day) != earlier
            yield {"first_day": first, "last_day": day, "uses": now - then, "hole": hole}
    for fall in new:
        if fall in changed and fall.uses:
            yield {"first_day": fall.first_day, "last_day": fall.last_day, "uses": fall.uses, "hole": True}


def date_use(connection: sa.Connection, model: int) -> None:
    """When a model was first and last used; a counter that came back is no use."""
    mine = (usage.c.model == model, usage.c.uses > 0)
    first = connection.scalar(sa.select(sa.func.min(usage.c.last_day)).where(*mine))
    newest = sa.select(usage.c.first_day, usage.c.last_day).where(*mine).order_by(usage.c.last_day.desc()).limit(1)
    since, last = connection.execute(newest).first() or (None, None)
    values = {"first_used": first, "last_used": last, "last_used_from": since}
    connection.execute(models.update().where(models.c.id == model).values(values))


def _total_again(connection: sa.Connection, catalogue: int, changed: Collection[Fall]) -> None:
    """The totals of the stretches that have days in falls that changed."""
    mine = stretches.c.catalogue == catalogue
    first, last = min(fall.first_day for fall in changed), max(fall.last_day for fall in changed)
    near = (stretches.c.last_day >= first, stretches.c.first_day <= last)
    spans = sa.select(stretches.c.first_day, stretches.c.last_day).where(mine, *near)
    for begins, ends in connection.execute(spans).all():
        if not any(fall.overlaps(begins, ends) for fall in changed):
            continue
        used = (usage.c.catalogue == catalogue, usage.c.last_day == ends, usage.c.hole.is_(False))
        sums = (sa.func.coalesce(sa.func.sum(usage.c.uses), 0), sa.func.coalesce(sa.func.max(usage.c.uses), 0))
        uses, top, count = connection.execute(sa.select(*sums, sa.func.count()).where(*used)).one()
        fell = connection.scalar(_MODELS_THAT_FELL, {"catalogue": catalogue, "first": begins, "last": ends})
        values = {"uses": uses, "top_uses": top, "models_used": count, "resets": fell}
        connection.execute(stretches.update().where(mine, stretches.c.last_day == ends).values(values))
