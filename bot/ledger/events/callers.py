"""The callers and payments of a window: from the totals of each day, and across days from the lake.

Distinct callers of several days are not the sum of the days. They are counted exactly as long as the lake holds all
events of those days and they are not too many; otherwise they are estimated, and the result says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from decimal import Context, Decimal
from typing import Any

import sqlalchemy as sa

from bot import lake
from bot.ledger.catalogue_query import ONE
from bot.ledger.events.usage import EventCatalogueQuery, unread_days, unsettled_reason
from bot.records import CallerStats, Period, Unknown, message
from bot.store import event_days, settlements, sketches

log = logging.getLogger(__name__)


UNSIGNED = message("senders_not_read")
UNSAID = message("caller_not_stated")


def all_callers(query: EventCatalogueQuery, period: Period) -> dict[str, Any]:
    """Who called in a period, by field of a book: of a day also in the days up to it."""
    firsts = {"callers": period.first}
    if period.name == "day":
        firsts |= {"callers_7d": period.last - 6 * ONE, "callers_30d": period.last - 29 * ONE}
    return {name: _count_callers(query, first, period.last) for name, first in firsts.items()}


def _count_callers(query: EventCatalogueQuery, first: date, last: date) -> CallerStats | Unknown:
    if unread := unread_days(query, first, last):
        return unread
    settled = (settlements.c.catalogue == query.key, settlements.c.day.between(first, last))
    if query.connection.scalar(sa.select(settlements.c.place).where(*settled).limit(1)) is not None:
        return Unknown(UNSAID)
    rows = _event_day_rows(query, first, last)
    if not any(row.callers for row in rows) and (reason := unsettled_reason(query, first, last)):
        return Unknown(reason)
    if any(row.unsigned for row in rows):
        return Unknown(UNSIGNED)
    if not rows:
        return CallerStats(0, 0, 0)
    try:
        return _distinct_callers(query, rows)
    except lake.LakeError as error:
        # Whose reason names files of this machine: `lake verify` says it to whoever runs this, not to readers.
        log.error("%s: callers cannot be counted: %s", query.catalogue.key, error)
        return Unknown(message("events_unreadable"))


def _distinct_callers(query: EventCatalogueQuery, day_rows: Sequence[Any]) -> CallerStats:
    """Who called on days that are all added up. Raises `LakeError`."""
    catalogue, settings = query.catalogue, query.store.lake
    by_amount = bool(catalogue.token[0])
    whole = sum(int(row.paid if by_amount else row.called) for row in day_rows)
    some = [row for row in day_rows if row.callers]
    if len(some) <= 1:
        top = max((int(row.top_paid if by_amount else row.top_called) for row in some), default=0)
        return CallerStats(some[0].callers if some else 0, whole, top)
    if any(row.pruned for row in some) or sum(row.events for row in some) > settings.exact_callers_up_to:
        mine = (sketches.c.catalogue == query.key, sketches.c.day.in_([row.day for row in some]))
        states = query.connection.scalars(sa.select(sketches.c.state).where(*mine))
        estimate = lake.estimate_callers(settings, map(bytes, states))
        return CallerStats(estimate.count, whole, None, estimate.error)
    days = [lake.DayRef(settings, catalogue.network, catalogue.key, row.day, row.manifest) for row in some]
    summary = lake.exact_callers(days)
    return CallerStats(summary.callers, whole, summary.top_paid if by_amount else summary.top_called)


def paid_amount(query: EventCatalogueQuery, period: Period) -> Decimal | Unknown:
    """What was paid in a period, in whole tokens, exact."""
    if unread := unread_days(query, period.first, period.last):
        return unread
    total = sum(int(row.paid) for row in _event_day_rows(query, period.first, period.last))
    if not total and (reason := unsettled_reason(query, period.first, period.last)):
        return Unknown(reason)
    return Decimal(total).scaleb(-query.catalogue.token[1], Context(prec=200)).normalize(Context(prec=200))


def _event_day_rows(query: EventCatalogueQuery, first: date, last: date) -> Sequence[Any]:
    """What is kept of the days that had events."""
    mine = (event_days.c.catalogue == query.key, event_days.c.day.between(first, last))
    return query.connection.execute(sa.select(event_days).where(*mine).order_by(event_days.c.day)).all()
