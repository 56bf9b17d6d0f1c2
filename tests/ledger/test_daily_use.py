"""The use of models and groups by day, compared with the standing of each model and the use of each day."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from bot import ledger, store
from bot.records import AtLeast, Period, SafeName, Unknown, Usage
from tests.ledger import test_events as events
from tests.ledger.test_ledger import fresh, told
from tests.worlds import CATALOGUE, ONE, START, World, snapshot, worlds

SOME = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
LAST = START + 12 * ONE
NAMES = tuple(f"o{n % 2}/m{n}" for n in range(5))


def ids(db: store.Store) -> dict[str, int]:
    with db.read_transaction() as connection:
        return {name: model for model, name in connection.execute(sa.select(store.models.c.id, store.models.c.name))}


@SOME
@given(worlds(falls=True))
def test_each_day_of_a_model_is_its_standing_of_that_day(world: World) -> None:
    db = told(fresh(), world)
    known = ids(db)
    use = ledger.daily_use(db, CATALOGUE, known.values(), LAST, 20)
    for name, model in known.items():
        for day in use[model]:
            if day.day > min(world, default=LAST):
                standing = ledger.model_standing(db, CATALOGUE, SafeName(name), day.day)
                assert (day.uses, day.rank, day.share) == (standing.uses, standing.rank, standing.share)


@SOME
@given(worlds(falls=True))
def test_many_models_are_ranked_as_a_few_are(world: World) -> None:
    db = told(fresh(), world)
    alone = {model: ledger.daily_use(db, CATALOGUE, [model], LAST, 20)[model] for model in ids(db).values()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.ledger.queries.daily_use.FEW", 0)
        assert ledger.daily_use(db, CATALOGUE, alone, LAST, 20) == alone


@SOME
@given(worlds(falls=True))
def test_the_groups_of_a_day_add_up_to_its_use(world: World) -> None:
    db = told(fresh(), world)
    groups = {
        author: frozenset(model for name, model in ids(db).items() if name.startswith(author))
        for author in ("o0", "o1")
    }
    use = ledger.daily_use_of_groups(db, CATALOGUE, groups, LAST, 20)
    for first, second in zip(use["o0"], use["o1"], strict=True):
        flow = ledger.load_period_data(db, CATALOGUE, Period(first.day, first.day)).flow
        if isinstance(flow, Unknown):
            assert first.uses == second.uses == flow or first.day <= min(world, default=LAST)
            continue
        assert isinstance(flow, Usage)
        exact = [day.uses for day in (first, second) if isinstance(day.uses, int)]
        if len(exact) == 2:
            assert sum(exact) == flow.uses and not flow.unknown_models
        else:
            assert flow.unknown_models


def test_a_group_with_a_fallen_counter_is_a_lower_bound_and_the_rest_has_no_share(db: store.Store) -> None:
    for n, counts in enumerate(({"a/x": 9, "a/y": 1, "b/z": 1}, {"a/x": 2, "a/y": 5, "b/z": 3})):
        ledger.add_snapshot(db, snapshot(START + n * ONE, counts))
    known = ids(db)
    groups = {"a": frozenset({known["a/x"], known["a/y"]}), "b": frozenset({known["b/z"]})}
    use = ledger.daily_use_of_groups(db, CATALOGUE, groups, START + ONE, 5)
    assert isinstance(use["a"][-1].uses, AtLeast) and use["a"][-1].uses.value == 4
    assert (use["b"][-1].uses, use["b"][-1].share) == (2, None)
    models = ledger.daily_use(db, CATALOGUE, known.values(), START + ONE, 5)
    assert isinstance(models[known["a/x"]][-1].uses, Unknown) and models[known["a/y"]][-1].uses == 4
    assert models[known["a/y"]][-1].rank is None


def test_use_of_events_is_counted_by_day_and_unnamed_use_leaves_the_others_unknown(db: store.Store) -> None:
    for day in (events.DAY - ONE, events.DAY):
        ledger.add_snapshot(db, events.listed(day, "a/one", "b/two"))
    uses = [
        events.Use(f"0x:{n}", 7, events.at(4), 1, SafeName("a/one") if n < 3 else None, f"0x{n % 2}", "cid")
        for n in range(4)
    ]
    ledger.add_event_batch(db, events.haul("hub", uses=tuple(uses)))
    known = ids(db)
    use = ledger.daily_use(db, events.HUB, known.values(), events.DAY, 3)
    last = {name: use[model][-1] for name, model in known.items()}
    assert (last["a/one"].uses, last["a/one"].rank, last["a/one"].share) == (3, 1, 3 / 4)
    assert last["b/two"].uses == Unknown("1 of 4 uses name no model")
    for name in known:
        standing = ledger.model_standing(db, events.HUB, SafeName(name), events.DAY)
        assert (last[name].uses, last[name].rank, last[name].share) == (standing.uses, standing.rank, standing.share)


def test_a_catalogue_without_data_is_unknown_on_its_last_day(db: store.Store) -> None:
    other = replace(CATALOGUE, key="other")
    use = ledger.daily_use(db, other, [1], LAST, 3)
    assert [(day.day, type(day.uses)) for day in use[1]] == [(LAST, Unknown)]
    assert ledger.known_models(db, other, LAST, 3) == ()


def test_models_are_known_most_used_first_with_their_dates(db: store.Store) -> None:
    for n, counts in enumerate(({"a/x": 9, "b/z": 1}, {"a/x": 12, "b/z": 9, "c/new": 0})):
        ledger.add_snapshot(db, snapshot(START + n * ONE, counts))
    known = ledger.known_models(db, CATALOGUE, START + ONE, 30)
    assert [(m.name, m.author, m.uses) for m in known] == [("b/z", "b", 8), ("a/x", "a", 3), ("c/new", "c", 0)]
    assert [m.first_listed for m in known] == [None, None, START + ONE]
    assert known[0].last_used == START + ONE and known[2].last_used is None
