"""The use of single models and of groups of models, day by day.

The days of many models cost little more than those of one: a fixed number of queries for all of them, and one per day
only where use is read event by event. A day equals that of `model_standing`, except that use which is a lower bound is
shown as one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, CatalogueQuery, in_chunks, key_of, not_watched_reason
from bot.ledger.events.usage import EventCatalogueQuery, flow_of
from bot.ledger.queries.models import FELL, NO_READING, NOT_LISTED
from bot.ledger.snapshots import counter_falls, inventory
from bot.ledger.snapshots.period_data import fallen_reason, unknown_window
from bot.records import (
    AtLeast,
    Catalogue,
    Unknown,
    at_least,
    each_day,
    few_named,
    message,
    unnamed_use_reason,
)
from bot.store import Store, readings, snapshots, stretches, usage, windows

FEW = 8
"""Up to so many models, their ranks are counted one by one instead of from the use of all models."""


@dataclass(frozen=True, slots=True)
class DayUse:
    """The use of a model or a group on one day."""

    day: date
    uses: int | AtLeast | Unknown
    rank: int | None = None
    """Of a model among those listed; `None` without a use, for a group, or if the use of another model is unknown."""
    share: float | None = None
    """Of all use of the day; `None` if that is unknown."""


@dataclass(frozen=True, slots=True)
class _Day:
    """What is known of one day for the models asked about."""

    day: date
    total: int
    """All use of the day; 0 if it is unknown."""
    uses: Mapping[int, int]
    ranks: Mapping[int, int]
    listed: Collection[int] | Unknown = frozenset()
    known: Collection[int] = frozenset()
    """Models without use whose use is 0, because readings show that."""
    fell: frozenset[int] = frozenset()
    """Models whose use is unknown because their counter fell."""
    incomplete: str = ""
    """Why all use by model is a lower bound."""
    unread: Unknown = field(default=NO_READING)
    """Why the use of a listed model without a known use is unknown."""


def daily_use(
    store: Store, catalogue: Catalogue, models: Collection[int], last: date, days: int
) -> Mapping[int, tuple[DayUse, ...]]:
    """The last days of some models, by id, oldest first; days before the watch began are left out."""
    with store.read_transaction() as connection:
        facts = list(_days(connection, store, catalogue, frozenset(models), last, days))
    return {
        model: tuple(fact if isinstance(fact, DayUse) else _model_day(fact, model) for fact in facts)
        for model in models
    }


def daily_use_of_groups(
    store: Store, catalogue: Catalogue, groups: Mapping[str, frozenset[int]], last: date, days: int
) -> Mapping[str, tuple[DayUse, ...]]:
    """The last days of some groups of models, by name, oldest first."""
    every = frozenset().union(*groups.values()) if groups else frozenset()
    with store.read_transaction() as connection:
        facts = list(_days(connection, store, catalogue, every, last, days, ranked=False))
    return {
        name: tuple(fact if isinstance(fact, DayUse) else _group_day(fact, held) for fact in facts)
        for name, held in groups.items()
    }


def _model_day(day: _Day, model: int) -> DayUse:
    count = day.uses.get(model)
    if count is None and isinstance(day.listed, Unknown):
        return DayUse(day.day, day.listed)
    if count is None and model not in day.listed:  # type: ignore[operator]
        return DayUse(day.day, NOT_LISTED)
    if model in day.fell:
        return DayUse(day.day, FELL)
    if day.incomplete:
        return DayUse(day.day, at_least(count or 0, day.incomplete))
    if count is None and model not in day.known:
        return DayUse(day.day, day.unread)
    rank = None if day.fell else day.ranks.get(model)
    return DayUse(day.day, count or 0, rank, (count or 0) / day.total if day.total and not day.fell else None)


def _group_day(day: _Day, members: frozenset[int]) -> DayUse:
    """Use that names no model belongs to no group."""
    uses, fell = _sum_of(day.uses, members), members & day.fell
    if day.incomplete or fell:
        return DayUse(day.day, at_least(uses, day.incomplete or fallen_reason(len(fell))))
    return DayUse(day.day, uses, None, uses / day.total if day.total and not day.fell else None)


def _sum_of(uses: Mapping[int, int], members: frozenset[int]) -> int:
    """A category may have every model, and few models are used on a day."""
    if len(members) < len(uses):
        return sum(uses.get(model, 0) for model in members)
    return sum(count for model, count in uses.items() if model in members)


def _days(
    connection: sa.Connection,
    store: Store,
    catalogue: Catalogue,
    models: frozenset[int],
    last: date,
    days: int,
    ranked: bool = True,
) -> Iterator[_Day | DayUse]:
    """Each day; a day that is unknown for every model is a `DayUse`."""
    key = key_of(connection, catalogue)
    begun, since = _watched_since(connection, key, catalogue)
    if key is None or begun is None or begun >= last:
        yield DayUse(last, not_watched_reason(begun))
        return
    first = max(last - (days - 1) * ONE, begun + ONE)
    closing = _closing(connection, key, first - ONE, last)
    query = CatalogueQuery(connection, key, catalogue.unit, since or date.max, closing)
    if catalogue.evidences:
        events = EventCatalogueQuery(connection, key, catalogue, store)
        for day in each_day(first, last):
            yield _event_day(query, events, day)
    else:
        yield from _snapshot_days(query, models, each_day(first, last), ranked)


def _watched_since(connection: sa.Connection, key: int | None, catalogue: Catalogue) -> tuple[date | None, date | None]:
    """The day before the first whose use may be known, and the first day with a list."""
    listed = connection.scalar(sa.select(sa.func.min(snapshots.c.day)).where(snapshots.c.catalogue == key))
    if not catalogue.evidences:
        return listed, listed
    read = connection.scalar(sa.select(sa.func.min(windows.c.begins)).where(windows.c.catalogue == key))
    return read.date() - ONE if read else None, listed


def _closing(connection: sa.Connection, key: int, first: date, last: date) -> dict[date, object]:
    """The snapshot that closes each day, or `None`."""
    chosen = sa.select(snapshots).where(snapshots.c.catalogue == key, snapshots.c.day.between(first, last))
    return {**dict.fromkeys(each_day(first, last)), **{row.day: row for row in connection.execute(chosen)}}


def _event_day(query: CatalogueQuery, events: EventCatalogueQuery, day: date) -> _Day | DayUse:
    """As `model_rankings` counts it."""
    flow, listed = flow_of(events, day, day), inventory.ids_at(query, day)
    if isinstance(flow, Unknown):
        return DayUse(day, flow)
    if flow.uses and not flow.by_model:
        return DayUse(day, Unknown(message("no_use_named")))
    if few := few_named(events.catalogue.evidence, flow.unattributed, flow.uses):
        return DayUse(day, few)
    part = flow.unattributed or flow.incomplete or isinstance(listed, Unknown)
    known = frozenset() if part else listed
    unread = unnamed_use_reason(flow.unattributed, flow.uses) if flow.unattributed else NO_READING
    ranks = {} if isinstance(listed, Unknown) else _ranks({m: n for m, n in flow.by_model.items() if m in listed})
    shown = frozenset() if isinstance(known, Unknown) else known
    return _Day(day, flow.uses, flow.by_model, ranks, listed, shown, incomplete=flow.incomplete, unread=unread)


def _ranks(uses: Mapping[int, int]) -> dict[int, int]:
    ordered = sorted(uses.values())
    return {model: len(ordered) - bisect_right(ordered, count) + 1 for model, count in uses.items() if count}


def _snapshot_days(
    query: CatalogueQuery, models: frozenset[int], days: Sequence[date], ranked: bool
) -> Iterator[_Day | DayUse]:
    first, last = days[0], days[-1]
    uses = _uses(query, models, first, last)
    listed = _listed(query, models) if ranked else {}
    ranks = _snapshot_ranks(query, uses, first, last) if ranked else {}
    whole = (stretches.c.catalogue == query.catalogue, stretches.c.last_day.between(first, last))
    totals = dict(query.connection.execute(sa.select(stretches.c.last_day, stretches.c.uses).where(*whole)).all())
    falls = counter_falls.overlapping_falls(query.connection, query.catalogue, first, last)
    for day in days:
        stock = inventory.stock_at(query, day) if ranked else 0
        if unknown := stock if isinstance(stock, Unknown) else unknown_window(query, day, day):
            yield DayUse(day, unknown)
            continue
        here, before = listed.get(day, frozenset()), listed.get(day - ONE, frozenset())
        fell = frozenset(
            fall.model
            for fall in falls
            if fall.first_day <= day <= fall.last_day and (fall.first_day < fall.last_day or fall.uses is None)
        )
        total, counts = int(totals.get(day, 0)), uses.get(day, {})
        yield _Day(day, total, counts, ranks.get(day, {}), here, here & before, fell)


def _uses(query: CatalogueQuery, models: frozenset[int], first: date, last: date) -> dict[date, dict[int, int]]:
    """The use of single days, by day and model."""
    found: dict[date, dict[int, int]] = {}
    for some in in_chunks(models):
        mine = (usage.c.model.in_(some), usage.c.last_day.between(first, last), usage.c.first_day == usage.c.last_day)
        chosen = sa.select(usage.c.model, usage.c.last_day, usage.c.uses).where(*mine)
        for model, day, count in query.connection.execute(chosen).all():
            found.setdefault(day, {})[model] = int(count)
    return found


def _listed(query: CatalogueQuery, models: frozenset[int]) -> dict[date, frozenset[int]]:
    """The models of each day's list."""
    days = {row.id: day for day, row in query.closing.items() if row is not None}
    found: dict[date, set[int]] = {}
    for some in in_chunks(models):
        mine = (readings.c.model.in_(some), readings.c.snapshot.in_(days))
        chosen = sa.select(readings.c.model, readings.c.snapshot).where(*mine)
        for model, snapshot in query.connection.execute(chosen).all():
            found.setdefault(days[snapshot], set()).add(model)
    return {day: frozenset(held) for day, held in found.items()}


def _snapshot_ranks(
    query: CatalogueQuery, uses: Mapping[date, Mapping[int, int]], first: date, last: date
) -> dict[date, dict[int, int]]:
    """The rank of each use among those of its day. A model with use of a single day is in the list of that day."""
    if len({model for held in uses.values() for model in held}) <= FEW:
        return {
            day: {model: _models_above(query, day, count) + 1 for model, count in held.items() if count}
            for day, held in uses.items()
        }
    mine = (usage.c.catalogue == query.catalogue, usage.c.last_day.between(first, last))
    single = (*mine, usage.c.first_day == usage.c.last_day, usage.c.uses > 0)
    counted = sa.select(usage.c.last_day, usage.c.uses, sa.func.count()).where(*single)
    tallies: dict[date, list[tuple[int, int]]] = {}
    for day, count, models in query.connection.execute(counted.group_by(usage.c.last_day, usage.c.uses)).all():
        tallies.setdefault(day, []).append((int(count), int(models)))
    return {day: _ranks_by_tally(held, tallies.get(day, [])) for day, held in uses.items()}


def _models_above(query: CatalogueQuery, day: date, count: int) -> int:
    above = (usage.c.catalogue == query.catalogue, usage.c.last_day == day, usage.c.first_day == day)
    return int(query.connection.scalar(sa.select(sa.func.count()).where(*above, usage.c.uses > count)) or 0)


def _ranks_by_tally(uses: Mapping[int, int], tally: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Ranks from how many models had each number of uses."""
    ordered = sorted(tally)
    counts, models = [count for count, _ in ordered], [0, *accumulate(held for _, held in ordered)]
    return {model: models[-1] - models[bisect_right(counts, count)] + 1 for model, count in uses.items() if count}
