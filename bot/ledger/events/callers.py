"""The callers and payments of a window: from the totals of each day, and across days from the lake.

Distinct callers of several days are not the sum of the days. They are counted exactly as long as the lake holds all
events of those days and they are not too many; otherwise they are estimated, and the result says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot import lake
from bot.records import CallerStats, Catalogue
from bot.store import event_days, settlements, sketches

UNSIGNED = "the senders of some transactions were not read"
UNSAID = "a settlement does not say who asked"


def event_day_rows(connection: sa.Connection, catalogue: int, first: date, last: date) -> Sequence[Any]:
    """The rows of the days that had events."""
    mine = (event_days.c.catalogue == catalogue, event_days.c.day.between(first, last))
    return connection.execute(sa.select(event_days).where(*mine).order_by(event_days.c.day)).all()


def has_settlements(connection: sa.Connection, catalogue: int, first: date, last: date) -> bool:
    """Whether there are settlements among these days."""
    mine = (settlements.c.catalogue == catalogue, settlements.c.day.between(first, last))
    return connection.scalar(sa.select(settlements.c.place).where(*mine).limit(1)) is not None


def count_callers(
    connection: sa.Connection, key: int, catalogue: Catalogue, day_rows: Sequence[Any], of: lake.LakeSettings
) -> CallerStats:
    """The callers of days that are all rolled up. Raises `LakeError`."""
    by_amount = bool(catalogue.token[0])
    whole = sum(int(row.paid if by_amount else row.called) for row in day_rows)
    some = [row for row in day_rows if row.callers]
    if len(some) <= 1:
        top = max((int(row.top_paid if by_amount else row.top_called) for row in some), default=0)
        return CallerStats(some[0].callers if some else 0, whole, top)
    if any(row.pruned for row in some) or sum(row.events for row in some) > of.exact_callers_up_to:
        chosen = sa.select(sketches.c.state).where(
            sketches.c.catalogue == key, sketches.c.day.in_([row.day for row in some])
        )
        guess = lake.estimate_callers(of, [bytes(state) for state in connection.scalars(chosen)])
        return CallerStats(guess.count, whole, None, guess.error)
    told = lake.exact_callers(
        [lake.DayRef(of, catalogue.network, catalogue.key, row.day, row.manifest) for row in some]
    )
    return CallerStats(told.callers, whole, told.top_paid if by_amount else told.top_called)
