"""The gauges and the settled sessions of a period."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from bot.ledger.events.usage import EventCatalogueQuery, sum_column, total_uses, unread_days
from bot.records import AtLeast, Evidence, Period, Unknown, short_date
from bot.store import event_days as day_rows
from bot.store import gauges as gauge_rows

ADDED_UP = frozenset({"requests_reported"})
"""Gauges that are summed over a period's days. For the others, the last day counts."""
NEWEST = frozenset({"requests_reported"})
"""Gauges whose newest reading of a day counts; for the others, the highest."""


def gauge_values(query: EventCatalogueQuery, period: Period) -> dict[str, int | Decimal | Unknown]:
    """The gauges of a period, by key."""
    shown: dict[str, int | Decimal | Unknown] = {}
    if query.catalogue.token[0]:
        shown["sessions"] = _session_count(query, period)
    mine = (gauge_rows.c.catalogue == query.key, gauge_rows.c.day.between(period.first, period.last))
    found: dict[str, dict[date, int]] = {}
    for row in query.connection.execute(sa.select(gauge_rows).where(*mine).order_by(gauge_rows.c.at)):
        days = found.setdefault(row.key, {})
        days[row.day] = int(row.value) if row.key in NEWEST else max(days.get(row.day, 0), int(row.value))
    for key, days in found.items():
        if key not in ADDED_UP:
            shown[key] = days.get(period.last, Unknown(f"not read on {short_date(period.last)}"))
        elif len(days) == period.day_count:
            shown[key] = sum(days.values())
        else:
            shown[key] = Unknown(f"reported for {len(days)} of {period.day_count} days")
    return shown


def _session_count(query: EventCatalogueQuery, period: Period) -> int | Unknown:
    if unread := unread_days(query, period.first, period.last):
        return unread
    return sum_column(query, period, day_rows.c.sessions)


def by_evidence(query: EventCatalogueQuery, evidence: Evidence, period: Period) -> int | AtLeast | Unknown:
    """Uses of a period in one evidence; reported ones are the operator's."""
    if evidence != "reported":
        return total_uses(query, period.first, period.last, evidence)
    shown = gauge_values(query, period).get("requests_reported")
    if isinstance(shown, int | Unknown):
        return shown
    return Unknown(f"the operator's own count of {short_date(period.last)} was not read")
