"""The models that came to a list within some days, and whether they were used since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, CatalogueQuery, not_watched_reason, open_catalogue_query
from bot.ledger.events import usage as event_usage
from bot.ledger.snapshots import counter_falls, inventory
from bot.records import (
    AtLeast,
    Catalogue,
    Period,
    SafeName,
    Unknown,
    Usage,
    at_least,
    each_day,
    message,
    unnamed_use_reason,
)
from bot.store import Store, models, readings, usage

ADDED_TODAY = Unknown(message("listed_only_today"))
NO_COUNTER = Unknown(message("no_counter"))
FELL = Unknown(message("model_counter_fell"))


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model that came to the list."""

    name: SafeName
    author: SafeName
    category: SafeName | None
    first_listed: date
    uses: int | AtLeast | Unknown
    """Since it was first listed, up to the end of the days."""
    uses_before: int | None
    """What its counter showed when it came; `None` if it shows none, or if use is read event by event."""


@dataclass(frozen=True, slots=True)
class NewModels:
    """What came to a list within some days."""

    models: tuple[NewModel, ...] | Unknown
    """Those that are on the list at the end of the days, the newest first."""
    gone: int = 0
    """How many others came and left again."""
    unread: tuple[str, ...] = ()
    """Why the list of some of the days, or of the day before them, is not known: a model of the next list may have
    come earlier."""


def new_models(store: Store, catalogue: Catalogue, first: date, last: date) -> NewModels:
    """The models first listed on these days."""
    with open_catalogue_query(store, catalogue, Period(last, last)) as query:
        if not isinstance(query, CatalogueQuery):
            return NewModels(not_watched_reason(query))
        listed = inventory.stock_at(query, last)
        if isinstance(listed, Unknown):
            return NewModels(listed)
        if query.since >= first:
            watched = max((last - query.since).days, 0)
            return NewModels(Unknown(message("watched_days", n=watched, m=(last - first).days + 1)))
        came = sa.select(sa.func.count()).where(
            models.c.catalogue == query.catalogue, models.c.first_seen.between(first, last)
        )
        here = _listed_rows(query, first, last)
        unread = (inventory.stock_at(query, day) for day in each_day(first - ONE, last))
        return NewModels(
            _with_use(query, catalogue, store, here, first, last),
            int(query.connection.scalar(came) or 0) - len(here),
            tuple(stock.reason for stock in unread if isinstance(stock, Unknown)),
        )


def _listed_rows(query: CatalogueQuery, first: date, last: date) -> list[sa.Row[tuple[object, ...]]]:
    """The new models on the list of the last day, with their use since the first list that has them."""
    since = sa.and_(usage.c.model == models.c.id, usage.c.last_day <= last, usage.c.first_day >= models.c.first_seen)
    chosen = (
        sa.select(models, sa.func.coalesce(sa.func.sum(usage.c.uses), 0).label("uses"), readings.c.counter)
        .join_from(models, readings, readings.c.model == models.c.id)
        .join(usage, since, isouter=True)
        .where(models.c.catalogue == query.catalogue, models.c.first_seen.between(first, last))
        .where(readings.c.snapshot == query.closing_snapshot(last).id)
        .group_by(models.c.id, readings.c.counter)
        .order_by(models.c.first_seen.desc(), models.c.name)
    )
    return list(query.connection.execute(chosen))


def _with_use(
    query: CatalogueQuery,
    catalogue: Catalogue,
    store: Store,
    rows: list[sa.Row[tuple[object, ...]]],
    first: date,
    last: date,
) -> tuple[NewModel, ...]:
    if catalogue.evidences:
        events = event_usage.EventCatalogueQuery(query.connection, query.catalogue, catalogue, store)
        flow = event_usage.flow_of(events, first, last)
        return tuple(_new_model(row, _event_uses(row.uses, flow), None) for row in rows)
    fell = counter_falls.unknown_models(query.connection, query.catalogue, first, last)
    return tuple(_new_model(row, _counter_uses(row, fell, last), row.first_counter) for row in rows)


def _new_model(row: sa.Row[tuple[object, ...]], uses: int | AtLeast | Unknown, before: int | None) -> NewModel:
    return NewModel(row.name, row.author, row.category, row.first_seen, uses, before)


def _counter_uses(row: sa.Row[tuple[object, ...]], fell: frozenset[int], last: date) -> int | Unknown:
    """What its counter gained since the first list that has it."""
    if row.first_counter is None or row.counter is None:
        return NO_COUNTER
    if row.id in fell:
        return FELL
    return ADDED_TODAY if row.first_seen == last else int(row.uses)


def _event_uses(uses: int, flow: Usage | Unknown) -> int | AtLeast | Unknown:
    """What events name it for; a lower bound if some of the use of these days may have been its own."""
    if isinstance(flow, Unknown):
        return flow
    reason = flow.incomplete or (unnamed_use_reason(flow.unattributed, flow.uses).reason if flow.unattributed else "")
    return at_least(int(uses), reason) if reason else int(uses)
