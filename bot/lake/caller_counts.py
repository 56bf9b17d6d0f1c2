"""The callers of several days: counted exactly, or estimated from sketches of a kilobyte per day.

Distinct callers of several days are not the sum of the days. Up to a limit they are counted exactly from the events.
Above it, or if events were pruned, the days' HyperLogLog sketches are merged, and the result is marked as an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bot.lake import duckdb_engine
from bot.lake.day_files import read_manifest
from bot.lake.layout import DayRef, LakeSettings
from bot.lake.parquet import local_files
from bot.lake.rollup import CallerSummary, caller_summary


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
            [path for day, parts in found for path in local_files(day, parts, stack, kind)]
            for kind in ("uses", "payments")
        )
        return caller_summary(days[0], uses, payments)


def estimate_callers(lake: LakeSettings, sketches: Iterable[bytes]) -> CallerCount:
    """The number of callers of several days, from their sketches; an empty one is a day without callers."""
    states = [{"precision": one[0], "registers": list(one[1:])} for one in sketches if one]
    if not states:
        return CallerCount(0, 0.0)
    cursor = duckdb_engine.thread_cursor(lake.memory, lake.spill)
    # DuckDB gives a state out as a plain struct and takes it back only into a column that was made a state.
    empty = "SELECT approx_count_distinct(''::VARCHAR) EXPORT_STATE AS s LIMIT 0"
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE states AS {empty}")
    state_type = 'STRUCT("precision" UTINYINT, registers UTINYINT[])'
    cursor.executemany(f"INSERT INTO states SELECT ?::{state_type}", [[state] for state in states])
    ((count,),) = cursor.execute("SELECT finalize(combine_aggr(s)) FROM states").fetchall()
    # Of the estimator itself: 1.04 by the root of the number of registers.
    return CallerCount(int(count), 1.04 / float(len(states[0]["registers"])) ** 0.5)  # type: ignore[arg-type]
