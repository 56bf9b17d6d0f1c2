"""Claims about single models: used for the first time, gone quiet, awake again, new and unused, a new leader."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import ClassVar

from bot.findings.claim import (
    ONE,
    FindingInput,
    ScoredClaim,
    is_named,
    is_still_listed,
    listed_models,
    looks_at,
    model_name,
    use_by_name,
)
from bot.metrics.ranking import usage_ranking
from bot.metrics.registry import DAY_ONLY, EVERY_PERIOD
from bot.records import Model, PeriodData, Unknown, Usage

QUIET_DAYS = 7
QUIET_RANK = 100
"""A model that has gone quiet counts only if it would have been among this many most used models."""
ASLEEP_DAYS = 14
NEW_DAYS = 7
LEAST_LEAD = 0.01
"""A new leader must be ahead by this part of all use."""
LEAST_NEW = 3
"""Fewer unused new models than this are no finding."""


@dataclass(frozen=True, slots=True)
class NewlyUsed:
    """Models whose first use ever was on this day, and the most used one of them."""

    key: ClassVar[str] = "newly_used"
    day: date
    count: int
    model: str
    author: str
    uses: int
    rank: int
    """Its rank among the models used on this day."""
    first_listed: date | None

    def holds(self, book: PeriodData) -> bool:
        new = _newly_used(book)
        uses = use_by_name(book)
        return (
            book.period.last == self.day
            and len(new) == self.count > 0
            and max(uses[model.name] for model in new) == self.uses
            and _usage_rank(book, self.uses) == self.rank
            and is_named(self.model, (m.name for m in new if uses[m.name] == self.uses))
        )


@dataclass(frozen=True, slots=True)
class WentIdle:
    """Models used on each of the 7 days before and not on this one, and the most used one of them."""

    key: ClassVar[str] = "gone_quiet"
    day: date
    count: int
    model: str
    author: str
    uses_before: int
    """Its uses in those days together."""
    days: int

    def holds(self, book: PeriodData) -> bool:
        return (
            book.period.last == self.day
            and self.days == QUIET_DAYS
            and len(book.quiet) == self.count > 0
            and max(uses for _, uses in book.quiet) == self.uses_before
            and is_named(self.model, (model.name for model, uses in book.quiet if uses == self.uses_before))
            and not any(model.name in use_by_name(book) for model, _ in book.quiet)
        )


@dataclass(frozen=True, slots=True)
class BecameActive:
    """Models used on this day after 14 days or more without use, and the most used one of them."""

    key: ClassVar[str] = "awake_again"
    day: date
    count: int
    model: str
    author: str
    uses: int
    rank: int
    last_used: date
    """Its last day with use before this one."""
    days: int
    """From that day to this one."""

    def holds(self, book: PeriodData) -> bool:
        uses = _uses_of(book)
        same = [(model, last) for model, last in book.woken if uses.get(model.id) == self.uses]
        return (
            book.period.last == self.day
            and len(book.woken) == self.count > 0
            and max(uses.get(model.id, 0) for model, _ in book.woken) == self.uses
            and _usage_rank(book, self.uses) == self.rank
            and (self.day - self.last_used).days == self.days >= ASLEEP_DAYS
            and is_named(self.model, (model.name for model, last in same if last == self.last_used))
        )


@dataclass(frozen=True, slots=True)
class NewUnused:
    """None of the models added in the last 7 days was used."""

    key: ClassVar[str] = "new_unused"
    day: date
    added: int
    days: int

    def holds(self, book: PeriodData) -> bool:
        new = new_models(book)
        never = all(model.last_used is None and not model.used_before_watch for model in new)
        return book.period.last == self.day and self.days == NEW_DAYS and len(new) == self.added > 0 and never


@dataclass(frozen=True, slots=True)
class NewLeader:
    """The most used model is another one than in the period before."""

    key: ClassVar[str] = "new_leader"
    model: str
    author: str
    uses: int
    before: str
    """The most used model of the period before."""
    before_uses: int
    """Uses of that model in this period."""

    def holds(self, book: PeriodData) -> bool:
        if isinstance(book.flow, Unknown) or isinstance(book.flow_before, Unknown):
            return False
        now, then = book.flow.by_model, book.flow_before.by_model
        leaders = [model for model, uses in now.items() if uses == max(now.values())]
        former = [model for model, uses in then.items() if uses == max(then.values())]
        return (
            len(leaders) == len(former) == 1
            and leaders != former
            and is_named(self.model, (model.name for model in listed_models(book) if model.id == leaders[0]))
            and is_named(self.before, (model_name(book, former[0]),))
            and now[leaders[0]] == self.uses
            and now.get(former[0], 0) == self.before_uses
            and _leads_clearly(book.flow, self.uses, self.before_uses)
        )


@looks_at(DAY_ONLY)
def newly_used(page: FindingInput) -> Iterator[ScoredClaim]:
    """First uses."""
    new = _newly_used(page.book)
    if new:
        uses = _uses_of(page.book)
        first = min(new, key=lambda model: (-uses[model.id], model.name))
        rank = _usage_rank(page.book, uses[first.id])
        claim = NewlyUsed(
            page.book.period.last, len(new), first.name, first.author, uses[first.id], rank, first.first_listed
        )
        yield ScoredClaim(0.15 + 0.55 / sqrt(rank), claim)


@looks_at(DAY_ONLY)
def went_idle(page: FindingInput) -> Iterator[ScoredClaim]:
    """Models that were used every day and now are not."""
    book = page.book
    if book.quiet and isinstance(book.flow, Usage):
        first, before = min(book.quiet, key=lambda quiet: (-quiet[1], quiet[0].name))
        rank = _usage_rank(book, before // QUIET_DAYS)
        if rank <= QUIET_RANK:
            claim = WentIdle(book.period.last, len(book.quiet), first.name, first.author, before, QUIET_DAYS)
            yield ScoredClaim(0.15 + 0.6 / sqrt(rank), claim)


@looks_at(DAY_ONLY)
def became_active(page: FindingInput) -> Iterator[ScoredClaim]:
    """Models that nobody had used for weeks."""
    book, day, uses = page.book, page.book.period.last, _uses_of(page.book)
    woken = [(model, last) for model, last in book.woken if model.id in uses]
    if woken and len(woken) == len(book.woken):
        first, last = min(woken, key=lambda pair: (-uses[pair[0].id], pair[0].name))
        days, rank = (day - last).days, _usage_rank(book, uses[first.id])
        claim = BecameActive(day, len(woken), first.name, first.author, uses[first.id], rank, last, days)
        yield ScoredClaim(0.1 + (0.4 + 0.3 * min(1, days / 90)) / sqrt(rank), claim)


@looks_at(DAY_ONLY)
def new_unused(page: FindingInput) -> Iterator[ScoredClaim]:
    """New models that nobody has touched."""
    book = page.book
    new = new_models(book)
    if len(new) >= LEAST_NEW and all(model.last_used is None and not model.used_before_watch for model in new):
        yield ScoredClaim(0.3 + 0.2 * min(1, len(new) / 50), NewUnused(book.period.last, len(new), NEW_DAYS))


@looks_at(EVERY_PERIOD)
def new_leader(page: FindingInput) -> Iterator[ScoredClaim]:
    """Another model at the top."""
    book = page.book
    if isinstance(book.flow, Unknown) or isinstance(book.flow_before, Unknown) or isinstance(book.listed, Unknown):
        return
    leader, former = _sole_leader(book.flow), _sole_leader(book.flow_before)
    if leader is None or former is None or leader == former:
        return
    if former not in book.flow.by_model and not is_still_listed(book, former):
        return  # it left the list, so its use is unknown
    new = next((model for model in book.listed if model.id == leader), None)
    before = model_name(book, former)
    if new and before:
        uses, left = book.flow.by_model[leader], book.flow.by_model.get(former, 0)
        if _leads_clearly(book.flow, uses, left):
            score = 0.4 + min(0.35, 3 * (uses - left) / book.flow.uses)
            yield ScoredClaim(score, NewLeader(new.name, new.author, uses, before, left))


def _leads_clearly(flow: Usage, uses: int, before_uses: int) -> bool:
    """Whether a new leader is ahead of the former one by more than a trifle: two equal ones change places daily."""
    return uses - before_uses >= LEAST_LEAD * flow.uses


def _sole_leader(flow: Usage) -> int | None:
    """The most used model, if there is exactly one even when all unnamed use belonged to another model."""
    most = max(flow.by_model.values(), default=0)
    leaders = [model for model, uses in flow.by_model.items() if uses + flow.unattributed >= most]
    return leaders[0] if len(leaders) == 1 and most > flow.unattributed else None


def _uses_of(book: PeriodData) -> dict[int, int]:
    return {} if isinstance(book.flow, Unknown) else dict(book.flow.by_model)


def _usage_rank(book: PeriodData, uses: int) -> int:
    """The rank that this many uses have, or would have, among the models used; 1 is the most used."""
    ranked = usage_ranking(book)
    counts = () if isinstance(ranked, Unknown) else ranked.counts
    return bisect_left(counts, -uses, key=lambda count: -count) + 1


def _newly_used(book: PeriodData) -> list[Model]:
    """Listed models whose first use was certainly on this day, because no earlier use can have been missed."""
    day, uses = book.period.last, _uses_of(book)
    if not book.unbroken:
        return []
    return [
        model
        for model in listed_models(book)
        if model.first_used == model.last_used_from == day and not model.used_before_watch and model.id in uses
    ]


def new_models(book: PeriodData) -> list[Model]:
    """Models first listed in the last 7 days; none if those days, or the use in them, are unknown."""
    day = book.period.last
    first = day - timedelta(days=NEW_DAYS - 1)
    unknown = isinstance(book.total_7d, Unknown) or isinstance(book.listed_7d_before, Unknown)
    if isinstance(book.listed, Unknown) or unknown or book.watched_since is None or book.watched_since > first - ONE:
        return []
    return [model for model in book.listed if model.first_listed is not None and first <= model.first_listed]
