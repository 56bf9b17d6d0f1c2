"""Claims about use that is proven one by one and rarely names a model: its change against the day before and the week
before, and the first day that was watched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Literal

from bot.findings.claim import LEAST_USES, ONE, FindingInput, ScoredClaim, known_values, looks_at, series_start
from bot.metrics.registry import DAY_ONLY
from bot.records import PeriodData

WEEK = timedelta(days=7)
LEAST_CHANGE = 0.1
"""A smaller change against the day before opens no post."""
LEAST_AGAINST_USUAL = 0.1
"""Nor does one that leaves the day this close to the same weekday a week before: that is the week's rhythm."""


@dataclass(frozen=True, slots=True)
class UsesStep:
    """Proven use against the day before, and where that is known against the same weekday a week before."""

    key: ClassVar[str] = "uses_step"
    day: date
    direction: Literal["rose", "fell", "same"]
    uses: int
    before: int
    ratio: float | None
    """The change as a share of the day before; `None` if that had no use."""
    week_before: int | None
    week_ratio: float | None
    metric: str = "uses"

    def holds(self, book: PeriodData) -> bool:
        known = known_values(book, "uses")
        return (
            book.catalogue.evidence == "verified"
            and self.metric == "uses"
            and book.period.last == self.day
            and (known.get(self.day), known.get(self.day - ONE)) == (self.uses, self.before)
            and known.get(self.day - WEEK) == self.week_before
            and self.ratio == _ratio(self.uses, self.before)
            and self.week_ratio == _ratio(self.uses, self.week_before)
            and self.direction == ("same" if self.uses == self.before else _direction(self.uses - self.before))
        )


@dataclass(frozen=True, slots=True)
class FirstDay:
    """The first day that was watched, so there is nothing to compare it with."""

    key: ClassVar[str] = "first_day"
    day: date

    def holds(self, book: PeriodData) -> bool:
        known = known_values(book, "uses")
        return book.catalogue.evidence == "verified" and self.day == book.period.last and set(known) == {self.day}


@looks_at(DAY_ONLY)
def find_uses_step(page: FindingInput) -> Iterator[ScoredClaim]:
    """The change of proven use: with every known day, and news if it is large and not the week's rhythm."""
    known, day = known_values(page.book, "uses"), page.book.period.last
    uses, before, earlier = known.get(day), known.get(day - ONE), known.get(day - WEEK)
    if page.book.catalogue.evidence != "verified" or uses is None or before is None:
        return
    ratio, week_ratio = _ratio(uses, before), _ratio(uses, earlier)
    direction = "same" if uses == before else _direction(uses - before)
    claim = UsesStep(day, direction, uses, before, ratio, earlier, week_ratio)
    yield ScoredClaim(_score(uses, before, ratio, week_ratio), claim)


@looks_at(DAY_ONLY)
def find_first_day(page: FindingInput) -> Iterator[ScoredClaim]:
    """Whether this is the first day that was watched."""
    book, day = page.book, page.book.period.last
    first = series_start(book, "uses")
    if book.catalogue.evidence == "verified" and first == day and set(known_values(book, "uses")) == {day}:
        yield ScoredClaim(0.05, FirstDay(day))


def _score(uses: int, before: int, ratio: float | None, week_ratio: float | None) -> float:
    usual = week_ratio is not None and abs(week_ratio) < LEAST_AGAINST_USUAL
    if ratio is None or abs(ratio) < LEAST_CHANGE or usual or max(uses, before) < LEAST_USES:
        return 0.05
    return min(0.78, 0.4 + abs(ratio))


def _ratio(uses: int, before: int | None) -> float | None:
    return (uses - before) / before if before else None


def _direction(change: int) -> Literal["rose", "fell"]:
    return "rose" if change > 0 else "fell"
