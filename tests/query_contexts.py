"""A query context over a small invented world, for interfaces and pages: ten days, one without a snapshot, and every
hostile name. Test data in a temporary folder; no outlet gets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot import ledger, pipeline, store
from bot.archive import Archive
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Period, Receipt
from tests import databases, hostile, opengradient_days
from tests.worlds import CATALOGUE, START, snapshot

DAYS = tuple(START + timedelta(days=n) for n in range(10))
MISSING = DAYS[6]
"""No snapshot closes this day, so it and the day after are known only together."""
NEWEST = DAYS[-1]
ISSUED = DAYS[3]
"""The day whose digest has a receipt."""
PAGES = 12
"""Models of a day that have a page in the written site."""
NOW = datetime(2025, 3, 11, 9, tzinfo=UTC)
SECRET = "hidden-author/model"
ABOUT = "An invented network, **only for tests**.\n\n* one thing\n* <script>alert(1)</script>\n"
PLAN = pipeline.NetworkPlan(
    "replicate",
    "Replicate",
    (CATALOGUE,),
    {"catalogue": CATALOGUE.key, "figure": "models_used"},
    (SECRET,),
)


def counts(day: date) -> dict[str, int]:
    """Each model's counter at the end of a day: the first few models grow, the hostile ones now and then."""
    number = (day - START).days
    entries = {f"owner{n}/model-{n}": 1000 + number * (4000 // (n + 1)) for n in range(40)}
    entries |= {f"idle/model-{n}": 0 for n in range(100 + number)}
    entries |= {name: n % 7 + number * (n % 3) for n, name in enumerate(hostile.NAMES.values()) if name.strip()}
    return {**entries, SECRET: 10 + 900 * number}


def tell(opened: store.Store, days: Sequence[date]) -> None:
    """Store the days of the world, each composed, and a week."""
    archive = Archive(opened)
    for day in days:
        if day != MISSING:
            ledger.add_snapshot(opened, snapshot(day, counts(day)))
    for day in days[1:]:
        pipeline.compose_digest(opened, archive, PLAN, Period.for_day(day), NOW)
    if NEWEST in days:
        pipeline.compose_digest(opened, archive, PLAN, Period.for_day(ISSUED, "week"), NOW)
        issued = archive.find_digest("replicate", "day", ISSUED)
        assert issued is not None
        archive.add_receipt(issued, Receipt("x", "@footfall", 0, "123", "https://x.com/i/status/123", NOW))
    with opened.write_transaction() as connection:
        # After the digests, which know of no category.
        connection.execute(store.models.update().where(store.models.c.name.like("owner%")).values(category="image"))


@contextmanager
def desk(folder: Path, days: Sequence[date] = DAYS) -> Iterator[QueryContext]:
    """A query context over a new world in an existing folder, or over the one that is there."""
    path = folder / "footfall.db"
    if not path.exists():
        databases.sqlite(path, tell, tuple(days))
    opened = store.open_store(f"sqlite:///{path}")
    try:
        watched = WatchedNetwork("replicate", "Replicate", (CATALOGUE,), ABOUT, PLAN.headline)
        yield QueryContext(opened, Archive(opened), {"replicate": watched}, (SECRET,), lambda: NOW, model_pages=PAGES)
    finally:
        opened.close()


@contextmanager
def two_networks(folder: Path) -> Iterator[QueryContext]:
    """The same world, whose record has ended, with some days of OpenGradient, the newest unknown, and a comparison."""
    days = opengradient_days.usual_days(4, chain=False)
    plan = opengradient_days.PLAN
    with desk(folder) as context:
        opengradient_days.add_days(context.store, days)
        for day in days:
            at = opengradient_days.morning_after(day)
            pipeline.compose_digest(context.store, context.archive, plan, Period.for_day(day), at)
        if comparison := pipeline.comparison_plan([PLAN, plan]):
            pipeline.compose_digest(context.store, context.archive, comparison, Period.for_day(ISSUED, "week"), NOW)
        other = WatchedNetwork("opengradient", "OpenGradient", plan.catalogues, ABOUT, plan.headline)
        watched = {"replicate": replace(context.watched["replicate"], closed=True), "opengradient": other}
        now = opengradient_days.morning_after(opengradient_days.LAST)
        yield replace(context, watched=watched, clock=lambda: now)
