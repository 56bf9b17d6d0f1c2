"""Claims that compare supply and demand: growth of the list against growth of use, and how few models carry it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import ClassVar, Literal

from bot.findings.claim import FindingInput, ScoredClaim, looks_at, use_by_name
from bot.metrics.ranking import usage_ranking
from bot.metrics.registry import EVERY_PERIOD
from bot.records import PeriodData, Unknown
from bot.records.names import HIDDEN

LEAST_GAP = 0.02
"""A smaller difference, in points, counts as balance."""
LEAST_MODELS = 10
"""Concentration among fewer used models is no finding."""


@dataclass(frozen=True, slots=True)
class DemandGap:
    """Use and list changed by different shares."""

    key: ClassVar[str] = "demand_gap"
    ahead: Literal["demand", "supply"]
    uses_change: float
    inventory_change: float
    gap: float
    """The first minus the second: 0.05 is 5 points."""
    days: int
    """Length of the window that is compared with the one before: 7 for a day's digest, else the period."""

    def holds(self, book: PeriodData) -> bool:
        compared = _supply_and_demand(book)
        if compared is None:
            return False
        demand, supply, days = compared
        pairs = ((self.uses_change, demand), (self.inventory_change, supply), (self.gap, demand - supply))
        near = all(isclose(claimed, counted, rel_tol=1e-9, abs_tol=1e-12) for claimed, counted in pairs)
        return near and self.days == days and self.ahead == ("demand" if demand > supply else "supply")


@dataclass(frozen=True, slots=True)
class HalfOfUsage:
    """A few models carry half of all use."""

    key: ClassVar[str] = "half_carried"
    models: int
    """Fewest models that together carry half or more."""
    share: float
    """The share that they carry together."""
    used: int
    listed: int

    def holds(self, book: PeriodData) -> bool:
        if isinstance(book.flow, Unknown) or isinstance(book.listed, Unknown):
            return False
        counts = sorted(book.flow.by_model.values(), reverse=True)
        carried = sum(counts[: self.models])
        return (
            2 * carried >= book.flow.uses > 2 * sum(counts[: self.models - 1])
            and self.share == carried / book.flow.uses
            and self.listed == len(book.listed)
            and self.used == len(use_by_name(book))
        )


@dataclass(frozen=True, slots=True)
class TopModelOutweighs:
    """The most used listed model was used more than this many of the least used ones together."""

    key: ClassVar[str] = "outweighed"
    model: str
    author: str
    uses: int
    outweighed: int
    idle: int
    """Listed models without use in the period, all of them among those outweighed."""
    listed: int

    def holds(self, book: PeriodData) -> bool:
        if isinstance(book.listed, Unknown):
            return False
        uses = use_by_name(book)
        counts = sorted([*uses.values(), *[0] * (len(book.listed) - len(uses))])
        return (
            bool(uses)
            and counts[-1] == self.uses
            and (self.model == HIDDEN or uses.get(self.model) == self.uses)
            and sum(counts[: self.outweighed]) < self.uses <= sum(counts[: self.outweighed + 1])
            and (self.idle, self.listed) == (len(book.listed) - len(uses), len(book.listed))
        )


@looks_at(EVERY_PERIOD)
def demand_gap(page: FindingInput) -> Iterator[ScoredClaim]:
    """Demand against supply."""
    daily = page.book.period.name == "day"
    suffix = "_7d" if daily else ""
    demand, supply, gap = (page.figure_value(key + suffix) for key in ("uses_change", "inventory_change", "demand_gap"))
    if demand is None or supply is None or gap is None or abs(gap) < LEAST_GAP:
        return
    apart = 0.15 if (demand < 0 < supply) or (supply < 0 < demand) else 0.0
    days = 7 if daily else page.book.period.day_count
    claim = DemandGap("demand" if gap > 0 else "supply", float(demand), float(supply), float(gap), days)
    yield ScoredClaim(min(0.85, 0.25 + 1.5 * abs(gap) + apart), claim)


@looks_at(EVERY_PERIOD)
def half_carried(page: FindingInput) -> Iterator[ScoredClaim]:
    """How few models carry half of the use."""
    models, used, listed = (page.figure_count(key) for key in ("models_for_half", "models_used", "models_listed"))
    ranked = usage_ranking(page.book)
    if models is None or used is None or listed is None or isinstance(ranked, Unknown) or used < LEAST_MODELS:
        return
    share = ranked.running[models - 1] / ranked.uses
    # True on most days, so it only appears when nothing else happened.
    yield ScoredClaim(0.2 + 0.2 * max(0.0, 1 - 10 * models / used), HalfOfUsage(models, share, used, listed))


@looks_at(EVERY_PERIOD)
def top_model_outweighs(page: FindingInput) -> Iterator[ScoredClaim]:
    """How many models a single one outweighs."""
    count, used, listed = (page.figure_count(key) for key in ("models_outweighed", "models_used", "models_listed"))
    book = page.book
    if count is None or used is None or listed is None or listed < LEAST_MODELS or isinstance(book.listed, Unknown):
        return
    uses = use_by_name(book)
    name = min(uses, key=lambda model: (-uses[model], model))
    author = next(str(model.author) for model in book.listed if model.name == name)
    claim = TopModelOutweighs(name, author, uses[name], count, listed - used, listed)
    yield ScoredClaim(0.2 + 0.22 * count / listed, claim)


def _supply_and_demand(book: PeriodData) -> tuple[float, float, int] | None:
    """Change of use, change of the list, and the days of the window, counted from the book; `None` where unknown."""
    daily = book.period.name == "day"
    flows = [flow if isinstance(flow, Unknown) else flow.uses for flow in (book.flow, book.flow_before)]
    uses, before = (book.total_7d, book.total_prior_7d) if daily else flows
    listed, listed_before = book.listed, book.listed_7d_before if daily else book.listed_period_before
    if not isinstance(uses, int) or not isinstance(before, int) or not before:
        return None
    if isinstance(listed, Unknown) or isinstance(listed_before, Unknown) or not listed_before:
        return None
    return uses / before - 1, len(listed) / listed_before - 1, 7 if daily else book.period.day_count
