"""Implausible lists in the ledger, on both databases: held, then confirmed, rejected, or decided by an operator."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot import findings, ledger, store
from bot.digest import compose_document
from bot.records import Period, Unknown
from tests.databases import ON_BOTH, ON_SQLITE
from tests.held import MODELS, USE, counts, day, half, told
from tests.worlds import CATALOGUE, START, World, snapshot

pytestmark = ON_SQLITE

SHORT = "the list came 50% short at the end of 9 Mar 2025; "


def book(db: store.Store, number: int) -> Any:
    return ledger.load_period_data(db, CATALOGUE, Period.for_day(day(number)))


def states(db: store.Store) -> dict[int, str]:
    days = ledger.held_days(db, CATALOGUE, ("held", "rejected", "confirmed"))
    return {(hold.day - START).days: hold.state for hold in days}


@ON_BOTH
def test_a_list_half_as_long_is_held_and_its_day_is_unknown_with_the_reason(db: store.Store) -> None:
    told(db, 8)
    added = ledger.add_snapshot(db, snapshot(day(8), half(8)))
    assert added.held and added.closes == day(8)
    period_data = book(db, 8)
    assert period_data.listed == period_data.flow == Unknown(f"{SHORT}not confirmed yet")
    assert period_data.history[-1].uses is None and period_data.history[-1].models_listed is None
    assert f"A reading is left out: {SHORT}not confirmed yet." in period_data.gaps
    assert ledger.snapshot_days(db, CATALOGUE)[-1] == day(8)


def test_after_a_repair_the_two_days_are_known_together_and_neither_alone(db: store.Store) -> None:
    told(db, 10, d8=half(8))
    assert states(db) == {8: "rejected"}
    later = book(db, 9)
    assert later.flow == Unknown(f"{SHORT}later readings did not confirm it")
    assert isinstance(later.listed, tuple) and len(later.listed) == MODELS
    assert any(f"taken together: {2 * USE:,} runs" in gap for gap in later.gaps)
    assert later.total_7d == 7 * USE
    told(db, 11)
    assert book(db, 10).flow.uses == USE


def test_no_finding_tells_of_a_fall_an_awakening_or_many_new_models(db: store.Store) -> None:
    still = counts(17)
    told(db, 22, d8=half(8), d18=still)
    assert states(db) == {8: "rejected", 18: "rejected"}
    headline = {"catalogue": "models", "figure": "models_used"}
    for number in (8, 9, 10, 18, 19, 20):
        period_data = book(db, number)
        assert not period_data.quiet and not period_data.woken
        at = datetime.fromisoformat("2025-05-01T00:00:00Z")
        document = compose_document("replicate", "Replicate", [period_data], headline, (), at)
        figures = document["catalogues"][0]["figures"]
        keys = {model["key"] for model in findings.rank_findings([period_data], document, ()).get("models", [])}
        assert figures["models_added"]["value"] in (None, 0) and figures["models_used"]["value"] in (None, MODELS)
        assert not keys & {"woken", "quiet", "newly_used", "most_added"}


def test_counters_that_all_stand_still_are_held(db: store.Store) -> None:
    told(db, 9, d8=counts(7))
    why = "only 0 of the counters had moved, 60 the time before at the end of 9 Mar 2025; not confirmed yet"
    assert book(db, 8).flow == Unknown(why)


def test_a_list_that_stands_still_is_held_until_its_counters_move(db: store.Store) -> None:
    told(db, 16, **{f"d{number}": counts(7) for number in range(8, 14)})
    assert states(db) == dict.fromkeys(range(8, 14), "rejected")
    assert isinstance(book(db, 9).flow, Unknown) and isinstance(book(db, 14).flow, Unknown)
    assert book(db, 15).flow.uses == USE


def test_an_operator_confirms_a_list_that_stands_still(db: store.Store) -> None:
    told(db, 12, **{f"d{number}": counts(7) for number in range(8, 12)})
    assert states(db) == dict.fromkeys(range(8, 12), "held")
    ledger.record_decision(db, CATALOGUE, day(8), "confirmed")
    assert states(db) == {8: "confirmed"} and book(db, 11).flow.uses == 0


def test_one_counter_that_reads_0_is_not_held(db: store.Store) -> None:
    told(db, 9, d8={**counts(8), "o0/m0": 0})
    assert states(db) == {}


def test_an_empty_list_is_held(db: store.Store) -> None:
    told(db, 9, d8={})
    assert book(db, 8).listed == Unknown("the list came empty at the end of 9 Mar 2025; not confirmed yet")


@pytest.mark.parametrize("nights", [1, 2, 3])
def test_a_much_used_model_that_is_hidden_for_up_to_three_nights_is_no_fall(db: store.Store, nights: int) -> None:
    def large(number: int) -> dict[str, int]:
        return {**counts(number), "big/one": 5000 * number}

    for number in range(8 + nights):
        ledger.add_snapshot(db, snapshot(day(number), large(number) if number < 8 else counts(number)))
    assert "models that carried 73% of the use were missing" in book(db, 7 + nights).flow.reason
    ledger.add_snapshot(db, snapshot(day(8 + nights), large(8 + nights)))
    assert set(states(db).values()) == {"rejected"} and len(states(db)) == nights
    assert book(db, 8 + nights).total_7d == 7 * (USE + 5000)


@ON_BOTH
def test_a_list_that_stays_short_is_confirmed_after_three_more_days_and_its_days_are_known(db: store.Store) -> None:
    short = {f"d{number}": half(number) for number in range(8, 12)}
    told(db, 11, **short)
    assert states(db) == dict.fromkeys((8, 9, 10), "held")
    ledger.add_snapshot(db, snapshot(day(11), half(11)))
    assert states(db) == dict.fromkeys((8, 9, 10, 11), "confirmed")
    use = sum(range(2, MODELS + 1, 2))
    assert [book(db, number).flow.uses for number in (8, 9, 10, 11)] == [use] * 4
    assert book(db, 8).history[-1].models_listed == MODELS // 2


@ON_BOTH
def test_a_second_list_read_on_the_same_night_repairs_the_first(db: store.Store) -> None:
    told(db, 9, d8=half(8))
    again = replace(snapshot(day(8), counts(8)), at=snapshot(day(8), {}).at + timedelta(minutes=20))
    added = ledger.add_snapshot(db, again)
    assert not added.held and book(db, 8).flow.uses == USE


def test_a_second_list_that_is_as_short_closes_nothing(db: store.Store) -> None:
    told(db, 9, d8=half(8))
    again = replace(snapshot(day(8), half(8)), at=snapshot(day(8), {}).at + timedelta(minutes=20))
    assert ledger.add_snapshot(db, again).closes is None
    assert states(db) == {8: "held"}


def test_models_that_stood_only_in_a_rejected_list_were_never_listed(db: store.Store) -> None:
    strangers = {f"strange/s{n}": 0 for n in range(200)}
    told(db, 16, d15={**counts(15), **strangers})
    assert states(db) == {15: "held"}
    assert len(ledger.known_names(db, CATALOGUE)) == MODELS == ledger.closed_span(db, CATALOGUE).models  # type: ignore[union-attr]
    told(db, 62, d15={}, d40={**counts(40), "strange/s1": 3})
    assert [model.name for model in book(db, 61).newly_listed] == []
    assert len(ledger.known_names(db, CATALOGUE)) == len(ledger.names_by_use(db, CATALOGUE)) == MODELS + 1
    first = {row[0]: row[1:3] for row in everything(db)["models"]}
    assert first["strange/s1"] == (day(40), 3) and first["o0/m0"] == (day(0), 1000)


@ON_BOTH
def test_models_of_a_held_list_are_first_listed_on_its_day_once_it_is_confirmed(db: store.Store) -> None:
    told(db, 16, d15={**counts(15), **{f"new/n{n}": n for n in range(200)}})
    ledger.record_decision(db, CATALOGUE, day(15), "confirmed")
    assert {row[0]: row[1:3] for row in everything(db)["models"]}["new/n7"] == (day(15), 7)
    ledger.record_decision(db, CATALOGUE, day(0), "rejected")
    assert {row[0]: row[1:3] for row in everything(db)["models"]}["o0/m0"] == (day(1), 1001)


# --- by hand ---------------------------------------------------------------------------------------------------------


@ON_BOTH
def test_an_operator_confirms_a_held_day(db: store.Store) -> None:
    told(db, 9, d8=half(8))
    assert ledger.record_decision(db, CATALOGUE, day(8), "confirmed")
    assert len(book(db, 8).listed) == MODELS // 2 and book(db, 8).flow.uses == sum(range(2, MODELS + 1, 2))
    ledger.add_snapshot(db, snapshot(day(9), counts(9)))
    assert states(db) == {8: "confirmed"}


@ON_BOTH
def test_an_operator_rejects_a_day_for_good_and_takes_it_back(db: store.Store) -> None:
    told(db, 9, d8=half(8))
    before = everything(db)
    assert ledger.record_decision(db, CATALOGUE, day(8), "rejected")
    assert book(db, 8).flow == Unknown(f"{SHORT}the operator rejected it")
    ledger.record_decision(db, CATALOGUE, day(8), None)
    assert everything(db) == before


@ON_BOTH
def test_a_sound_day_can_be_rejected_and_nothing_else_decided_about_it(db: store.Store) -> None:
    told(db, 9)
    before = everything(db)
    assert not ledger.record_decision(db, CATALOGUE, day(8), "confirmed")
    assert not ledger.record_decision(db, CATALOGUE, day(30), "rejected")
    assert ledger.record_decision(db, CATALOGUE, day(5), "rejected")
    assert "the list was not believed at the end of 6 Mar 2025; the operator" in book(db, 5).flow.reason
    ledger.record_decision(db, CATALOGUE, day(5), None)
    assert everything(db) == before


@pytest.mark.parametrize("decision", ["rejected", "confirmed"])
def test_digests_from_the_day_of_a_decision_on_are_out_of_date(db: store.Store, decision: ledger.Decision) -> None:
    told(db, 12, **({} if decision == "rejected" else {"d8": half(8)}))
    _composed(db)
    assert ledger.outdated_since(db, "replicate", "day") is None
    assert ledger.record_decision(db, CATALOGUE, day(8), decision)
    for name in ("day", "week", "month"):
        assert ledger.outdated_since(db, "replicate", name) == day(8)
    _composed(db)
    assert ledger.record_decision(db, CATALOGUE, day(8), None)
    assert ledger.outdated_since(db, "replicate", "day") == day(8)


def _composed(db: store.Store) -> None:
    """Compose all digests again."""
    for name in ("day", "week", "month"):
        ledger.mark_recomposed(db, "replicate", name, day(8))


# --- late snapshots and cost ----------------------------------------------------------------------------------------


def everything(db: store.Store) -> dict[str, list[tuple[Any, ...]]]:
    """Verdicts and all roll-ups, without row ids."""
    with db.read_transaction() as connection:
        rows = connection.execute(sa.select(store.models)).mappings().all()
        names = {row["id"]: row["name"] for row in rows}
        sight = ("name", "first_seen", "first_counter", "first_used", "last_used", "last_used_from")
        verdicts = connection.execute(sa.select(store.verdicts).order_by(store.verdicts.c.day)).all()
        used = connection.execute(sa.select(store.usage)).mappings().all()
        stretches = connection.execute(sa.select(store.stretches).order_by(store.stretches.c.last_day)).all()
        closing = sa.select(store.snapshots.c.at, store.snapshots.c.day).order_by(store.snapshots.c.at)
        return {
            "verdicts": [tuple(row)[2:] for row in verdicts],
            "closing": [tuple(row) for row in connection.execute(closing)],
            "usage": sorted((names[r["model"]], r["last_day"], r["first_day"], r["uses"], r["hole"]) for r in used),
            "stretches": [tuple(row)[1:] for row in stretches],
            "models": sorted(tuple(row[key] for key in sight) for row in rows),
        }


def faulty(seed: int, days: int = 16) -> World:
    """Days of the network with faults of all kinds, each for one night or more."""
    chance, world = random.Random(seed), {}
    number = 0
    while number < days:
        kind, nights = chance.choice(["", "", "half", "still", "empty", "gap", "part"]), chance.choice([1, 1, 2, 4])
        for _ in range(nights if kind else 1):
            counts_by_key: dict[str, dict[str, int]] = {"half": half(number), "still": counts(1), "empty": {}}
            some = chance.sample(sorted(counts(number)), 20)
            counts_by_key["part"] = {name: counts(number)[name] for name in some}
            if kind != "gap":
                world[day(number)] = counts_by_key.get(kind, counts(number))
            number += 1
    return world


@pytest.mark.parametrize("seed", range(12))
def test_verdicts_and_figures_are_the_same_in_whichever_order_snapshots_arrive(db: store.Store, seed: int) -> None:
    world = faulty(seed)
    for when in sorted(world):
        ledger.add_snapshot(db, snapshot(when, world[when]))
    wanted = everything(db)
    _emptied(db)
    shuffled = sorted(world)
    random.Random(seed).shuffle(shuffled)
    for when in shuffled:
        ledger.add_snapshot(db, snapshot(when, world[when]))
    assert everything(db) == wanted


def returned(number: int) -> dict[str, int]:
    """The network with an unused large model: it reads 0 on day 8, is back on day 9 and leaves on day 10, as do four
    models with an eighth of the use for that night."""
    counted = counts(number)
    if number == 10:
        return {name: count for name, count in counted.items() if int(name.partition("/m")[2]) < 56}
    return counted | ({"z/big": 0 if number == 8 else 1_500_000} if number < 10 else {})


@pytest.mark.parametrize("late", [13, 10, 9, 8, 4])
def test_a_counter_that_comes_back_is_no_use_in_any_verdict(db: store.Store, late: int) -> None:
    for number in (*(n for n in range(14) if n != late), late):
        ledger.add_snapshot(db, snapshot(day(number), returned(number)))
    (hold,) = ledger.held_days(db, CATALOGUE, ("held", "rejected", "confirmed"))
    assert hold.reason.startswith("models that carried 12% of the use were missing at the end of 11 Mar 2025; later")


def test_a_model_without_use_whose_counter_came_back_may_leave(db: store.Store) -> None:
    for number in range(12):
        ledger.add_snapshot(db, snapshot(day(number), counts(number) if number == 10 else returned(number)))
    assert states(db) == {}


def _emptied(db: store.Store) -> None:
    with db.write_transaction() as connection:
        for table in reversed(store.tables.sorted_tables):
            connection.execute(table.delete())


@ON_BOTH
def test_a_late_snapshot_changes_the_verdicts_after_it(db: store.Store) -> None:
    for number in (0, 1, 2, 4):
        ledger.add_snapshot(db, snapshot(day(number), half(number) if number == 4 else counts(number)))
    assert states(db) == {4: "held"}
    ledger.add_snapshot(db, snapshot(day(3), half(3)))
    assert states(db) == {3: "held", 4: "held"}
    ledger.add_snapshot(db, snapshot(day(5), counts(5)))
    assert states(db) == {3: "rejected", 4: "rejected"}


def test_judging_a_new_snapshot_asks_as_little_of_a_long_history_as_of_a_short_one(db: store.Store) -> None:
    told(db, 5)
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    costs = []
    for number in range(5, 40):
        statements.clear()
        ledger.add_snapshot(db, snapshot(day(number), counts(number)))
        costs.append(len(statements))
    assert len(set(costs)) == 1


@ON_BOTH
def test_digests_that_rest_on_a_changed_verdict_are_out_of_date_until_they_are_composed(db: store.Store) -> None:
    told(db, 8)
    assert ledger.outdated_since(db, "replicate", "day") is None
    ledger.add_snapshot(db, snapshot(day(8), half(8)))
    ledger.mark_recomposed(db, "replicate", "day", day(8))
    ledger.add_snapshot(db, snapshot(day(9), counts(9)))
    assert ledger.outdated_since(db, "replicate", "day") == day(8)
    ledger.mark_recomposed(db, "replicate", "day", day(7))
    assert ledger.outdated_since(db, "replicate", "day") == day(8)
    ledger.mark_recomposed(db, "replicate", "day", day(8))
    assert ledger.outdated_since(db, "replicate", "day") is None
    assert ledger.outdated_since(db, "replicate", "week") == day(8)


def shrunk(number: int, weight: int, unused: bool) -> dict[date, dict[str, int]]:
    """Nine days of many models; on the last, one is gone that had `weight` times the use of each other on the day
    before. Some models are used only before that, so that not every counter above zero moved."""
    world: dict[date, dict[str, int]] = {}
    for past in range(number + 1):
        counted = {f"o/m{n}": 1000 + (past if n < 200 else min(past, 3)) for n in range(600)}
        counted["o/heavy"] = 1000 + (0 if unused else weight * past)
        if past == number:
            del counted["o/heavy"]
        world[day(past)] = counted
    return world


def _adds(db: store.Store, world: World) -> list[int]:
    """Store the days one by one. How many statements look up the highest counters of the week, for each day."""
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    looks = []
    for when in sorted(world):
        statements.clear()
        ledger.add_snapshot(db, snapshot(when, world[when]))
        looks.append(sum("highest_" in statement for statement in statements))
    return looks


@ON_BOTH
@pytest.mark.parametrize(("weight", "unused", "looks"), [(3, True, 0), (3, False, 1), (25, False, 2)])
def test_the_use_of_a_missing_model_is_counted_as_exactly_as_its_verdict_needs(
    db: store.Store, weight: int, unused: bool, looks: int
) -> None:
    """None is needed if it was not used, that of the most used models if it was used little, and otherwise all."""
    assert _adds(db, shrunk(8, weight, unused))[-1] == looks
    holds = ledger.held_days(db, CATALOGUE)
    assert [hold.reason for hold in holds] == (
        ["models that carried 11% of the use were missing at the end of 9 Mar 2025; not confirmed yet"] * (looks == 2)
    )
