"""Benchmarks, each a ratio to a peer or a floor in the same run. `benchmarks/README.md` explains each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    name: str
    measured: str
    against: str
    """The peer or the floor, measured in the same run."""
    ratio: float | None
    goal: str
    met: bool


def seconds(work: Callable[[], object], rounds: int = 7) -> float:
    """Seconds of some work, the median of several rounds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)
