"""Roll-ups on a cluster compared with threads on the same cores: the days of `rollups`, a scheduler and two workers of
one thread each on loopback, after a warm-up.

Both roll up the same `DAYS` days in turns; the table states the factor to a year's 365.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks import Row
from benchmarks.rollups import A_DAY, DAYS, OF, THREADS, made
from bot import lake
from bot.dask_executor import DaskExecutor
from bot.lake import DayRef, DayRollup
from tests.peers.cluster import Dask

ROUNDS = 5
GOAL = 1.1


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, Dask(Path(folder)) as dask:
        days = [made(str(Path(folder, "lake")), number) for number in range(DAYS)]
        began = time.perf_counter()
        dask.add(*(f"worker-{number}" for number in range(THREADS)))
        started = time.perf_counter() - began
        cluster = DaskExecutor(dask.address)
        began = time.perf_counter()
        cluster.submit(abs, -1).result()
        print(f"workers started in {started:.1f} s, connected in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        try:
            with ThreadPoolExecutor(THREADS) as threads:
                rounds = _rounds(cluster, threads, days)
        finally:
            cluster.shutdown()
    ratio = median(there / here for there, here in rounds)
    there, here = (median(round_seconds[n] for round_seconds in rounds) for n in (0, 1))
    scale = f"x{OF / DAYS:.1f} for a year: {there * OF / DAYS:.0f} s"
    return [
        Row(
            f"roll-ups of {DAYS} of {OF} days ({DAYS * A_DAY / 1e6:.1f} million events), {THREADS} cluster workers",
            f"{there:.1f} s ({scale})",
            f"{THREADS} threads on the same cores, {here:.1f} s",
            ratio,
            f"< {GOAL}",
            ratio < GOAL,
        )
    ]


def _rounds(cluster: Executor, threads: Executor, days: Sequence[DayRef]) -> list[tuple[float, float]]:
    """Seconds of each round, on the cluster and on threads in turns, without the warm-up."""
    taken = []
    _seconds(cluster, days[: 2 * THREADS])
    _seconds(threads, days[: 2 * THREADS])
    for _ in range(ROUNDS):
        there, on_cluster = _seconds(cluster, days)
        here, on_threads = _seconds(threads, days)
        assert on_cluster == on_threads, "the two do not say the same"
        taken.append((there, here))
    return taken


def _seconds(executor: Executor, days: Sequence[DayRef]) -> tuple[float, list[DayRollup | str]]:
    began = time.perf_counter()
    day_rollups = list(executor.map(lake.try_roll_up, days))
    return time.perf_counter() - began, day_rollups


if __name__ == "__main__":
    print(*run(), sep="\n")
