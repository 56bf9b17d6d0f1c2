"""One function a metric: a book in, a value or an unknown out. Nothing here asks the clock, the network or a database.

The nouns: `inventory` (what is on offer), `usage` (how much is used), `model_activity` (how many are used),
`concentration` (how unevenly), `supply_demand` (supply beside demand), `verification` (how well it is proven, who
pays), `panels` (what is neither models nor use). A function marked `@metric` in any of them is in every digest.
`group_tables` applies some of them to each category and author.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict, cast

# Importing registers, and the order of registration is the order in which a digest shows its figures.
# isort: off
from bot.metrics import inventory, usage, model_activity, concentration, supply_demand, verification, panels

# isort: on
from bot.metrics.groups import GroupTable, MetricGroup, group_tables
from bot.metrics.registry import METRICS, Amount, Metric, Value, metric
from bot.records import AtLeast, Catalogue, Estimate, Evidence, PeriodData, Unknown

__all__ = [
    "METRICS",
    "Amount",
    "Figure",
    "FigureDocument",
    "GroupTable",
    "Metric",
    "MetricGroup",
    "Value",
    "compute_figures",
    "group_tables",
    "metric",
    "metric_label",
    "metric_unit",
    "value_document",
]

NOUNS = (inventory, usage, model_activity, concentration, supply_demand, verification, panels)
"""The modules that hold metrics, in the order of the digest."""


class _Stated(TypedDict):
    value: int | float | str | None
    """Text holds an exact decimal number: an amount of tokens."""
    unit: str
    label: str
    evidence: str
    refs: list[int]


class FigureDocument(_Stated, total=False):
    """A figure as JSON, as `docs/digest.md` has it."""

    unknown: str
    """The reason; only where `value` is null."""
    error: float
    """Of a count that was estimated: its standard error as a share of it."""
    at_least: bool
    """True where `value` is a lower bound, and absent elsewhere."""
    reason: str
    """Why it is a lower bound; only with `at_least`."""
    version: int
    """Which meaning of the figure it is; only from the second on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's value for one catalogue and period, or unknown with a reason, with all that it takes to read it."""

    key: str
    value: Amount
    unit: str
    label: str
    evidence: Evidence

    def to_document(self, refs: list[int]) -> FigureDocument:
        """As JSON. `refs` are places in the document's list of references."""
        about = {"unit": self.unit, "label": self.label, "evidence": self.evidence, "refs": refs}
        return cast(FigureDocument, value_document(self.value, about))


def value_document(value: Amount, about: Mapping[str, object]) -> dict[str, object]:
    """A value as JSON, with what it is of: its number, or null and the reason; what limits the number stands last."""
    match value:
        case Unknown():
            return {"value": None, "unknown": value.reason, **about}
        case Estimate():
            return {"value": value.value, **about, "error": value.error}
        case AtLeast():
            return {"value": _json_number(value.value), **about, "at_least": True, "reason": value.reason}
    return {"value": _json_number(value), **about}


def _json_number(value: int | float | Decimal) -> int | float | str:
    return f"{value:f}" if isinstance(value, Decimal) else value


def compute_figures(book: PeriodData) -> dict[str, Figure]:
    """Every metric that this catalogue and period have, by key, in the order of the registry."""
    catalogue = book.catalogue
    return {
        metric.key: Figure(
            metric.key,
            metric.compute(book),
            metric_unit(metric, catalogue),
            metric_label(metric, catalogue),
            metric.evidence or catalogue.evidence,
        )
        for metric in METRICS.values()
        if metric.belongs_to(book)
    }


def metric_unit(metric: Metric, catalogue: Catalogue) -> str:
    """What a metric is counted in there."""
    return {"uses": catalogue.unit, "token": catalogue.token[0]}.get(metric.unit, metric.unit)


def metric_label(metric: Metric, catalogue: Catalogue) -> str:
    """A metric in a few words, as it is called there."""
    return metric.label.replace("{unit}", catalogue.unit)
