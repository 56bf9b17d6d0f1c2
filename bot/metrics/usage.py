"""How much was used, whoever used it and whichever model it was."""

from __future__ import annotations

from bot.metrics.registry import DAY_ONLY, LONGER_ONLY, Value, metric, relative_change
from bot.records import AtLeast, PeriodData, Unknown, Usage, message


@metric(unit="uses", label="{unit}")
def uses(book: PeriodData) -> Value:
    """All use in the period. Each model counts from its first to its last reading in the period, also if it joined or
    left on the way."""
    return total_of(book.flow)


@metric(unit="uses", label="{unit} in 7 days", periods=DAY_ONLY)
def uses_7d(book: PeriodData) -> Value:
    """All use in the 7 days that end with this day."""
    return book.total_7d


@metric(unit="uses", label="{unit} in 30 days", periods=DAY_ONLY)
def uses_30d(book: PeriodData) -> Value:
    """All use in the 30 days that end with this day."""
    return book.total_30d


@metric(unit="ratio", label="change of {unit} against the 7 days before", periods=DAY_ONLY)
def uses_change_7d(book: PeriodData) -> Value:
    """Use in the 7 days that end with this day, divided by use in the 7 days before those, minus 1."""
    return relative_change(book.total_7d, book.total_prior_7d, message("no_use_week_before"))


@metric(unit="ratio", label="change of {unit} against the period before", periods=LONGER_ONLY)
def uses_change(book: PeriodData) -> Value:
    """Use in the period, divided by use in the period before, minus 1. Months are compared as they are, whatever
    their number of days."""
    return relative_change(uses(book), total_of(book.flow_before), message("no_use_period_before"))


def total_of(flow: Usage | Unknown) -> int | AtLeast | Unknown:
    """All use of a window."""
    return flow if isinstance(flow, Unknown) else flow.total
