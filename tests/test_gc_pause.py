"""Pausing the search for garbage in cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import ledger, pipeline, store
from bot.gc_pause import garbage_collection_paused
from bot.records import Catalogue, Listing, Period, Reading, SafeName, Snapshot, SourceRef

MANY = 3_000
CATALOGUE = Catalogue("replicate", "models", "public models", "runs", "reported")
PLAN = pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generation of each collection that ran; cleared before what is looked at."""
    generations: list[int] = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            generations.append(details["generation"])

    gc.callbacks.append(note)
    yield generations
    gc.callbacks.remove(note)


def test_collection_is_paused_inside_and_runs_again_after_an_error() -> None:
    during: list[bool] = []

    @garbage_collection_paused()
    def fails() -> None:
        during.append(gc.isenabled())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert (during, gc.isenabled()) == ([False], True)


def test_an_inner_pause_does_not_end_the_outer_one() -> None:
    with garbage_collection_paused():
        with garbage_collection_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collection_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with garbage_collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_no_collection_runs_while_a_list_is_stored_or_a_digest_composed(
    database: store.Store, collections: list[int]
) -> None:
    snapshots = [_snapshot(day) for day in (2, 3, 4)]
    for snapshot in snapshots[:2]:
        ledger.add_snapshot(database, snapshot)
    gc.collect()
    collections.clear()
    ledger.add_snapshot(database, snapshots[2])
    pipeline.build_digest(
        database, PLAN, Period.for_day(datetime(2025, 1, 3, tzinfo=UTC).date()), datetime(2025, 1, 5, tzinfo=UTC)
    )
    # The first allocation after a pause may start one collection of the youngest generation.
    assert len(collections) <= 2


def _snapshot(day: int) -> Snapshot:
    at = datetime(2025, 1, day, tzinfo=UTC)
    names = [SafeName(f"author{number // 3}/model-{number}") for number in range(MANY)]
    listings = tuple(Listing(name, SafeName(name.partition("/")[0])) for name in names)
    readings = tuple(Reading(name, day * number) for number, name in enumerate(names))
    return Snapshot("replicate", "models", at, SourceRef("test:list", at, "ab" * 32), listings, readings)
