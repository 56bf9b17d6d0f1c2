"""The roll-up of one day, and the callers of several: a pure function of the day's files that any worker can run.

It is exact: counts are 128-bit integers, and amounts are added in three limbs of 26 decimal digits each, so that
sums of uint256 numbers are correct to the digit.

Distinct callers of several days are not the sum of the days. Up to a limit they are counted exactly from the events.
Above it, or if events were pruned, the days' HyperLogLog sketches are merged, and the result is marked as an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bot.lake import duckdb_engine
from bot.lake.day_files import read_manifest
from bot.lake.layout import DayRef, LakeSettings
from bot.lake.parquet import local_files, parquet_source, run_query
from bot.lake.storage import LakeError

PAYERS = 3
"""Most senders of non-session payments that a day names."""

LARGE_DAY = 5_000_000
"""A day with so many events is rolled up on several threads, if the lake has them."""

_HALF = 2**62
_LIMB = 10**26
_LIMBS = ", ".join(f"substr(lpad(amount, 78, '0'), {at}, 26)::HUGEINT AS l{n}" for n, at in ((2, 1), (1, 27), (0, 53)))

_SUMMED = "sum(l2) AS l2, sum(l1) AS l1, sum(l0) AS l0"


@dataclass(frozen=True, slots=True)
class CallerSummary:
    """The callers or payers of a range of days, and their totals."""

    callers: int = 0
    """Distinct addresses."""
    called: int = 0
    """Uses and payments of all of them."""
    top_called: int = 0
    paid: int = 0
    """In the token's smallest unit."""
    top_paid: int = 0
    unsigned: bool = False
    """Some event does not name its caller."""
    sketch: bytes = b""
    """The addresses as a sketch that can be merged with those of other days; see `estimate_callers`."""


@dataclass(frozen=True, slots=True)
class DayRollup:
    """The totals of one day."""

    day: DayRef
    by_model: dict[str, int] = field(default_factory=dict)
    """Uses by model name, without unnamed use."""
    uses: int = 0
    nameless: int = 0
    """Uses that name no model."""
    sessions: int = 0
    others: int = 0
    """Payments that are not sessions."""
    other_payers: dict[str, int] = field(default_factory=dict)
    """The senders of most of those, at most `PAYERS`, largest first."""
    callers: CallerSummary = CallerSummary()


def roll_up_day(day: DayRef) -> DayRollup:
    """Roll up the files of a day. Raises `LakeError` if a file differs from the manifest."""
    manifest = read_manifest(day)
    parts = manifest.parts
    with ExitStack() as stack:
        if manifest.rows >= LARGE_DAY and day.lake.threads > 1:
            several = duckdb_engine.several_threads(day.lake.threads, day.lake.memory, day.lake.spill)
            stack.enter_context(several)
        uses, payments = (local_files(day, parts, stack, kind) for kind in ("uses", "payments"))
        by_model = _uses_by_model(day, uses)
        nameless = by_model.pop(None, 0)
        return DayRollup(
            day,
            {str(name): count for name, count in by_model.items()},
            uses=sum(by_model.values()) + nameless,
            nameless=nameless,
            sessions=sum(part.rows - part.others for part in parts if part.kind == "payments"),
            others=sum(part.others for part in parts),
            other_payers=_other_payers(day, payments),
            callers=caller_summary(day, uses, payments),
        )


def _uses_by_model(day: DayRef, uses: Sequence[Path]) -> dict[str | None, int]:
    """As two halves of 62 bits each, because a 128-bit integer costs as much to fetch as ten others."""
    if not uses:
        return {}
    summed = f"SELECT model, sum(uses) AS n FROM {parquet_source(uses)} GROUP BY model"
    halves = f"SELECT model, (n % {_HALF})::BIGINT, (n // {_HALF})::BIGINT FROM ({summed})"
    return {model: high * _HALF + low for model, low, high in run_query(day, halves)}


def _other_payers(day: DayRef, payments: Sequence[Path]) -> dict[str, int]:
    if not payments:
        return {}
    line = f"SELECT payer, count(*) AS n FROM {parquet_source(payments)} WHERE NOT session GROUP BY payer"
    return {str(payer): int(n) for payer, n in run_query(day, f"{line} ORDER BY n DESC, payer LIMIT {PAYERS}")}


def try_roll_up(day: DayRef) -> DayRollup | str:
    """The roll-up of a day, or the error, so that a damaged day does not stop the others."""
    try:
        return roll_up_day(day)
    except LakeError as error:
        return str(error)


def caller_summary(day: DayRef, uses: Sequence[Path], payments: Sequence[Path]) -> CallerSummary:
    """Who called or paid in all of these files together."""
    selects = []
    if uses:
        nothing = "0 AS l2, 0 AS l1, 0 AS l0"
        selects.append(f"SELECT caller, sum(uses) AS n, {nothing} FROM {parquet_source(uses)} GROUP BY caller")
    if payments:
        limbs = f"SELECT payer AS caller, {_LIMBS} FROM {parquet_source(payments)} WHERE session"
        selects.append(f"SELECT caller, count(*) AS n, {_SUMMED} FROM ({limbs}) GROUP BY caller")
    if not selects:
        return CallerSummary()
    each = " UNION ALL ".join(selects)
    if len(selects) > 1:
        each = f"SELECT caller, sum(n) AS n, {_SUMMED} FROM ({each}) GROUP BY caller"
    line = f"SELECT {', '.join(_ASKED + (_PAID if payments else ()))} FROM ({each})"
    (row,) = run_query(day, line)
    callers, called, top, unsigned, state, *paid = row
    total, most = (_join_limbs(paid[0:3]), _join_limbs(paid[3] or (0, 0, 0))) if paid else (0, 0)
    sketch = bytes([state["precision"], *state["registers"]]) if callers else b""
    return CallerSummary(callers, int(called or 0), int(top or 0), total, most, bool(unsigned), sketch)


_ASKED = (
    "count(*)",
    "sum(n)",
    "max(n)",
    "coalesce(bool_or(caller = ''), false)",
    "approx_count_distinct(caller) EXPORT_STATE",
)
# A payer's limbs with their carries, so that the largest amount is the largest row.
_CARRIED = (f"l2 + (l1 + l0 // {_LIMB}) // {_LIMB}", f"(l1 + l0 // {_LIMB}) % {_LIMB}", f"l0 % {_LIMB}")
_PAID = ("sum(l2)", "sum(l1)", "sum(l0)", f"max(row({', '.join(_CARRIED)}))")


def _join_limbs(limbs: Sequence[int | None]) -> int:
    """A number from its three limbs, highest first."""
    high, middle, low = (int(limb or 0) for limb in limbs)
    return (high * _LIMB + middle) * _LIMB + low


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
        pairs = [(day, read_manifest(day).parts) for day in days]
        uses, payments = (
            [path for day, parts in pairs for path in local_files(day, parts, stack, kind)]
            for kind in ("uses", "payments")
        )
        return caller_summary(days[0], uses, payments)


def largest_callers(days: Sequence[DayRef], number: int) -> dict[str, int]:
    """The callers with the most uses on these days, largest first, with their uses. Raises `LakeError`."""
    with ExitStack() as stack:
        paths = [path for day in days for path in local_files(day, read_manifest(day).parts, stack, "uses")]
        if not paths:
            return {}
        line = f"SELECT caller, sum(uses) AS n FROM {parquet_source(paths)} WHERE caller <> '' GROUP BY caller"
        rows = run_query(days[0], f"{line} ORDER BY n DESC, caller LIMIT {number}")
        return {str(caller): int(uses) for caller, uses in rows}


def estimate_callers(lake: LakeSettings, sketches: Iterable[bytes]) -> CallerCount:
    """The number of callers of several days, from their sketches; an empty one is a day without callers."""
    states = [{"precision": sketch[0], "registers": list(sketch[1:])} for sketch in sketches if sketch]
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
