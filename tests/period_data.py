"""Period data for tests: single ones made by hand, and a small world with a history of days.

`World` is a small ledger, written in a slow and plain way, so that figures of its period data can be counted again from
its events.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.records import (
    Catalogue,
    HistoryPoint,
    Model,
    Period,
    PeriodData,
    SafeName,
    SourceRef,
    Unknown,
    Usage,
    start_of_day,
)

DAY = date(2025, 1, 12)
ONE = timedelta(days=1)
MODELS = Catalogue("replicate", "models", "public models", "runs", "reported")
REF = SourceRef("npm:all-the-public-replicate-models@1.352.0/stats.json", datetime(2025, 1, 13, tzinfo=UTC), "ab" * 32)
WHY = Unknown("no reading at the end of 12 Jan 2025")


def model(number: int, **changes: Any) -> Model:
    """Model `a<author>/m<number>`; three models share an author."""
    author = changes.pop("author", f"a{number // 3}")
    name = changes.pop("name", f"{author}/m{number}")
    plain = Model(number, SafeName(name), SafeName(author), DAY - timedelta(days=100), False, None, None)
    return replace(plain, **changes)


def book(
    uses: Sequence[int] | Mapping[int, int] = (), idle: int = 0, unattributed: int = 0, **changes: Any
) -> PeriodData:
    """A day's period data: one listed model for each of `uses`, used on that day, and `idle` ones never used.
    Everything else is known and constant: the same list before, the same use every day."""
    by_model = dict(uses) if isinstance(uses, Mapping) else dict(enumerate(uses, 1))
    by_model = {number: count for number, count in by_model.items() if count}
    used = [model(n, last_used=DAY, last_used_from=DAY, first_used=DAY - 50 * ONE) for n in by_model]
    start = max(by_model, default=0) + 1
    listed = (*used, *(model(n) for n in range(start, start + idle)))
    total = sum(by_model.values()) + unattributed
    flow = Usage(total, by_model, unattributed=unattributed)
    plain = PeriodData(
        catalogue=MODELS,
        period=Period.for_day(DAY),
        watched_since=DAY - timedelta(days=100),
        listed=listed,
        listed_before=frozenset(model.id for model in listed),
        listed_7d_before=len(listed),
        listed_period_before=len(listed),
        flow=flow,
        flow_before=flow,
        total_7d=7 * total,
        total_30d=30 * total,
        total_prior_7d=7 * total,
        newly_listed=(),
        history=(),
        gaps=(),
        refs=(REF,),
    )
    return replace(plain, **changes)


def unread(**changes: Any) -> PeriodData:
    """Period data in which everything is unknown."""
    fields = ("listed", "listed_before", "listed_7d_before", "listed_period_before", "flow", "flow_before")
    rest = ("total_7d", "total_30d", "total_prior_7d", "newly_listed")
    return replace(book(), **dict.fromkeys((*fields, *rest), WHY), **changes)


@dataclass
class World:
    """The events, day by day, from the day on which the watch began (day 0, of which only the end is seen)."""

    uses: list[dict[int, int]]
    """For each day: uses by model, only listed models."""
    listed: list[set[int]]
    """At the end of each day."""
    missed: set[int] = field(default_factory=set)
    """Days without a reading at their end."""
    start: date = date(2024, 11, 4)

    def day(self, number: int) -> date:
        return self.start + number * ONE

    def seen(self, number: int) -> bool:
        """Whether there is a reading at the end of a day."""
        return 0 <= number < len(self.listed) and number not in self.missed

    def known(self, first: int, last: int) -> bool:
        """Whether the use from one day to another is known."""
        return self.seen(first - 1) and self.seen(last)

    def total(self, first: int, last: int) -> int | Unknown:
        if not self.known(first, last):
            return Unknown(f"no reading for {self.day(first)} to {self.day(last)}")
        return sum(sum(self.uses[n].values()) for n in range(first, last + 1))

    def flow(self, first: int, last: int) -> Usage | Unknown:
        total = self.total(first, last)
        if isinstance(total, Unknown):
            return total
        by_model: dict[int, int] = {}
        for number in range(first, last + 1):
            for result, count in self.uses[number].items():
                by_model[result] = by_model.get(result, 0) + count
        return Usage(total, by_model)

    def used_between_readings(self, number: int, last: int) -> list[tuple[int, int]]:
        """The stretches between readings, up to the end of day `last`, in which a model was used."""
        used = {n for n, uses in enumerate(self.uses[: last + 1]) if uses.get(number)}
        ends = [n for n in range(last + 1) if self.seen(n)]
        return [(before + 1, end) for before, end in pairwise(ends) if not used.isdisjoint(range(before + 1, end + 1))]

    def model(self, number: int, last: int) -> Model:
        stretches = self.used_between_readings(number, last)
        first = next(n for n in range(len(self.listed)) if self.seen(n) and number in self.listed[n])
        return model(
            number,
            first_listed=self.day(first) if first else None,
            first_used=self.day(stretches[0][1]) if stretches else None,
            last_used=self.day(stretches[-1][1]) if stretches else None,
            last_used_from=self.day(stretches[-1][0]) if stretches else None,
        )

    def models(self, number: int) -> tuple[Model, ...] | Unknown:
        if not self.seen(number):
            return Unknown(f"no reading at the end of {self.day(number)}")
        return tuple(self.model(count, number) for count in sorted(self.listed[number]))

    def stock(self, number: int) -> int | Unknown:
        return len(self.listed[number]) if self.seen(number) else Unknown(f"no reading at the end of day {number}")

    def point(self, number: int) -> HistoryPoint:
        flow, stock = self.flow(number, number), self.stock(number)
        both = self.seen(number) and self.seen(number - 1)
        return HistoryPoint(
            self.day(number),
            uses=None if isinstance(flow, Unknown) else flow.uses,
            models_used=None if isinstance(flow, Unknown) else len(flow.by_model),
            models_listed=None if isinstance(stock, Unknown) else stock,
            models_added=len(self.listed[number] - self.listed[number - 1]) if both else None,
            top_uses=None if isinstance(flow, Unknown) else max(flow.by_model.values(), default=0),
        )

    def quiet(self, number: int) -> tuple[tuple[Model, int], ...]:
        if not all(self.seen(n) for n in range(number - 8, number + 1)):
            return ()
        days = range(number - 7, number)
        pairs = [
            (self.model(count, number), sum(self.uses[n][count] for n in days))
            for count in self.listed[number] & self.listed[number - 1]
            if all(self.uses[n].get(count) for n in days) and not self.uses[number].get(count)
        ]
        return tuple(sorted(pairs, key=lambda quiet: -quiet[1]))

    def woken(self, number: int) -> tuple[tuple[Model, date], ...]:
        woken = []
        for count in self.uses[number] if self.known(number, number) else ():
            before = self.used_between_readings(count, number - 1)
            if before and number - before[-1][1] >= 14:
                woken.append((self.model(count, number), self.day(before[-1][1])))
        return tuple(woken)

    def daily_uses(self, number: int) -> dict[int, dict[date, int]]:
        """The uses of every model on those of the 15 days at both ends of which it was seen on the list."""
        days = [n for n in range(max(1, number - 14), number + 1) if self.known(n, n)]
        models = set().union(*(self.uses[n] for n in days))
        return {
            one: {
                self.day(n): self.uses[n].get(one, 0)
                for n in days
                if one in self.listed[n] and one in self.listed[n - 1]
            }
            for one in models
        }

    def book(self, number: int, history: int = 400) -> PeriodData:
        """The period data of one day, with at most `history` days before it."""
        ids = frozenset(self.listed[number - 1]) if self.seen(number - 1) else Unknown("no reading the day before")
        return PeriodData(
            catalogue=MODELS,
            period=Period.for_day(self.day(number)),
            watched_since=self.start,
            listed=self.models(number),
            listed_before=ids,
            listed_7d_before=self.stock(number - 7),
            listed_period_before=self.stock(number - 1),
            flow=self.flow(number, number),
            flow_before=self.flow(number - 1, number - 1),
            total_7d=self.total(number - 6, number),
            total_30d=self.total(number - 29, number),
            total_prior_7d=self.total(number - 13, number - 7),
            newly_listed=Unknown("not asked in this world"),
            history=tuple(self.point(n) for n in range(max(0, number - history + 1), number + 1)),
            gaps=(),
            refs=(SourceRef(f"world:{number}", start_of_day(self.day(number)), ""),),
            names={},
            quiet=self.quiet(number),
            woken=self.woken(number),
            flow_week_before=self.flow(number - 7, number - 7),
            daily_uses=self.daily_uses(number),
        )

    def week_book(self, number: int) -> PeriodData:
        """The period data of the week that ends with a day."""
        ids = frozenset(self.listed[number - 7]) if self.seen(number - 7) else Unknown("no reading a week before")
        return replace(
            self.book(number),
            period=Period.for_day(self.day(number), "week"),
            listed_before=ids,
            listed_period_before=self.stock(number - 7),
            flow=self.flow(number - 6, number),
            flow_before=self.flow(number - 13, number - 7),
            quiet=(),
            woken=(),
            flow_week_before=Unknown("not compared for a week"),
            daily_uses={},
        )


def world(seed: int, days: int = 45, models: int = 12, missing: float = 0.05) -> World:
    """A world with most of the possible events: models come and go, become active and idle, lead and fall back."""
    chance = random.Random(seed)
    arrives = {n: 0 if n <= models // 2 else chance.randrange(1, days) for n in range(1, models + 1)}
    leaves = {n: chance.randrange(days) if chance.random() < 0.15 else days for n in arrives}
    size = {n: 0 if chance.random() < 0.3 else int(10 ** chance.uniform(0.3, 3)) for n in arrives}
    rhythm = {n: (chance.choice((1, 1, 1, 3, 20)), chance.randrange(20)) for n in arrives}
    asleep = {n: chance.randrange(days) for n in arrives}
    listed, uses = [], []
    for day in range(days):
        here = {n for n in arrives if arrives[n] <= day < leaves[n]}
        burst = 8 if chance.random() < 0.04 else 1
        active = {n for n in here if arrives[n] < day and not asleep[n] <= day < asleep[n] + 16}
        drawn = {n: int(size[n] * burst * chance.uniform(0.9, 1.15)) for n in active if _turn(day, *rhythm[n])}
        listed.append(here)
        uses.append({n: count for n, count in drawn.items() if count})
    return World(uses, listed, {day for day in range(1, days) if chance.random() < missing})


def lively_world(seed: int, days: int = 34) -> World:
    """A larger world in which single models move the whole: surges of some days, steady gains, and a quiet end."""
    made, chance = world(seed, days, models=640, missing=0.03), random.Random(seed)
    for one in chance.sample(sorted(set().union(*made.uses)), 20):
        begins, lasts = chance.randrange(1, days), chance.choice((1, 2, 3, 20))
        for day in made.uses[begins : begins + lasts]:
            if one in day:
                day[one] *= chance.choice((60, 70, 80)) if lasts < 20 else 40
    for day in made.uses[days - 6 :]:
        for one in [one for one in day if one % 7 == 0]:
            del day[one]
    # One model grows for some days from a fiftieth of all use to a fifth.
    steady = next(
        model for model in sorted(set().union(*made.uses)) if model % 7 and all(model in d for d in made.listed)
    )
    share = sum(sum(day.values()) for day in made.uses) // (50 * days)
    for number, day in enumerate(made.uses[1:], 1):
        day[steady] = share * (2 if number < 19 else min(10, 2 * (number - 17)))
    return made


def _turn(day: int, every: int, offset: int) -> bool:
    return (day + offset) % every == 0
