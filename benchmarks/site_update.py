"""The archive site of a year brought up to date after a new day, compared with writing all of it anew: 366 daily
digests of Replicate's record, and the weeks and months among them. Without pictures: each is drawn once in any case. Of
the pages of names, those are written that the new day's digest tells of, and a seventh of the others, whose turn it
is."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import Row
from bot import ledger, pipeline, site_builder, store
from bot.archive import Archive
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Period, PeriodName
from bot.sources import replicate

DAYS, ROUNDS = 366, 3
GOAL = 2.0
AT = datetime(2025, 4, 1, tzinfo=UTC)
HEADLINE = {"catalogue": "models", "figure": "models_used"}
PLAN = pipeline.NetworkPlan("replicate", replicate.TITLE, replicate.CATALOGUES, HEADLINE)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        database = store.open_store(f"sqlite:///{folder}/footfall.db")
        watched = WatchedNetwork(PLAN.network, PLAN.title, PLAN.catalogues, "", HEADLINE)
        desk = QueryContext(database, Archive(database), {PLAN.network: watched}, (), lambda: AT)
        later_days = _compose_year(desk)
        anew = _seconds_to_write(desk, Path(folder) / "site")
        updates, worked = [], []
        for day in later_days:
            pipeline.compose_digest(database, desk.archive, PLAN, day, AT)
            began = time.process_time()
            updates.append(_seconds_to_write(desk, Path(folder) / "site"))
            worked.append(time.process_time() - began)
        idle = _seconds_to_write(desk, Path(folder) / "site")
        sizes = [path.stat().st_size for path in (Path(folder) / "site").rglob("*") if path.is_file()]
        database.close()
    took, processor = median(updates), median(worked)
    against = f"all {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB, anew: {anew:.0f} s"
    return [
        Row(
            "a year's site after a new day",
            f"{took:.2f} s (processor {processor:.2f} s)",
            against,
            took / anew,
            f"< {GOAL:g} s",
            took < GOAL,
        ),
        Row("a year's site without news", f"{idle:.2f} s", against, idle / anew, "none", True),
    ]


def _compose_year(desk: QueryContext) -> list[Period]:
    """Store the record and compose a year of digests; returns the days after it."""
    settings = replicate.Settings.model_validate({"headline": HEADLINE})
    source = replicate.make_source(settings, Path("data"), {}, lambda: AT)
    ledger.add_snapshots(desk.store, list(source.snapshots(None)))
    days = pipeline.covered_periods(desk.store, PLAN, "day")[-DAYS - ROUNDS :]
    for number, period in enumerate([*days[:-ROUNDS], *_longer_periods(desk, days[0], days[-ROUNDS - 1])]):
        pipeline.compose_digest(desk.store, desk.archive, PLAN, period, AT)
        if number % 50 == 0:
            print(f"composed {period.name} {period.first}", file=sys.stderr)
    return list(days[-ROUNDS:])


def _longer_periods(desk: QueryContext, first: Period, last: Period) -> Iterator[Period]:
    names: tuple[PeriodName, ...] = ("week", "month")
    for name in names:
        covered = pipeline.covered_periods(desk.store, PLAN, name)
        yield from (period for period in covered if first.first <= period.first and period.last <= last.last)


def _seconds_to_write(desk: QueryContext, site: Path) -> float:
    began = time.perf_counter()
    site_builder.write_site(desk, site, lambda _line: None, AT)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(*run(), sep="\n")
