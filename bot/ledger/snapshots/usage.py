"""Usage of a range of days as the difference of counters: in total, by model and day by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import HISTORY, ONE, CatalogueQuery, in_chunks
from bot.ledger.snapshots import counter_falls
from bot.ledger.snapshots.inventory import no_reading
from bot.records import AtLeast, HistoryPoint, Model, Unknown, Usage, at_least, each_day
from bot.store import readings, snapshots, stretches, usage

HOLE = sa.text("usage.hole")
"""Written as in the partial index `usage_holes`: with SQLAlchemy's `hole = 1`, SQLite would scan all usage."""


def unknown_window(query: CatalogueQuery, first: date, last: date) -> Unknown | None:
    """Why the usage of these days is unknown; `None` if it is known."""
    wanted = (last - first).days + 1
    if first <= query.since:
        watched = max((last - query.since).days, 0)
        return Unknown(
            f"watched for {watched} of {wanted} days" if wanted > 1 else no_reading(query, first - ONE).reason
        )
    for day in (first - ONE, last):
        if query.closing_snapshot(day) is None:
            return no_reading(query, day)
    return None


def _inside_filters(query: CatalogueQuery, first: date, last: date) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The stretches and the holes in models' readings that lie inside these days."""
    # Bounding the last day on both sides lets each query read only its own days of the index.
    whole = (stretches.c.first_day >= first, stretches.c.last_day.between(first, last))
    holes = (HOLE, usage.c.first_day >= first, usage.c.last_day.between(first, last))
    return (stretches.c.catalogue == query.catalogue, *whole), (usage.c.catalogue == query.catalogue, *holes)


def total_uses(query: CatalogueQuery, first: date, last: date) -> int | AtLeast | Unknown:
    """Total uses of these days: the stretches and the complete holes inside them."""
    unknown = unknown_window(query, first, last)
    if unknown:
        return unknown
    inside, hole = _inside_filters(query, first, last)
    parts = (sa.select(sa.func.sum(stretches.c.uses)).where(*inside), sa.select(sa.func.sum(usage.c.uses)).where(*hole))
    uses = sum(int(query.connection.scalar(part) or 0) for part in parts)
    fell = counter_falls.unknown_models(query.connection, query.catalogue, first, last)
    return at_least(uses, fallen_reason(len(fell))) if fell else uses


def flow_of(query: CatalogueQuery, first: date, last: date) -> Usage | Unknown:
    """Usage of these days in total and by model."""
    unknown = unknown_window(query, first, last)
    if unknown:
        return unknown
    by_model = use_by_model(query.connection, query.catalogue, first, last)
    within, _ = _inside_filters(query, first, last)
    newcomers = query.connection.scalar(sa.select(sa.func.sum(stretches.c.newcomers)).where(*within))
    fell = counter_falls.unknown_models(query.connection, query.catalogue, first, last)
    why = fallen_reason(len(fell)) if fell else ""
    return Usage(sum(by_model.values()), by_model, int(newcomers or 0), incomplete=why, unknown_models=fell)


def fallen_reason(models: int) -> str:
    """Why a total is a lower bound after the counters of some models fell."""
    return f"the counter of {model_count_text(models)} fell, so {'its' if models == 1 else 'their'} use is not known"


def use_by_model(connection: sa.Connection, catalogue: int, first: date, last: date) -> dict[int, int]:
    """Uses of these days by model id; use that covers further days is left out."""
    inside = (usage.c.catalogue == catalogue, usage.c.last_day.between(first, last), usage.c.first_day >= first)
    found = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*inside).group_by(usage.c.model)
    if first == last:
        found = sa.select(usage.c.model, usage.c.uses).where(*inside)
    return {model: int(uses) for model, uses in connection.execute(found).all()}


def history_points(query: CatalogueQuery, end: date) -> tuple[HistoryPoint, ...]:
    """One point per day, from the first day watched or `HISTORY` days ago to `end`."""
    first = max(query.since, end - (HISTORY - 1) * ONE)
    mine = (stretches.c.catalogue == query.catalogue, stretches.c.last_day.between(first, end))
    flows = {row.last_day: row for row in query.connection.execute(sa.select(stretches).where(*mine))}
    closed = sa.select(snapshots.c.day, snapshots.c.listed, snapshots.c.unplaced).where(
        snapshots.c.catalogue == query.catalogue, snapshots.c.day.between(first - ONE, end)
    )
    stocks = {row.day: row for row in query.connection.execute(closed)}
    return tuple(_history_point(day, flows, stocks) for day in each_day(first, end))


def _history_point(day: date, flows: Mapping[date, Any], stocks: Mapping[date, Any]) -> HistoryPoint:
    flow, stock, before = flows.get(day), stocks.get(day), stocks.get(day - ONE)
    listed = stock.listed if stock is not None and not stock.unplaced else None
    if flow is None or flow.first_day < day:
        return HistoryPoint(day, models_listed=listed)
    added = flow.added if listed is not None and before is not None and not before.unplaced else None
    if flow.resets and not flow.uses:
        return HistoryPoint(day, models_listed=listed, models_added=added)
    return HistoryPoint(day, flow.uses, flow.models_used, listed, added, flow.top_uses, at_least=bool(flow.resets))


def model_count_text(models: int) -> str:
    """A number of models in words."""
    return f"{models:,} {'model' if models == 1 else 'models'}"


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
    """On how many of these days, both ends included, each model has a closing reading."""
    days = (snapshots.c.catalogue == catalogue, snapshots.c.day.between(first, last))
    # The snapshots are listed, so that both databases read one index entry per day and model and no other days.
    closing = connection.scalars(sa.select(snapshots.c.id).where(*days)).all() if ids else []
    counts: dict[int, int] = {}
    for some in in_chunks(ids):
        inside = (readings.c.model.in_(some), readings.c.snapshot.in_(closing), readings.c.counter.is_not(None))
        counted = sa.select(readings.c.model, sa.func.count().label("days")).where(*inside)
        counts |= dict(connection.execute(counted.group_by(readings.c.model)).all())
    return counts
