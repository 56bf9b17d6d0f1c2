"""Usage of a range of days that are read event by event: known if the days were read completely; and its gauges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, FIRST, HISTORY, LAST, ONE, of_catalogue
from bot.ledger.events.day_totals import UNREAD
from bot.ledger.events.unrecognised import SCANNED, UNREAD_LOGS, UNSETTLED, block_counts, is_small
from bot.ledger.snapshots.period_data import use_by_model
from bot.records import AtLeast, Catalogue, Evidence, HistoryPoint, Period, Unknown, Usage, at_least, few_named, message
from bot.records.periods import each_day, start_of_day
from bot.store import Store, gauges, readings, snapshots, stretches, tallies, usage, windows
from bot.store import event_days as day_rows
from bot.store import gauges as gauge_rows


@dataclass(frozen=True, slots=True)
class EventCatalogueQuery:
    """One catalogue of one database, for queries on its events."""

    connection: sa.Connection
    key: int
    catalogue: Catalogue
    store: Store


_WINDOWS = sa.select(windows.c.begins, windows.c.ends).where(
    windows.c.catalogue == CATALOGUE,
    windows.c.ends > sa.bindparam("after"),
    windows.c.begins < sa.bindparam("before"),
)
_FIRST_STALE = sa.select(sa.func.min(day_rows.c.day)).where(
    day_rows.c.catalogue == CATALOGUE, day_rows.c.day.between(FIRST, LAST), day_rows.c.stale
)
_TALLIES = (
    sa.select(tallies)
    .where(
        tallies.c.catalogue == CATALOGUE,
        tallies.c.evidence == sa.bindparam("evidence"),
        tallies.c.day.between(FIRST, LAST),
    )
    .order_by(tallies.c.day)
)
_SCANNED_DAYS = sa.select(gauges.c.day).where(
    gauges.c.catalogue == CATALOGUE, gauges.c.day.between(FIRST, LAST), gauges.c.key == SCANNED
)


def _days(query: EventCatalogueQuery, first: date, last: date) -> dict[str, Any]:
    """The parameters of a statement about some days."""
    return {"catalogue": query.key, "first": first, "last": last}


def unread_days(query: EventCatalogueQuery, first: date, last: date) -> Unknown | None:
    """Why not all of these days was read; `None` where nothing is missing."""
    near = {"catalogue": query.key, "after": start_of_day(first), "before": start_of_day(last + ONE)}
    rows = query.connection.execute(_WINDOWS, near).all()
    days = each_day(first, last)
    missing = [day for day in days if not is_covered(day, rows)]
    if not missing:
        return _not_added_up(query, first, last)
    if len(days) > 1:
        read = len(days) - len(missing)
        return Unknown(message("place_read_days", place=query.catalogue.place, n=read, m=len(days)))
    stored = _tally_rows(query, query.catalogue.evidence if query.catalogue.is_daily else UNREAD, first, last)
    reason = next((row.unknown for row in stored if row.unknown), "")
    return Unknown(reason or message("place_not_read", place=query.catalogue.place, day=missing[-1]))


def method_break(query: EventCatalogueQuery, first: date, last: date) -> Unknown | None:
    """Why the use of these days is not comparable: the way of counting changed among them."""
    found = next((day for day in query.catalogue.breaks if first < day <= last), None)
    return Unknown(message("method_changed", day=found)) if found else None


def _not_added_up(query: EventCatalogueQuery, first: date, last: date) -> Unknown | None:
    """Why a day is not rolled up yet: a process ended before that, and the next collection will do it."""
    day = query.connection.scalar(_FIRST_STALE, _days(query, first, last))
    return Unknown(message("day_not_added_up", day=day)) if day else None


def _tally_rows(query: EventCatalogueQuery, evidence: str, first: date, last: date) -> list[Any]:
    return list(query.connection.execute(_TALLIES, {**_days(query, first, last), "evidence": evidence}))


def _unscanned_days(query: EventCatalogueQuery, first: date, last: date) -> frozenset[date]:
    """The days on which nobody looked for settlements of contracts that are not pinned: without a settlement of a
    pinned one, nothing is known of them."""
    if "backed" not in query.catalogue.evidences:
        return frozenset()
    scanned = query.connection.scalars(_SCANNED_DAYS, _days(query, first, last))
    return frozenset(each_day(first, last)).difference(scanned)


def total_uses(
    query: EventCatalogueQuery, first: date, last: date, evidence: Evidence | None = None
) -> int | AtLeast | Unknown:
    """Uses of these days in one evidence; by default that of the catalogue."""
    if unread := unread_days(query, first, last) or method_break(query, first, last):
        return unread
    tally_rows = _tally_rows(query, evidence or query.catalogue.evidence, first, last)
    total = sum(int(row.uses or 0) for row in tally_rows)
    reasons = {row.day: row.unknown for row in tally_rows if row.unknown}
    unscanned = _unscanned_days(query, first, last) - {row.day for row in tally_rows}
    reasons |= dict.fromkeys(unscanned, message("nobody_looked"))
    reasons |= _unread_reasons(query, first, last, tally_rows)
    if not reasons:
        return total
    day = min(reasons)
    return at_least(total, reasons[day] if first == last else message("reason_of_day", date=day, reason=reasons[day]))


def _unread_reasons(
    query: EventCatalogueQuery, first: date, last: date, tally_rows: Sequence[Any]
) -> Mapping[date, str]:
    """Why the use of some days is a lower bound: events of their contract could not be read. Those of settlements are
    part of their verdicts."""
    if "backed" in query.catalogue.evidences or query.catalogue.is_daily:
        return {}
    uses = {row.day: int(row.uses or 0) for row in tally_rows}
    unread = block_counts(query.connection, query.key, UNREAD_LOGS, first, last)
    wholes = {day: (count, count + uses.get(day, 0)) for day, count in unread.items()}
    return {day: message("events_not_read", n=n, m=m) for day, (n, m) in wholes.items() if not is_small(n, m)}


def flow_of(query: EventCatalogueQuery, first: date, last: date) -> Usage | Unknown:
    """Usage of these days in total and by model."""
    uses = total_uses(query, first, last)
    if isinstance(uses, Unknown):
        return uses
    by_model = use_by_model(query.connection, query.key, first, last)
    if isinstance(uses, int):
        return Usage(uses, by_model, unattributed=uses - sum(by_model.values()))
    seen = int(uses.value)
    unnamed = seen - sum(by_model.values())
    return Usage(seen, by_model, unattributed=unnamed, incomplete=uses.reason, unknown_models=None)


def history_points(
    query: EventCatalogueQuery, end: date, since: date | None, days: int = HISTORY
) -> tuple[HistoryPoint, ...]:
    """One point per day, from the first complete day, the newest method break or `days` days ago to `end`."""
    if since is None or since >= end:
        return ()
    breaks = (day for day in query.catalogue.breaks if day <= end)
    first = max(since + ONE, end - (days - 1) * ONE, *breaks)
    rows = {row.day: row for row in _tally_rows(query, query.catalogue.evidence, first, end)}
    whole = _whole_days(query, first, end) - (_unscanned_days(query, first, end) - rows.keys())
    bounds = _unread_reasons(query, first, end, list(rows.values()))
    whole -= bounds.keys() - rows.keys()
    closed = (snapshots.c.catalogue == query.key, snapshots.c.day.between(first - ONE, end))
    stocks = {row.day: row for row in query.connection.execute(sa.select(snapshots).where(*closed))}
    changed = (stretches.c.catalogue == query.key, stretches.c.last_day.between(first, end))
    lists = {row.last_day: row for row in query.connection.execute(sa.select(stretches).where(*changed))}
    points = (
        _history_point(day, day in whole, rows.get(day), stocks.get(day), stocks.get(day - ONE), lists.get(day))
        for day in each_day(first, end)
    )
    if not query.catalogue.is_daily:
        return tuple(replace(point, at_least=True) if point.day in bounds else point for point in points)
    used = _listed_and_used(query, first, end)
    return tuple(_daily_point(point, rows.get(point.day), used) for point in points)


def _listed_and_used(query: EventCatalogueQuery, first: date, last: date) -> dict[date, int]:
    """How many listed models had use, by day that has a list and use."""
    closing = sa.and_(snapshots.c.catalogue == usage.c.catalogue, snapshots.c.day == usage.c.last_day)
    listed = sa.and_(readings.c.snapshot == snapshots.c.id, readings.c.model == usage.c.model)
    counted = (
        sa.select(usage.c.last_day, sa.func.count())
        .join_from(usage, snapshots, closing)
        .join(readings, listed)
        .where(usage.c.catalogue == query.key, usage.c.last_day.between(first, last))
    )
    return dict(query.connection.execute(counted.group_by(usage.c.last_day)).all())


def _daily_point(point: HistoryPoint, tally: Any, used: Mapping[date, int]) -> HistoryPoint:
    """A point of a network that names models beyond its list, or only its most used ones. Without a row, the day is
    unknown, because such a network reports every day."""
    if tally is None or tally.uses is None:
        return HistoryPoint(point.day, models_listed=point.models_listed, models_added=point.models_added)
    named = used.get(point.day, 0) if point.models_listed is not None else point.models_used
    return replace(point, models_used=None if tally.unattributed else named)


def _whole_days(query: EventCatalogueQuery, first: date, last: date) -> frozenset[date]:
    """Those of these days that were read completely and are rolled up."""
    read = sa.select(windows.c.begins, windows.c.ends).where(windows.c.catalogue == query.key)
    covered = query.connection.execute(read).all()
    open_days = (day_rows.c.catalogue == query.key, day_rows.c.day.between(first, last), day_rows.c.stale)
    stale = set(query.connection.scalars(sa.select(day_rows.c.day).where(*open_days)))
    return frozenset(day for day in each_day(first, last) if is_covered(day, covered) and day not in stale)


def is_covered(day: date, read: Sequence[Any]) -> bool:
    """Whether a day lies whole in one of the windows that were read."""
    return any(window.begins <= start_of_day(day) and window.ends >= start_of_day(day + ONE) for window in read)


def _history_point(day: date, whole: bool, tally: Any, stock: Any, before: Any, change: Any) -> HistoryPoint:
    listed = stock.listed if stock is not None and not stock.unplaced else None
    steady = listed is not None and before is not None and not before.unplaced and change is not None
    added = change.added if steady and change.first_day == day else None
    if not whole or (tally is not None and tally.uses is None):
        return HistoryPoint(day, models_listed=listed, models_added=added)
    if tally is None:
        return HistoryPoint(day, 0, 0, listed, added, 0)
    few = few_named(tally.evidence, tally.unattributed, tally.uses)
    named = not few and (tally.models_used or not tally.uses)
    used, top = (tally.models_used, tally.top_uses) if named else (None, None)
    return HistoryPoint(day, tally.uses, used, listed, added, top, at_least=bool(tally.unknown))


def sum_column(query: EventCatalogueQuery, period: Period, column: sa.Column[int]) -> int:
    """The sum of a column over the days with events."""
    mine = (day_rows.c.catalogue == query.key, day_rows.c.day.between(period.first, period.last))
    return int(query.connection.scalar(sa.select(sa.func.sum(column)).where(*mine)) or 0)


def complete_days(store: Store, catalogue: Catalogue) -> tuple[date, ...]:
    """The days that were read completely, oldest first."""
    with store.read_transaction() as connection:
        read = sa.select(windows.c.begins, windows.c.ends)
        chosen = of_catalogue(read, windows, catalogue)
        days: set[date] = set()
        for row in connection.execute(chosen):
            day = row.begins.date() if row.begins == start_of_day(row.begins.date()) else row.begins.date() + ONE
            while start_of_day(day + ONE) <= row.ends:
                days.add(day)
                day += ONE
        return tuple(sorted(days))


ADDED_UP = frozenset(
    {"requests_reported", "requests_all", "requests_private", "tokens_in", "tokens_out", "requests_made"}
)
"""Gauges that are summed over a period's days, and whose newest reading of a day counts. For the others, the last day
and the highest reading count."""


def gauge_values(query: EventCatalogueQuery, period: Period) -> dict[str, int | Decimal | AtLeast | Unknown]:
    """The gauges of a period, by key."""
    shown: dict[str, int | Decimal | AtLeast | Unknown] = {}
    if query.catalogue.token[0]:
        shown["sessions"] = _session_count(query, period)
    mine = (gauge_rows.c.catalogue == query.key, gauge_rows.c.day.between(period.first, period.last))
    found: dict[str, dict[date, int]] = {}
    for row in query.connection.execute(sa.select(gauge_rows).where(*mine).order_by(gauge_rows.c.at)):
        days = found.setdefault(row.key, {})
        days[row.day] = int(row.value) if row.key in ADDED_UP else max(days.get(row.day, 0), int(row.value))
    for key, days in found.items():
        if key not in ADDED_UP:
            shown[key] = days.get(period.last, Unknown(message("not_read", day=period.last)))
        elif len(days) == period.day_count:
            shown[key] = sum(days.values())
        else:
            shown[key] = Unknown(message("reported_days", n=len(days), m=period.day_count))
    return shown


def _session_count(query: EventCatalogueQuery, period: Period) -> int | AtLeast | Unknown:
    if unread := unread_days(query, period.first, period.last):
        return unread
    sessions = sum_column(query, period, day_rows.c.sessions)
    reason = unsettled_reason(query, period.first, period.last)
    return at_least(sessions, reason) if reason else sessions


def unsettled_reason(query: EventCatalogueQuery, first: date, last: date) -> str:
    """Why there may be more payments than are known: transfers worth a payment that no known contract settled. Empty if
    they are a small share."""
    sessions = sum_column(query, Period(first, last), day_rows.c.sessions)
    count = sum(block_counts(query.connection, query.key, UNSETTLED, first, last).values())
    return "" if is_small(count, count + sessions) else message("transfers_unsettled", n=count, m=count + sessions)


def by_evidence(query: EventCatalogueQuery, evidence: Evidence, period: Period) -> int | AtLeast | Unknown:
    """Uses of a period in one evidence; reported ones are the operator's."""
    if evidence != "reported" or query.catalogue.is_daily:
        return total_uses(query, period.first, period.last, evidence)
    shown = gauge_values(query, period).get("requests_reported")
    if isinstance(shown, int | AtLeast | Unknown):
        return shown
    return Unknown(message("operator_count_not_read", day=period.last))
