"""Adding a snapshot of 10,000 models, compared with a plain `executemany` of the same rows into the same tables."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from benchmarks import Row
from bot import ledger, store
from bot.records import Listing, Reading, SafeName, Snapshot, SourceRef, start_of_day

MODELS = 10_000
FIRST = date(2025, 1, 1)
USED = 4
"""Every n-th model is used on each day."""
ROWS = MODELS + MODELS // USED
"""Readings, and roll-ups of use."""
ROUNDS = 11
LEAST = 0.4


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        database, plain = store.open_store(f"sqlite:///{folder}/ours.db"), _fresh(Path(folder))
        ledger.add_snapshot(database, _snapshot(0))  # makes the models; not timed
        # Taken in turns, so that whatever else the machine does slows both.
        taken = [(_added(database, number), _inserted(plain, number)) for number in range(1, ROUNDS + 1)]
        database.close()
        plain.close()
    ours, floor = (median(seconds) for seconds in zip(*taken, strict=True))
    return [
        Row(
            "a snapshot of 10,000 models into the ledger",
            f"{ROWS / ours:,.0f} rows/s",
            f"plain executemany, {ROWS / floor:,.0f} rows/s",
            floor / ours,
            f"> {LEAST}",
            floor / ours > LEAST,
        )
    ]


def _snapshot(number: int) -> Snapshot:
    at = start_of_day(FIRST + timedelta(days=number))
    names = [SafeName(f"author{n // 3}/model-{n}") for n in range(MODELS)]
    listings = tuple(Listing(name, SafeName(name.partition("/")[0])) for name in names)
    readings = tuple(Reading(name, number * (1 + n if n % USED == 0 else 0)) for n, name in enumerate(names))
    return Snapshot("replicate", "models", at, SourceRef("bench:list", at, "ab" * 32), listings, readings)


def _added(database: store.Store, number: int) -> float:
    """Seconds per snapshot."""
    snapshot = _snapshot(number)
    began = time.perf_counter()
    ledger.add_snapshot(database, snapshot)
    return time.perf_counter() - began


def _fresh(folder: Path) -> sqlite3.Connection:
    """A file with the same tables, indexes, models and pragmas as the ledger's."""
    path = folder / "plain.db"
    store.open_store(f"sqlite:///{path}").close()
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("INSERT INTO catalogues VALUES (1, 'replicate', 'models')")
    database.execute("INSERT INTO refs VALUES (1, 'bench:list', '2025-01-01T00:00:00Z', '')")
    models = ((n, f"model-{n}") for n in range(1, MODELS + 1))
    database.executemany(
        "INSERT INTO models (id, catalogue, name, author, first_seen) VALUES (?, 1, ?, 'a', '2025-01-01')", models
    )
    return database


def _inserted(database: sqlite3.Connection, number: int) -> float:
    """Seconds for the same prepared rows."""
    day = str(FIRST + timedelta(days=number))
    rows = [(number, n, number * n) for n in range(1, MODELS + 1)]
    used = [(n, day, day, 1, n, 0) for n in range(1, MODELS + 1, USED)]
    began = time.perf_counter()
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO snapshots VALUES (?, 1, ?, ?, 1, 0, 0, 0, '')", (number, day, day))
    database.executemany("INSERT INTO readings (snapshot, model, counter) VALUES (?, ?, ?)", rows)
    database.executemany("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?)", used)
    database.execute("COMMIT")
    return time.perf_counter() - began


if __name__ == "__main__":
    print(*run(), sep="\n")
