"""Who called in a window and what was paid, as a book says it."""

from __future__ import annotations

from datetime import date
from decimal import Context, Decimal
from typing import Any

import structlog

from bot.lake import LakeError
from bot.ledger.catalogue_query import ONE
from bot.ledger.events import callers as who
from bot.ledger.events.usage import EventCatalogueQuery, unread_days
from bot.records import CallerStats, Period, Unknown

log = structlog.get_logger(__name__)


def _callers_of(period: Period) -> tuple[str, ...]:
    """Fields of a book that say who called: of a day also in the days up to it."""
    return ("callers", "callers_7d", "callers_30d") if period.name == "day" else ("callers",)


def all_callers(query: EventCatalogueQuery, period: Period) -> dict[str, Any]:
    """Who called in a period, by field of a book."""
    firsts = (period.first, period.last - 6 * ONE, period.last - 29 * ONE)
    return {
        name: _count_callers(query, first, period.last)
        for name, first in zip(_callers_of(period), firsts, strict=False)
    }


def _count_callers(query: EventCatalogueQuery, first: date, last: date) -> CallerStats | Unknown:
    if unread := unread_days(query, first, last):
        return unread
    if who.has_settlements(query.connection, query.key, first, last):
        return Unknown(who.UNSAID)
    found = who.event_day_rows(query.connection, query.key, first, last)
    if any(row.unsigned for row in found):
        return Unknown(who.UNSIGNED)
    if not found:
        return CallerStats(0, 0, 0)
    try:
        return who.count_callers(query.connection, query.key, query.catalogue, found, query.store.lake)
    except LakeError as error:
        # Whose reason names files of this machine: `lake verify` says it to whoever runs this, not to readers.
        log.error("callers cannot be counted", catalogue=query.catalogue.key, error=str(error))
        return Unknown("the events of some of these days cannot be read")


def paid_amount(query: EventCatalogueQuery, period: Period) -> Decimal | Unknown:
    """What was paid in a period, in whole tokens, exact."""
    if unread := unread_days(query, period.first, period.last):
        return unread
    total = sum(int(row.paid) for row in who.event_day_rows(query.connection, query.key, period.first, period.last))
    return Decimal(total).scaleb(-query.catalogue.token[1], Context(prec=200)).normalize(Context(prec=200))
