"""Processor time of the first answer to each query in Discord, over 10,000 models: nothing is cached, every answer is
about another day. Charts are drawn in a process of their own, which is not counted."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from benchmarks import Row
from benchmarks._world import AT, CATALOGUE, LAST, PLAN, filled
from bot import pipeline, store
from bot.archive import Archive
from bot.discord_bot.chart_cache import ChartCache, dismiss
from bot.discord_bot.name_index import ModelNameIndex
from bot.discord_bot.presenter import AnswerPresenter, Query
from bot.queries import QueryContext, WatchedNetwork
from bot.queries.context import VersionedCache
from bot.records import Period

DAYS = 120
ROUNDS = 9
GOAL = 0.050
"""Seconds of processor time; of the plain questions, the most that a first answer may take."""
PLAIN = ("usage", "top", "idle", "model")
MODEL, OTHER = "author7/model-21", "author40/model-120"
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "usage": {},
    "top": {},
    "idle": {},
    "model": {"model": MODEL},
    "inventory": {},
    "why": {},
    "compare": {"model": MODEL, "other": OTHER},
    "new": {},
    "records": {},
    "author": {"author": "author7"},
    "digest": {},
}


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        database = filled(Path(folder), DAYS)
        days = [LAST - timedelta(days=n) for n in range(ROUNDS + 1)]
        for day in days:
            Archive(database).save_digest(pipeline.build_digest(database, PLAN, Period.for_day(day), AT))
        floor = median(_processor_seconds(lambda day=day: _read(database, day)) for day in days)
        rows = [_row(name, database, days, floor) for name in OPTIONS]
        database.close()
    dismiss()
    return rows


def _row(name: str, database: store.Store, days: Sequence[date], floor: float) -> Row:
    watched = WatchedNetwork(CATALOGUE.network, PLAN.title, (CATALOGUE,), "A network that is made up.", PLAN.headline)
    desk = QueryContext(database, Archive(database), {CATALOGUE.network: watched}, (), lambda: AT)
    presenter = AnswerPresenter(desk, ChartCache(), VersionedCache(64))

    def answer(day: date) -> None:
        query = Query(name, {**OPTIONS[name], "day": day.isoformat()})
        presenter.present_answer(query, lambda _kind="model": ModelNameIndex(()))

    answer(days[-1])  # Imports, templates and names: once in the life of a worker.
    taken = [_processor_seconds(lambda day=day: answer(day)) for day in days[:-1]]
    took = median(taken)
    print(f"{name}: {min(taken) * 1000:.1f} to {max(taken) * 1000:.1f} ms", file=sys.stderr)
    return Row(
        f"a first answer to /{name}, 10,000 models",
        f"{took * 1000:.1f} ms of processor time",
        f"reading and parsing a digest, {floor * 1000:.1f} ms",
        took / floor,
        f"< {GOAL * 1000:.0f} ms" if name in PLAIN else "-",
        took < GOAL or name not in PLAIN,
    )


def _read(database: store.Store, day: date) -> object:
    """What any answer from a digest needs at least."""
    chosen = sa.select(store.digests.c.document).where(store.digests.c.day == day)
    with database.read_transaction() as connection:
        return json.loads(connection.execute(chosen).scalar_one())


def _processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    print(*run(), sep="\n")
