"""A checksum of a past day changes whenever the ranking of that day does, and a new day alone changes none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date

import pytest

from bot import ledger, store
from bot.records import Catalogue, Period
from tests.databases import ON_SQLITE
from tests.ledger import test_day_totals as totals
from tests.ledger.test_falls import FELL, glitch
from tests.worlds import CATALOGUE, ONE, START, World, snapshot

REGULAR: World = {START + n * ONE: {"a/x": 10 * n, "b/y": 5, **({"c/z": n} if n > 2 else {})} for n in range(6)}


def checksum(db: store.Store, catalogue: Catalogue, day: date) -> str:
    known = [text for until, text in ledger.day_checksums(db, catalogue) if until <= day]
    return known[-1] if known else ""


def add_in_order(db: store.Store, world: World, days: Sequence[date]) -> None:
    """Add the days and compare, after each, the rankings of all days with their checksums."""
    seen: dict[date, tuple[str, object]] = {}
    for added in days:
        ledger.add_snapshot(db, snapshot(added, world[added]))
        for day in world:
            now = (checksum(db, CATALOGUE, day), ledger.model_rankings(db, CATALOGUE, Period.for_day(day)))
            before = seen.get(day, now)
            assert now[1] == before[1] or now[0] != before[0], (added, day)
            seen[day] = now


def test_a_new_day_leaves_the_checksums_of_earlier_days(db: store.Store) -> None:
    assert ledger.day_checksums(db, CATALOGUE) == ()
    kept: list[str] = []
    for number, (day, counts) in enumerate(REGULAR.items()):
        ledger.add_snapshot(db, snapshot(day, counts))
        assert [checksum(db, CATALOGUE, earlier) for earlier in list(REGULAR)[:number]] == kept
        kept.append(checksum(db, CATALOGUE, day))
    assert len(set(kept)) == len(kept)


@ON_SQLITE
@pytest.mark.parametrize("seed", range(4))
def test_days_that_come_late_change_the_checksums_of_the_rankings_that_they_change(db: store.Store, seed: int) -> None:
    days = list(REGULAR)
    random.Random(seed).shuffle(days)
    add_in_order(db, REGULAR, days)


@ON_SQLITE
def test_a_counter_that_falls_and_comes_back_changes_the_checksums_of_the_rankings_that_it_changes(
    db: store.Store,
) -> None:
    world = {day: counts for day, counts in glitch(FELL + 4 * ONE).items() if day > FELL - 4 * ONE}
    add_in_order(db, world, list(world))


def test_a_day_of_events_that_is_read_again_changes_its_checksum_and_the_later_ones(db: store.Store) -> None:
    days = [totals.DAY + n * ONE for n in range(3)]
    totals.add(db, *(totals.totals(day, {"x": 10, "y": 5}) for day in days))
    before = [checksum(db, totals.MODELS, day) for day in days]
    totals.add(db, totals.totals(days[1], {"x": 11, "y": 5}))
    after = [checksum(db, totals.MODELS, day) for day in days]
    assert after[0] == before[0] and after[1] != before[1] and after[2] != before[2]
    totals.add(db, totals.totals(days[2] + ONE, {"x": 1}))
    assert [checksum(db, totals.MODELS, day) for day in days] == after, "a new day alone changes none"
