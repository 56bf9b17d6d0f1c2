"""The rules of `bot.plausibility`, by example and replayed on Replicate's 543 days."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from benchmarks import plausibility as measured
from benchmarks._record import days, injected, replayed
from bot import plausibility
from bot.plausibility import Change, ClosingSnapshot, Track, Verdict, find_fault

ORDINARY = Change(4000, 4005, 3, moved=950, use_before=8_100_000, moved_before=960)
EVERY = 20
"""Faults are injected into every n-th day of the record; `python -m benchmarks plausibility` takes each day."""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (ORDINARY, ""),
        (replace(ORDINARY, missing=574, now=3431), "the list came 14% short"),
        (replace(ORDINARY, missing=85, now=3920), "the list came 2% short"),
        (replace(ORDINARY, missing=80, now=3920), ""),
        (replace(ORDINARY, missing=4000, now=0), "the list came empty"),
        (replace(ORDINARY, silent=4000, moved=0), "4,000 models showed no counter"),
        (replace(ORDINARY, missing_use=2_500_000), "models that carried 30% of the use were missing"),
        (replace(ORDINARY, missing_use=700_000), ""),
        (replace(ORDINARY, fell=900), "900 counters had fallen"),
        (replace(ORDINARY, fell=9), ""),
        (replace(ORDINARY, moved=0), "only 0 of the counters had moved, 960 the time before"),
        (replace(ORDINARY, moved=500), ""),
        (replace(ORDINARY, moved=0, moved_before=0, above_zero=30), "none of 30 counters had moved"),
        (replace(ORDINARY, moved=0, moved_before=0, above_zero=29), ""),
        (replace(ORDINARY, moved=0, moved_before=0, above_zero=3000, idle_before=True), ""),
        (replace(ORDINARY, moved=1, moved_before=0, above_zero=3000), ""),
        (replace(ORDINARY, now=7000), "the list came 75% longer"),
        (replace(ORDINARY, now=4500), ""),
    ],
)
def test_what_is_implausible_is_said_in_words(change: Change, reason: str) -> None:
    assert find_fault(change) == reason


@pytest.mark.parametrize(
    "change",
    [
        Change(6, 3, 3),
        Change(12, 8, 4, moved=0, use_before=100, missing_use=90, moved_before=8),
        Change(12, 14, 1, fell=3, moved=0, moved_before=12),
        Change(6, 30, 0),
        Change(0, 12, 0),
        Change(100, 94, 6, moved=2, moved_before=29),
    ],
)
def test_a_small_list_is_not_held_for_an_ordinary_coincidence(change: Change) -> None:
    assert find_fault(change) == ""


@pytest.mark.parametrize(("before", "now", "missing"), [(6, 1, 5), (12, 7, 5), (1, 0, 1), (30, 15, 15)])
def test_a_small_list_that_all_but_vanishes_is_held(before: int, now: int, missing: int) -> None:
    assert find_fault(Change(before, now, missing))


@pytest.mark.parametrize("seed", range(20))
def test_a_change_that_is_ordinary_for_limits_of_use_is_so_for_every_use_within_them(seed: int) -> None:
    chance, ordinary = random.Random(seed), 0
    for _ in range(2000):
        moved_before, use_before = chance.choice([0, 29, 30, 31, 400]), chance.choice([0, 1, 9, 10, 1000])
        missing_use = chance.choice([0, 1, use_before // 10, min(use_before, 101)])
        used = Change(
            *(4000, 4000, 3),
            moved=chance.choice([0, 1, 7, 8, 100, 101]),
            missing_use=missing_use,
            use_before=use_before,
            moved_before=moved_before,
            above_zero=chance.choice([29, 30, 400]),
            idle_before=moved_before == 0,
        )
        limits = missing_use + chance.randrange(3), chance.randint(0, use_before), moved_before + chance.randrange(3)
        if plausibility.is_ordinary_for(replace(used, missing_use=0, use_before=0, moved_before=0), *limits):
            ordinary += 1
            assert not find_fault(used) and not plausibility.frozen(used)
            unused = replace(used, missing_use=0, use_before=0, moved_before=0, idle_before=False)
            assert not find_fault(unused) and not plausibility.frozen(unused)
    assert ordinary > 100


def test_the_real_record_is_held_for_two_real_removals_of_much_used_models_and_nothing_else() -> None:
    verdicts = replayed(days())
    begun = {day for day, verdict in verdicts.items() if verdict.mark and verdict.mark.agreed == 0}
    assert begun == measured.REAL
    assert all(verdict.closes for verdict in verdicts.values())  # confirmed three days later
    assert sum(verdict.mark is not None for verdict in verdicts.values()) == 8


@pytest.mark.parametrize("every", [2, 3, 5])
def test_where_days_are_missed_the_same_two_removals_are_held_and_confirmed(every: int) -> None:
    alarms = measured.false_alarms(every)
    assert len(alarms) == len(measured.REAL)
    lists = dict(list(days().items())[::every])
    assert all(verdict.closes for verdict in replayed(lists).values())


def test_real_events_are_not_held() -> None:
    lists, verdicts = days(), replayed(days())
    removal = date(2024, 9, 20)  # 43 models went in the night to the 21st
    assert len(lists[removal - timedelta(days=1)].keys() - lists[removal].keys()) == 43
    spike = [lists[date(2024, 12, day)]["abiruyt/text-extract-ocr"] for day in (18, 19, 20, 21, 22)]
    assert max(b - a for a, b in pairwise(spike)) > 2_000_000
    for day in (removal, *(date(2024, 12, day) for day in range(18, 24))):
        assert verdicts[day].closes and verdicts[day].mark is None


@pytest.mark.parametrize("fault", measured.FAULTS, ids=lambda fault: fault.name)
def test_injected_faults_are_left_out_and_single_models_are_not(fault: measured.Fault) -> None:
    caught, tried = measured.outcome(fault, EVERY)
    assert tried > 0 and caught == (tried if fault.holds else 0)


def track(*, held: int = 0) -> tuple[Track, dict[int, int]]:
    """The track after two lists of 100 models, and the number of models of each reading."""
    sizes = {0: 100, 1: 100}
    start = Track(ClosingSnapshot(0, date(2025, 3, 1)), ClosingSnapshot(1, date(2025, 3, 2)))
    for _ in range(held):
        sizes[len(sizes)] = 50
        start, _verdicts = step(start, sizes)
    return start, sizes


def step(stands: Track, sizes: dict[int, int], days: int = 0) -> tuple[Track, list[Verdict]]:
    """Judge the last of some readings, each a day after the one before and the last `days` later than that."""

    def compare(prior: ClosingSnapshot | None, before: ClosingSnapshot, now: ClosingSnapshot) -> Change:
        return Change(sizes[before.id], sizes[now.id], max(0, sizes[before.id] - sizes[now.id]))

    number = len(sizes) - 1
    return plausibility.judge_reading(stands, ClosingSnapshot(number, date(2025, 3, 1 + number + days)), compare)


def test_a_short_list_is_held_for_three_days_and_then_confirmed_together() -> None:
    stands, sizes = track(held=3)
    assert [mark.agreed for _, mark in stands.held] == [0, 1, 2]
    sizes[5] = 49
    stands, verdicts = step(stands, sizes)
    assert [(v.reading.id, v.closes, v.mark and v.mark.state) for v in verdicts] == [
        (number, True, "confirmed") for number in (2, 3, 4, 5)
    ]
    assert stands == Track(ClosingSnapshot(4, date(2025, 3, 5)), ClosingSnapshot(5, date(2025, 3, 6)))


def test_a_list_that_goes_back_is_rejected_for_good() -> None:
    stands, sizes = track(held=2)
    sizes[4] = 99
    stands, verdicts = step(stands, sizes)
    assert [(v.closes, v.mark and v.mark.state) for v in verdicts] == [
        (False, "rejected"),
        (False, "rejected"),
        (True, None),
    ]


def test_lists_that_differ_from_one_another_confirm_nothing() -> None:
    stands, sizes = track(held=1)
    for number in range(3, 15):
        sizes[number] = 50 + 20 * (number % 2)
        stands, _verdicts = step(stands, sizes)
    assert len(stands.held) == 13 and stands.base == ClosingSnapshot(1, date(2025, 3, 2))


def test_the_first_list_after_a_long_gap_is_no_fault() -> None:
    stands, sizes = track()
    sizes[2] = 40
    _, verdicts = step(stands, sizes, days=plausibility.LONG_GAP)
    assert [(v.closes, v.mark) for v in verdicts] == [(True, None)]
    _, verdicts = step(stands, sizes, days=plausibility.LONG_GAP - 1)
    assert not verdicts[0].closes


def test_a_list_that_comes_back_in_part_is_held_until_it_is_back() -> None:
    record = list(days())
    place = record.index(date(2025, 2, 10))
    verdicts = injected(place, measured.september(place))
    assert [verdicts[record[place + n]].closes for n in range(4)] == [False, False, True, True]
