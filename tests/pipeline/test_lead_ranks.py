"""A digest that a change among the most used leads keeps the ranks of its week, from the digests before it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot import ledger, pipeline, store
from bot.archive import Archive
from bot.charts.picture_kind import picture_kind, rank_lines
from bot.records import Period
from tests.query_contexts import NOW, PLAN
from tests.worlds import START, snapshot

MODELS, NEWCOMER, LEFT_OUT = 30, "owner/model-27", 3


def counters(day: int) -> dict[str, int]:
    """The first model has most of the use; on the sixth day the newcomer has as much use as the eighth."""
    uses = {f"owner/model-{n:02}": 3_000_000 if n == 1 else 2_000 * (MODELS - n + 1) for n in range(1, MODELS + 1)}
    return {
        name: 1_000 + day * count + (46_500 - count if name == NEWCOMER and day == 6 else 0)
        for name, count in uses.items()
    }


def test_the_ranks_of_a_week_are_kept_with_a_lead_about_them(tmp_path: Path) -> None:
    opened = store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")
    archive, days = Archive(opened), [START + timedelta(days=n) for n in range(7)]
    for number, day in enumerate(days):
        ledger.add_snapshot(opened, snapshot(day, counters(number)))
    for number, day in enumerate(days[1:], 1):
        if number != LEFT_OUT:
            pipeline.compose_digest(opened, archive, PLAN, Period.for_day(day), NOW)
    document = archive.find_digest("replicate", "day", days[-1])
    opened.close()
    assert document is not None and document["lead"]["form"] == "top"
    rows = {document["catalogues"][0]["top"][row["top"]]["model"]: row["ranks"] for row in document["lead"]["ranks"]}
    # Two days have no digest; rank 27 is below the 25 models of one.
    assert rows[NEWCOMER] == [None, None, None, None, None, None, 8]
    assert rows["owner/model-08"] == [None, 8, 8, None, 8, 8, 9]
    assert picture_kind(document) == "ranks"
    newcomer = next(line for line in rank_lines(document) if line.leads)
    assert newcomer.name == NEWCOMER and newcomer.ranks[-2:] == [27, 8]
