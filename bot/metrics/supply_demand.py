"""Supply beside demand: whether the list grows faster than its use, whether new models wake up, what use is named."""

from __future__ import annotations

from bot.metrics.inventory import models_listed
from bot.metrics.model_activity import watched_for
from bot.metrics.registry import (
    DAY_ONLY,
    LONGER_ONLY,
    NO_USE,
    Value,
    exact_value,
    metric,
    relative_change,
    value_ratio,
)
from bot.metrics.usage import uses_change, uses_change_7d
from bot.records import Model, PeriodData, Unknown, message

FIRST_DAYS = 30
"""How long a new model has to find a first use."""


@metric(unit="ratio", label="change of models listed against 7 days before", periods=DAY_ONLY)
def inventory_change_7d(book: PeriodData) -> Value:
    """Models listed at the end of this day, divided by models listed 7 days before, minus 1."""
    return relative_change(models_listed(book), book.listed_7d_before, message("no_model_listed_week_before"))


@metric(unit="ratio", label="change of models listed against the period before", periods=LONGER_ONLY)
def inventory_change(book: PeriodData) -> Value:
    """Models listed at the end of the period, divided by models listed at the end of the period before, minus 1."""
    return relative_change(models_listed(book), book.listed_period_before, message("no_model_listed_period_before"))


@metric(unit="points", label="demand minus supply over 7 days", periods=DAY_ONLY)
def demand_gap_7d(book: PeriodData) -> Value:
    """Is demand outrunning supply? The change of use in the 7 days that end with this day (against the 7 days before)
    minus the change of models listed over the same 7 days. 0.05 is 5 points in favour of demand."""
    return _demand_minus_supply(uses_change_7d(book), inventory_change_7d(book))


@metric(unit="points", label="demand minus supply", periods=LONGER_ONLY)
def demand_gap(book: PeriodData) -> Value:
    """Is demand outrunning supply? The change of use against the period before minus the change of models listed
    against the end of the period before. 0.05 is 5 points in favour of demand."""
    return _demand_minus_supply(uses_change(book), inventory_change(book))


@metric(unit="share", label="share of new models used within 30 days", periods=DAY_ONLY)
def activation_30d(book: PeriodData) -> Value:
    """Of the models first listed 30 to 59 days before this day, the share that was used within its first 30 days,
    the day of listing being the first. Models that were there when watching began are left out. Unknown until the
    catalogue has been watched for 60 days."""
    if isinstance(book.newly_listed, Unknown):
        return book.newly_listed
    if isinstance(short := watched_for(book, 2 * FIRST_DAYS), Unknown):
        return short
    if book.catalogue.ranked:
        return Unknown(message("rest_has_models"))
    awake = sum(_used_early(model) for model in book.newly_listed)
    return value_ratio(awake, len(book.newly_listed), message("no_model_newly_listed"))


@metric(unit="share", label="share of {unit} that names its model")
def share_attributed(book: PeriodData) -> Value:
    """Share of all use in the period that names the model used."""
    if isinstance(book.flow, Unknown):
        return book.flow
    if book.flow.incomplete:
        return Unknown(book.flow.incomplete)
    return value_ratio(book.flow.uses - book.flow.unattributed, book.flow.uses, NO_USE)


def _demand_minus_supply(demand: Value, supply: Value) -> Value:
    used, offered = exact_value(demand), exact_value(supply)
    if isinstance(used, Unknown):
        return used
    return offered if isinstance(offered, Unknown) else used - offered


def _used_early(model: Model) -> bool:
    """A first counter above zero counts: by then the model had been on offer for a day at most."""
    if model.used_before_watch:
        return True
    if model.first_used is None or model.first_listed is None:
        return False
    return (model.first_used - model.first_listed).days < FIRST_DAYS
