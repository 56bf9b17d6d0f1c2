from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import ledger, store
from bot.records import AtLeast, Period, PeriodData, Unknown, Usage, start_of_day
from tests import databases
from tests.worlds import CATALOGUE, ONE, START, Window, World, at, snapshot, window, worlds

EMPTIED: list[store.Store] = []
PLAIN = {START: {"a/x": 10, "a/y": 0}, START + ONE: {"a/x": 15, "a/y": 0, "b/z": 4}}


FALL = ("first_day", "last_day", "level", "low", "uses")


def told(db: store.Store, world: World, shuffle: int | None = None) -> store.Store:
    days = sorted(world)
    if shuffle is not None:
        random.Random(shuffle).shuffle(days)
    for day in days:
        ledger.add_snapshot(db, snapshot(day, world[day]))
    return db


def book(db: store.Store, day: date, name: str = "day") -> PeriodData:
    return ledger.load_period_data(db, CATALOGUE, Period.for_day(day, name))  # type: ignore[arg-type]


def flow(db: store.Store, day: date) -> Usage:
    flow = book(db, day).flow
    assert isinstance(flow, Usage)
    return flow


def everything(db: store.Store) -> dict[str, list[tuple[object, ...]]]:
    """The whole ledger without row ids, for comparisons."""
    with db.read_transaction() as connection:
        names = dict(tuple(row) for row in connection.execute(sa.select(store.models.c.id, store.models.c.name)))
        used = connection.execute(sa.select(store.usage)).mappings()
        stretches = connection.execute(sa.select(store.stretches).order_by(store.stretches.c.last_day)).all()
        models = connection.execute(sa.select(store.models)).mappings()
        fell = connection.execute(sa.select(store.falls)).mappings()
        return {
            "falls": sorted((names[r["model"]], *(r[key] for key in FALL)) for r in fell),
            "usage": sorted((names[r["model"]], r["first_day"], r["last_day"], r["uses"], r["hole"]) for r in used),
            "stretches": [tuple(row)[1:] for row in stretches],
            "models": sorted(
                (r["name"], r["first_seen"], r["first_counter"], r["first_used"], r["last_used"], r["last_used_from"])
                for r in models
            ),
        }


def fresh() -> store.Store:
    """The database of the property tests, emptied."""
    if not EMPTIED:
        EMPTIED.append(databases.memory())
    with EMPTIED[0].write_transaction() as connection:
        for table in reversed(store.tables.sorted_tables):
            connection.execute(table.delete())
    return EMPTIED[0]


def sights(db: store.Store, day: date) -> set[tuple[object, ...]]:
    """The reported use of each listed model as of a day."""
    listed = book(db, day).listed
    return {(m.name, m.last_used, m.last_used_from, m.first_used) for m in listed}  # type: ignore[union-attr]


def test_a_day_of_use_is_the_difference_of_its_two_readings(db: store.Store) -> None:
    told(db, PLAIN)
    names = {m.id: m.name for m in book(db, START + ONE).listed}  # type: ignore[union-attr]
    assert {names[key]: uses for key, uses in flow(db, START + ONE).by_model.items()} == {"a/x": 5}


def test_use_before_a_models_first_reading_is_left_out_and_said(db: store.Store) -> None:
    told(db, PLAIN)
    assert flow(db, START + ONE).newcomers == 1
    assert any("1 model appeared with runs already counted" in gap for gap in book(db, START + ONE).gaps)


def test_adding_the_same_snapshot_twice_changes_nothing(db: store.Store) -> None:
    told(db, PLAIN)
    before = everything(db)
    again = ledger.add_snapshot(db, snapshot(START, PLAIN[START]))
    assert not again.new
    assert everything(db) == before


def test_two_readings_two_days_apart_leave_each_day_unknown_and_give_the_total(db: store.Store) -> None:
    told(db, {START: {"a/x": 10}, START + 2 * ONE: {"a/x": 15}})
    for day in (START + ONE, START + 2 * ONE):
        period_data = book(db, day)
        assert period_data.flow == Unknown("no reading at the end of 2 Mar 2025")
        assert any("taken together: 5 runs, 1 models used" in gap for gap in period_data.gaps)


def test_a_counter_that_falls_makes_the_use_at_least_the_rest_and_is_said(db: store.Store) -> None:
    told(db, {START: {"a/x": 10, "a/y": 1}, START + ONE: {"a/x": 3, "a/y": 2}})
    period_data = book(db, START + ONE)
    assert isinstance(period_data.flow, Usage)
    assert period_data.flow.total == AtLeast(1, "the counter of 1 model fell, so its use is not known")
    assert period_data.history[-1].uses == 1 and period_data.history[-1].at_least
    assert any("a reset" in gap for gap in period_data.gaps)


def test_nothing_is_known_before_the_first_snapshot(db: store.Store) -> None:
    told(db, PLAIN)
    first = book(db, START)
    assert isinstance(first.listed, tuple) and len(first.listed) == 2
    assert first.flow == Unknown("the watch began at the end of 1 Mar 2025")
    assert isinstance(book(db, START - ONE).listed, Unknown)


def test_an_empty_ledger_answers_with_reasons(db: store.Store) -> None:
    period_data = book(db, START)
    assert period_data.listed == Unknown("nothing was collected yet")
    assert ledger.model_rankings(db, CATALOGUE, Period.for_day(START)) == Unknown("nothing was collected yet")
    assert ledger.closed_span(db, CATALOGUE) is None


def test_models_that_cannot_be_placed_make_the_stock_unknown(db: store.Store) -> None:
    ledger.add_snapshot(db, snapshot(START, {"a/x": 1}, unplaced=2))
    period_data = book(db, START)
    assert period_data.listed == Unknown("between 1 and 3 models were listed at the end of 1 Mar 2025")


def test_a_snapshot_long_after_midnight_is_kept_and_closes_no_day(db: store.Store) -> None:
    import dataclasses

    late = dataclasses.replace(snapshot(START, {"a/x": 1}), at=at(START, 14))
    added = ledger.add_snapshot(db, late)
    assert added.new and added.closes is None
    assert ledger.snapshot_days(db, CATALOGUE) == ()


def test_a_model_keeps_its_rank_with_equals(db: store.Store) -> None:
    told(db, {START: {"a/x": 0, "a/y": 0, "a/z": 0}, START + ONE: {"a/x": 3, "a/y": 3, "a/z": 1}})
    rows = ledger.model_rankings(db, CATALOGUE, Period.for_day(START + ONE))
    assert [(row.model, row.rank) for row in rows] == [("a/x", 1), ("a/y", 1), ("a/z", 3)]  # type: ignore[union-attr]


def test_a_week_of_use_counts_models_that_left_on_the_way(db: store.Store) -> None:
    monday = date(2025, 3, 3)
    world = {monday + (n - 1) * ONE: {"a/x": n} | ({"a/y": 10 * n} if n < 5 else {}) for n in range(8)}
    told(db, world)
    week = book(db, monday, "week")
    assert isinstance(week.flow, Usage)
    assert week.flow.uses == 7 + 40
    assert week.flow.uses == sum(flow(db, monday + n * ONE).uses for n in range(7))
    assert set(week.names.values()) == {"a/y"}


@settings(max_examples=12)
@given(world=worlds(falls=True), shuffle=st.integers(0, 99))
def test_every_window_agrees_with_its_definition_in_whatever_order_its_days_were_added(
    world: World, shuffle: int
) -> None:
    ordered = everything(told(fresh(), world))
    db = told(fresh(), world, shuffle)
    assert everything(db) == ordered
    for day in [START + n * ONE for n in range(12)]:
        period_data = book(db, day)
        listed = () if isinstance(period_data.listed, Unknown) else period_data.listed
        names = dict(period_data.names) | {m.id: m.name for m in listed}
        expected = window(world, day, day)
        known = isinstance(period_data.flow, Usage)
        assert known == expected.known
        if isinstance(period_data.flow, Usage):
            assert {names[k]: v for k, v in period_data.flow.by_model.items()} == expected.by_model
            assert same(period_data.flow.total, expected.total)
            fell = {names.get(key) for key in period_data.flow.unknown_models or ()}
            assert fell & set(names.values()) == expected.unknown & set(names.values())
            assert {point.uses for point in period_data.history if point.day == day} == {
                expected.uses or known_nothing(expected)
            }
        assert same(period_data.total_7d, window(world, day - 6 * ONE, day).total)


def same(at_least: int | AtLeast | Unknown, expected: int | AtLeast | Unknown) -> bool:
    """Whether two totals are equal, whatever their reasons say."""
    if isinstance(at_least, AtLeast) and isinstance(expected, AtLeast):
        return at_least.value == expected.value
    return isinstance(at_least, Unknown) if isinstance(expected, Unknown) else at_least == expected


def known_nothing(expected: Window) -> int | None:
    return None if expected.unknown else 0


@settings(max_examples=8)
@given(world=worlds())
def test_what_was_last_used_as_of_a_day_does_not_change_later(world: World) -> None:
    growing, then = fresh(), {}
    for day in sorted(world):
        ledger.add_snapshot(growing, snapshot(day, world[day]))
        then[day] = sights(growing, day)
    assert {day: sights(growing, day) for day in world} == then


def test_two_collectors_at_once_lose_nothing(url: str) -> None:
    """Two connections add the same month at once, each in its own order."""
    world = {START + n * ONE: {f"a/m{k}": n * k for k in range(200)} for n in range(10)}
    expected = everything(told(fresh(), world))
    store.open_store(url).close()

    def collects(seed: int) -> None:
        mine = store.open_store(url)
        told(mine, world, seed)
        mine.close()

    with ThreadPoolExecutor(2) as both:
        list(both.map(collects, (1, 2)))
    database = store.open_store(url)
    assert everything(database) == expected
    database.close()


@pytest.mark.parametrize(("minutes", "closes"), [(0, True), (60, True), (61, False), (-1, False)])
def test_a_snapshot_closes_a_day_only_within_the_hour_after_midnight(minutes: int, closes: bool) -> None:
    when = start_of_day(START + ONE) + timedelta(minutes=minutes)
    assert ledger.closed_day(when) == (START if closes else None)
