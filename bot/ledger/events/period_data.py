"""Period data of catalogues and panels that are read event by event.

A window is known if it was read without a hole and every settlement in it has its verdict; a day without a row in such
a window had no use. The cost does not grow with the length of the history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bot.ledger import catalogue_query
from bot.ledger.catalogue_query import ONE
from bot.ledger.events.callers import all_callers, paid_amount
from bot.ledger.events.gaps import caller_gaps, daily_gaps, event_gaps, event_references, nameless_gaps, payment_gaps
from bot.ledger.events.usage import (
    EventCatalogueQuery,
    by_evidence,
    flow_of,
    gauge_values,
    history_points,
    method_break,
    total_uses,
    unread_days,
)
from bot.ledger.snapshots import inventory, period_data
from bot.records import (
    Catalogue,
    HistoryPoint,
    Model,
    Period,
    PeriodData,
    Unknown,
    Usage,
    few_named,
    message,
    unnamed_use_reason,
)
from bot.store import Store, snapshots, windows


def load_period_data(store: Store, catalogue: Catalogue, period: Period, of_callers: bool = True) -> PeriodData:
    """The period data of one catalogue and period: the list from snapshots, the use from events. Callers may be left
    out, because over many days they are counted in the lake."""
    with store.read_transaction() as connection:
        key = catalogue_query.key_of(connection, catalogue)
        if key is None:
            return _unread_data(catalogue, period, catalogue_query.not_watched_reason(None))
        return _filled_data(EventCatalogueQuery(connection, key, catalogue, store), period, of_callers)


def listing_and_usage(
    store: Store, catalogue: Catalogue, period: Period
) -> tuple[tuple[Model, ...], Usage, frozenset[int]] | Unknown:
    """Like `listing_and_usage` for snapshots. If part of the use is unnamed, the use of models that no event names is
    unknown."""
    found = load_period_data(store, catalogue, period, of_callers=False)
    if isinstance(found.listed, Unknown):
        return found.listed
    if isinstance(found.flow, Unknown):
        return found.flow
    if found.flow.uses and not found.flow.by_model:
        return Unknown(message("no_use_named"))
    if few := few_named(catalogue.evidence, found.flow.unattributed, found.flow.uses):
        return few
    part = found.flow.unattributed or found.flow.incomplete
    known = frozenset() if part else frozenset(model.id for model in found.listed)
    return found.listed, found.flow, known


def day_listing(store: Store, catalogue: Catalogue, day: date, days: int) -> PeriodData:
    """The period data of a day, for its list. The list is unknown if the use of the `days` that end with it was not
    read completely or is partly unnamed, because any model could have had the rest."""
    found = load_period_data(store, catalogue, Period(day, day), of_callers=False)
    with store.read_transaction() as connection:
        key = catalogue_query.key_of(connection, catalogue)
        if key is None or isinstance(found.listed, Unknown):
            return found
        flow = flow_of(EventCatalogueQuery(connection, key, catalogue, store), day - (days - 1) * ONE, day)
    if isinstance(flow, Unknown):
        return replace(found, listed=flow)
    if flow.incomplete:
        return replace(found, listed=Unknown(flow.incomplete))
    return replace(found, listed=unnamed_use_reason(flow.unattributed, flow.uses)) if flow.unattributed else found


def day_history(store: Store, catalogue: Catalogue, end: date, days: int) -> tuple[HistoryPoint, ...]:
    """One point per day up to `end`."""
    with store.read_transaction() as connection:
        key = catalogue_query.key_of(connection, catalogue)
        if key is None:
            return ()
        query = EventCatalogueQuery(connection, key, catalogue, store)
        _, counted = _watch_began(catalogue, _first_list(query), _first_read(query))
        return history_points(query, end, counted, days)


def _first_list(query: EventCatalogueQuery) -> date | None:
    mine = snapshots.c.catalogue == query.key
    day: date | None = query.connection.scalar(sa.select(sa.func.min(snapshots.c.day)).where(mine))
    return day


def _first_read(query: EventCatalogueQuery) -> datetime | None:
    mine = windows.c.catalogue == query.key
    at: datetime | None = query.connection.scalar(sa.select(sa.func.min(windows.c.begins)).where(mine))
    return at


def _watch_began(catalogue: Catalogue, since: date | None, begun: datetime | None) -> tuple[date | None, date | None]:
    """The day before the first day with a list and use, and the one before the first whose use is counted."""
    watched = max(filter(None, (since, begun and begun.date() - ONE)), default=None)
    return watched, begun.date() - ONE if begun and catalogue.is_daily else watched


def load_panel_data(store: Store, catalogue: Catalogue, period: Period) -> PeriodData:
    """The period data of a panel: no list of models, only its gauges."""
    empty = _unread_data(catalogue, period, Unknown(message("panel_without_models")))
    with store.read_transaction() as connection:
        key = catalogue_query.key_of(connection, catalogue)
        if key is None:
            return empty
        query = EventCatalogueQuery(connection, key, catalogue, store)
        return replace(
            empty,
            gauges=gauge_values(query, period),
            **(all_callers(query, period) if catalogue.token[0] else {}),
            paid=paid_amount(query, period) if catalogue.token[0] else None,
            gaps=(*payment_gaps(query, period), *catalogue.caveats),
            refs=event_references(query, period),
        )


def _unread_data(catalogue: Catalogue, period: Period, why: Unknown) -> PeriodData:
    token = catalogue.token[0]
    unknown = Unknown(message("place_not_read", place=catalogue.place, day=period.last))
    return PeriodData(
        *(catalogue, period, None, *(why,) * 4, *(unknown,) * 5, why, (), catalogue.caveats, ()),
        evidence=dict.fromkeys(catalogue.evidences, unknown),
        callers=(called := unknown if token or (catalogue.evidences and not catalogue.is_daily) else None),
        callers_7d=called,
        callers_30d=called,
        paid=unknown if token else None,
    )


def _filled_data(query: EventCatalogueQuery, period: Period, of_callers: bool) -> PeriodData:
    catalogue, end = query.catalogue, period.last
    since, begun = _first_list(query), _first_read(query)
    stock = catalogue_query.CatalogueQuery(query.connection, query.key, catalogue.unit, since or date.max, {})
    flow, listed = flow_of(query, period.first, end), inventory.listed_at(stock, end)
    if catalogue.ranked and not isinstance(listed, Unknown):
        # Any of them may have been among the models that are used and not named.
        listed = tuple(replace(model, used_before_watch=True) for model in listed)
    here = () if isinstance(listed, Unknown) else listed
    watched, counted = _watch_began(catalogue, since, begun)
    return PeriodData(
        catalogue=catalogue,
        period=period,
        watched_since=watched if since and begun else None,
        listed=listed,
        flow=flow,
        unbroken=_is_unbroken(query, watched, end),
        history=history_points(query, end, counted),
        listed_in_part=inventory.listed_in_part(stock, end) if isinstance(listed, Unknown) else (),
        gaps=_all_gaps(query, stock, period, flow, listed, of_callers),
        refs=(
            *period_data.snapshot_references(stock, [period.first - ONE, end, end - 7 * ONE]),
            *event_references(query, period),
        ),
        evidence={name: by_evidence(query, name, period) for name in catalogue.evidences},
        paid=Unknown(message("paid_by_session")) if catalogue.token[0] else None,
        **_earlier_list_fields(stock, period, since),
        **_earlier_use_fields(query, stock, period, flow, here),
        **(all_callers(query, period) if of_callers and not catalogue.is_daily else {}),
        **_activity_fields(query, here, flow, period),
    )


def _is_unbroken(query: EventCatalogueQuery, watched: date | None, end: date) -> bool:
    """Whether every use since the catalogue is watched was read."""
    if query.catalogue.ranked or watched is None or watched >= end:
        return False
    return unread_days(query, watched + ONE, end) is None


def _earlier_list_fields(stock: catalogue_query.CatalogueQuery, period: Period, since: date | None) -> dict[str, Any]:
    """The lists of earlier days, and the models that are new or have no count. `since`: the day of the first list."""
    end = period.last
    why = Unknown(message("watched_under_60_days"))
    return {
        "listed_before": inventory.ids_at(stock, period.first - ONE),
        "listed_7d_before": inventory.stock_at(stock, end - 7 * ONE),
        "listed_period_before": inventory.stock_at(stock, period.first - ONE),
        "newly_listed": inventory.newly_listed(stock, end) if since and since <= end else why,
        "uncounted": inventory.uncounted_models(stock, end),
    }


def _earlier_use_fields(
    query: EventCatalogueQuery,
    stock: catalogue_query.CatalogueQuery,
    period: Period,
    flow: Usage | Unknown,
    listed: Iterable[Model],
) -> dict[str, Any]:
    """The use of the period before and of the last days, and the names of models that are used but not listed."""
    end, before = period.last, period.previous_period
    prior = end - 13 * ONE
    flow_before = method_break(query, before.first, end) or flow_of(query, before.first, before.last)
    week, month = flow_of(query, end - 6 * ONE, end), flow_of(query, end - 29 * ONE, end)
    used = {model for usage in (flow, flow_before) if isinstance(usage, Usage) for model in usage.by_model}
    names, authors = inventory.names_of(stock, used - {model.id for model in listed})
    return {
        "flow_before": flow_before,
        "total_7d": week if isinstance(week, Unknown) else week.total,
        "total_30d": month if isinstance(month, Unknown) else month.total,
        "unnamed_7d": 0 if isinstance(week, Unknown) else week.unattributed,
        "unnamed_30d": 0 if isinstance(month, Unknown) else month.unattributed,
        "total_prior_7d": method_break(query, prior, end) or total_uses(query, prior, end - 7 * ONE),
        "names": names,
        "authors": authors,
    }


def _all_gaps(
    query: EventCatalogueQuery,
    stock: catalogue_query.CatalogueQuery,
    period: Period,
    flow: Usage | Unknown,
    listed: tuple[Model, ...] | Unknown,
    of_callers: bool,
) -> tuple[str, ...]:
    """What readers must know about holes in the data."""
    return (
        *period_data.left_out(stock, period),
        *period_data.snapshot_notes(stock, period),
        *event_gaps(query, period),
        *nameless_gaps(query, flow),
        *(caller_gaps(query, period, flow) if of_callers else ()),
        *(daily_gaps(query, period, listed) if query.catalogue.is_daily else ()),
        *query.catalogue.caveats,
    )


def _activity_fields(
    query: EventCatalogueQuery, listed: Iterable[Model], flow: Usage | Unknown, period: Period
) -> dict[str, Any]:
    """The models that went idle or became active on a day, if the days around it were read completely and every use
    names its model."""
    day, here = period.last, tuple(listed)
    if period.name != "day" or isinstance(flow, Unknown) or not here or flow.unattributed or flow.incomplete:
        return {}
    awake = inventory.became_active_by_events(query.connection, query.key, here, day)
    edges = {before for _, before in awake}
    read = {before for before in edges if _all_named(query, before + ONE, day)}
    week = _all_named(query, day - inventory.QUIET_AFTER * ONE, day)
    return {
        "quiet": inventory.went_idle_by_events(query.connection, here, day) if week else (),
        "woken": tuple(change for change in awake if change[1] in read),
    }


def _all_named(query: EventCatalogueQuery, first: date, last: date) -> bool:
    flow = flow_of(query, first, last)
    return isinstance(flow, Usage) and not flow.unattributed and not flow.incomplete
