"""Claims that count models: what new ones became, how many were used how much, how many more than the day before."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from bot.findings.claim import (
    ONE,
    FindingInput,
    ScoredClaim,
    is_named,
    known_values,
    listed_models,
    looks_at,
    step_between,
    use_by_name,
)
from bot.findings.model_activity import LEAST_NEW, NEW_DAYS, new_models
from bot.metrics.registry import DAY_ONLY
from bot.records import Model, PeriodData, Usage

LEAST_LISTED = 10
"""A ladder of fewer models than this is no finding."""


@dataclass(frozen=True, slots=True)
class NewModelsUsed:
    """How many of the models added in the last 7 days have been used since, and the most used one of them."""

    key: ClassVar[str] = "new_models_used"
    day: date
    added: int
    used: int
    days: int
    model: str
    author: str
    uses: int
    """Its uses on this day."""

    def holds(self, book: PeriodData) -> bool:
        new, uses = new_models(book), use_by_name(book)
        return (
            book.period.last == self.day
            and self.days == NEW_DAYS
            and len(new) == self.added >= LEAST_NEW
            and sum(map(_was_used, new)) == self.used > 0
            and max(uses.get(model.name, 0) for model in new) == self.uses > 0
            and is_named(self.model, (model.name for model in new if uses.get(model.name) == self.uses))
        )


@dataclass(frozen=True, slots=True)
class UseLadder:
    """How many listed models were used how much on this day. Together they are all listed models."""

    key: ClassVar[str] = "use_ladder"
    day: date
    listed: int
    idle: int
    to_10: int
    """With 1 to 10 uses."""
    to_999: int
    to_9999: int
    more: int
    """With 10,000 uses or more."""

    def holds(self, book: PeriodData) -> bool:
        counts = sorted(use_by_name(book).values())
        used = [sum(low <= count <= high for count in counts) for low, high in ((1, 10), (11, 999), (1000, 9999))]
        return (
            book.period.last == self.day
            and [self.to_10, self.to_999, self.to_9999] == used
            and self.more == len(counts) - sum(used)
            and self.listed == len(listed_models(book)) == self.idle + len(counts)
        )


@dataclass(frozen=True, slots=True)
class UsedModelsStep:
    """How many more or fewer models were used than on the day before: it goes with every known day."""

    key: ClassVar[str] = "used_models_step"
    day: date
    direction: Literal["more", "fewer", "same"]
    used: int
    before: int
    count: int
    """The difference, without its sign."""

    def holds(self, book: PeriodData) -> bool:
        known = known_values(book, "models_used")
        return (
            book.period.last == self.day
            and (known.get(self.day), known.get(self.day - ONE)) == (self.used, self.before)
            and (self.direction, self.count) == step_between(self.used, self.before)
            and self.used == len(use_by_name(book))
        )


@looks_at(DAY_ONLY)
def find_new_models_used(page: FindingInput) -> Iterator[ScoredClaim]:
    """What the models added in the last week became."""
    new, uses = new_models(page.book), use_by_name(page.book)
    used = sum(map(_was_used, new))
    first = min(new, key=lambda model: (-uses.get(model.name, 0), model.name), default=None)
    if first is not None and len(new) >= LEAST_NEW and used and uses.get(first.name):
        claim = NewModelsUsed(
            *(page.book.period.last, len(new), used, NEW_DAYS, first.name, first.author, uses[first.name])
        )
        yield ScoredClaim(0.3 + min(0.1, len(new) / 1000), claim)


@looks_at(DAY_ONLY)
def find_use_ladder(page: FindingInput) -> Iterator[ScoredClaim]:
    """How many models were used how much: true every day, and worth a quiet one."""
    book, flow, listed = page.book, page.book.flow, listed_models(page.book)
    if not isinstance(flow, Usage) or flow.unattributed or len(listed) < LEAST_LISTED or not flow.uses:
        return
    counts = sorted(flow.by_model.get(model.id, 0) for model in listed)
    edges = (1, 11, 1000, 10_000)
    reached = [len(counts) - bisect_left(counts, edge) for edge in edges]
    steps = (len(counts) - reached[0], *(a - b for a, b in zip(reached, [*reached[1:], 0], strict=True)))
    yield ScoredClaim(0.1, UseLadder(book.period.last, len(counts), *steps))


@looks_at(DAY_ONLY)
def find_used_models_step(page: FindingInput) -> Iterator[ScoredClaim]:
    """The difference to the day before of the number of models used."""
    known, day = known_values(page.book, "models_used"), page.book.period.last
    used, before = known.get(day), known.get(day - ONE)
    if used is not None and before is not None and used == page.figure_count("models_used"):
        direction, count = step_between(used, before)
        yield ScoredClaim(0.05, UsedModelsStep(day, direction, used, before, count))


def _was_used(model: Model) -> bool:
    """Whether a use of a new model was seen since its first reading; what its first counter shows came before."""
    return model.last_used is not None
