"""Claims about single models over a week: lost or gained most of their use, without a spike at either end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import ClassVar

from bot.findings.claim import (
    LEAST_USES,
    ONE,
    FindingInput,
    ScoredClaim,
    author_of,
    is_named,
    looks_at,
    model_name,
)
from bot.findings.movers import LEAST_MOVER, Direction
from bot.metrics.registry import DAY_ONLY
from bot.records import PeriodData, Usage, each_day

WEEK = timedelta(days=7)
MOST_STEP = 0.7
"""If one day of the week had more than this part of the change, that day was the news."""


@dataclass(frozen=True, slots=True)
class WeekMove:
    """A model that lost half of its use or more within a week, or gained as much again or more."""

    key: ClassVar[str] = "week_move"
    model: str
    author: str
    day: date
    direction: Direction
    uses: int
    before: int
    """Seven days before."""
    before_day: date
    share: float
    share_before: float

    def holds(self, book: PeriodData) -> bool:
        if not isinstance(book.flow, Usage) or not isinstance(book.flow_week_before, Usage):
            return False
        now, then = book.flow, book.flow_week_before
        less, more = sorted((self.uses, self.before))
        return (
            self.day == book.period.last == self.before_day + WEEK
            and 2 * less <= more
            and more - less >= LEAST_MOVER * max(now.uses, then.uses)
            and (self.share, self.share_before) == (self.uses / now.uses, self.before / then.uses)
            and (self.uses > self.before) == (self.direction == "rose")
            and any(
                daily.get(self.day) == self.uses
                and daily.get(self.before_day) == self.before
                and is_named(self.model, (model_name(book, model),))
                for model, daily in book.daily_uses.items()
            )
        )


@looks_at(DAY_ONLY)
def find_week_moves(page: FindingInput) -> Iterator[ScoredClaim]:
    """A model that lost or gained most of its use within a week, on the first day for a week of which that is true."""
    book, day = page.book, page.book.period.last
    now, then = book.flow, book.flow_week_before
    if not isinstance(now, Usage) or not isinstance(then, Usage) or now.unattributed or then.unattributed:
        return
    if now.uses < LEAST_USES or then.uses < LEAST_USES:
        return
    least = LEAST_MOVER * max(now.uses, then.uses)
    fresh = [
        (abs(daily[day] - daily[day - WEEK]), model)
        for model, daily in book.daily_uses.items()
        if _is_week_move(daily, day, least) and not _is_week_move(daily, day - ONE, least)
    ]
    if not fresh:
        return
    change, model = max(fresh)
    uses, before = (book.daily_uses[model][when] for when in (day, day - WEEK))
    claim = WeekMove(
        model_name(book, model),
        author_of(book, model),
        day,
        "rose" if uses > before else "fell",
        uses,
        before,
        day - WEEK,
        uses / now.uses,
        before / then.uses,
    )
    yield ScoredClaim(min(0.75, 0.4 + change / now.uses), claim)


def _is_week_move(daily: Mapping[date, int], day: date, least: float) -> bool:
    """Whether a model lost or gained most of its use in the week that ends with a day, neither end is a
    spike, and no single day made most of the change."""
    then, yesterday = day - WEEK, day - ONE
    weeks = each_day(then - 6 * ONE, then)
    if day not in daily or yesterday not in daily or not all(when in daily for when in weeks):
        return False
    usual = median(daily[when] for when in weeks)
    less, more = sorted((daily[day], daily[then]))
    near = daily[yesterday] <= 2 * daily[day] and daily[day] <= 2 * daily[yesterday]
    last_days = [daily.get(when) for when in each_day(then, day)]
    steps = [abs(b - a) for a, b in pairwise(last_days) if a is not None and b is not None]
    gradual = len(steps) == WEEK.days and max(steps) <= MOST_STEP * (more - less)
    return 2 * less <= more and more - less >= least and near and gradual and usual <= 2 * daily[then] <= 4 * usual
