"""Inventory: the models listed at the end of a day, what is known of each, and which of them went idle or became
active, if the readings allow no other explanation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, DAY, FIRST, HISTORY, IDS, LAST, ONE, CatalogueQuery, in_chunks
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
    listed = query.connection.execute(_LISTED_IDS, {"snapshot": query.closing_snapshot(day).id})
    return frozenset(model for (model,) in listed.all())


def listed_at(query: CatalogueQuery, day: date) -> tuple[Model, ...] | Unknown:
    total = stock_at(query, day)
    if isinstance(total, Unknown):
        return total
    return _models_in(query, day)


def listed_in_part(query: CatalogueQuery, day: date) -> tuple[Model, ...]:
    """The models that were certainly listed at the end of a day, if others may have been listed too."""
    stock = query.closing_snapshot(day)
    return _models_in(query, day) if stock is not None and stock.unplaced else ()


def _models_in(query: CatalogueQuery, day: date) -> tuple[Model, ...]:
    """The models of a day's closing snapshot."""
    return _models_of(query, _LISTED, {"day": day, "snapshot": query.closing_snapshot(day).id})


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


def _model_columns(day: date | sa.BindParameter[Any]) -> sa.Select[Any]:
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


def last_used_at(day: date | sa.BindParameter[Any]) -> sa.Label[date]:
    """A model's last day of use, as known at the end of `day`."""
    return _as_of(day, usage.c.last_day, models.c.last_used).label("last_used")


def _as_of(
    day: date | sa.BindParameter[Any], column: sa.Column[date], latest: sa.Column[date]
) -> sa.ColumnElement[date]:
    earlier = (usage.c.model == models.c.id, usage.c.last_day <= day, usage.c.uses > 0)
    last = sa.select(column).where(*earlier).order_by(usage.c.last_day.desc()).limit(1).scalar_subquery()
    return sa.case((models.c.last_used <= day, latest), (models.c.first_used > day, None), else_=last)


_SNAPSHOT: sa.BindParameter[Any] = sa.bindparam("snapshot")
_LISTED_IDS = sa.select(readings.c.model).where(readings.c.snapshot == _SNAPSHOT)
_LISTED = (
    _model_columns(DAY)
    .join_from(models, readings, readings.c.model == models.c.id)
    .where(readings.c.snapshot == _SNAPSHOT)
)
_NEWLY_LISTED = _model_columns(DAY).where(models.c.catalogue == CATALOGUE, models.c.first_seen.between(FIRST, LAST))


def _models_of(
    query: CatalogueQuery, stmt: sa.Select[Any], parameters: Mapping[str, object] | None = None
) -> tuple[Model, ...]:
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
            query.connection.execute(stmt, parameters).all()
        )
    )


def newly_listed(query: CatalogueQuery, end: date) -> tuple[Model, ...] | Unknown:
    """Models first seen 30 to 59 days before `end`, without those of the first snapshot."""
    if (end - query.since).days < 60:
        return Unknown(message("watched_days", n=(end - query.since).days, m=60))
    days = {"catalogue": query.catalogue, "first": end - 59 * ONE, "last": end - 30 * ONE, "day": end}
    return _models_of(query, _NEWLY_LISTED, days)


def names_of(query: CatalogueQuery, ids: Iterable[int]) -> tuple[Mapping[int, SafeName], Mapping[int, SafeName]]:
    """Names and authors of models by id."""
    wanted = list(ids)
    if not wanted:
        return {}, {}
    chosen = sa.select(models.c.id, models.c.name, models.c.author).where(models.c.id.in_(wanted))
    name_rows = query.connection.execute(chosen).all()
    return {row.id: row.name for row in name_rows}, {row.id: row.author for row in name_rows}


_MOST_UNCOUNTED = sa.select(sa.func.max(snapshots.c.uncounted)).where(
    snapshots.c.catalogue == CATALOGUE, snapshots.c.day.between(FIRST, LAST)
)


def uncounted_models(query: CatalogueQuery, end: date) -> int:
    """The highest number of extra models that any snapshot of the history may have listed."""
    days = {"catalogue": query.catalogue, "first": end - HISTORY * ONE, "last": end}
    return int(query.connection.scalar(_MOST_UNCOUNTED, days) or 0)


ModelUses = tuple[tuple[Model, int], ...]
ModelDays = tuple[tuple[Model, date], ...]
QUIET_AFTER = 7
"""Days in a row with use, after which a day without use counts as going idle."""
AWAKE_AFTER = 14
"""Days without use before a day with some counts as waking."""


_USED_EACH_DAY = (
    sa.select(usage.c.model, sa.func.sum(usage.c.uses))
    .where(usage.c.model.in_(IDS), usage.c.last_day.between(FIRST, LAST), usage.c.first_day == usage.c.last_day)
    .group_by(usage.c.model)
    .having(sa.func.count() == QUIET_AFTER)
)
_CLOSING = sa.select(snapshots.c.day, snapshots.c.id).where(
    snapshots.c.catalogue == CATALOGUE, snapshots.c.day.between(FIRST, LAST)
)
_READ = (
    sa.select(readings.c.model, sa.func.count())
    .where(
        readings.c.model.in_(IDS),
        readings.c.snapshot.in_(sa.bindparam("closing", expanding=True)),
        readings.c.counter.is_not(None),
    )
    .group_by(readings.c.model)
)


def went_idle(connection: sa.Connection, catalogue: int, listed: Iterable[Model], day: date) -> ModelUses:
    """Models used on each of the days before and not on this one, with their use of those days, most used first."""
    suspects = {m.id: m for m in listed if m.last_used == day - ONE and m.last_used_from == day - ONE}
    closing = _closing_since(connection, catalogue, day - ONE, day) if suspects else []
    return _used_daily(connection, suspects, _read_on_all(connection, list(suspects), closing, 2), day)


def went_idle_by_events(connection: sa.Connection, listed: Iterable[Model], day: date) -> ModelUses:
    """As `went_idle`, where use is told event by event and these days are known to be read whole."""
    suspects = {m.id: m for m in listed if m.last_used == day - ONE}
    return _used_daily(connection, suspects, list(suspects), day)


def _used_daily(connection: sa.Connection, suspects: Mapping[int, Model], ids: list[int], day: date) -> ModelUses:
    """Those used on each of the days before this one."""
    week = {"first": day - QUIET_AFTER * ONE, "last": day - ONE}
    pairs: list[tuple[Model, int]] = []
    for some in in_chunks(ids):
        rows = connection.execute(_USED_EACH_DAY, {"ids": some, **week})
        pairs += [(suspects[model], int(uses)) for model, uses in rows]
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
    closing = _closing_since(connection, catalogue, min(asleep), day) if asleep else []
    active = []
    for before, ids in asleep.items():
        read = _read_on_all(connection, ids, closing, (day - before).days + 1)
        active += [(known[model], before) for model in read]
    return tuple(active)


def _used_again(catalogue: int, day: date, edge: date) -> sa.Select[int, date]:
    """Models used on a day whose last use before was on `edge` or earlier, with the day of that use. Reads one index
    entry per model, however long the history is."""
    earlier = usage.alias()
    same = (earlier.c.model == usage.c.model, earlier.c.last_day < day, earlier.c.uses > 0)
    last = sa.select(earlier.c.last_day).where(*same).order_by(earlier.c.last_day.desc()).limit(1).scalar_subquery()
    today = (usage.c.catalogue == catalogue, usage.c.last_day == day)
    return sa.select(usage.c.model, last.label("before")).where(*today, last <= edge)


def _closing_since(connection: sa.Connection, catalogue: int, first: date, last: date) -> list[int]:
    """The snapshots that close the days up to the last, the newest first, back to `first` or to a day without one."""
    closing = dict(connection.execute(_CLOSING, {"catalogue": catalogue, "first": first, "last": last}).all())
    found = []
    while last in closing:
        found.append(closing[last])
        last -= ONE
    return found


def _read_on_all(connection: sa.Connection, ids: list[int], closing: list[int], days: int) -> list[int]:
    """Which models have a counter in each of the newest snapshots, one for each of so many days. None if there are
    fewer snapshots: no model has a reading on a day that no snapshot closes."""
    found: list[int] = []
    # The snapshots are listed, so that both databases read one index entry per day and model and no other days.
    for some in in_chunks(ids if len(closing) >= days else []):
        counts: dict[int, int] = dict(connection.execute(_READ, {"ids": some, "closing": closing[:days]}).all())
        found += [model for model in some if counts.get(model) == days]
    return found
