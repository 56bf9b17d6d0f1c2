"""Period data of a day with the models whose use changed most, against the day before and the week before.

The cost does not grow with the length of the history: the use of one more day, and fifteen days of a few models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from heapq import nlargest
from itertools import pairwise

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, FIRST, IDS, LAST, ONE, key_of
from bot.ledger.snapshots.period_data import use_by_model
from bot.records import PeriodData, Unknown, Usage
from bot.store import Store, readings, snapshots, usage

CANDIDATES = 5
"""Models with the largest change that are looked at day by day, for each comparison."""
DAYS = 15
"""Days that are looked at for them: two weeks before the day, and the day."""


def with_movers(store: Store, book: PeriodData) -> PeriodData:
    """The period data of a day with the usage of the day 7 days before and the days of the models that moved most."""
    if book.period.name != "day" or isinstance(book.flow, Unknown):
        return book
    with store.read_transaction() as connection:
        catalogue = key_of(connection, book.catalogue)
        if catalogue is None:
            return book
        week_before = _week_before(connection, catalogue, book)
        chosen = {*_largest_changes(book.flow, book.flow_before), *_largest_changes(book.flow, week_before)}
        chosen -= _unknown_models(book.flow) | _unknown_models(book.flow_before)
        found = {} if book.catalogue.evidences else _daily_uses(connection, catalogue, sorted(chosen), book.period.last)
    return replace(book, flow_week_before=week_before, daily_uses=found)


def _week_before(connection: sa.Connection, catalogue: int, book: PeriodData) -> Usage | Unknown:
    """The usage of the day 7 days before, if the history has it exactly."""
    day = book.period.last - 7 * ONE
    point = next((point for point in book.history if point.day == day), None)
    if point is None or point.uses is None or point.at_least:
        return Unknown("the use of the day 7 days before is not known")
    by_model = use_by_model(connection, catalogue, day, day)
    return Usage(point.uses, by_model, unattributed=point.uses - sum(by_model.values()))


def _largest_changes(now: Usage, before: Usage | Unknown) -> list[int]:
    """The models whose use changed most; none if one of the two is unknown."""
    if isinstance(before, Unknown):
        return []
    changes = {
        model: abs(now.by_model.get(model, 0) - before.by_model.get(model, 0))
        for model in now.by_model.keys() | before.by_model.keys()
    }
    return nlargest(CANDIDATES, changes, key=lambda model: (changes[model], -model))


def _unknown_models(flow: Usage | Unknown) -> frozenset[int]:
    """The models whose use on some of the days is unknown."""
    return frozenset() if isinstance(flow, Unknown) else flow.unknown_models or frozenset()


_CLOSING = sa.select(snapshots.c.id, snapshots.c.day).where(
    snapshots.c.catalogue == CATALOGUE, snapshots.c.day.between(FIRST, LAST)
)
_SHOWN = sa.select(readings.c.model, readings.c.snapshot, readings.c.counter).where(
    readings.c.model.in_(IDS), readings.c.snapshot.in_(sa.bindparam("closing", expanding=True))
)
_USED = sa.select(usage.c.model, usage.c.last_day, usage.c.uses).where(
    usage.c.model.in_(IDS), usage.c.first_day == usage.c.last_day, usage.c.last_day.between(FIRST, LAST)
)


def _daily_uses(connection: sa.Connection, catalogue: int, ids: list[int], last: date) -> dict[int, Mapping[date, int]]:
    """The uses of some models by day. A day without use is 0 only if both readings around it show the same counter."""
    first = last - (DAYS - 1) * ONE
    closing = {"catalogue": catalogue, "first": first - ONE, "last": last}
    days = dict(connection.execute(_CLOSING, closing).all())
    counters: dict[int, dict[date, int | None]] = {model: {} for model in ids}
    for model, snapshot, counter in connection.execute(_SHOWN, {"ids": ids, "closing": list(days)}):
        counters[model][days[snapshot]] = counter
    found: dict[int, dict[date, int]] = {model: _idle_days(counters[model]) for model in ids}
    for model, day, uses in connection.execute(_USED, {"ids": ids, "first": first, "last": last}):
        found[model][day] = int(uses)
    return dict(found)


def _idle_days(counters: Mapping[date, int | None]) -> dict[date, int]:
    """The days at both ends of which a counter shows the same number, with no use."""
    return {
        day: 0
        for before, day in pairwise(sorted(counters))
        if day - before == ONE and counters[day] is not None and counters[day] == counters[before]
    }
