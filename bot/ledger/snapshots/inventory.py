"""Inventory: the models listed at the end of a day, what is known of each, and which of them went idle or became
active, if the readings allow no other explanation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import HISTORY, ONE, CatalogueQuery, in_chunks
from bot.ledger.snapshots.verdicts import doubt_reasons
from bot.records import Model, SafeName, Unknown, message
from bot.store import models, readings, snapshots, usage


def no_reading(query: CatalogueQuery, day: date) -> Unknown:
    """Why the inventory at the end of a day without a snapshot is unknown."""
    if query.since == date.max:
        return Unknown(message("no_closing_list"))
    if day < query.since:
        return Unknown(message("watch_began", day=query.since))
    for reason in doubt_reasons(query.connection, query.catalogue, day, day):
        return Unknown(reason)
    return Unknown(message("no_reading", day=day))


def stock_at(query: CatalogueQuery, day: date) -> int | Unknown:
    """Models listed at the end of a day."""
    snapshot = query.closing_snapshot(day)
    if snapshot is None:
        return no_reading(query, day)
    if snapshot.unplaced:
        low, high = snapshot.listed, snapshot.listed + snapshot.unplaced
        return Unknown(message("listed_between", n=low, m=high, day=day))
    return int(snapshot.listed)


def ids_at(query: CatalogueQuery, day: date) -> frozenset[int] | Unknown:
    total = stock_at(query, day)
    if isinstance(total, Unknown):
        return total
    rows = sa.select(readings.c.model).where(readings.c.snapshot == query.closing_snapshot(day).id)
    return frozenset(model for (model,) in query.connection.execute(rows).all())


def listed_at(query: CatalogueQuery, day: date) -> tuple[Model, ...] | Unknown:
    total = stock_at(query, day)
    if isinstance(total, Unknown):
        return total
    return _models_of(query, listed_models(query, day))


def listed_in_part(query: CatalogueQuery, day: date) -> tuple[Model, ...]:
    """The models that were certainly listed at the end of a day, if others may have been listed too."""
    stock = query.closing_snapshot(day)
    return _models_of(query, listed_models(query, day)) if stock is not None and stock.unplaced else ()


def listed_models(query: CatalogueQuery, day: date) -> sa.Select[Any]:
    """The rows of the models listed at the end of a day that has a snapshot."""
    here = readings.c.snapshot == query.closing_snapshot(day).id
    return _model_columns(day).join_from(models, readings, readings.c.model == models.c.id).where(here)


def model_at(query: CatalogueQuery, name: str, day: date) -> Model | Unknown | None:
    """One model as in `listed_at`; `None` if it is not listed."""
    total = stock_at(query, day)
    if isinstance(total, Unknown):
        return total
    named = (models.c.catalogue == query.catalogue, models.c.name == name)
    return next(iter(_models_of(query, listed_models(query, day).where(*named))), None)


def first_listed(query: CatalogueQuery, seen: date, created: datetime | None) -> date | None:
    """When a model was first listed; for models of the first snapshot, only the network knows."""
    return seen if seen > query.since else created.date() if created else None


def _model_columns(day: date) -> sa.Select[Any]:
    """The columns of a `Model`, as known at the end of `day`."""
    return sa.select(
        models.c.id,
        models.c.name,
        models.c.author,
        models.c.category,
        models.c.created_at,
        models.c.first_seen,
        models.c.first_counter,
        sa.case((models.c.first_used <= day, models.c.first_used)).label("first_used"),
        last_used_at(day),
        _as_of(day, usage.c.first_day, models.c.last_used_from).label("last_used_from"),
    )


def last_used_at(day: date) -> sa.Label[date]:
    """A model's last day of use, as known at the end of `day`."""
    return _as_of(day, usage.c.last_day, models.c.last_used).label("last_used")


def _as_of(day: date, column: sa.Column[date], latest: sa.Column[date]) -> sa.ColumnElement[date]:
    earlier = (usage.c.model == models.c.id, usage.c.last_day <= day, usage.c.uses > 0)
    last = sa.select(column).where(*earlier).order_by(usage.c.last_day.desc()).limit(1).scalar_subquery()
    return sa.case((models.c.last_used <= day, latest), (models.c.first_used > day, None), else_=last)


def _models_of(query: CatalogueQuery, stmt: sa.Select[Any]) -> tuple[Model, ...]:
    """Models from rows of `_model_columns`. Rows are unpacked by position, because there are thousands."""
    return tuple(
        Model(
            key,
            name,
            author,
            first_listed(query, seen, created),
            bool(counter),
            last_used,
            last_used_from,
            first_used,
            category,
        )
        for key, name, author, category, created, seen, counter, first_used, last_used, last_used_from in (
            query.connection.execute(stmt).all()
        )
    )


def newly_listed(query: CatalogueQuery, end: date) -> tuple[Model, ...] | Unknown:
    """Models first seen 30 to 59 days before `end`, without those of the first snapshot."""
    if (end - query.since).days < 60:
        return Unknown(message("watched_days", n=(end - query.since).days, m=60))
    seen = models.c.first_seen.between(end - 59 * ONE, end - 30 * ONE)
    chosen = _model_columns(end).where(models.c.catalogue == query.catalogue, seen)
    return _models_of(query, chosen)


def names_of(query: CatalogueQuery, ids: Iterable[int]) -> tuple[Mapping[int, SafeName], Mapping[int, SafeName]]:
    """Names and authors of models by id."""
    wanted = list(ids)
    if not wanted:
        return {}, {}
    chosen = sa.select(models.c.id, models.c.name, models.c.author).where(models.c.id.in_(wanted))
    name_rows = query.connection.execute(chosen).all()
    return {row.id: row.name for row in name_rows}, {row.id: row.author for row in name_rows}


def uncounted_models(query: CatalogueQuery, end: date) -> int:
    """The highest number of extra models that any snapshot of the history may have listed."""
    days = snapshots.c.day.between(end - HISTORY * ONE, end)
    most = sa.select(sa.func.max(snapshots.c.uncounted)).where(snapshots.c.catalogue == query.catalogue, days)
    return int(query.connection.scalar(most) or 0)


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
    pairs: list[tuple[Model, int]] = []
    for some in in_chunks(ids):
        daily = (usage.c.model.in_(some), week, usage.c.first_day == usage.c.last_day)
        chosen = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*daily).group_by(usage.c.model)
        whole = chosen.having(sa.func.count() == QUIET_AFTER)
        pairs += [(suspects[model], int(uses)) for model, uses in connection.execute(whole)]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0].name)))


def became_active_by_events(connection: sa.Connection, catalogue: int, listed: Iterable[Model], day: date) -> ModelDays:
    """As `became_active`, where use is told event by event; whether the days between were read whole is not looked
    at."""
    known = {m.id: m for m in listed if m.last_used == day}
    rows = connection.execute(_used_again(catalogue, day, day - AWAKE_AFTER * ONE)).all() if known else ()
    return tuple((known[model], before) for model, before in rows if model in known)


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
    active = []
    for before, ids in asleep.items():
        read = _readings_in(connection, catalogue, ids, before, day)
        active += [(known[model], before) for model in ids if read.get(model) == (day - before).days + 1]
    return tuple(active)


def _used_again(catalogue: int, day: date, edge: date) -> sa.Select[int, date]:
    """Models used on a day whose last use before was on `edge` or earlier, with the day of that use. Reads one index
    entry per model, however long the history is."""
    earlier = usage.alias()
    same = (earlier.c.model == usage.c.model, earlier.c.last_day < day, earlier.c.uses > 0)
    last = sa.select(earlier.c.last_day).where(*same).order_by(earlier.c.last_day.desc()).limit(1).scalar_subquery()
    today = (usage.c.catalogue == catalogue, usage.c.last_day == day)
    return sa.select(usage.c.model, last.label("before")).where(*today, last <= edge)


def _readings_in(connection: sa.Connection, catalogue: int, ids: list[int], first: date, last: date) -> dict[int, int]:
    """The number of these days, both ends included, for each model with a closing reading on all of them. Other models
    have a lower number or none."""
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
