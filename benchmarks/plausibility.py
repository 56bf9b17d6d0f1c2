"""The days that `bot.plausibility` holds: false alarms on Replicate's 543 days, and the verdicts on injected faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from benchmarks import Row
from benchmarks._record import List, days, injected, places, replayed

REAL = {date(2023, 11, 6), date(2024, 4, 1)}
"""Days that are held although nothing was wrong: face-swapping models with a quarter and a third of all use were
removed. Each is confirmed three days later."""

AFTER = 5
"""Nights to check after a fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in the lists of some nights."""

    name: str
    nights: Callable[[int], Sequence[List]]
    """The lists from a position in the record on."""
    holds: bool = True
    """Whether it should be held."""
    least: float = 1.0
    """Share of the days on which it must be held."""


def cut(share: float, nights: int = 1) -> Callable[[int], list[List]]:
    """Lists without a share of their models, the same ones each night."""

    def made(place: int) -> list[List]:
        lists = _lists(place, nights)
        gone = set(random.Random(place).sample(sorted(lists[0]), round(share * len(lists[0]))))
        return [_without(listed, gone) for listed in lists]

    return made


def frozen(nights: int = 1) -> Callable[[int], list[List]]:
    """Lists whose counters do not change."""
    return lambda place: [_lists(place - 1, 1)[0]] * nights


def hidden(rank: int, nights: int, least: float = 0.0, most: float = 1.0) -> Callable[[int], list[List]]:
    """Lists without the most used model of the day before, or the next; none if its share is outside the limits."""

    def made(place: int) -> list[List]:
        earlier, before = _lists(place - 2, 2)
        use = {model: n - earlier[model] for model, n in before.items() if n > earlier.get(model, n)}
        model = sorted(use, key=lambda name: -use[name])[rank - 1]
        share = use[model] / sum(use.values())
        return [_without(listed, {model}) for listed in _lists(place, nights)] if least <= share < most else []

    return made


def zero(place: int) -> list[List]:
    """A list in which the most used model's counter reads 0."""
    (listed,) = _lists(place, 1)
    return [{**listed, max(listed, key=lambda name: listed[name]): 0}]


def september(place: int) -> list[List]:
    """Like 18 September 2025: 574 of 5,421 models are missing, and return over two nights."""
    first, second = _lists(place, 2)
    gone = sorted(set(random.Random(place).sample(sorted(first), round(574 / 5421 * len(first)))))
    return [_without(first, set(gone)), _without(second, set(gone[: len(gone) // 4]))]


def _lists(place: int, nights: int) -> list[List]:
    return list(days().values())[place : place + nights]


def _without(listed: List, gone: set[str]) -> List:
    return {model: n for model, n in listed.items() if model not in gone}


FAULTS = (
    Fault("list cut by 3%, one night", cut(0.03)),
    Fault("list cut by 10%, one night", cut(0.1)),
    Fault("list cut by 10%, three nights", cut(0.1, 3), least=0.99),
    Fault("list cut by 50%, one night", cut(0.5)),
    Fault("list cut to nothing, one night", cut(1.0)),
    Fault("all counters stand still, one night", frozen()),
    Fault("all counters stand still, three nights", frozen(3)),
    Fault("one counter reads 0, one night", zero, holds=False),
    Fault("most used model hidden, one night", hidden(1, 1)),
    Fault("most used model hidden, two nights", hidden(1, 2)),
    Fault("most used model hidden, three nights", hidden(1, 3), least=0.99),
    Fault("second most used hidden, one night, 10% of use or more", hidden(2, 1, 0.1)),
    Fault("second most used hidden, one night, less than 10%", hidden(2, 1, 0.0, 0.1), holds=False),
    Fault("third most used hidden, three nights, 10% of use or more", hidden(3, 3, 0.1), least=0.99),
    Fault("18 September 2025's kind: 10% short, back over two nights", september),
    Fault("list cut by 10%, four nights: taken for real", cut(0.1, 4), holds=False, least=0.99),
)


def outcome(fault: Fault, every: int = 1) -> tuple[int, int]:
    """The number of days on which a fault was left out from its first to its last night and all nights after it were
    sound, and of all days; without the days next to the real removals, which are held themselves."""
    caught = tried = 0
    record = list(days())
    for place in places(every):
        nights = fault.nights(place)
        if not nights or REAL & set(record[place - 1 : place + len(nights) + AFTER]):
            continue
        tried += 1
        verdicts = injected(place, nights, AFTER)
        bad = record[place : place + len(nights)]
        caught += all(not verdicts[day].closes for day in bad) and all(
            v.closes for d, v in verdicts.items() if d not in bad
        )
    return caught, tried


def false_alarms(every: int = 1) -> Mapping[date, str]:
    """The first days of the record that were held, each with the reason; with `every`, only every n-th day is read."""
    lists = dict(list(days().items())[::every])
    verdicts = replayed(lists).items()
    return {day: v.mark.fault for day, v in verdicts if v.mark and v.mark.agreed == 0}


def run() -> list[Row]:
    alarms = {every: false_alarms(every) for every in (1, 2, 3)}
    named = "; ".join(f"{day}: {fault}" for day, fault in alarms[1].items())
    rows = [
        Row(
            f"false alarms on {len(days())} days",
            named,
            "no fault",
            float(len(alarms[1])),
            "two",
            set(alarms[1]) == REAL,
        )
    ]
    for every in (2, 3):
        alarm = alarms[every]
        text = ", ".join(map(str, alarm))
        rows.append(
            Row(f"the same, one day in {every} read", text, "no fault", float(len(alarm)), "< 5", len(alarm) < 5)
        )
    for fault in FAULTS:
        caught, tried = outcome(fault)
        good = caught >= fault.least * tried if fault.holds else caught <= (1 - fault.least) * tried
        goal = f"{'held' if fault.holds else 'not held'}, {fault.least:.0%}"
        rows.append(Row(fault.name, f"left out {caught} of {tried}", "nothing put in", caught / tried, goal, good))
    return rows
