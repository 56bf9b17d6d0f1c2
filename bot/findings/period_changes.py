"""Claims about a week or a month against the one before: who gained and lost most, what the new models became, how
many more or fewer models were used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from bot.findings.claim import (
    ONE,
    FindingInput,
    ScoredClaim,
    author_of,
    is_named,
    listed_models,
    looks_at,
    model_name,
    named_flows,
    step_between,
    use_by_name,
)
from bot.findings.model_activity import LEAST_NEW
from bot.findings.movers import Direction
from bot.metrics.registry import LONGER_ONLY
from bot.records import Model, PeriodData, PeriodName, Unknown, Usage

LEAST_PERIOD_MOVE = 0.005
"""A smaller change of one model, as a share of all use of the period, is no finding."""


@dataclass(frozen=True, slots=True)
class PeriodMove:
    """The model that gained, or lost, most use against the period before, of those listed throughout both."""

    key: ClassVar[str] = "period_move"
    period: PeriodName
    first: date
    model: str
    author: str
    direction: Direction
    uses: int
    before: int
    change: int

    def holds(self, book: PeriodData) -> bool:
        flows = named_flows(book)
        if flows is None or (book.period.name, book.period.first) != (self.period, self.first):
            return False
        now, then = (flow.by_model for flow in flows)
        changes = {model.id: now.get(model.id, 0) - then.get(model.id, 0) for model in _models_of_both(book)}
        most = max(changes.values()) if self.direction == "rose" else min(changes.values())
        return (
            self.change == self.uses - self.before == most
            and abs(self.change) >= LEAST_PERIOD_MOVE * flows[0].uses
            and (self.change > 0) == (self.direction == "rose")
            and any(
                (self.uses, self.before) == (now.get(model, 0), then.get(model, 0))
                and is_named(self.model, (model_name(book, model),))
                for model, change in changes.items()
                if change == self.change
            )
        )


@dataclass(frozen=True, slots=True)
class PeriodArrivals:
    """How many of the models added in the period were used in it, and the most used one of them."""

    key: ClassVar[str] = "period_arrivals"
    period: PeriodName
    first: date
    added: int
    used: int
    model: str | None
    """`None` if none of them was used."""
    author: str | None
    uses: int

    def holds(self, book: PeriodData) -> bool:
        added = _added_models(book)
        counts = {model.name: use_by_name(book).get(model.name, 0) for model in added}
        most = max(counts.values(), default=0)
        return (
            isinstance(book.flow, Usage)
            and not book.flow.unattributed
            and (book.period.name, book.period.first) == (self.period, self.first)
            and len(added) == self.added >= LEAST_NEW
            and sum(count > 0 for count in counts.values()) == self.used
            and most == self.uses
            and (self.model is None) == (self.used == 0)
            and (self.used > 0 or not any(model.used_before_watch for model in added))
            and (self.model is None or is_named(self.model, (name for name, uses in counts.items() if uses == most)))
        )


@dataclass(frozen=True, slots=True)
class PeriodStep:
    """How many more or fewer models were used than in the period before: it goes with every known period."""

    key: ClassVar[str] = "period_step"
    period: PeriodName
    first: date
    direction: Literal["more", "fewer", "same"]
    used: int
    before: int
    count: int
    """The difference, without its sign."""

    def holds(self, book: PeriodData) -> bool:
        return (
            (book.period.name, book.period.first) == (self.period, self.first)
            and self.used == len(use_by_name(book))
            and self.before == _used_before(book)
            and (self.direction, self.count) == step_between(self.used, self.before)
        )


@looks_at(LONGER_ONLY)
def find_period_moves(page: FindingInput) -> Iterator[ScoredClaim]:
    """The models that gained and lost most."""
    book, flows = page.book, named_flows(page.book)
    if flows is None:
        return
    now, then = (flow.by_model for flow in flows)
    changes = {model.id: now.get(model.id, 0) - then.get(model.id, 0) for model in _models_of_both(book)}
    ways: tuple[tuple[Direction, int], ...] = (("rose", 1), ("fell", -1))
    for direction, sign in ways:
        model = max(changes, key=lambda model: (sign * changes[model], -model), default=None)
        if model is None or sign * changes[model] < LEAST_PERIOD_MOVE * flows[0].uses:
            continue
        names = (model_name(book, model), author_of(book, model))
        numbers = (now.get(model, 0), then.get(model, 0), changes[model])
        score = min(0.98, 0.3 + 2 * abs(changes[model]) / flows[0].uses)
        yield ScoredClaim(score, PeriodMove(book.period.name, book.period.first, *names, direction, *numbers))


@looks_at(LONGER_ONLY)
def find_period_arrivals(page: FindingInput) -> Iterator[ScoredClaim]:
    """What the models added in the period became."""
    book, added, uses = page.book, _added_models(page.book), use_by_name(page.book)
    if not isinstance(book.flow, Usage) or book.flow.unattributed or len(added) < LEAST_NEW:
        return
    used = [model for model in added if uses.get(model.name)]
    if not used and any(model.used_before_watch for model in added):
        return
    most = min(used, key=lambda model: (-uses[model.name], model.name), default=None)
    names = (most.name, most.author, uses[most.name]) if most else (None, None, 0)
    claim = PeriodArrivals(book.period.name, book.period.first, len(added), len(used), *names)
    yield ScoredClaim(0.3, claim)


@looks_at(LONGER_ONLY)
def find_period_step(page: FindingInput) -> Iterator[ScoredClaim]:
    """The difference to the period before of the number of models used."""
    book, used, before = page.book, page.figure_count("models_used"), _used_before(page.book)
    if used is not None and before is not None and used == len(use_by_name(book)):
        direction, count = step_between(used, before)
        claim = PeriodStep(book.period.name, book.period.first, direction, used, before, count)
        yield ScoredClaim(0.05, claim)


def _models_of_both(book: PeriodData) -> list[Model]:
    """The models listed from the start of the period before to the end of this one: only of these is the use of both
    periods whole."""
    before, begin = book.listed_before, book.period.previous_period.first - ONE
    if isinstance(before, Unknown) or book.watched_since is None or book.watched_since > begin:
        return []
    here = [model for model in listed_models(book) if model.id in before]
    return [model for model in here if model.first_listed is None or model.first_listed <= begin]


def _added_models(book: PeriodData) -> list[Model]:
    """The models listed at the end of the period and not at that of the period before."""
    before = book.listed_before
    return [] if isinstance(before, Unknown) else [model for model in listed_models(book) if model.id not in before]


def _used_before(book: PeriodData) -> int | None:
    """Models listed at the end of the period before with a use in it; `None` if unknown."""
    flow, listed = book.flow_before, book.listed_before
    if isinstance(flow, Unknown) or isinstance(listed, Unknown) or flow.unattributed:
        return None
    return len(listed & flow.by_model.keys())
