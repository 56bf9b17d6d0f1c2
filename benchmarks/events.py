"""A million events from a source into the lake and the ledger: speed and peak memory.

A separate process collects ten days of 100,000 events in batches of 10,000, and rolls up each day. The floor is DuckDB
writing the same prepared rows as one Parquet file per day.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from benchmarks import Row
from benchmarks._events import DAY, MODELS, peak_mb, uses
from bot.records import (
    BlockRange,
    CompleteWindow,
    EventBatch,
    Listing,
    Period,
    SafeName,
    Snapshot,
    SourceRef,
    start_of_day,
)
from bot.sources import SourceStateReader

DAYS = 10
A_DAY = 100_000
A_HAUL = 10_000
MOST_MB = 400


class Source:
    """Ten days of events, read like a chain: range by range, each with its window and cursor."""

    settles_for = timedelta(0)

    def __init__(self) -> None:
        self.making = 0.0
        """Seconds for generating the events, which are not part of collecting."""

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        at = start_of_day(DAY)
        names = [SafeName(f"author{n // 3}/model-{n}") for n in range(MODELS)]
        listings = tuple(Listing(name, SafeName(name.partition("/")[0])) for name in names)
        yield Snapshot("bench", "hub", at, SourceRef("bench:list", at, "ab" * 32), listings)
        for number in range(DAYS * A_DAY // A_HAUL):
            day = DAY + timedelta(days=number * A_HAUL // A_DAY)
            begins = at + number * (start_of_day(DAY + timedelta(days=DAYS)) - at) / (DAYS * A_DAY // A_HAUL)
            ends = at + (number + 1) * (start_of_day(DAY + timedelta(days=DAYS)) - at) / (DAYS * A_DAY // A_HAUL)
            block = number * A_HAUL
            started = time.perf_counter()
            day_uses = tuple(uses(A_HAUL, day, number, block))
            self.making += time.perf_counter() - started
            yield EventBatch(
                *("bench", "hub", f"blocks {block} to {block + A_HAUL - 1}"),
                window=CompleteWindow(begins, ends),
                cursors={"hub": str(block + A_HAUL)},
                blocks=BlockRange(block, block + A_HAUL - 1, f"0x{number:064x}"),
                uses=day_uses,
            )


def main() -> None:
    """In the measured process: print the results as JSON."""
    from bot import pipeline, store

    folder = Path(sys.argv[1])
    opened = store.open_store(f"sqlite:///{folder / 'footfall.db'}")
    source, began = Source(), time.perf_counter()
    done = pipeline.collect(opened, "bench", source, None, lambda line: None)
    took = time.perf_counter() - began
    assert done.error == "", done.error
    opened.close()
    print(json.dumps({"seconds": took - source.making, "mb": peak_mb()}))


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from benchmarks.events import main; main()", folder]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        ours = json.loads(ran.stdout)
        events, users = _checked(Path(folder))
        floor = _floor(Path(folder))
    assert events == DAYS * A_DAY, f"found {events} events, wanted {DAYS * A_DAY}"
    speed, plain = events / ours["seconds"], events / floor
    return [
        Row(
            *("a million events into lake and ledger", f"{speed:,.0f} events/s", f"DuckDB alone, {plain:,.0f} rows/s"),
            *(speed / plain, "stated", True),
        ),
        Row(
            *("peak memory of that", f"{ours['mb']:.0f} MB", f"{users:,} callers a day counted one by one", None),
            *(f"< {MOST_MB} MB", ours["mb"] < MOST_MB),
        ),
    ]


def _checked(folder: Path) -> tuple[int, int]:
    """Number of stored events and the callers of the last day, from the ledger."""
    import sqlite3

    database = sqlite3.connect(folder / "footfall.db")
    row: tuple[int, int] = database.execute(
        "SELECT sum(events), max(callers) FROM event_days WHERE NOT stale"
    ).fetchone()
    database.close()
    return row


def _floor(folder: Path) -> float:
    """Seconds for DuckDB to write the same rows, one Parquet file per day, in the same order."""
    import duckdb

    database = duckdb.connect(config={"threads": 1})
    files = folder / "lake" / "events"
    database.execute(f"CREATE TABLE e AS SELECT * FROM read_parquet('{files}/**/*.parquet', hive_partitioning = false)")
    began = time.perf_counter()
    for number in range(DAYS):
        low = int(start_of_day(DAY + timedelta(days=number)).timestamp())
        database.execute(
            f'COPY (SELECT * FROM e WHERE "at" >= {low} AND "at" < {low + 86400} ORDER BY model, block, place) '
            f"TO '{folder}/floor-{number}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    return time.perf_counter() - began


if __name__ == "__main__":
    print(*run(), sep="\n")
