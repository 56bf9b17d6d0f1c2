"""Usage of a range of days as the difference of counters: in total, by model and day by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import HISTORY, ONE, CatalogueQuery
from bot.ledger.snapshots import counter_falls
from bot.ledger.snapshots.inventory import no_reading
from bot.records import AtLeast, HistoryPoint, Unknown, Usage, at_least, each_day, message
from bot.store import snapshots, stretches, usage

HOLE = sa.text("usage.hole")
"""Written as in the partial index `usage_holes`: with SQLAlchemy's `hole = 1`, SQLite would scan all usage."""


def unknown_window(query: CatalogueQuery, first: date, last: date) -> Unknown | None:
    """Why the usage of these days is unknown; `None` if it is known."""
    wanted = (last - first).days + 1
    if first <= query.since:
        watched = max((last - query.since).days, 0)
        short = Unknown(message("watched_days", n=watched, m=wanted))
        return short if wanted > 1 else no_reading(query, first - ONE)
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
    return message("counter_fell" if models == 1 else "counters_fell", models=models)


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
