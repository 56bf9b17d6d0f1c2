"""Queries about single models, answered by the database without loading the period data of 10,000 models.

The answers equal those from the period data of the day; tests compare them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, CatalogueQuery, not_watched_reason, open_catalogue_query
from bot.ledger.events import period_data
from bot.ledger.queries import rankings
from bot.ledger.snapshots import counter_falls, inventory
from bot.ledger.snapshots import period_data as snapshots_data
from bot.records import Catalogue, Model, Period, SafeName, Unknown, Usage, message, unnamed_use_reason
from bot.store import Store, models, readings, usage


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """One model at the end of a day."""

    seen: Model | Unknown | None
    """The model as listed; `None` if it is not in the list, unknown if the list is."""
    uses: int | Unknown
    rank: int | None
    """Rank among all listed models by uses; `None` without a use, or if the use of another model is unknown."""
    share: float | None
    listed: int | None
    """Number of listed models; `None` if the day's use or list is unknown."""


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model that was used in a period or in the one before it."""

    name: SafeName
    author: SafeName
    first_listed: date | None
    """`None` if it is not listed at the period's end, or if that is unknown."""


@dataclass(frozen=True, slots=True)
class UsageComparison:
    """The use of a period and of the one before, in total and by model."""

    now: Usage | Unknown
    before: Usage | Unknown
    models: Mapping[int, UsedModel]


Offered = tuple[SafeName, SafeName, date | None]
"""Name, author and last use of a model in the list of a day. Thousands of these are cached. Plain tuples cost the
garbage collector nothing; its passes would otherwise delay every other answer."""


@dataclass(frozen=True, slots=True)
class DayListing:
    """The list of one day."""

    watched_since: date | None
    listed: tuple[Offered, ...] | Unknown


NOT_LISTED = Unknown(message("not_listed"))
NO_READING = Unknown(message("no_first_reading"))
FELL = Unknown(message("model_counter_fell"))


def model_standing(store: Store, catalogue: Catalogue, name: SafeName, day: date) -> ModelStanding:
    """The use and rank of one model at the end of a day."""
    period = Period(day, day)
    if catalogue.evidences:
        return _event_standing(store, catalogue, name, period)
    with open_catalogue_query(store, catalogue, period) as query:
        if not isinstance(query, CatalogueQuery):
            return ModelStanding(not_watched_reason(query), not_watched_reason(query), None, None, None)
        listed = inventory.stock_at(query, day)
        unknown = listed if isinstance(listed, Unknown) else snapshots_data.unknown_window(query, day, day)
        seen = inventory.model_at(query, name, day)
        if unknown:
            return ModelStanding(seen, unknown, None, None, None)
        assert isinstance(listed, int)
        if seen is None or isinstance(seen, Unknown):
            return ModelStanding(seen, NOT_LISTED, None, None, listed)
        return _ranked_standing(query, seen, day, listed)


def _ranked_standing(query: CatalogueQuery, seen: Model, day: date, listed: int) -> ModelStanding:
    """The rank of a listed model on a day whose use is known."""
    fell = counter_falls.unknown_models(query.connection, query.catalogue, day, day)
    if seen.id in fell:
        return ModelStanding(seen, FELL, None, None, listed)
    uses = query.connection.scalar(_select_uses(query, day).where(usage.c.model == seen.id))
    if uses is None:
        before = query.closing_snapshot(day - ONE)
        had = (readings.c.snapshot == before.id, readings.c.model == seen.id) if before is not None else (sa.false(),)
        if before is None or before.unplaced or not query.connection.scalar(sa.select(sa.literal(1)).where(*had)):
            return ModelStanding(seen, NO_READING, None, None, listed)
    uses = int(uses or 0)
    if fell:  # Any of these may have been used more.
        return ModelStanding(seen, uses, None, None, listed)
    total = query.connection.scalar(_select_uses(query, day).with_only_columns(sa.func.sum(usage.c.uses)))
    more = (
        _select_uses(query, day)
        .with_only_columns(sa.func.count())
        .join_from(usage, readings, readings.c.model == usage.c.model)
        .where(readings.c.snapshot == query.closing_snapshot(day).id, usage.c.uses > uses)
    )
    rank = int(query.connection.scalar(more) or 0) + 1 if uses else None
    return ModelStanding(seen, uses, rank, uses / int(total) if total else None, listed)


def _select_uses(query: CatalogueQuery, day: date) -> sa.Select[Any]:
    """The uses of each model on one day, as `Usage` has them."""
    mine = (usage.c.catalogue == query.catalogue, usage.c.last_day == day, usage.c.first_day >= day)
    return sa.select(usage.c.uses).where(*mine)


def _event_standing(store: Store, catalogue: Catalogue, name: SafeName, period: Period) -> ModelStanding:
    """The same for use that is read event by event; such catalogues are short."""
    rows = rankings.model_rankings(store, catalogue, period)
    book = period_data.load_period_data(store, catalogue, period, of_callers=False)
    listed, flow = book.listed, book.flow
    seen = listed if isinstance(listed, Unknown) else next((m for m in listed if m.name == name), None)
    if isinstance(rows, Unknown):
        return ModelStanding(seen, rows, None, None, None)
    row = next((r for r in rows if r.model == name), None)
    if row is None:
        return ModelStanding(seen, NOT_LISTED, None, None, len(rows))
    assert isinstance(flow, Usage)
    uses = unnamed_use_reason(flow.unattributed, flow.uses) if row.uses is None else row.uses
    return ModelStanding(seen, uses, row.rank if row.uses else None, row.share, len(rows))


def usage_comparison(store: Store, catalogue: Catalogue, period: Period) -> UsageComparison:
    """The use of a period and of the period before, for comparison."""
    if catalogue.evidences:
        book = period_data.load_period_data(store, catalogue, period, of_callers=False)
        here = () if isinstance(book.listed, Unknown) else book.listed
        gone = {key: UsedModel(name, book.authors.get(key, SafeName("")), None) for key, name in book.names.items()}
        listed = {m.id: UsedModel(m.name, m.author, m.first_listed) for m in here}
        return UsageComparison(book.flow, book.flow_before, gone | listed)
    with open_catalogue_query(store, catalogue, period) as query:
        if not isinstance(query, CatalogueQuery):
            return UsageComparison(not_watched_reason(query), not_watched_reason(query), {})
        before = period.previous_period
        now = snapshots_data.flow_of(query, period.first, period.last)
        earlier = snapshots_data.flow_of(query, before.first, before.last)
        return UsageComparison(now, earlier, _used_models(query, before.first, period.last))


def day_listing(store: Store, catalogue: Catalogue, day: date, days: int = 1) -> DayListing:
    """The models on offer at the end of a day, with their last use. If use is read event by event, the `days` up to
    then must have been read completely and name their models: an unread day is not a day without use."""
    period = Period(day, day)
    if catalogue.evidences:
        book = period_data.day_listing(store, catalogue, day, days)
        if isinstance(book.listed, Unknown):
            return DayListing(book.watched_since, book.listed)
        return DayListing(book.watched_since, tuple((m.name, m.author, m.last_used) for m in book.listed))
    with open_catalogue_query(store, catalogue, period) as query:
        if not isinstance(query, CatalogueQuery):
            return DayListing(None, not_watched_reason(query))
        listed = inventory.stock_at(query, day)
        if isinstance(listed, Unknown):
            return DayListing(query.since, listed)
        chosen = inventory.listed_models(query, day).with_only_columns(
            models.c.name, models.c.author, inventory.last_used_at(day), maintain_column_froms=True
        )
        return DayListing(query.since, tuple(map(tuple, query.connection.execute(chosen).all())))


def _used_models(query: CatalogueQuery, first: date, last: date) -> dict[int, UsedModel]:
    """The models used in a range of days, as in the list of the last day."""
    stock = query.closing_snapshot(last)
    known = stock is not None and not stock.unplaced
    here = sa.and_(readings.c.model == models.c.id, readings.c.snapshot == (stock.id if known else -1))
    days = (usage.c.catalogue == query.catalogue, usage.c.last_day.between(first, last))
    known_columns = (models.c.id, models.c.name, models.c.author, models.c.first_seen, models.c.created_at)
    chosen = (
        sa.select(*known_columns, readings.c.model)
        .join_from(models, readings, here, isouter=True)
        .where(models.c.id.in_(sa.select(usage.c.model).where(*days)))
    )
    return {
        key: UsedModel(name, author, inventory.first_listed(query, seen, created) if listed is not None else None)
        for key, name, author, seen, created, listed in query.connection.execute(chosen).all()
    }
