"""Roll-ups: one day of a data set of 100 million events a year compared with plain DuckDB, and many days compared with
pyarrow decoding the same columns of the same files.

The year is measured on `DAYS` of its 365 days at full size, 274,000 events each; the table states the factor.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from benchmarks import Row
from benchmarks._events import CALLERS, MODELS, peak_mb
from bot import lake
from bot.lake import DayRef, LakeSettings
from bot.lake import parquet as lake_parquet
from bot.lake.day_files import SCHEMA, _write_manifest
from bot.lake.layout import KINDS, Manifest
from bot.records import start_of_day

A_DAY = 274_000
DAYS = 18
OF = 365
FIRST = date(2026, 1, 1)
THREADS = 2
ROUNDS = 9
DAY_GOAL, YEAR_GOAL, MOST_MB = 1.1, 2.2, 400


def made(url: str, number: int, memory: str = "400MB") -> DayRef:
    """One day of the data set, in the lake: models and callers by Zipf's law, all else as on a chain."""
    day = DayRef(LakeSettings(url, memory), "bench", "hub", FIRST + timedelta(days=number))
    begins = int(start_of_day(day.day).timestamp())
    line = f"""
        SELECT '0x' || sha256({number}::VARCHAR || ':' || i) || ':' || (i % 10) AS place, i // 10 AS block,
               {begins} + i * 86400 // {A_DAY} AS "at", 1 + hash(i, {number}, 3) % 3 AS uses,
               'author' || (m // 3) || '/model-' || m AS model,
               '0x' || md5(c::VARCHAR) || left(md5('x' || c), 8) AS caller, 'cid-' || m AS content
        FROM (SELECT i, floor(pow({MODELS}, (hash(i, {number}, 1) % 1000000007) / 1000000007))::BIGINT AS m,
                     floor(pow({CALLERS}, (hash(i, {number}, 2) % 1000000007) / 1000000007))::BIGINT AS c
              FROM range({A_DAY}) t(i))
    """
    parts = tuple(lake_parquet.write_rows(day, KINDS["uses"], line, ()))
    return _write_manifest(day, Manifest(SCHEMA, day.network, day.catalogue, day.day.isoformat(), 1, parts))


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        days = [made(folder, number) for number in range(DAYS)]
        print(f"{DAYS} days of {A_DAY:,} events made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        return [*_day(days[0]), *_year(folder, days)]


def _paths(days: Sequence[DayRef]) -> list[str]:
    return [str(Path(day.lake.url, day.folder, part.name)) for day in days for part in lake.read_manifest(day).parts]


# --- one day ---------------------------------------------------------------------------------------------------------


def _day(day: DayRef) -> list[Row]:
    import duckdb

    plain = duckdb.connect(config={"threads": 1, "memory_limit": "400MB"})
    (path,) = _paths([day])

    def theirs() -> tuple[dict[str, int], tuple[int, ...]]:
        by_model = plain.execute(f"SELECT model, sum(uses) FROM '{path}' GROUP BY model").fetchall()
        each = f"SELECT caller, sum(uses) AS n FROM '{path}' GROUP BY caller"
        who = plain.execute(f"SELECT count(*), sum(n), max(n) FROM ({each})").fetchall()[0]
        return {name: int(count) for name, count in by_model}, tuple(int(entry) for entry in who)

    ours = lake.roll_up_day(day)
    pair = ours.by_model, (ours.callers.callers, ours.callers.called, ours.callers.top_called)
    assert pair == theirs(), "the two do not say the same"
    ratio, mine, floor = _ratio(lambda: lake.roll_up_day(day), theirs)
    name = f"one day's roll-up of {A_DAY:,} events, {ours.callers.callers:,} callers exact"
    against = f"the same query in plain DuckDB, {floor * 1000:.0f} ms"
    return [Row(name, f"{mine * 1000:.0f} ms", against, ratio, f"< {DAY_GOAL}", ratio < DAY_GOAL)]


def _ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float, float]:
    """Median ratio of rounds in turns, and the medians of both."""
    taken = []
    for _ in range(ROUNDS):
        pair = []
        for work in (ours, theirs):
            began = time.perf_counter()
            work()
            pair.append(time.perf_counter() - began)
        taken.append(pair)
    return median(a / b for a, b in taken), median(a for a, _ in taken), median(b for _, b in taken)


# --- the year --------------------------------------------------------------------------------------------------------


def _year(folder: str, days: Sequence[DayRef]) -> list[Row]:
    names = json.dumps([[day.day.isoformat(), day.manifest] for day in days])
    ours, floor = [], []
    for _ in range(3):
        ours.append(_measured("year", folder, names))
        floor.append(_measured("decoded", folder, names))
    ratio = median(a["seconds"] / b["seconds"] for a, b in zip(ours, floor, strict=True))
    took, decoding = (median(measurement["seconds"] for measurement in some) for some in (ours, floor))
    peak = max(measurement["mb"] for measurement in ours)
    scale = f"x{OF / DAYS:.1f} for a year: {took * OF / DAYS:.0f} s"
    return [
        Row(
            *(f"roll-ups of {DAYS} of {OF} days ({DAYS * A_DAY / 1e6:.1f} million events), {THREADS} threads",),
            *(f"{took:.1f} s ({scale})", f"pyarrow decoding the same columns, {decoding:.1f} s"),
            *(ratio, f"< {YEAR_GOAL}", ratio < YEAR_GOAL),
        ),
        Row("peak memory of that", f"{peak:.0f} MB", "", None, f"< {MOST_MB} MB", peak < MOST_MB),
    ]


def _measured(what: str, folder: str, names: str) -> dict[str, float]:
    command = [sys.executable, "-c", f"from benchmarks import rollups; rollups.{what}()", folder]
    ran = subprocess.run(command, input=names, stdout=subprocess.PIPE, text=True, check=True)
    document: dict[str, float] = json.loads(ran.stdout)
    return document


def _given() -> list[DayRef]:
    """The days that the measuring process got, in its own process."""
    lake_of = LakeSettings(sys.argv[1])
    return [DayRef(lake_of, "bench", "hub", date.fromisoformat(day), name) for day, name in json.load(sys.stdin)]


def year() -> None:
    """In the measured process: roll up every day."""
    days = _given()
    with ThreadPoolExecutor(THREADS) as executor:
        lake.roll_up_day(days[0])
        began = time.perf_counter()
        days = list(executor.map(lake.roll_up_day, days))
        took = time.perf_counter() - began
    assert all(day_rollup.uses for day_rollup in days)
    print(json.dumps({"seconds": took, "mb": peak_mb()}))


def decoded() -> None:
    """In its own process: the floor."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    paths = _paths(_given())
    pa.set_cpu_count(THREADS)
    columns = ["model", "uses", "caller"]
    parquet.read_table(paths[0], columns=columns)
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as executor:
        # Threads of its own beside these would get it a larger part of a busy machine than what it is compared with.
        tables = executor.map(lambda path: parquet.read_table(path, columns=columns, use_threads=False), paths)
        rows = sum(table.num_rows for table in tables)
    took = time.perf_counter() - began
    assert rows == len(paths) * A_DAY
    print(json.dumps({"seconds": took, "mb": peak_mb()}))


if __name__ == "__main__":
    print(*run(), sep="\n")
