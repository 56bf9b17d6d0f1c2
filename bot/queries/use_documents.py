"""Values from the ledger as the JSON of an answer: figures, changes, periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot import ledger
from bot.metrics import value_document
from bot.metrics.registry import NO_USE, NOTHING_LISTED, Value, exact_value, relative_change, value_ratio
from bot.records import Catalogue, Document, Period, Unknown


def group_figures(use: ledger.UseOverTime, catalogue: Catalogue) -> Document:
    """The figures of some models in the last of several periods, by key."""
    now, unit = use.periods[-1], catalogue.unit
    values: dict[str, tuple[Value, str, str]] = {
        "uses": (now.uses, unit, unit),
        "share": (value_ratio(now.uses, use.total, NO_USE), "share", f"share of all {unit}"),
        "models_listed": (now.listed, "models", "models listed"),
        "models_used": (now.used, "models", "models used"),
        "share_used": (value_ratio(now.used, now.listed, NOTHING_LISTED), "share", "share of models used"),
    }
    return {key: labelled_figure(value, unit, label, catalogue) for key, (value, unit, label) in values.items()}


def labelled_figure(value: Value, unit: str, label: str, catalogue: Catalogue) -> Document:
    """A value as a figure."""
    return value_document(value, {"unit": unit, "label": label, "evidence": catalogue.evidence})


def group_changes(periods: Sequence[ledger.PeriodUse]) -> Document:
    """The changes of the counts of the last period against the one before, by key; only where both are exact."""
    if len(periods) < 2 or periods[-2].period != periods[-1].period.previous_period:
        return {}
    before, now = periods[-2:]
    pairs: dict[str, tuple[Value, Value]] = {
        "uses": (now.uses, before.uses),
        "models_listed": (now.listed, before.listed),
        "models_used": (now.used, before.used),
    }
    changes = {key: change_document(*pair, now.period, key == "uses") for key, pair in pairs.items()}
    return {key: change for key, change in changes.items() if change is not None}


def change_document(now: Value, before: Value, period: Period, with_ratio: bool) -> dict[str, Any] | None:
    """A change, with the day before for a day's; `None` where one side is not known exactly."""
    here, then = exact_value(now), exact_value(before)
    if isinstance(here, Unknown) or isinstance(then, Unknown):
        return None
    ratio = relative_change(here, then, NO_USE) if with_ratio else None
    since = (period.first - timedelta(days=1)).isoformat() if period.name == "day" else None
    return {"change": here - then, "ratio": None if isinstance(ratio, Unknown) else ratio, "since": since}


def period_rows(periods: Sequence[ledger.PeriodUse], unit: str) -> list[Document]:
    """Each period with its counts as figures without a label."""
    return [
        {
            "day": use.period.first.isoformat(),
            "last_day": use.period.last.isoformat(),
            "uses": value_document(use.uses, {"unit": unit}),
            "models_used": value_document(use.used, {"unit": "models"}),
            "models_listed": value_document(use.listed, {"unit": "models"}),
        }
        for use in periods
    ]
