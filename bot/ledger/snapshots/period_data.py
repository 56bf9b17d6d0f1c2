"""Period data from snapshots: everything that the figures of one catalogue and period are computed from.

The cost does not grow with the length of the history: it reads the snapshots at the ends of the windows, the usage of
the period, and one short row per day of the last `HISTORY` days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import (
    CATALOGUE,
    FIRST,
    HISTORY,
    LAST,
    ONE,
    CatalogueQuery,
    not_watched_reason,
    open_catalogue_query,
)
from bot.ledger.snapshots import counter_falls, inventory
from bot.ledger.snapshots.counter_falls import overlapping_falls
from bot.ledger.snapshots.inventory import no_reading
from bot.ledger.snapshots.verdicts import doubt_reasons
from bot.records import (
    AtLeast,
    Catalogue,
    HistoryPoint,
    Model,
    Period,
    PeriodData,
    SourceRef,
    Unknown,
    Usage,
    at_least,
    message,
    message_parts,
)
from bot.records.periods import each_day
from bot.store import Store, falls, refs, snapshots, stretches, usage

HOLE = sa.text("usage.hole")
"""Written as in the partial index `usage_holes`: with SQLAlchemy's `hole = 1`, SQLite would scan all usage."""


# Bounding the last day on both sides lets each query read only its own days of the index.
_WHOLE = (
    stretches.c.catalogue == CATALOGUE,
    stretches.c.first_day >= FIRST,
    stretches.c.last_day.between(FIRST, LAST),
)
_USED = (usage.c.catalogue == CATALOGUE, usage.c.last_day.between(FIRST, LAST), usage.c.first_day >= FIRST)
_USES_OF_STRETCHES = sa.select(sa.func.sum(stretches.c.uses)).where(*_WHOLE)
_NEWCOMERS = sa.select(sa.func.sum(stretches.c.newcomers)).where(*_WHOLE)
_USES_OF_HOLES = sa.select(sa.func.sum(usage.c.uses)).where(HOLE, *_USED)
_USES_BY_MODEL = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*_USED).group_by(usage.c.model)
_USES_OF_DAY_BY_MODEL = sa.select(usage.c.model, usage.c.uses).where(*_USED)
_FLOWS = sa.select(stretches).where(stretches.c.catalogue == CATALOGUE, stretches.c.last_day.between(FIRST, LAST))
_STOCKS = sa.select(snapshots.c.day, snapshots.c.listed, snapshots.c.unplaced).where(
    snapshots.c.catalogue == CATALOGUE, snapshots.c.day.between(FIRST, LAST)
)
_OVERLAPPING = (
    sa.select(stretches)
    .where(stretches.c.catalogue == CATALOGUE, stretches.c.last_day >= FIRST, stretches.c.first_day <= LAST)
    .order_by(stretches.c.last_day)
)
_REFS = (
    sa.select(refs.c.url, refs.c.at, refs.c.sha256)
    .join(snapshots, snapshots.c.ref == refs.c.id)
    .where(snapshots.c.catalogue == CATALOGUE, snapshots.c.day.in_(sa.bindparam("days", expanding=True)))
    .order_by(snapshots.c.day)
)
_SAME_FALL = (falls.c.model == usage.c.model, falls.c.first_day == usage.c.first_day)
_CAME_BACK = sa.select(sa.func.count(), sa.func.min(usage.c.first_day)).where(
    *(usage.c.catalogue == CATALOGUE, HOLE, usage.c.uses > 0, usage.c.last_day.between(FIRST, LAST)),
    ~sa.exists().where(*_SAME_FALL),
)


def _days(query: CatalogueQuery, first: date, last: date) -> dict[str, Any]:
    """The parameters of a statement about some days."""
    return {"catalogue": query.catalogue, "first": first, "last": last}


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


def total_uses(query: CatalogueQuery, first: date, last: date) -> int | AtLeast | Unknown:
    """Total uses of these days: the stretches and the complete holes inside them."""
    unknown = unknown_window(query, first, last)
    if unknown:
        return unknown
    days = _days(query, first, last)
    uses = sum(int(query.connection.scalar(part, days) or 0) for part in (_USES_OF_STRETCHES, _USES_OF_HOLES))
    fell = counter_falls.unknown_models(query.connection, query.catalogue, first, last)
    return at_least(uses, fallen_reason(len(fell))) if fell else uses


def flow_of(query: CatalogueQuery, first: date, last: date) -> Usage | Unknown:
    """Usage of these days in total and by model."""
    unknown = unknown_window(query, first, last)
    if unknown:
        return unknown
    by_model = use_by_model(query.connection, query.catalogue, first, last)
    newcomers = query.connection.scalar(_NEWCOMERS, _days(query, first, last))
    fell = counter_falls.unknown_models(query.connection, query.catalogue, first, last)
    why = fallen_reason(len(fell)) if fell else ""
    return Usage(sum(by_model.values()), by_model, int(newcomers or 0), incomplete=why, unknown_models=fell)


def fallen_reason(models: int) -> str:
    """Why a total is a lower bound after the counters of some models fell."""
    return message("counter_fell" if models == 1 else "counters_fell", models=models)


def use_by_model(connection: sa.Connection, catalogue: int, first: date, last: date) -> dict[int, int]:
    """Uses of these days by model id; use that covers further days is left out."""
    days = {"catalogue": catalogue, "first": first, "last": last}
    rows = connection.execute(_USES_OF_DAY_BY_MODEL if first == last else _USES_BY_MODEL, days).all()
    return {model: int(uses) for model, uses in rows}


def history_points(query: CatalogueQuery, end: date, days: int = HISTORY) -> tuple[HistoryPoint, ...]:
    """One point per day, from the first day watched or `days` days ago to `end`."""
    first = max(query.since, end - (days - 1) * ONE)
    flows = {row.last_day: row for row in query.connection.execute(_FLOWS, _days(query, first, end))}
    stocks = {row.day: row for row in query.connection.execute(_STOCKS, _days(query, first - ONE, end))}
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


def snapshot_gaps(query: CatalogueQuery, period: Period) -> Iterable[str]:
    """What is unknown in this period, as gaps."""
    for day in (period.first - ONE, period.last):
        closing_snapshot = query.closing_snapshot(day)
        if closing_snapshot is not None and closing_snapshot.unplaced and not closing_snapshot.note:
            low, high = closing_snapshot.listed, closing_snapshot.listed + closing_snapshot.unplaced
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
    stocks = [
        closing_snapshot
        for day in (period.first - ONE, period.last)
        if (closing_snapshot := query.closing_snapshot(day)) is not None
    ]
    yield from dict.fromkeys(line for stock in stocks for line in message_parts(stock.note))


def _stretch_gaps(query: CatalogueQuery, period: Period) -> Iterable[str]:
    days = _days(query, period.first, period.last)
    rows = query.connection.execute(_OVERLAPPING, days).all()
    for row in rows:
        if row.first_day < row.last_day and not row.resets:
            use = {"n": int(row.uses), "unit": query.unit, "m": row.models_used}
            yield message("days_together", first=row.first_day, last=row.last_day, **use)
    yield from _fall_gaps(query, period)
    late = sum(row.newcomers for row in rows)
    if late:
        yield message("appeared_with_use", models=late, unit=query.unit)
    spanning = query.connection.execute(_CAME_BACK, days).one()
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
    rows = query.connection.execute(_REFS, {"catalogue": query.catalogue, "days": sorted(set(days))})
    return tuple(SourceRef(row.url, row.at, row.sha256) for row in rows)


def load_period_data(store: Store, catalogue: Catalogue, period: Period) -> PeriodData:
    """The period data of one catalogue and period. What is not known is an `Unknown` with the reason."""
    with open_catalogue_query(store, catalogue, period) as query:
        if isinstance(query, CatalogueQuery):
            return _filled_data(query, catalogue, period)
        return _empty_data(catalogue, period, query)


def listing_and_usage(
    store: Store, catalogue: Catalogue, period: Period
) -> tuple[tuple[Model, ...], Usage, frozenset[int]] | Unknown:
    """Only what a full table needs: the models listed at the period's end, its usage, and the models that had a reading
    when it began."""
    with open_catalogue_query(store, catalogue, period) as query:
        if not isinstance(query, CatalogueQuery):
            return not_watched_reason(query)
        listed, flow = inventory.listed_at(query, period.last), flow_of(query, period.first, period.last)
        if isinstance(listed, Unknown):
            return listed
        if isinstance(flow, Unknown):
            return flow
        before = inventory.ids_at(query, period.first - ONE)
        return listed, flow, frozenset() if isinstance(before, Unknown) else before


def _empty_data(catalogue: Catalogue, period: Period, since: date | None) -> PeriodData:
    why = not_watched_reason(since)
    return PeriodData(
        catalogue, period, None, why, why, why, why, why, why, why, why, why, why, (), catalogue.caveats, ()
    )


def _filled_data(query: CatalogueQuery, catalogue: Catalogue, period: Period) -> PeriodData:
    end, before = period.last, period.previous_period
    flow, flow_before = flow_of(query, period.first, end), flow_of(query, before.first, before.last)
    listed = inventory.listed_at(query, end)
    here = () if isinstance(listed, Unknown) else listed
    used = {key for found in (flow, flow_before) if isinstance(found, Usage) for key in found.by_model}
    names, authors = inventory.names_of(query, used - {m.id for m in here})
    today = flow if period.name == "day" and isinstance(flow, Usage) else None
    return PeriodData(
        catalogue=catalogue,
        period=period,
        watched_since=query.since,
        listed=listed,
        listed_before=inventory.ids_at(query, period.first - ONE),
        listed_7d_before=inventory.stock_at(query, end - 7 * ONE),
        listed_period_before=inventory.stock_at(query, period.first - ONE),
        flow=flow,
        flow_before=flow_before,
        total_7d=total_uses(query, end - 6 * ONE, end),
        total_30d=total_uses(query, end - 29 * ONE, end),
        total_prior_7d=total_uses(query, end - 13 * ONE, end - 7 * ONE),
        newly_listed=inventory.newly_listed(query, end),
        history=history_points(query, end),
        gaps=(*snapshot_gaps(query, period), *catalogue.caveats),
        refs=snapshot_references(query, [period.first - ONE, end, end - 7 * ONE, end - 14 * ONE, end - 30 * ONE]),
        names=names,
        authors=authors,
        **_activity_fields(query, here, today, end),
        uncounted=inventory.uncounted_models(query, end),
        listed_in_part=inventory.listed_in_part(query, end) if isinstance(listed, Unknown) else (),
    )


def _activity_fields(query: CatalogueQuery, listed: Iterable[Model], flow: Usage | None, day: date) -> dict[str, Any]:
    """The models that went idle or became active on a day, without those whose counter fell."""
    if flow is None:
        return {}
    sure = [model for model in listed if model.id not in (flow.unknown_models or ())]
    woken = inventory.became_active(query.connection, query.catalogue, sure, flow.by_model, day)
    since = min((before for _, before in woken), default=day)
    fell = counter_falls.unknown_models(query.connection, query.catalogue, since + ONE, day) if woken else frozenset()
    return {
        "quiet": inventory.went_idle(query.connection, query.catalogue, sure, day),
        "woken": tuple(change for change in woken if change[0].id not in fell),
    }
