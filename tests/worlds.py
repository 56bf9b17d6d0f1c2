"""Small worlds of snapshots, with their events counted in a slow and plain way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from bot.records import AtLeast, Catalogue, Listing, Reading, SafeName, Snapshot, SourceRef, Unknown, start_of_day

CATALOGUE = Catalogue("replicate", "models", "public models", "runs", "reported")
START = date(2025, 3, 1)
ONE = timedelta(days=1)

World = Mapping[date, Mapping[str, int]]
"""Day to each listed model's counter at its end; a missing day has no snapshot."""


def snapshot(day: date, counts: Mapping[str, int], unplaced: int = 0, note: str = "") -> Snapshot:
    """The snapshot that closes a day."""
    at = start_of_day(day + ONE)
    return Snapshot(
        CATALOGUE.network,
        CATALOGUE.key,
        at,
        SourceRef(f"test:{day}", at, "ab" * 32),
        tuple(Listing(SafeName(name), SafeName(name.partition("/")[0])) for name in counts),
        tuple(Reading(SafeName(name), count) for name, count in counts.items()),
        unplaced=unplaced,
        note=note,
    )


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@st.composite
def worlds(draw: st.DrawFn, days: int = 12, models: int = 5, falls: bool = False) -> World:
    """Days with and without a snapshot; models that join, leave, return, stand still and (with `falls`) fall."""
    world: dict[date, dict[str, int]] = {}
    counters = {f"o{n % 2}/m{n}": draw(st.integers(0, 3)) for n in range(models)}
    for number in range(days):
        for name in counters:
            counters[name] += draw(st.sampled_from([0, 0, 1, 7]))
            if falls and draw(st.integers(0, 30)) == 0:
                counters[name] = 0
        if draw(st.integers(0, 4)):
            world[START + number * ONE] = {n: c for n, c in counters.items() if draw(st.integers(0, 5))}
    return world


@dataclass(frozen=True)
class Window:
    """The content of a window, by definition: each model from its first to its last reading inside it."""

    known: bool
    """Whether it was read at both ends."""
    by_model: Mapping[str, int]
    unknown: frozenset[str] = frozenset()
    """Models whose counter fell, so that their use is unknown, or partly."""

    @property
    def uses(self) -> int:
        return sum(self.by_model.values())

    @property
    def total(self) -> int | AtLeast | Unknown:
        """All use, as in period data."""
        if not self.known or (self.unknown and not self.uses):
            return Unknown("")
        return AtLeast(self.uses, "") if self.unknown else self.uses


History = tuple[str, list[date], list[int], list[tuple[int, int, bool]]]
"""A model, its days with a reading, its counters, and where they fell."""


def histories(world: World) -> Iterator[History]:
    for name in {name for day in world for name in world[day]}:
        days = [day for day in sorted(world) if name in world[day]]
        counts = [world[day][name] for day in days]
        yield name, days, counts, fallen(days, counts)


def window(world: World, first: date, last: date, read: Iterable[History] = ()) -> Window:
    """Counted by the definition, without regard to speed. `read`: the world's histories, if they are at hand."""
    by_model: dict[str, int] = {}
    unknown = set()
    for name, days, counts, falls in read or histories(world):
        uses = 0
        for number, two in itertools.pairwise(range(len(days))):
            inside = first - ONE <= days[number] and days[two] <= last
            if inside and not any(start <= number and two <= end for start, end, _ in falls):
                uses += counts[two] - counts[number]
        for start, end, back in falls:
            if first - ONE <= days[start] and days[end] <= last and back:
                uses += counts[end] - counts[start]
            elif days[start] < last and days[end] >= first:
                unknown.add(name)
        if uses:
            by_model[name] = uses
    return Window(first - ONE in world and last in world, by_model, frozenset(unknown))


def fallen(days: Sequence[date], counts: Sequence[int]) -> list[tuple[int, int, bool]]:
    """Where a counter fell: the positions of the readings before and after it, and whether it recovered by then; and
    where it recovered too late."""
    falls: list[tuple[int, int, bool]] = []
    since: dict[int, int] = {}
    """The reading from which the lowest counts, by the position of the fall; `None`: nothing can recover."""
    for place in range(1, len(counts)):
        before, now = counts[place - 1], counts[place]
        if now < before:
            falls.append((place - 1, place, False))
            since[place - 1] = place
        back, maybe = [], []
        for fall in falls if now > before else []:
            level = counts[fall[0]]
            low = min(counts[since[fall[0]] : place]) if fall[0] in since else level
            if low < level and min(now, level) - before >= (level - low) / 2:
                back.append(fall)
            if low < level and 10 * (min(now, level) - before) >= level - low:
                maybe.append(fall)
        for fall in back:
            since[fall[0]] = place
            if now >= counts[fall[0]]:
                del since[fall[0]]
        soon = next((fall for fall in back if (days[place] - days[fall[1]]).days <= 7), None)
        if soon:
            for gone in falls[falls.index(soon) + 1 :]:
                since.pop(gone[0], None)
            falls[falls.index(soon) :] = [(soon[0], place, now >= counts[soon[0]])]
        elif back:
            falls.append((place - 1, place, False))
        part = next((fall for fall in maybe if (days[place] - days[fall[1]]).days <= 7), None)
        if part and not back:
            for gone in falls[falls.index(part) + 1 :]:
                since.pop(gone[0], None)
            falls[falls.index(part) :] = [(part[0], place, False)]
            if now >= counts[part[0]]:
                since.pop(part[0], None)
    return falls
