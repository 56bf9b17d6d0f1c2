"""Lists and use by category and by author, compared with a count from the events, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings

from bot import ledger, metrics, store
from bot.ledger.queries.period_data import with_groups
from bot.ledger.snapshots import period_data
from bot.records import Listing, Period, PeriodData, SafeName, Unknown
from tests import databases
from tests.worlds import CATALOGUE, ONE, START, World, snapshot, window, worlds

CATEGORIES = {"o0/m0": "risk", "o1/m1": "risk", "o0/m2": "@everyone <b>", "o1/m3": None, "o0/m4": "risk"}


def told(db: store.Store, world: World, categories: Mapping[str, str | None] = CATEGORIES) -> None:
    for day in sorted(world):
        without = snapshot(day, world[day])
        listings = tuple(
            Listing(
                listing.model,
                listing.author,
                category=SafeName(kind) if (kind := categories.get(listing.model)) else None,
            )
            for listing in without.listings
        )
        ledger.add_snapshot(db, replace(without, listings=listings))


def book(db: store.Store, day: date, name: Any = "day") -> PeriodData:
    return ledger.load_period_data(db, CATALOGUE, Period.for_day(day, name))


def counted(world: World, day: date, group: Any) -> tuple[Any, Any, Any]:
    """Models listed 7 days before, use of 7 days and of the 7 before, by group: counted from the definition."""

    def by_group(counts: Mapping[str, int]) -> dict[str, int]:
        by_group: dict[str, int] = {}
        for name, count in counts.items():
            by_group[group(name)] = by_group.get(group(name), 0) + count
        return by_group

    before = day - 7 * ONE
    week, prior = window(world, day - 6 * ONE, day), window(world, day - 13 * ONE, day - 7 * ONE)
    return (
        by_group(dict.fromkeys(world[before], 1)) if before in world else None,
        by_group(week.by_model) if week.known else None,
        by_group(prior.by_model) if prior.known else None,
    )


def plain(held: Any) -> Any:
    return None if isinstance(held, Unknown) else dict(held)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(world=worlds(days=18))
def test_groups_are_those_of_a_count_by_hand(world: World) -> None:
    opened = databases.memory()
    try:
        told(opened, world)
        for day in (START + 15 * ONE, START + 17 * ONE):
            groups = book(opened, day).groups
            for kind, group in (("category", lambda n: CATEGORIES[n] or ""), ("author", lambda n: n.partition("/")[0])):
                if kind in groups:
                    held = groups[kind]  # type: ignore[index]
                    pair = (plain(held.listed_before), plain(held.total_7d), plain(held.total_prior_7d))
                    assert pair == counted(world, day, group), (day, kind)
    finally:
        opened.close()


def steady(days: int = 16) -> World:
    """`o0/m0` is used once a day, `o1/m1` twice from the ninth day on, `o0/m4` joins at the end."""
    world: dict[date, dict[str, int]] = {}
    for number in range(days):
        late = {"o0/m4": 0} if number >= days - 2 else {}
        world[START + number * ONE] = {"o0/m0": number, "o1/m1": 2 * max(0, number - 8), "o1/m3": 5, **late}
    return world


def test_both_databases_count_alike(db: store.Store) -> None:
    told(db, steady())
    held = book(db, START + 15 * ONE).groups["category"]
    assert (held.listed_before, held.total_7d, held.total_prior_7d) == (
        {"risk": 2, "": 1},
        {"risk": 7 + 14},
        {"risk": 7},
    )


def test_a_longer_period_compares_with_the_end_of_the_one_before(db: store.Store) -> None:
    told(db, steady())
    last = START + 15 * ONE
    held = ledger.load_period_data(db, CATALOGUE, Period.for_day(START + 9 * ONE, "week")).groups["author"]
    assert held.listed_before == {"o0": 1, "o1": 2} and last == date(2025, 3, 16)


def test_a_model_stays_in_the_category_that_it_was_first_listed_under(db: store.Store) -> None:
    world = steady()
    first = {day: counts for day, counts in world.items() if day < START + 8 * ONE}
    told(db, first)
    told(db, {day: counts for day, counts in world.items() if day not in first}, {"o0/m0": "relabelled"})
    named = {
        table.by: [group.name for group in table.groups] for table in metrics.group_tables(book(db, START + 15 * ONE))
    }
    assert named["category"] == ["risk", ""]


def test_a_model_that_left_is_counted_where_it_was(db: store.Store) -> None:
    world = {**steady()}
    last = START + 15 * ONE
    world[last] = {name: count for name, count in world[last].items() if name != "o1/m1"}
    told(db, world)
    category = book(db, last).groups["category"]
    assert "risk" in category.of.values()
    assert category.total_7d == {"risk": 7 + 12}, "its use up to the day before it left"


def test_without_categories_there_are_authors_only(db: store.Store) -> None:
    told(db, steady(), {})
    assert set(book(db, START + 15 * ONE).groups) == {"author"}
    assert book(db, START - ONE).groups == {}


def test_what_groups_cost_does_not_grow_with_history() -> None:
    """Counted in steps of the database's virtual machine, which no clock affects."""
    assert steps_after(300) <= 1.2 * steps_after(40)


def steps_after(days: int) -> int:
    opened = databases.memory()
    try:
        told(opened, steady(days))
        whole = period_data.load_period_data(opened, CATALOGUE, Period.for_day(START + (days - 1) * ONE))
        steps: list[int] = []
        with opened.read_transaction() as connection:
            raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: steps.append(1), 1)
        with_groups(opened, whole)
        raw.set_progress_handler(None, 0)
        assert len(steps) > 100
        return len(steps)
    finally:
        opened.close()
