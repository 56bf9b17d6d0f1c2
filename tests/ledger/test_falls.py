"""Counters that fall and recover: what is known of the days, from the ledger to the post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import digest, findings, ledger, render, store
from bot.ledger.snapshots.counter_falls import BACK_WITHIN, Fall, falls_of
from bot.records import AtLeast, Document, Period, PeriodName, SafeName, Unknown, Usage
from tests.databases import ON_SQLITE
from tests.ledger.test_ledger import everything, told
from tests.worlds import CATALOGUE, ONE, START, World, snapshot

FELL = date(2025, 4, 6)
"""The day at whose end a counter reads 0."""
HEADLINE = {"catalogue": "models", "figure": "models_used"}
WHY = "the counter of 1 model fell, so its use is not known"


def days(*counts: int | None) -> World:
    """An unused model beside one with these counters from `START` on; `None`: not listed."""
    return {START + n * ONE: {"a/still": 5, **({} if c is None else {"a/x": c})} for n, c in enumerate(counts)}


def spans(*counts: int) -> list[tuple[int, int, int | None]]:
    """The falls of one counter: numbers of the first and last day, and the use over them."""
    falls = falls_of([(START + n * ONE, count) for n, count in enumerate(counts)])
    return [((f.first_day - START).days, (f.last_day - START).days, f.uses) for f in falls]


def glitch(until: date) -> World:
    """30 models with 465 runs a day in total; the most used one reads 0 at the end of 6 April."""
    world: dict[date, Mapping[str, int]] = {}
    for number in range(48):
        day = date(2025, 3, 1) + number * ONE
        counts = {f"a{k % 6}/m{k}": 50_000 * k + k * number for k in range(1, 31)}
        if day <= until:
            world[day] = counts | ({"a0/m30": 0} if day == FELL else {})
    return world


def composed(db: store.Store, day: date, name: PeriodName = "day") -> Document:
    book = ledger.load_period_data(db, CATALOGUE, Period.for_day(day, name))
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + ONE
    document = digest.compose_document("replicate", "Replicate", [book], HEADLINE, (), at)
    rank_findings = findings.rank_findings([book], document, ())
    document["catalogues"][0]["findings"] = rank_findings["models"]
    return document


def figures(db: store.Store, day: date, name: PeriodName = "day") -> dict[str, object]:
    figures = composed(db, day, name)["catalogues"][0]["figures"]
    return {k: ("at least", f["value"]) if f.get("at_least") else f["value"] for k, f in figures.items()}


# --- the rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1000, 0, 1010], [(1, 2, 10)]),
        ([1000, 0, 1000], [(1, 2, 0)]),
        ([1000, 0, 5, 10, 1030], [(1, 4, 30)]),
        ([1000, 0, 600, 1010], [(1, 3, 10)]),
        ([1000, 500, 0, 1010], [(1, 3, 10)]),
        ([1000, 999, 1009], [(1, 2, 9)]),
        ([1000, 0, 1010, 0, 1030], [(1, 2, 10), (3, 4, 20)]),
        ([1000, 0, 600, 610, 620], [(1, 2, None)]),
    ],
)
def test_a_step_that_regains_most_of_what_was_lost_sets_the_counter_back(
    counts: list[int], expected: list[tuple[int, int, int | None]]
) -> None:
    assert spans(*counts) == expected


@pytest.mark.parametrize(
    "counts",
    [[100, 0, *range(9, 120, 9)], [1000, 0, 40, 70, 90], [2_400_000, 170, 180, 287, 2_000]],
)
def test_a_counter_that_grows_again_from_a_reset_passes_its_old_level_by_use(counts: list[int]) -> None:
    assert spans(*counts) == [(1, 1, None)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1000, 0, 400, 1010], [(1, 3, 10)]),
        ([1000, 0, 400, 800, 1010, 1020], [(1, 4, None)]),
        ([1000, 0, 300, 310, 320], [(1, 2, None)]),
        ([100, 0, 20, 40, 60, 80, 100, 120], [(1, 6, None)]),
    ],
)
def test_a_step_that_may_be_part_of_a_return_is_no_known_use(
    counts: list[int], expected: list[tuple[int, int, int | None]]
) -> None:
    assert spans(*counts) == expected


def test_a_counter_that_comes_back_late_leaves_the_days_before_as_they_were_read() -> None:
    late = [1000, 0, *range(1, BACK_WITHIN.days + 1), 1500, 1510]
    last = len(late) - 2
    assert spans(*late) == [(1, 1, None), (last, last, None)]


def test_what_came_back_and_falls_again_later_is_another_fall() -> None:
    first, second = falls_of([(START + n * ONE, c) for n, c in enumerate([9, 0, 9, *[9] * 20, 3, 12])])
    assert first == Fall(START + ONE, START + 2 * ONE, 9, 9, 0)
    assert (second.level, second.uses) == (9, 3)


# --- the case -------------------------------------------------------------------------------------------------


def posts(db: store.Store, day: date) -> str:
    document = composed(db, day)
    return "\n".join(part for outlet in ("x", "text") for part in render.build_post(document, outlet).parts)


@ON_SQLITE
def test_the_day_after_a_glitch_is_at_least_the_rest_and_the_next_one_is_no_news(db: store.Store) -> None:
    told(db, glitch(FELL))
    assert "at least 29 of 30 public models were used on 6 April 2025" in posts(db, FELL)
    told(db, glitch(FELL + 2 * ONE))
    for day in (FELL, FELL + ONE):
        assert figures(db, day)["uses"] == ("at least", 435)
        assert "It may be more: the counter of 1 model fell, so its use is not known." in posts(db, day)
        assert "one model alone" not in posts(db, day).lower() and "million" not in posts(db, day)
    gaps = composed(db, FELL + ONE)["catalogues"][0]["gaps"]
    assert "The counter of 1 model fell and came back; use since 6 Apr 2025 is in no single day." in gaps
    after = composed(db, FELL + 2 * ONE)
    assert figures(db, FELL + 2 * ONE)["uses"] == 465
    assert not {"new_leader", "highest_since", "highest_watched", "awake_again", "newly_used", "unusual_day"} & {
        finding["key"] for finding in after["catalogues"][0]["findings"]
    }


def test_a_window_that_holds_the_whole_glitch_is_exact_again(db: store.Store) -> None:
    told(db, glitch(FELL + 8 * ONE))
    for day in (FELL + 6 * ONE, FELL + 7 * ONE):
        assert figures(db, day)["uses_7d"] == (7 * 465 if day == FELL + 6 * ONE else ("at least", 7 * 465 - 30))
    assert figures(db, FELL + 2 * ONE)["uses_7d"] == 7 * 465
    assert figures(db, FELL, "week")["uses"] == ("at least", 7 * 465 - 30)
    assert figures(db, FELL, "month")["uses_change"] is None
    assert figures(db, FELL + 8 * ONE)["models_used_7d"] == 30


@ON_SQLITE
def test_the_other_authors_and_models_stay_known(db: store.Store) -> None:
    told(db, glitch(FELL + ONE))
    block = composed(db, FELL + ONE)["catalogues"][0]
    assert block["top"][0] == {"rank": 1, "model": "a5/m29", "author": "a5", "uses": 29, "share": None}
    (table,) = block["groups"]
    rows = {row["name"]: row["figures"] for row in table["rows"]}
    assert rows["a0"]["uses"] == {"value": 60, "unit": "runs", "at_least": True, "reason": WHY}
    assert rows["a5"]["uses"] == {"value": 85, "unit": "runs"}
    period = Period.for_day(FELL + ONE)
    rank = {row.model: (row.uses, row.share) for row in ledger.model_rankings(db, CATALOGUE, period)}  # type: ignore[union-attr]
    ranks = [row.rank for row in ledger.model_rankings(db, CATALOGUE, period)]  # type: ignore[union-attr]
    assert ranks == [None] * 30
    assert "only models whose use is known are ranked" in posts(db, FELL + ONE)
    assert rank[SafeName("a0/m30")] == (None, None) and rank[SafeName("a5/m29")] == (29, None)
    fallen = ledger.model_standing(db, CATALOGUE, SafeName("a0/m30"), FELL + ONE)
    assert fallen.uses == Unknown("its counter fell, so its use is not known")
    assert (ledger.model_standing(db, CATALOGUE, SafeName("a5/m29"), FELL + ONE).uses, fallen.rank) == (29, None)


@ON_SQLITE
def test_a_model_whose_counter_fell_has_not_gone_quiet_and_wakes_by_no_glitch(db: store.Store) -> None:
    told(db, glitch(FELL + 3 * ONE))
    for day in (FELL, FELL + ONE, FELL + 2 * ONE):
        book = ledger.load_period_data(db, CATALOGUE, Period.for_day(day))
        assert (book.quiet, book.woken) == ((), ())


def test_a_counter_that_comes_back_in_two_steps_is_never_told_as_use(db: store.Store) -> None:
    for number, count in enumerate([1_500_000] * 8 + [0, 700_000, 1_500_032, 1_500_064]):
        world = {f"a/m{n}": 100 + number * n for n in range(1, 11)}
        ledger.add_snapshot(db, snapshot(START + number * ONE, {**world, "z/big": count}))
        if number in (8, 9):
            assert figures(db, START + number * ONE)["uses"] == ("at least", 55)
            ledger.mark_recomposed(db, "replicate", "day", START + 8 * ONE)
            assert ledger.outdated_since(db, "replicate", "day") is None
        if number == 10:
            assert ledger.outdated_since(db, "replicate", "day") == START + 8 * ONE
    assert figures(db, START + 11 * ONE)["uses"] == 55 + 32
    assert figures(db, START + 9 * ONE)["uses"] == ("at least", 55)


def test_digests_of_days_that_turn_out_to_be_part_of_a_fall_are_composed_again(db: store.Store) -> None:
    told(db, days(1000, 1000, 0, 5, 10))
    assert use_of(db, 3) == 5 and ledger.outdated_since(db, "replicate", "day") is None
    ledger.add_snapshot(db, snapshot(START + 5 * ONE, {"a/still": 5, "a/x": 1030}))
    assert isinstance(use_of(db, 3), Unknown)
    assert ledger.outdated_since(db, "replicate", "day") == START + 2 * ONE


def test_models_that_are_not_known_tie_with_none_that_was_not_used(db: store.Store) -> None:
    told(db, {START: {"a/x": 1, "a/z": 1}, START + ONE: {"a/x": 3, "a/y": 1, "a/z": 1, "a/w": 5}})
    rows = ledger.model_rankings(db, CATALOGUE, Period.for_day(START + ONE))
    assert [(row.model, row.rank, row.uses) for row in rows] == [  # type: ignore[union-attr]
        ("a/x", 1, 2),
        ("a/z", 2, 0),
        ("a/w", None, None),
        ("a/y", None, None),
    ]


# --- boundaries -------------------------------------------------------------------------------------------------------


def use_of(db: store.Store, first: int, last: int | None = None) -> int | AtLeast | Unknown:
    """All use of a day of `days`, or of the 7 days that end with it."""
    book = ledger.load_period_data(db, CATALOGUE, Period.for_day(START + first * ONE))
    if last is not None:
        return book.total_7d
    return book.flow if isinstance(book.flow, Unknown) else book.flow.total


def test_a_restored_counter_is_no_first_and_no_last_use(db: store.Store) -> None:
    told(db, days(1000, 1000, 0, 1000, 1000))
    (model,) = [
        m for m in ledger.load_period_data(db, CATALOGUE, Period.for_day(START + 4 * ONE)).listed if m.name == "a/x"
    ]  # type: ignore[union-attr]
    assert (model.first_used, model.last_used, model.used_before_watch) == (None, None, True)


def test_a_reading_missed_on_the_way_back_is_part_of_the_fall(db: store.Store) -> None:
    told(db, days(1000, 1010, 0, None, 1030, 1040))
    assert [use_of(db, n) for n in (1, 5)] == [10, 10]
    assert all(isinstance(use_of(db, n), Unknown) for n in (2, 3, 4))
    rows = everything(db)["usage"]
    assert ("a/x", START + 2 * ONE, START + 4 * ONE, 20, True) in rows


def test_a_fall_while_hidden_counts_for_every_day_since_its_last_reading(db: store.Store) -> None:
    told(db, days(1000, None, None, 0, 1010))
    assert everything(db)["falls"] == [("a/x", START + ONE, START + 4 * ONE, 1000, 1000, 10)]


@ON_SQLITE
@pytest.mark.parametrize("order", list(permutations(range(4)))[1:])
def test_snapshots_in_any_order_tell_the_same_of_a_fall(db: store.Store, order: Sequence[int]) -> None:
    world = days(1000, 1010, 0, 1030)
    told(db, world)
    expected = everything(db)
    with db.write_transaction() as connection:
        for table in reversed(store.tables.sorted_tables):
            connection.execute(table.delete())
    for place in order:
        ledger.add_snapshot(db, snapshot(START + place * ONE, world[START + place * ONE]))
    assert everything(db) == expected


def test_a_late_snapshot_dates_the_last_use_of_every_model_again(db: store.Store) -> None:
    told(db, {START: {"a/x": 1}, START + 4 * ONE: {"a/x": 3}})
    ledger.add_snapshot(db, snapshot(START + 2 * ONE, {"a/x": 3}))
    (model,) = ledger.load_period_data(db, CATALOGUE, Period.for_day(START + 4 * ONE)).listed  # type: ignore[misc]
    assert (model.last_used_from, model.last_used) == (START + ONE, START + 2 * ONE)


def test_a_day_of_which_nothing_is_known_is_unknown_and_not_at_least_none(db: store.Store) -> None:
    told(db, days(10, 3))
    assert use_of(db, 1) == Unknown(WHY)
    assert ledger.load_period_data(db, CATALOGUE, Period.for_day(START + ONE)).history[-1].uses is None


@ON_SQLITE
def test_no_record_is_claimed_over_or_on_a_day_that_is_a_lower_bound(db: store.Store) -> None:
    told(db, glitch(FELL + 5 * ONE))
    for number in range(6):
        document = composed(db, FELL + number * ONE)
        keys = {finding["key"] for finding in document["catalogues"][0]["findings"]}
        assert not keys & {"highest_since", "lowest_since", "highest_watched", "streak"}, number


@ON_SQLITE
def test_what_moved_is_unknown_on_a_day_that_is_a_lower_bound(db: store.Store) -> None:
    told(db, glitch(FELL + ONE))
    moves = ledger.usage_comparison(db, CATALOGUE, Period.for_day(FELL + ONE))
    assert isinstance(moves.now, Usage) and moves.now.incomplete == WHY


# --- a ledger of an earlier version -----------------------------------------------------------------------------------


def test_an_older_ledger_is_brought_in_step_with_the_rule(tmp_path: Path) -> None:
    world: dict[date, dict[str, int]] = {}
    shapes = ([50, 51, 0, 52, 53], [9, 9, 2, 3, 4], [70, None, 0, 75, 76], [1, 2, 3, 4, 5], [90, 0, 60, 91, 91])
    for number in range(5):
        counts = {f"a/m{n}": shape[number] for n, shape in enumerate(shapes)}
        world[START + number * ONE] = {name: count for name, count in counts.items() if count is not None}
    database = store.open_store(f"sqlite:///{tmp_path / 'new.db'}")
    told(database, world)
    expected = everything(database)
    before_rule(database)
    database.close()
    again = store.open_store(f"sqlite:///{tmp_path / 'new.db'}")
    assert everything(again) == expected
    again.close()


def before_rule(database: store.Store) -> None:
    """The tables of the version before this rule: every step is use, and a fall is only counted."""
    with database.write_transaction() as connection:
        connection.execute(sa.text("DROP TABLE falls"))
        later = {"figures": ["at_least"], "deliveries": ["platform_at", "accepted"]}
        later |= {table: ["misses", "missed_at"] for table in ("subscriptions", "members")}
        for table, names in later.items():
            for name in names:
                connection.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {name}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0009'"))
        connection.execute(store.usage.delete())
        closing = connection.execute(sa.select(store.snapshots).order_by(store.snapshots.c.day)).all()
        read: dict[int, tuple[date, int]] = {}
        last = None
        for row in closing:
            steps: list[int] = []
            fell = 0
            for model, counter in connection.execute(
                sa.select(store.readings.c.model, store.readings.c.counter).where(store.readings.c.snapshot == row.id)
            ).all():
                if model in read and counter != read[model][1]:
                    day, count = read[model]
                    hole = day != last
                    fell += counter < count and not hole
                    if hole or counter > count:
                        values = {"model": model, "catalogue": row.catalogue, "last_day": row.day, "hole": hole}
                        uses = {"first_day": day + ONE, "uses": counter - count}
                        connection.execute(store.usage.insert().values(**values, **uses))
                        steps += [] if hole else [counter - count]
                read[model] = (row.day, counter)
            sums = {"uses": sum(steps), "models_used": len(steps), "top_uses": max(steps, default=0), "resets": fell}
            mine = store.stretches.c.last_day == row.day
            connection.execute(store.stretches.update().where(mine).values(sums))
            last = row.day
