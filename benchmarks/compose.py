"""The cost of a day's digest after a year and after ten, compared with that after a month."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import Row, seconds
from benchmarks._world import AT, CATALOGUE, LAST, PLAN, filled
from bot import digest, findings, ledger, pipeline, render, store
from bot.archive import Archive
from bot.records import Period

GOAL = 0.150
ROUNDS = 11
YEARS, FEWER = 10, 3_000
"""The long history, and its number of models: 10,000 would take two minutes to create."""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        year, month = filled(Path(folder), 365), filled(Path(folder), 30)
        long, short = _in_turns(year, month)
        shares = _shares(year)
        decade, fresh = filled(Path(folder), YEARS * 365, FEWER), filled(Path(folder), 30, FEWER)
        longest, shortest = _in_turns(decade, fresh)
        for database in (year, month, decade, fresh):
            database.close()
    print(
        "of the digest after a year: " + ", ".join(f"{k} {v * 1000:.0f} ms" for k, v in shares.items()), file=sys.stderr
    )
    return [
        Row(
            "a day's digest, 10,000 models, 365 days",
            f"{long * 1000:.0f} ms",
            f"30 days, {short * 1000:.0f} ms",
            long / short,
            "< 150 ms warm, within 1.2x",
            long < GOAL and long / short < 1.2,
        ),
        Row(
            f"a day's digest, {FEWER:,} models, {YEARS} years",
            f"{longest * 1000:.0f} ms",
            f"30 days, {shortest * 1000:.0f} ms",
            longest / shortest,
            "within 1.2x",
            longest / shortest < 1.2,
        ),
    ]


def _in_turns(database: store.Store, other: store.Store) -> tuple[float, float]:
    """Seconds per digest of each, warm, in turns, so that other load slows both."""
    for opened_store in (database, other):
        _composes(opened_store)()
    taken = [(seconds(_composes(database), 1), seconds(_composes(other), 1)) for _ in range(ROUNDS)]
    long, short = (median(times) for times in zip(*taken, strict=True))
    return long, short


def _composes(database: store.Store) -> Callable[[], object]:
    archive = Archive(database)
    return lambda: pipeline.compose_digest(database, archive, PLAN, Period.for_day(LAST), AT)


def _shares(database: store.Store) -> dict[str, float]:
    """The share of each step of composing."""
    day, archive = Period.for_day(LAST), Archive(database)
    book = ledger.load_period_data(database, CATALOGUE, day)

    def composed() -> dict[str, object]:
        return digest.compose_document(
            PLAN.network, PLAN.title, [ledger.load_period_data(database, CATALOGUE, day)], PLAN.headline, (), AT
        )

    document = composed()
    rank_findings = findings.rank_findings([book], document, ())
    (block,) = document["catalogues"]  # type: ignore[misc]
    kept = pipeline.build_digest(database, PLAN, day, AT)
    booked = seconds(lambda: ledger.load_period_data(database, CATALOGUE, day), ROUNDS)
    return {
        "book": booked,
        "figures": seconds(composed, ROUNDS) - booked,
        "findings": seconds(lambda: findings.rank_findings([book], document, ()), ROUNDS),
        "words": seconds(lambda: [render.finding_text(model, block) for model in rank_findings["models"]], ROUNDS),
        "keep": seconds(lambda: archive.save_digest(kept), ROUNDS),
    }


if __name__ == "__main__":
    print(*run(), sep="\n")
