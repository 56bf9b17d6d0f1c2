"""Period data of a catalogue, whichever way its use is read, also by category and by author: lists and use of the
windows beside the period itself.

A model stays in the group under which it was first listed, so that growth of a group is never a relabelling. The cost
does not grow with the length of the history: one list, and the use of fourteen days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import get_args

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, DAY, IDS, ONE, CatalogueQuery, in_chunks, key_of, open_catalogue_query
from bot.ledger.events import period_data as events
from bot.ledger.queries.movers import with_movers
from bot.ledger.snapshots import period_data as snapshots_data
from bot.ledger.snapshots.period_data import use_by_model
from bot.records import AtLeast, Catalogue, Grouping, GroupKind, HistoryPoint, Period, PeriodData, Unknown, Usage
from bot.store import Store, models, readings, snapshots

EVER = 36_500
"""Days of the longest history."""
KINDS: tuple[GroupKind, ...] = get_args(GroupKind)
Names = Mapping[GroupKind, Mapping[int, str]]
"""Model id to the name of its group; empty if it has none."""
Counts = Mapping[int, int] | Unknown
"""Model id to a number."""


def load_period_data(store: Store, catalogue: Catalogue, period: Period, of_callers: bool = True) -> PeriodData:
    """The data of one catalogue and period. What is not known is an `Unknown` in it, with the reason. Callers may be
    left out: over many days the lake counts them."""
    if catalogue.evidences:
        book = events.load_period_data(store, catalogue, period, of_callers)
    else:
        book = snapshots_data.load_period_data(store, catalogue, period)
    return with_movers(store, with_groups(store, book))


def day_history(store: Store, catalogue: Catalogue, end: date) -> tuple[HistoryPoint, ...]:
    """One point for each day since the watch began, or since the newest method break, up to `end`."""
    if catalogue.evidences:
        return events.day_history(store, catalogue, end, EVER)
    with open_catalogue_query(store, catalogue, Period(end, end)) as query:
        return snapshots_data.history_points(query, end, EVER) if isinstance(query, CatalogueQuery) else ()


def with_groups(store: Store, book: PeriodData) -> PeriodData:
    """The period data with its groups, for each grouping that any of its models has a name in."""
    listed = () if isinstance(book.listed, Unknown) else book.listed
    mine: Names = {"category": {m.id: m.category or "" for m in listed}, "author": {m.id: m.author for m in listed}}
    daily, end = book.period.name == "day", book.period.last
    with store.read_transaction() as connection:
        key = key_of(connection, book.catalogue)
        if key is None:
            return book
        lists = (
            _listed_counts(connection, key, end - 7 * ONE, book.listed_7d_before)
            if daily
            else _listed_counts(connection, key, book.period.first - ONE, book.listed_period_before)
        )
        week = _use_counts(connection, key, end - 6 * ONE, end, book.total_7d)
        prior = _use_counts(connection, key, end - 13 * ONE, end - 7 * ONE, book.total_prior_7d)
        seen = _used_models(book).union(*(held for held in (lists, week, prior) if not isinstance(held, Unknown)))
        gone = _unlisted_groups(connection, seen - {model.id for model in listed})
    groupings: dict[GroupKind, Grouping] = {}
    for kind in KINDS:
        name_of = {**mine[kind], **gone[kind]}
        if any(name_of.values()):
            summed = (_by_name(held, name_of) for held in (lists, week, prior))
            groupings[kind] = Grouping(gone[kind], *summed)
    return replace(book, groups=groupings)


def _used_models(book: PeriodData) -> set[int]:
    flows = [flow for flow in (book.flow, book.flow_before) if isinstance(flow, Usage)]
    return {model for flow in flows for model in (*flow.by_model, *(flow.unknown_models or ()))}


_GROUPS = sa.select(models.c.id, models.c.category, models.c.author).where(models.c.id.in_(IDS))


def _unlisted_groups(connection: sa.Connection, ids: Iterable[int]) -> Names:
    """The groups of models that are no longer listed."""
    rows = [row for some in in_chunks(ids, 10_000) for row in connection.execute(_GROUPS, {"ids": some})]
    return {"category": {row.id: row.category or "" for row in rows}, "author": {row.id: row.author for row in rows}}


_CLOSING = sa.select(snapshots.c.id).where(snapshots.c.catalogue == CATALOGUE, snapshots.c.day == DAY)
_LISTED = sa.select(readings.c.model).where(readings.c.snapshot == _CLOSING.scalar_subquery())


def _listed_counts(connection: sa.Connection, catalogue: int, day: date, stock: int | Unknown) -> Counts:
    """1 for each model listed at the end of a day."""
    if isinstance(stock, Unknown):
        return stock
    return dict.fromkeys(connection.scalars(_LISTED, {"catalogue": catalogue, "day": day}).all(), 1)


def _use_counts(
    connection: sa.Connection, catalogue: int, first: date, last: date, total: int | AtLeast | Unknown
) -> Counts:
    """Use of a range of days, without unnamed use."""
    if isinstance(total, Unknown):
        return total
    return use_by_model(connection, catalogue, first, last)


def _by_name(counts: Counts, name_of: Mapping[int, str]) -> Mapping[str, int] | Unknown:
    if isinstance(counts, Unknown):
        return counts
    summed: dict[str, int] = {}
    for model, count in counts.items():
        name = name_of[model]
        summed[name] = summed.get(name, 0) + count
    return summed
