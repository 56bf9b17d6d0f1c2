"""Claims that a figure is the highest or lowest for a long time. No claim spans an unknown day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from bot.findings.claim import (
    ONE,
    WEIGHT,
    FindingInput,
    ScoredClaim,
    known_values,
    looks_at,
    series_start,
    unit_of,
)
from bot.metrics.registry import DAY_ONLY
from bot.records import PeriodData, each_day

LEAST_LOOKED_BACK = 7
"""Days that a record must beat."""
LEAST_LEAD: Mapping[str, float] = {"uses": 0.01, "models_used": 0.01}
"""A record must lead by this part of itself; by less, one day is as good as another. A list only has to be longer."""


@dataclass(frozen=True, slots=True)
class _ExtremeSince:
    """The highest, or lowest, value since a day that was as high, or low; every day between is known."""

    high: ClassVar[bool]
    metric: str
    unit: str
    day: date
    value: int
    since: date
    since_value: int
    days: int
    """Days between, all of them lower, or higher."""

    def holds(self, book: PeriodData) -> bool:
        """Whether both ends are as claimed, and every day between them is known and surely lower, or higher."""
        known, between = known_values(book, self.metric), each_day(self.since + ONE, self.day - ONE)
        return (
            (self.since_value >= self.value if self.high else self.since_value <= self.value)
            and (known.get(self.day), known.get(self.since)) == (self.value, self.since_value)
            and len(between) == self.days >= LEAST_LOOKED_BACK
            and all(day in known and self._beats(book, known[day]) for day in between)
        )

    def _beats(self, book: PeriodData, earlier: int) -> bool:
        return _is_beaten(book, self.metric, earlier, self.value, self.high)


@dataclass(frozen=True, slots=True)
class HighestSince(_ExtremeSince):
    """The highest value since a day that had as much or more."""

    key: ClassVar[str] = "highest_since"
    high: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class LowestSince(_ExtremeSince):
    """The lowest value since a day that had as little or less."""

    key: ClassVar[str] = "lowest_since"
    high: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class _ExtremeOnRecord:
    """The highest, or lowest, value of all days looked back over, each of them known."""

    high: ClassVar[bool]
    metric: str
    unit: str
    day: date
    value: int
    first: date
    """The first of the days looked back over."""
    days: int
    """Number of these days, including this one."""
    whole: bool
    """Whether these are all days ever watched."""

    def holds(self, book: PeriodData) -> bool:
        """Whether the value is as claimed, and every day looked back over is known and surely lower, or higher."""
        known, before = known_values(book, self.metric), each_day(self.first, self.day - ONE)
        return (
            known.get(self.day) == self.value
            and len(before) + 1 == self.days > LEAST_LOOKED_BACK
            and all(day in known and self._beats(book, known[day]) for day in before)
            and (not self.whole or self.first == series_start(book, self.metric))
        )

    def _beats(self, book: PeriodData, earlier: int) -> bool:
        return _is_beaten(book, self.metric, earlier, self.value, self.high)


@dataclass(frozen=True, slots=True)
class HighestOnRecord(_ExtremeOnRecord):
    """The highest value of all days looked back over."""

    key: ClassVar[str] = "highest_watched"
    high: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class LowestOnRecord(_ExtremeOnRecord):
    """The lowest value of all days looked back over."""

    key: ClassVar[str] = "lowest_watched"
    high: ClassVar[bool] = False


@looks_at(DAY_ONLY)
def find_records(page: FindingInput) -> Iterator[ScoredClaim]:
    """The highest or lowest value for a long time."""
    for metric in WEIGHT:
        yield from _find_record(page, metric, high=True)
    for metric in LEAST_LEAD:
        yield from _find_record(page, metric, high=False)


def _find_record(page: FindingInput, metric: str, high: bool) -> Iterator[ScoredClaim]:
    book, day = page.book, page.book.period.last
    known, start, unit = known_values(book, metric), series_start(book, metric), unit_of(book, metric)
    value = known.get(day)
    if value is None or start is None or not book.history:
        return
    first = max(start, book.history[0].day)
    past = day - ONE
    while past >= first and past in known and _is_beaten(book, metric, known[past], value, high):
        past -= ONE
    days = (day - past).days - 1
    if days < LEAST_LOOKED_BACK or (past >= first and past not in known):
        return
    score = WEIGHT[metric] * min(0.79, 0.2 + 0.7 * days / (days + 30))
    beaten = [known[past + n * ONE] for n in range(1, days + 1)]
    if known[day - ONE] == (max(beaten) if high else min(beaten)):
        score *= 0.7  # yesterday was a record too
    if past >= first and not (known[past] >= value if high else known[past] <= value):
        return  # it may or may not be beaten
    if past >= first:
        since = HighestSince if high else LowestSince
        yield ScoredClaim(score, since(metric, unit, day, value, past, known[past], days))
    else:
        record = HighestOnRecord if high else LowestOnRecord
        yield ScoredClaim(score, record(metric, unit, day, value, first, days + 1, first == start))


def _is_beaten(book: PeriodData, metric: str, earlier: int, value: int, high: bool) -> bool:
    """Whether a value is clearly higher, or lower, than an earlier one, whatever the list's unknown models were."""
    margin = book.uncounted if metric in ("models_listed", "models_added") else 0
    lead = max(margin, LEAST_LEAD.get(metric, 0) * max(earlier, value))
    return earlier + lead < value if high else earlier - lead > value
