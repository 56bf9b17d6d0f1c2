"""Small worlds of snapshots, and what happened in them counted the slow and plain way."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from bot.records import Catalogue, Listing, Name, Reading, Ref, Snapshot, instant

CATALOGUE = Catalogue("replicate", "models", "public models", "runs", "reported")
START = date(2025, 3, 1)
ONE = timedelta(days=1)

World = Mapping[date, Mapping[str, int]]
"""Day to what each listed model's counter showed at its end; days that are absent have no snapshot."""


def snapshot(day: date, counts: Mapping[str, int], unplaced: int = 0, note: str = "") -> Snapshot:
    """The snapshot that closes a day."""
    at = instant(day + ONE)
    return Snapshot(
        CATALOGUE.network,
        CATALOGUE.key,
        at,
        Ref(f"test:{day}", at, "ab" * 32),
        tuple(Listing(Name(name), Name(name.partition("/")[0])) for name in counts),
        tuple(Reading(Name(name), count) for name, count in counts.items()),
        unplaced=unplaced,
        note=note,
    )


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@st.composite
def worlds(draw: st.DrawFn, days: int = 12, models: int = 5, falls: bool = False) -> World:
    """Days with and without a snapshot; models that join, leave, come back, stand still and (with `falls`) fall."""
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
    """What a window holds, by definition: each model from its first to its last reading inside it."""

    known: bool
    by_model: Mapping[str, int]

    @property
    def uses(self) -> int:
        return sum(self.by_model.values())


def window(world: World, first: date, last: date) -> Window:
    """Counted from the definition, with no thought of speed."""
    inside = [day for day in sorted(world) if first - ONE <= day <= last]
    ends = first - ONE in world and last in world
    names = {name for day in inside for name in world[day]}
    by_model: dict[str, int] = {}
    fell = False
    for name in names:
        seen = [world[day][name] for day in inside if name in world[day]]
        fell = fell or any(later < earlier for earlier, later in itertools.pairwise(seen))
        if seen[-1] > seen[0]:
            by_model[name] = seen[-1] - seen[0]
    return Window(ends and not fell, by_model)
