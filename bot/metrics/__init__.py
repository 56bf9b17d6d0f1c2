"""One pure function per metric: period data in, a value or an unknown out. No clock, no network, no database.

`inventory` counts what is on offer, `usage` how much is used, `model_activity` how many models are used,
`concentration` how unevenly; `supply_demand` compares supply and demand, `verification` counts proofs and payers, and
`panels` what is neither models nor use. Every function marked `@metric` is in every digest.
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
from bot.metrics.registry import METRICS, Amount, Metric, Value
from bot.records import AtLeast, Catalogue, Estimate, Evidence, PeriodData, Unknown

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
    """The reason; only if `value` is null."""
    error: float
    """Standard error of an estimated count, as a share of it."""
    at_least: bool
    """True if `value` is a lower bound; otherwise absent."""
    reason: str
    """Why it is a lower bound; only with `at_least`."""
    version: int
    """Version of the figure's meaning; only from the second on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's value for one catalogue and period, or unknown with a reason, with label, unit and evidence."""

    key: str
    value: Amount
    unit: str
    label: str
    evidence: Evidence

    def to_document(self, refs: list[int]) -> FigureDocument:
        """As JSON. `refs` are indices into the document's list of refs."""
        about = {"unit": self.unit, "label": self.label, "evidence": self.evidence, "refs": refs}
        return cast(FigureDocument, value_document(self.value, about))


def value_document(value: Amount, about: Mapping[str, object]) -> dict[str, object]:
    """A value as JSON: the number, or null and the reason; then what limits the number."""
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
    """Every figure of this catalogue and period, by key, in the order of the registry."""
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
    """The unit of a metric in this catalogue."""
    return {"uses": catalogue.unit, "token": catalogue.token[0]}.get(metric.unit, metric.unit)


def metric_label(metric: Metric, catalogue: Catalogue) -> str:
    """The label of a metric in this catalogue."""
    return metric.label.replace("{unit}", catalogue.unit)
