"""The callers of several days: counted exactly, or estimated from sketches of a kilobyte per day.

Distinct callers of several days are not the sum of the days. Up to a limit they are counted exactly from the events.
Above it, or if events were pruned, the days' HyperLogLog sketches are merged, and the result is marked as an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bot.lake import duckdb_engine
from bot.lake.day_files import DayRef, read_manifest
from bot.lake.rollup import CallerSummary, caller_summary, local_files
from bot.lake.settings import LakeSettings


@dataclass(frozen=True, slots=True)
class CallerCount:
    """An estimate."""

    count: int
    error: float
    """Standard error as a share: the true number is within it two times in three, and within twice of it 19 times in
    20."""


def exact_callers(days: Sequence[DayRef]) -> CallerSummary:
    """The callers of any of these days. Raises `LakeError`."""
    with ExitStack() as stack:
        found = [(day, read_manifest(day).parts) for day in days]
        uses, payments = (
            [path for day, parts in found for path in local_files(day, parts, kind, stack)]
            for kind in ("uses", "payments")
        )
        return caller_summary(days[0], uses, payments)


def estimate_callers(lake: LakeSettings, sketches: Iterable[bytes]) -> CallerCount:
    """The number of callers of several days, from their sketches; an empty one is a day without callers."""
    states = [{"precision": one[0], "registers": list(one[1:])} for one in sketches if one]
    if not states:
        return CallerCount(0, 0.0)
    of = duckdb_engine.thread_cursor(lake.memory, lake.spill)
    # DuckDB returns a sketch as a plain struct and accepts it only in a column that was created as a sketch.
    of.execute(
        "CREATE OR REPLACE TEMP TABLE states AS SELECT approx_count_distinct(''::VARCHAR) EXPORT_STATE AS s LIMIT 0"
    )
    of.executemany(
        'INSERT INTO states SELECT ?::STRUCT("precision" UTINYINT, registers UTINYINT[])', [[s] for s in states]
    )
    ((count,),) = of.execute("SELECT finalize(combine_aggr(s)) FROM states").fetchall()
    # The estimator's error: 1.04 divided by the square root of the number of registers.
    return CallerCount(int(count), 1.04 / float(len(states[0]["registers"])) ** 0.5)  # type: ignore[arg-type]
