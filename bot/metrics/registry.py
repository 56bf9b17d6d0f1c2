"""The registry of metrics, one function each: its name is the key and its docstring the public definition; and the
figures that they compute.

To add a metric, register it: the digest, its history, JSON, pages, commands and docs read `METRICS`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict, TypeVar, cast

from bot.metrics.ranking import counts_named
from bot.records import AtLeast, Catalogue, Estimate, Evidence, PeriodData, PeriodName, Unknown, message

Value = int | float | AtLeast | Unknown
Amount = int | float | Decimal | Estimate | AtLeast | Unknown
Compute = Callable[[PeriodData], Amount]
C = TypeVar("C", bound=Compute)

EVERY_PERIOD: frozenset[PeriodName] = frozenset({"day", "week", "month"})
DAY_ONLY: frozenset[PeriodName] = frozenset({"day"})
LONGER_ONLY: frozenset[PeriodName] = frozenset({"week", "month"})

NO_USE = message("no_use")
NOTHING_LISTED = message("no_model_listed")


def _always_applies(book: PeriodData) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that can be computed for one catalogue and period."""

    key: str
    unit: str
    """One of the units in `docs/digest.md`; `uses` stands for the catalogue's word for uses, `token` for its token."""
    label: str
    """A few words for tables and charts; `{unit}` stands for the catalogue's word for uses."""
    definition: str
    """What is counted, in whole sentences, for readers."""
    compute: Compute
    periods: frozenset[PeriodName]
    evidence: Evidence | None
    """The evidence it counts; other catalogues do not have it. `None`: the evidence of the catalogue."""
    panel: str
    """The panel that has this figure; empty: every catalogue."""
    applies: Callable[[PeriodData], bool]
    """Whether the metric applies to the period data at all, known or not."""
    version: int
    """Version of the figure's meaning. Increase it whenever the same records would give another value. Figures of
    different versions are never compared."""
    unlisted_label: str = ""
    """The label where the use names models and no list is known; empty: the same."""

    def belongs_to(self, book: PeriodData) -> bool:
        """Whether the figures of this period data include it."""
        if book.period.name not in self.periods or not self.applies(book):
            return False
        if book.catalogue.panel:
            return self.panel == book.catalogue.key or self.is_shared
        of = self.evidence
        return not self.panel and (of is None or of == book.catalogue.evidence or of in book.evidence)

    @property
    def is_shared(self) -> bool:
        """Whether panels have it too, if it applies."""
        return self.applies is not _always_applies


METRICS: dict[str, Metric] = {}
"""Every metric by key, in the order in which a digest shows them."""


def metric(
    key: str = "",
    *,
    unit: str,
    label: str,
    periods: frozenset[PeriodName] = EVERY_PERIOD,
    evidence: Evidence | None = None,
    panel: str = "",
    applies: Callable[[PeriodData], bool] = _always_applies,
    version: int = 1,
    unlisted_label: str = "",
) -> Callable[[C], C]:
    """Register a function as a metric. Raises `TypeError` if it has no definition or its key is taken."""

    def register(compute: C) -> C:
        name = key or compute.__name__
        definition = " ".join(inspect.cleandoc(compute.__doc__ or "").split())
        if not definition or name in METRICS:
            raise TypeError(f"metric {name}: {'defined twice' if name in METRICS else 'has no docstring to define it'}")
        METRICS[name] = Metric(
            name, unit, label, definition, compute, periods, evidence, panel, applies, version, unlisted_label
        )
        return compute

    return register


def value_ratio(part: Value, whole: Value, undefined: str) -> float | AtLeast | Unknown:
    """`part` / `whole`. Unknown if either is, or, with the reason `undefined`, if `whole` is zero. If `part` is a lower
    bound, so is the share; if `whole` is one, the share is unknown."""
    if isinstance(part, Unknown):
        return part
    total = exact_value(whole)
    if isinstance(total, Unknown):
        return total
    if not total:
        return Unknown(undefined)
    return AtLeast(float(part.value) / total, part.reason) if isinstance(part, AtLeast) else part / total


def relative_change(now: Value, before: Value, undefined: str) -> float | Unknown:
    """The change from `before` to `now`, as a share of `before`: 0.05 is 5% more."""
    here, then = exact_value(now), exact_value(before)
    if isinstance(here, Unknown):
        return here
    if isinstance(then, Unknown):
        return then
    # One division of exact numbers: `now / before - 1` would lose digits of small changes.
    return (here - then) / then if then else Unknown(undefined)


def exact_value(value: Value) -> int | float | Unknown:
    """The value for computations that need it exactly: a lower bound becomes unknown."""
    return Unknown(value.reason) if isinstance(value, AtLeast) else value


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
            metric.unlisted_label if metric.unlisted_label and counts_named(book) else metric_label(metric, catalogue),
            metric.evidence or catalogue.evidence,
        )
        for metric in METRICS.values()
        if metric.belongs_to(book)
    }


def metric_unit(metric: Metric, catalogue: Catalogue) -> str:
    return {"uses": catalogue.unit, "token": catalogue.token[0]}.get(metric.unit, metric.unit)


def metric_label(metric: Metric, catalogue: Catalogue) -> str:
    return metric.label.replace("{unit}", catalogue.unit)
