"""Claims about a figure's own past: streaks, crossings, unusual days. No claim spans an unknown day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import floor
from statistics import median
from typing import ClassVar, Literal

from bot.findings.claim import ONE, WEIGHT, FindingInput, ScoredClaim, known_values, looks_at, unit_of
from bot.metrics.registry import DAY_ONLY, EVERY_PERIOD
from bot.records import PeriodData, Unknown, each_day

LEAST_STREAK = 3
WEEKS = 8
LEAST_WEEKS = 4
LEAST_ADDED = 20
"""Fewer models added than this are no news."""
UNUSUAL = 3.5
"""From this robust z-score on, a day is unusual (Iglewicz and Hoaglin, 1993)."""
NORMAL = 0.6745
"""Median absolute deviation of a standard normal distribution."""
LEAST_MOVE = 0.1
"""A smaller change, as a share of the usual value, is no finding, however regular the days before were."""

LEAST_STREAK_CHANGE: Mapping[str, float] = {"uses": 0.1, "models_used": 0.05}
"""The least change over all days of a streak, as a share of the value before it."""
LEAST_LAST_STEP = 0.01
"""The least change on the last day of a streak, as a share of the day before: what hardly moved is no news."""
FRESH_DAYS = 30
"""A round number counts as new if these days before are known and were all on the other side of it."""


@dataclass(frozen=True, slots=True)
class Streak:
    """A figure that rose, or fell, on each of the last days."""

    key: ClassVar[str] = "streak"
    metric: str
    unit: str
    direction: Literal["rose", "fell"]
    day: date
    value: int
    days: int
    """Days in a row on which it was above (below) the day before."""
    first: date
    """The day before the first of them."""
    first_value: int

    def holds(self, book: PeriodData) -> bool:
        known = known_values(book, self.metric)
        values = [known.get(day) for day in each_day(self.first, self.day)]
        if None in values or len(values) != self.days + 1 or self.days < LEAST_STREAK:
            return False
        return (
            (values[0], values[-1]) == (self.first_value, self.value)
            and _is_long_way(self.metric, self.first_value, self.value)
            and _goes_on(values[-2], self.value)
            and all(_change_direction(earlier, later) == self.direction for earlier, later in pairwise(values))
        )


@dataclass(frozen=True, slots=True)
class Crossing:
    """A figure that passed a round number since the period before."""

    key: ClassVar[str] = "crossing"
    metric: str
    unit: str
    direction: Literal["up", "down"]
    """`up`: it was below the round number and no longer is. `down`: it was not below it and now is."""
    level: int
    value: int
    before: int
    """In the period before, or at its end."""

    def holds(self, book: PeriodData) -> bool:
        now, before = _now_and_before(book, self.metric)
        low, high = sorted((self.before, self.value))
        return (
            (now, before) == (self.value, self.before)
            and low < self.level <= high
            and self.level in _round_numbers(self.metric, high)
            and _is_large_crossing(book, self.metric, self.level, self.value, self.before)
            and self.direction == ("up" if self.before < self.value else "down")
        )


@dataclass(frozen=True, slots=True)
class UnusualDay:
    """A day far from the same weekday of the weeks before."""

    key: ClassVar[str] = "unusual_day"
    metric: str
    unit: str
    direction: Literal["above", "below"]
    day: date
    value: int
    usual: int
    """Median of the same weekday in the last 8 weeks, as a whole number: a half is rounded up."""
    weeks: int
    """How many of those days are known."""
    z: float
    """Robust z-score: 0.6745 · (value − exact median) / median absolute deviation."""

    def holds(self, book: PeriodData) -> bool:
        known = known_values(book, self.metric)
        again = _unusual_day(known, self.metric, self.unit, self.day)
        return again == self


@looks_at(DAY_ONLY)
def find_streaks(page: FindingInput) -> Iterator[ScoredClaim]:
    """Rising or falling for days."""
    for metric in ("uses", "models_used"):
        known, last = known_values(page.book, metric), page.book.period.last
        direction = _change_direction(known.get(last - ONE), known.get(last))
        if direction is None:
            continue
        first = last - ONE
        while _change_direction(known.get(first - ONE), known.get(first)) == direction:
            first -= ONE
        days = (last - first).days
        going = _goes_on(known[last - ONE], known[last])
        if going and days >= LEAST_STREAK and _is_long_way(metric, known[first], known[last]):
            claim = Streak(metric, unit_of(page.book, metric), direction, last, known[last], days, first, known[first])
            yield ScoredClaim(WEIGHT[metric] * min(0.75, 0.15 + 0.1 * days), claim)


@looks_at(EVERY_PERIOD)
def find_crossings(page: FindingInput) -> Iterator[ScoredClaim]:
    """Round numbers passed since the period before."""
    book = page.book
    for metric in ("models_listed", "uses"):
        now, before = _now_and_before(book, metric)
        if now is None or before is None:
            continue
        low, high = sorted((now, before))
        passed = [level for level in _round_numbers(metric, high) if level > low]
        if not passed:
            continue
        up = now > before
        level = max(passed) if up else min(passed)
        if not _is_large_crossing(book, metric, level, now, before):
            continue
        earlier = (value for day, value in known_values(book, metric).items() if day < book.period.first)
        fresh = book.period.name != "day" or all(value < level for value in earlier)
        score = (0.7 if fresh else 0.3) if up else 0.35
        claim = Crossing(metric, unit_of(book, metric), "up" if up else "down", level, now, before)
        yield ScoredClaim(score, claim)


@looks_at(DAY_ONLY)
def unusual_days(page: FindingInput) -> Iterator[ScoredClaim]:
    """Far from the usual value of this weekday."""
    for metric in ("uses", "models_used", "models_added"):
        known = known_values(page.book, metric)
        claim = _unusual_day(known, metric, unit_of(page.book, metric), page.book.period.last)
        if claim:
            yield ScoredClaim(WEIGHT[metric] * min(0.79, 0.45 + (abs(claim.z) - UNUSUAL) / 25), claim)


def _unusual_day(known: Mapping[date, int], metric: str, unit: str, day: date) -> UnusualDay | None:
    value = known.get(day)
    past = [known[then] for week in range(1, WEEKS + 1) if (then := day - timedelta(weeks=week)) in known]
    if value is None or len(past) < LEAST_WEEKS or (metric == "models_added" and value < LEAST_ADDED):
        return None
    usual = float(median(past))
    spread = median(abs(value - usual) for value in past)
    if not spread or abs(value - usual) < LEAST_MOVE * usual:
        return None
    z = NORMAL * (value - usual) / spread
    if abs(z) < UNUSUAL:
        return None
    return UnusualDay(metric, unit, "above" if z > 0 else "below", day, value, floor(usual + 0.5), len(past), z)


def _round_numbers(metric: str, highest: int) -> list[int]:
    """Round numbers up to `highest`: 100, 200, 500, 1,000, ... and for a list every thousand."""
    rounds = {digit * 10**power for power in range(2, len(str(highest))) for digit in (1, 2, 5)}
    if metric == "models_listed":
        rounds |= set(range(1000, highest + 1, 1000))
    return sorted(number for number in rounds if number <= highest)


def _is_long_way(metric: str, first: int, last: int) -> bool:
    """Whether a streak changed its figure by enough to be told."""
    return abs(last - first) >= LEAST_STREAK_CHANGE[metric] * first


def _goes_on(before: int | None, last: int) -> bool:
    """Whether a streak's last step is large enough."""
    return before is not None and abs(last - before) >= LEAST_LAST_STEP * before


def _is_large_crossing(book: PeriodData, metric: str, level: int, now: int, before: int) -> bool:
    """Whether use passed a round number by a large step, or was on the other side of it on all days of the last weeks.
    A list of models does not pass a round number by chance."""
    if book.period.name != "day" or metric != "uses" or abs(now - before) >= LEAST_MOVE * before:
        return True
    known, day = known_values(book, metric), book.period.last
    days = [day - n * ONE for n in range(1, FRESH_DAYS + 1)]
    return all(then in known and (known[then] < level) == (now >= level) for then in days)


def _now_and_before(book: PeriodData, metric: str) -> tuple[int | None, int | None]:
    if metric == "models_listed":
        now = None if isinstance(book.listed, Unknown) else len(book.listed)
        before = book.listed_period_before
        return now, None if isinstance(before, Unknown) else before
    flows = (book.flow, book.flow_before)
    uses = [None if isinstance(flow, Unknown) else flow.uses for flow in flows]
    return uses[0], uses[1]


def _change_direction(before: int | None, now: int | None) -> Literal["rose", "fell"] | None:
    if before is None or now is None or before == now:
        return None
    return "rose" if now > before else "fell"
