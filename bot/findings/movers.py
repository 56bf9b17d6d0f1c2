"""Claims about models that move a network: a surge or collapse, and the end of a short surge.

A mover is the model whose use changed most against the day before. Its size is that change, divided by all use of the
day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
    is_still_listed,
    known_values,
    looks_at,
    model_name,
    named_flows,
    uses_on,
)
from bot.metrics.registry import DAY_ONLY
from bot.records import PeriodData, Unknown, Usage, each_day

LEAST_MOVER = 0.05
"""A smaller mover, as a share of all use of the day, is no finding."""
LARGE_MOVER = 0.1
"""A mover of this size is always the first news of its day."""
ENDED = 0.1
"""A surge has ended if at most this part of its peak is left; it had begun at no more than that."""
SURGE_DAYS = 7
"""A surge that lasted longer is not called short."""
WEEK = timedelta(days=7)

Direction = Literal["rose", "fell"]


@dataclass(frozen=True, slots=True)
class ModelMove:
    """The model whose use changed most against the day before, and its part of the network's change."""

    key: ClassVar[str] = "model_move"
    model: str
    author: str
    day: date
    direction: Direction
    uses: int | None
    """`None` if it is unknown, because the model left the list."""
    before: int | None
    """On the day before; `None` if it is unknown, because the model had no reading."""
    listed: bool
    """Whether it is on the list at the end of the day."""
    change: int
    base: int | None = None
    """The least use of a day in the week before, if it is less than half of the day before; only if it rose."""
    base_day: date | None = None
    share: float | None = None
    """Its part of all use of the day; if it fell, of the day before. This and the rest is `None` if not all use of both
    days is known."""
    total: int | None = None
    total_before: int | None = None
    total_change: int | None = None
    total_ratio: float | None = None
    """The change of all use, as a share of that of the day before."""
    part: float | None = None
    """Its part of the network's change; `None` also if it moved against the network or by more than the network."""
    rest_change: int | None = None
    """The network's change without it."""

    def holds(self, book: PeriodData) -> bool:
        flows = named_flows(book)
        if book.period.last != self.day or (self.change > 0) != (self.direction == "rose"):
            return False
        if flows is None:
            exact = None not in (self.uses, self.before) and self.total is self.share is self.part is None
            return exact and any(self._is_of(book, model) for model in book.daily_uses)
        changes = changes_by_model(flows)
        return (
            abs(self.change) == max(map(abs, changes.values())) >= LEAST_MOVER * flows[0].uses
            and self._is_part_of(flows)
            and any(self._is_of(book, model) for model, change in changes.items() if change == self.change)
        )

    def _is_part_of(self, flows: tuple[Usage, Usage]) -> bool:
        """Whether the totals are those of both days, and the shares those of the model in them."""
        now, then = flows
        all_change = now.uses - then.uses
        of_use = self.uses if self.change > 0 else self.before
        return (
            (self.total, self.total_before, self.total_change) == (now.uses, then.uses, all_change)
            and self.rest_change == all_change - self.change
            and self.total_ratio == all_change / then.uses
            and of_use is not None
            and self.share == of_use / (now.uses if self.change > 0 else then.uses)
            and self.part == (self.change / all_change if 0 < self.change / (all_change or -self.change) <= 1 else None)
        )

    def _is_of(self, book: PeriodData, model: int) -> bool:
        daily = book.daily_uses.get(model, {})
        return (
            (self.uses, self.before) == (uses_on(book, model, self.day), uses_on(book, model, self.day - ONE))
            and self.listed == is_still_listed(book, model)
            and self.base_day == (_base_day(daily, self.day, self.before) if self.change > 0 else None)
            and (self.base_day is None or daily[self.base_day] == self.base)
            and is_named(self.model, (model_name(book, model),))
        )


@dataclass(frozen=True, slots=True)
class PassingSurge:
    """A model that surged within a week and is back to a tenth of its peak or less on this day."""

    key: ClassVar[str] = "passing_surge"
    model: str
    author: str
    day: date
    uses: int
    peak: int
    peak_day: date
    base: int
    """Its use on the last day before the peak with a tenth of the peak or less."""
    base_day: date
    before: int
    """On the day before."""
    peak_share: float
    """Its part of all use on the day of the peak."""

    def holds(self, book: PeriodData) -> bool:
        totals = known_values(book, "uses")
        return (
            book.period.last == self.day
            and self.base_day < self.peak_day < self.day
            and totals.get(self.peak_day, 0) > 0
            and self.peak_share == self.peak / totals[self.peak_day]
            and max(self.uses, self.base) <= ENDED * self.peak < self.before
            and any(
                daily.get(self.day, -1) == self.uses
                and daily.get(self.day - ONE) == self.before
                and daily.get(self.peak_day) == self.peak
                and daily.get(self.base_day) == self.base
                and _surge_base(daily, self.day) == self.base_day
                and is_named(self.model, (model_name(book, model),))
                for model, daily in book.daily_uses.items()
            )
        )


@looks_at(DAY_ONLY)
def find_mover(page: FindingInput) -> Iterator[ScoredClaim]:
    """The model that moved the network most."""
    book, flows = page.book, named_flows(page.book)
    if isinstance(book.flow, Unknown) or isinstance(book.flow_before, Unknown):
        yield from _partial_mover(page)
    if flows is None:
        return
    mover, (now, then) = _largest_move(flows), flows
    if mover is None or abs(mover[1]) < LEAST_MOVER * now.uses or not model_name(book, mover[0]):
        return
    model, change = mover
    total_change = now.uses - then.uses
    claim = replace(
        _model_move(book, model, change),
        share=now.by_model[model] / now.uses if change > 0 else then.by_model[model] / then.uses,
        total=now.uses,
        total_before=then.uses,
        total_change=total_change,
        total_ratio=total_change / then.uses,
        part=change / total_change if change * total_change > 0 and abs(change) <= abs(total_change) else None,
        rest_change=total_change - change,
    )
    yield ScoredClaim(mover_score(abs(change) / now.uses), claim)


def _partial_mover(page: FindingInput) -> Iterator[ScoredClaim]:
    """The model that moved most among those whose use of both days is known, where that of some others is not."""
    book, day = page.book, page.book.period.last
    least = page.figures["uses"]["value"] if "uses" in page.figures else None
    both = {m: daily for m, daily in book.daily_uses.items() if day in daily and day - ONE in daily}
    if not both or not isinstance(least, int) or least < LEAST_USES:
        return
    changes = {model: daily[day] - daily[day - ONE] for model, daily in both.items()}
    model = max(changes, key=lambda model: (abs(changes[model]), -model))
    if abs(changes[model]) >= LEAST_MOVER * least:
        yield ScoredClaim(mover_score(abs(changes[model]) / least), _model_move(book, model, changes[model]))


def _model_move(book: PeriodData, model: int, change: int) -> ModelMove:
    """What a model did, without the network."""
    day = book.period.last
    uses, before = uses_on(book, model, day), uses_on(book, model, day - ONE)
    base = _base_day(book.daily_uses.get(model, {}), day, before) if change > 0 else None
    return ModelMove(
        model=model_name(book, model),
        author=author_of(book, model),
        day=day,
        direction="rose" if change > 0 else "fell",
        uses=uses,
        before=before,
        listed=is_still_listed(book, model),
        change=change,
        base=None if base is None else book.daily_uses[model][base],
        base_day=base,
    )


@looks_at(DAY_ONLY)
def find_passing_surges(page: FindingInput) -> Iterator[ScoredClaim]:
    """Surges of a few days that are over."""
    book, day, totals = page.book, page.book.period.last, known_values(page.book, "uses")
    surges = (_passing_surge(book, model, daily, totals) for model, daily in book.daily_uses.items())
    claims = [surge for surge in surges if surge]
    if claims and totals.get(day):
        claim = max(claims, key=lambda claim: (claim.before - claim.uses, claim.model))
        size = (claim.before - claim.uses) / totals[day]
        yield ScoredClaim(min(1.0, mover_score(max(LEAST_MOVER, size)) + 0.01), claim)


def mover_score(size: float) -> float:
    """How newsworthy a mover is, by its change as a share of all use of the day."""
    if size < LARGE_MOVER:
        return 0.35 + 6 * (size - LEAST_MOVER)
    return min(0.98, 0.8 + (size - LARGE_MOVER) / 2)


def _largest_move(flows: tuple[Usage, Usage]) -> tuple[int, int] | None:
    """The model whose use changed most, with the change."""
    return max(changes_by_model(flows).items(), key=lambda change: (abs(change[1]), -change[0]), default=None)


def _base_day(daily: Mapping[date, int], day: date, before: int | None) -> date | None:
    """The day of the week before with the least use, if that is less than half of the day before."""
    week = [when for when in daily if day - WEEK <= when < day - ONE]
    base = min(week, key=lambda when: (daily[when], day - when), default=None)
    return base if base is not None and before and 2 * daily[base] < before else None


def _passing_surge(
    book: PeriodData, model: int, daily: Mapping[date, int], totals: Mapping[date, int]
) -> PassingSurge | None:
    """The short surge of a model that ended on this day, if there is one."""
    day = book.period.last
    uses, before = daily.get(day), daily.get(day - ONE)
    base_day = _surge_base(daily, day)
    if uses is None or before is None or base_day is None:
        return None
    peak_day = max(each_day(base_day + ONE, day - ONE), key=lambda when: (daily[when], when))
    peak = daily[peak_day]
    if uses > ENDED * peak or before <= ENDED * peak or not totals.get(peak_day):
        return None
    share = peak / totals[peak_day]
    if share < LEAST_MOVER or totals[peak_day] < LEAST_USES:
        return None
    return PassingSurge(
        *(model_name(book, model), author_of(book, model), day, uses, peak, peak_day),
        *(daily[base_day], base_day, before, share),
    )


def _surge_base(daily: Mapping[date, int], day: date) -> date | None:
    """The last day before a short surge, which a tenth of its peak or less preceded; `None` if there is none."""
    peak, when = daily.get(day - ONE, 0), day - 2 * ONE
    while when in daily and (day - when).days <= SURGE_DAYS + 1:
        if daily[when] <= ENDED * peak:
            return when
        peak, when = max(peak, daily[when]), when - ONE
    return None
