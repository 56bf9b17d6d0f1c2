"""The models of one author, one category or one model over time, against the digests' tables and a plain count; and the
models that are new."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import ledger, metrics, store
from bot.records import AtLeast, Period, SafeName, Unknown
from tests import databases
from tests.ledger import test_day_totals
from tests.ledger.test_day_totals import MODELS, add, totals
from tests.worlds import CATALOGUE, ONE, START, World, histories, snapshot, window, worlds

LAST = START + 11 * ONE
EMPTY = CATALOGUE.__class__("other", "models", "public models", "runs", "reported")


def opened(world: World) -> store.Store:
    held = databases.memory()
    ledger.add_snapshots(held, [snapshot(day, world[day]) for day in sorted(world)])
    return held


def of_group(world: World, author: str) -> dict[date, dict[str, int]]:
    return {day: {n: c for n, c in counts.items() if n.startswith(f"{author}/")} for day, counts in world.items()}


@given(world=worlds(falls=True), author=st.sampled_from(["o0", "o1"]), name=st.sampled_from(["day", "week"]))
@settings(max_examples=60, deadline=None)
def test_an_authors_periods_are_those_of_the_digests_tables(world: World, author: str, name: str) -> None:
    held = opened(world)
    spans = sorted({Period.for_day(START + n * ONE, name) for n in range(12)})  # type: ignore[arg-type]
    over_time = ledger.use_over_time(held, CATALOGUE, "author", author, spans)
    assert [use.period for use in over_time.periods] == spans[-len(over_time.periods) :]
    for use in over_time.periods:
        book = ledger.load_period_data(held, CATALOGUE, use.period)
        rows = [group for table in metrics.group_tables(book) for group in table.groups if group.name == author]
        for figures in (row.figures for row in rows):
            assert plain(figures["uses"]) == plain(use.uses), use.period
            if not isinstance(use.listed, Unknown):
                assert plain(figures["models_used"]) == plain(use.used), use.period
            assert plain(figures["models_listed"]) == plain(use.listed), use.period
    held.close()


def plain(value: object) -> object:
    """A count, a lower bound or unknown, without the reason, which for a group is that of the whole catalogue."""
    return (type(value), value.value) if isinstance(value, AtLeast) else "?" if isinstance(value, Unknown) else value


@given(world=worlds(), author=st.sampled_from(["o0", "o1"]))
@settings(max_examples=40, deadline=None)
def test_a_days_use_is_the_sum_of_its_models_by_definition(world: World, author: str) -> None:
    held = opened(world)
    days = [Period(START + n * ONE, START + n * ONE) for n in range(12)]
    for use in ledger.use_over_time(held, CATALOGUE, "author", author, days).periods:
        counted = window(of_group(world, author), use.period.first, use.period.last)
        assert (use.uses if counted.known else "?") == (counted.uses if counted.known else plain(use.uses))
    held.close()


def test_the_most_used_models_and_the_total_are_those_of_the_last_period() -> None:
    world = {START + n * ONE: {"a/x": 10 * n, "a/y": 3 * n, "a/z": 0, "b/x": 7 * n} for n in range(4)}
    held = opened(world)
    last = START + 3 * ONE
    use = ledger.use_over_time(held, CATALOGUE, "author", "a", [Period(last - ONE, last - ONE), Period(last, last)])
    assert use.most_used == (("a/x", "a", 10), ("a/y", "a", 3)) and use.total == 20
    assert [(part.listed, part.used, part.uses) for part in use.periods] == [(3, 2, 13), (3, 2, 13)]
    alone = ledger.use_over_time(held, CATALOGUE, "model", "a/z", [Period(last, last)])
    assert [(part.listed, part.used, part.uses) for part in alone.periods] == [(1, 0, 0)]
    held.close()


def test_periods_before_the_watch_are_left_out_and_nothing_collected_is_unknown() -> None:
    held = opened({START: {"a/x": 1}, START + ONE: {"a/x": 5}})
    days = [Period(START + n * ONE, START + n * ONE) for n in range(-5, 2)]
    use = ledger.use_over_time(held, CATALOGUE, "author", "a", days)
    assert [part.period.first for part in use.periods] == [START, START + ONE]
    assert isinstance(use.periods[0].uses, Unknown) and use.periods[1].uses == 4
    (nothing,) = ledger.use_over_time(held, EMPTY, "author", "a", days).periods
    assert isinstance(nothing.uses, Unknown) and isinstance(nothing.listed, Unknown)
    held.close()


def test_a_group_whose_models_counter_fell_has_a_lower_bound_and_the_others_do_not() -> None:
    world = {
        START: {"a/x": 100, "a/y": 0, "b/x": 0},
        START + ONE: {"a/x": 100, "a/y": 5, "b/x": 5},
        START + 2 * ONE: {"a/x": 3, "a/y": 9, "b/x": 9},
    }
    held = opened(world)
    days = [Period(START + n * ONE, START + n * ONE) for n in (1, 2)]
    of_a = ledger.use_over_time(held, CATALOGUE, "author", "a", days).periods
    of_b = ledger.use_over_time(held, CATALOGUE, "author", "b", days).periods
    assert of_a[0].uses == 5 and isinstance(of_a[1].uses, AtLeast) and of_a[1].uses.value == 4
    assert isinstance(of_a[1].used, AtLeast) and of_a[1].used.value == 1
    assert [part.uses for part in of_b] == [5, 4] and [part.used for part in of_b] == [1, 1]
    held.close()


def test_names_of_authors_come_with_the_most_recently_used_first() -> None:
    world = {START: {"a/x": 1, "b/x": 0, "c/x": 0}, START + ONE: {"a/x": 2, "b/x": 0, "c/x": 0}}
    world[START + 2 * ONE] = {"a/x": 2, "b/x": 4, "c/x": 0}
    held = opened(world)
    assert ledger.group_names(held, CATALOGUE, "author") == ("b", "a", "c")
    assert ledger.group_names(held, CATALOGUE, "category") == ()
    held.close()


# --- use that is read by day, on both databases -------------------------------------------------------------------


def test_use_that_is_reported_by_day_is_counted_for_an_author_by_day_and_by_week(db: store.Store) -> None:
    week = Period.for_day(test_day_totals.DAY, "week")
    days = [Period(week.first + n * ONE, week.first + n * ONE) for n in range(7)]
    add(db, *(totals(day.first, {"x": 5, "y": n}) for n, day in enumerate(days)))
    by_day = ledger.use_over_time(db, MODELS, "author", "a", days)
    assert [use.uses for use in by_day.periods] == [5, 6, 7, 8, 9, 10, 11] and by_day.total == 11
    assert [(str(name), uses) for name, _, uses in by_day.most_used] == [("a/y", 6), ("a/x", 5)]
    by_week = ledger.use_over_time(db, MODELS, "author", "a", [week.previous_period, week])
    assert [use.uses for use in by_week.periods] == [56] and by_week.total == 56


def test_no_use_seen_is_unknown_where_some_of_the_use_names_no_model(db: store.Store) -> None:
    day = test_day_totals.DAY
    add(db, totals(day, {"x": 5}, unnamed=7), totals(day + ONE, {"x": 5, "y": 0}))
    seen = ledger.use_over_time(db, MODELS, "model", "a/x", [Period(day, day)]).periods[-1]
    unseen = ledger.use_over_time(db, MODELS, "author", "nobody", [Period(day, day)]).periods[-1]
    assert seen.uses == 5 and isinstance(unseen.uses, Unknown) and "7" in unseen.uses.reason


def test_a_day_that_was_not_read_is_unknown(db: store.Store) -> None:
    day = test_day_totals.DAY
    add(db, totals(day, {"x": 5}))
    days = [Period(day + n * ONE, day + n * ONE) for n in range(2)]
    known, unread = ledger.use_over_time(db, MODELS, "author", "a", days).periods
    assert known.uses == 5 and isinstance(unread.uses, Unknown)


def test_counters_are_counted_alike_on_both_databases(db: store.Store) -> None:
    world = {START + n * ONE: {"a/x": 10 * n, "a/y": 50 - 20 * n, "b/x": 7 * n} for n in range(3)}
    world[START + 3 * ONE] = {"a/x": 40, "a/y": 60, "b/x": 21, "c/new": 4}
    world[START + 4 * ONE] = {"a/x": 55, "a/y": 61, "b/x": 21, "c/new": 9}
    ledger.add_snapshots(db, [snapshot(day, world[day]) for day in sorted(world)])
    last = START + 4 * ONE
    days = [Period(START + n * ONE, START + n * ONE) for n in range(5)]
    use = ledger.use_over_time(db, CATALOGUE, "author", "a", days)
    assert [plain(part.uses) for part in use.periods][3:] == [(AtLeast, 20), 16] and use.first_listed is None
    assert [(str(name), uses) for name, _, uses in use.most_used] == [("a/x", 15), ("a/y", 1)]
    weeks = [Period.for_day(last, "week").previous_period, Period.for_day(last, "week")]
    assert len(ledger.use_over_time(db, CATALOGUE, "author", "a", weeks).periods) >= 1
    arrived = ledger.new_models(db, CATALOGUE, START + 2 * ONE, last)
    assert [(str(row.name), row.uses, row.uses_before) for row in arrived.models] == [("c/new", 5, 4)]  # type: ignore[union-attr]
    assert ledger.most_used_on(db, CATALOGUE, last) == ("a/x", "a")
    assert ledger.group_names(db, CATALOGUE, "author")[0] in ("a", "c")
    assert [point.uses for point in ledger.day_history(db, CATALOGUE, last)][-1] == 21


# --- new models ----------------------------------------------------------------------------------------------------


@given(world=worlds(), days=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_new_models_are_those_of_a_plain_count(world: World, days: int) -> None:
    world = {**world, START: world.get(START, {}), LAST: world.get(LAST, {"o0/m0": 1})}
    held, first = opened(world), LAST - (days - 1) * ONE
    arrived = ledger.new_models(held, CATALOGUE, first, LAST)
    seen = {name: read[0] for name, read, _, _ in histories(world)}
    came = {name for name, day in seen.items() if first <= day <= LAST}
    if isinstance(arrived.models, Unknown):
        # The list of the last day came to be held as implausible.
        assert ledger.held_days(held, CATALOGUE) or LAST not in world
        held.close()
        return
    assert {str(row.name) for row in arrived.models} == came & world[LAST].keys()
    assert arrived.gone == len(came - world[LAST].keys())
    assert len(arrived.unread) == sum(first - ONE + n * ONE not in world for n in range(days + 1))
    for row in arrived.models:
        if row.first_listed == LAST:
            assert isinstance(row.uses, Unknown)
        else:
            assert row.uses == world[LAST][row.name] - world[row.first_listed][row.name]
        assert row.uses_before == world[row.first_listed][row.name]
    held.close()


def test_new_models_are_unknown_where_the_watch_is_too_short_or_the_list_is_missing() -> None:
    held = opened({START + n * ONE: {"a/x": n} for n in range(3)})
    short = ledger.new_models(held, CATALOGUE, START, START + 2 * ONE)
    missing = ledger.new_models(held, CATALOGUE, START + 2 * ONE, START + 3 * ONE)
    nothing = ledger.new_models(held, EMPTY, START, START)
    assert isinstance(short.models, Unknown) and short.models.reason == "watched for 2 of 3 days"
    assert isinstance(missing.models, Unknown) and "no reading" in missing.models.reason
    assert isinstance(nothing.models, Unknown)
    held.close()


def test_a_new_model_whose_counter_fell_is_unknown_and_not_zero() -> None:
    world = {START: {"a/x": 1}, START + ONE: {"a/x": 1, "b/new": 50}, START + 2 * ONE: {"a/x": 1, "b/new": 2}}
    held = opened(world)
    (row,) = ledger.new_models(held, CATALOGUE, START + ONE, START + 2 * ONE).models  # type: ignore[misc]
    assert row.name == SafeName("b/new") and isinstance(row.uses, Unknown) and "fell" in row.uses.reason
    held.close()


@pytest.mark.parametrize("length", [1, 5, 12])
def test_the_history_has_every_day_since_the_watch_began(length: int) -> None:
    held = opened({START + n * ONE: {"a/x": n * n} for n in range(length)})
    points = ledger.day_history(held, CATALOGUE, START + timedelta(days=length - 1))
    assert [point.day for point in points] == [START + n * ONE for n in range(length)]
    assert [point.uses for point in points] == [None, *(2 * n + 1 for n in range(length - 1))]
    assert ledger.day_history(held, EMPTY, START) == ()
    held.close()
