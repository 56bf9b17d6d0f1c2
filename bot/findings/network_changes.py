"""Claims about a whole network's day: a large change of all use, more or fewer models used than a week before, and the
most concentrated day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Literal

from bot.findings.claim import (
    LEAST_USES,
    ONE,
    FindingInput,
    ScoredClaim,
    author_of,
    changes_by_model,
    is_named,
    known_values,
    listed_models,
    looks_at,
    model_name,
    named_flows,
    use_by_name,
)
from bot.metrics.registry import DAY_ONLY
from bot.records import PeriodData, Usage, each_day

LEAST_CHANGE = 0.1
"""A smaller change of all use against the day before is no finding."""
LEAST_SPREAD_CHANGE = 0.05
"""A smaller change of the number of models used against a week before is no finding."""
LEAST_MODELS = 100
"""Where fewer models were used, their number changes by chance."""
LEAST_CONCENTRATED_DAYS = 14
LEAST_POINTS = 0.01
"""A record of concentration leads by this much or more: one point."""
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TotalChange:
    """All use changed by a tenth or more against the day before; the model that changed most, and its part."""

    key: ClassVar[str] = "total_change"
    day: date
    direction: Literal["rose", "fell"]
    uses: int
    before: int
    change: int
    ratio: float
    model: str
    author: str
    model_change: int
    part: float | None
    """The model's part of the change; `None` if it moved against the network or by more than the network."""

    def holds(self, book: PeriodData) -> bool:
        flows = named_flows(book)
        if flows is None:
            return False
        now, then = flows
        moved = changes_by_model(flows)
        same = (model for model, change in moved.items() if change == self.model_change)
        return (
            book.period.last == self.day
            and (now.uses, then.uses) == (self.uses, self.before)
            and self.change == self.uses - self.before
            and (self.change > 0) == (self.direction == "rose")
            and abs(self.change) >= LEAST_CHANGE * self.before
            and self.ratio == self.change / self.before
            and self.part == _part_of(self.model_change, self.change)
            and abs(self.model_change) == max(map(abs, moved.values()))
            and is_named(self.model, (model_name(book, model) for model in same))
        )


@dataclass(frozen=True, slots=True)
class UsedModelsChange:
    """More or fewer models were used than on the same weekday a week before."""

    key: ClassVar[str] = "breadth_change"
    day: date
    direction: Literal["rose", "fell"]
    used: int
    listed: int
    before: int
    before_day: date
    change: int
    ratio: float

    def holds(self, book: PeriodData) -> bool:
        points = {point.day: point for point in book.history}
        now, then = points.get(self.day), points.get(self.before_day)
        return (
            self.day == book.period.last == self.before_day + WEEK
            and now is not None
            and then is not None
            and (now.models_used, then.models_used) == (self.used, self.before)
            and self.change == self.used - self.before
            and (self.change > 0) == (self.direction == "rose")
            and abs(self.change) >= LEAST_SPREAD_CHANGE * self.before
            and self.ratio == self.change / self.before
            and self.used == len(use_by_name(book))
            and self.listed == len(listed_models(book))
        )


@dataclass(frozen=True, slots=True)
class MostConcentrated:
    """The most used model had a larger part of all use than on any day for some time."""

    key: ClassVar[str] = "most_concentrated"
    day: date
    model: str
    author: str
    uses: int
    share: float
    since: date
    """The last day with as large a share or a larger one."""
    days: int
    """Days between, all of them with a smaller share."""

    def holds(self, book: PeriodData) -> bool:
        shares = _top_shares(book)
        between = each_day(self.since + ONE, self.day - ONE)
        return (
            book.period.last == self.day
            and shares.get(self.day) == self.share <= shares.get(self.since, 0.0)
            and len(between) == self.days >= LEAST_CONCENTRATED_DAYS
            and all(day in shares and shares[day] + LEAST_POINTS <= self.share for day in between)
            and isinstance(book.flow, Usage)
            and max(book.flow.by_model.values()) == self.uses
            and is_named(self.model, (name for name, uses in use_by_name(book).items() if uses == self.uses))
        )


@looks_at(DAY_ONLY)
def find_total_change(page: FindingInput) -> Iterator[ScoredClaim]:
    """A large change of all use against the day before, with its largest cause."""
    book, flows = page.book, named_flows(page.book)
    if flows is None or abs(flows[0].uses - flows[1].uses) < LEAST_CHANGE * flows[1].uses:
        return
    now, then = flows
    change = now.uses - then.uses
    moved = changes_by_model(flows)
    model = max(moved, key=lambda model: (abs(moved[model]), -model))
    if not model_name(book, model):
        return
    yield ScoredClaim(
        min(0.78, 0.4 + abs(change) / then.uses),
        TotalChange(
            day=book.period.last,
            direction="rose" if change > 0 else "fell",
            uses=now.uses,
            before=then.uses,
            change=change,
            ratio=change / then.uses,
            model=model_name(book, model),
            author=author_of(book, model),
            model_change=moved[model],
            part=_part_of(moved[model], change),
        ),
    )


@looks_at(DAY_ONLY)
def find_breadth_change(page: FindingInput) -> Iterator[ScoredClaim]:
    """More or fewer models used than a week before; a week is compared because weekends differ."""
    book, day = page.book, page.book.period.last
    known = known_values(book, "models_used")
    used, before, listed = known.get(day), known.get(day - WEEK), page.figure_count("models_listed")
    if used is None or before is None or listed is None or used != page.figure_count("models_used"):
        return
    change = used - before
    if min(used, before) >= LEAST_MODELS and abs(change) >= LEAST_SPREAD_CHANGE * before:
        way: Literal["rose", "fell"] = "rose" if change > 0 else "fell"
        claim = UsedModelsChange(day, way, used, listed, before, day - WEEK, change, change / before)
        yield ScoredClaim(min(0.7, 0.3 + 2 * abs(change) / before), claim)


@looks_at(DAY_ONLY)
def find_concentration(page: FindingInput) -> Iterator[ScoredClaim]:
    """The largest share of the most used model for a long time."""
    book, day, flow = page.book, page.book.period.last, page.book.flow
    shares, uses = _top_shares(book), use_by_name(book)
    if day not in shares or not uses or not isinstance(flow, Usage) or flow.uses < LEAST_USES:
        return
    past = day - ONE
    while past in shares and shares[past] + LEAST_POINTS <= shares[day]:
        past -= ONE
    days = (day - past).days - 1
    model = min(uses, key=lambda name: (-uses[name], name))
    # Where the days before are unknown or not watched, nothing is claimed about them.
    if days >= LEAST_CONCENTRATED_DAYS and past in shares and shares[past] >= shares[day]:
        author = next(str(listed.author) for listed in listed_models(book) if listed.name == model)
        claim = MostConcentrated(day, model, author, uses[model], shares[day], past, days)
        yield ScoredClaim(0.8 * (0.2 + 0.7 * days / (days + 30)), claim)


def _part_of(model_change: int, change: int) -> float | None:
    """A model's part of the network's change; `None` if it moved against the network or by more than the network."""
    return model_change / change if 0 < model_change / change <= 1 else None


def _top_shares(book: PeriodData) -> dict[date, float]:
    """The share of the most used model by day, where all use names its model."""
    if book.catalogue.evidences:
        return {}
    points = ((point.day, point.top_uses, point.uses) for point in book.history)
    return {day: top / uses for day, top, uses in points if top is not None and uses}
