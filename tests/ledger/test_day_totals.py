"""Totals of closed days, as networks report them by day and model: replaced as a whole, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

from bot import ledger, store
from bot.lake import LakeSettings
from bot.records import (
    CompleteWindow,
    DayTotals,
    EventBatch,
    Listing,
    Period,
    SafeName,
    SourceRef,
    Unknown,
    start_of_day,
)
from bot.sources import openrouter

DAY = date(2026, 10, 5)
ONE = timedelta(days=1)
(MODELS,) = openrouter.CATALOGUES
TRILLION = 10**12
"""OpenRouter counts tokens; a day's total does not fit into 32 bits."""


def listing(name: str) -> Listing:
    return Listing(SafeName(f"a/{name}"), SafeName("a"))


def totals(day: date, uses: Mapping[str, int] | None = None, unnamed: int = 0, unknown: str = "") -> DayTotals:
    return DayTotals(day, {listing(name): count for name, count in (uses or {}).items()}, unnamed, unknown)


def add(db: store.Store, *days: DayTotals) -> None:
    spans = [total.day for total in days]
    window = CompleteWindow(start_of_day(min(spans)), start_of_day(max(spans) + ONE))
    ref = SourceRef("https://api.example/days", start_of_day(max(spans) + ONE), "ab" * 32)
    batch = EventBatch(MODELS.network, MODELS.key, "days", (ref,), tuple(spans), window, totals=days)
    ledger.add_event_batch(db, batch)


def flow(db: store.Store, day: date, name: Any = "day") -> Any:
    return ledger.load_period_data(db, MODELS, Period.for_day(day, name)).flow


def by_name(db: store.Store, day: date) -> dict[str, int]:
    book = ledger.load_period_data(db, MODELS, Period.for_day(day))
    assert not isinstance(book.flow, Unknown)
    return {str(book.names[model]): uses for model, uses in book.flow.by_model.items()}


def test_totals_of_days_add_up_to_those_of_their_week(db: store.Store) -> None:
    week = Period.for_day(DAY, "week")
    add(db, *(totals(week.first + n * ONE, {"x": 5 * TRILLION, "y": n}, unnamed=TRILLION) for n in range(7)))
    assert (flow(db, DAY).uses, len(flow(db, week.last).by_model)) == (6 * TRILLION, 2)
    summed = flow(db, DAY, "week")
    assert summed.uses == 42 * TRILLION + 21 and type(summed.uses) is int
    assert sorted(summed.by_model.values()) == [21, 35 * TRILLION]
    assert all(type(count) is int for count in summed.by_model.values())


def test_a_day_that_is_read_again_is_replaced_as_a_whole(db: store.Store) -> None:
    add(db, totals(DAY, {"x": 10, "y": 5}), totals(DAY + ONE, {"x": 1}))
    add(db, totals(DAY, {"x": 12, "z": 1}, unnamed=3))
    assert by_name(db, DAY) == {"a/x": 12, "a/z": 1} and flow(db, DAY).uses == 16
    assert flow(db, DAY + ONE).uses == 1, "other days stay"


def test_an_unknown_day_never_replaces_a_known_one_and_a_known_one_replaces_it(db: store.Store) -> None:
    add(db, totals(DAY, {"x": 10}), totals(DAY + ONE, unknown="no rows"))
    add(db, totals(DAY, unknown="no rows"))
    assert flow(db, DAY).uses == 10
    unknown = flow(db, DAY + ONE)
    assert isinstance(unknown, Unknown) and "no rows" in unknown.reason, "unknown is never zero"
    add(db, totals(DAY + ONE, {"x": 0}))
    assert flow(db, DAY + ONE).uses == 0, "a known zero is one"


def test_two_writers_of_one_day_leave_one_whole_reading(url: str, tmp_path: Any) -> None:
    """Workers on two machines that share a database."""
    stores = [store.open_store(url, LakeSettings(str(tmp_path / "lake"))) for _ in range(2)]
    names = [f"m{n}" for n in range(30)]
    start = threading.Barrier(2)

    def write(number: int) -> None:
        start.wait()
        for turn in range(5):
            add(stores[number], totals(DAY, dict.fromkeys(names, 10 * turn + number + 1)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    read = flow(stores[0], DAY)
    assert len(read.by_model) == len(names) and len(set(read.by_model.values())) == 1, "no mixture of two readings"
    assert read.uses == sum(read.by_model.values()) and min(read.by_model.values()) in (41, 42)
    for each in stores:
        each.close()
