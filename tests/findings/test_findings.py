"""Findings replayed: a world is reported day by day, and every claim is counted again from its events."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from bot.digest import compose_document
from bot.findings import KINDS, MOST, Finding, finding_holds, rank_findings
from bot.findings.claim import CANDIDATES, FindingInput
from bot.metrics import compute_figures
from bot.records import HistoryPoint, Period, PeriodData, SafeName, Unknown, Usage
from bot.records.names import HIDDEN, HIDDEN_AUTHOR
from tests.period_data import DAY, ONE, WHY, World, book, lively_world, model, unread, world

AT = datetime(2025, 1, 13, tzinfo=UTC)
SEEDS = range(12)
LIVELY = range(2)
Values = dict[str, Any]


def found(one: PeriodData, *hidden: str) -> list[Finding]:
    headline = {"catalogue": "models", "figure": "models_used"}
    return rank_findings([one], compose_document("replicate", "Replicate", [one], headline, hidden, AT), hidden)[
        "models"
    ]


def kinds(one: PeriodData) -> dict[str, Values]:
    return {finding["key"]: finding["values"] for finding in found(one)}


@lru_cache
def replay() -> tuple[tuple[World, int, Finding], ...]:
    """Every finding of every day of a dozen worlds, with the knowledge of its day."""
    told = []
    for one in (*(world(seed, models=12 + 30 * (seed % 3 == 0)) for seed in SEEDS), *map(lively_world, LIVELY)):
        told += [(one, day, finding) for day in range(1, len(one.uses)) for finding in found(one.book(day))]
        weeks = range(6, len(one.uses), 7)
        told += [(one, day, finding) for day in weeks for finding in found(one.week_book(day)) if of_week(finding)]
        days_of = range(1, min(len(one.uses), 20))
        told += [(one, day, each) for day in days_of for each in found(proven(one.book(day))) if is_proven(each)]
    return tuple(told)


def of_week(finding: Finding) -> bool:
    return finding["key"].startswith("period_")


def is_proven(finding: Finding) -> bool:
    return finding["key"] in ("uses_step", "first_day")


def proven(one: PeriodData) -> PeriodData:
    """The same use as if it were proven one by one."""
    return replace(one, catalogue=replace(one.catalogue, evidence="verified"))


def book_of(one: World, day: int, finding: Finding, history: int = 400) -> PeriodData:
    """The period data that a finding is from. Those of one day follow each other in the replay, and share it."""
    key = (id(one), day, of_week(finding), is_proven(finding), history)
    if key not in LAST_BOOK:
        LAST_BOOK.clear()
        period_data = one.week_book(day) if of_week(finding) else one.book(day, history)
        LAST_BOOK[key] = proven(period_data) if is_proven(finding) else period_data
    return LAST_BOOK[key]


LAST_BOOK: dict[tuple[object, ...], PeriodData] = {}
"""The period data that `book_of` returned last; the replay keeps its worlds, so that an id names one of them."""


# --- each kind of claim, counted again from the world itself ---------------------------------------------------------


def truth(one: World, day: int, metric: str) -> int | None:
    """The true figure of a day, counted from the events; `None` if no two readings enclose it."""
    if metric == "models_listed":
        return len(one.listed[day]) if one.seen(day) else None
    if day < 1 or not (one.seen(day - 1) and one.seen(day)):
        return None
    if metric == "models_added":
        return len([model for model in one.listed[day] if model not in one.listed[day - 1]])
    return sum(one.uses[day].values()) if metric == "uses" else sum(1 for n in one.uses[day].values() if n)


def number(one: World, day: str) -> int:
    return (date.fromisoformat(day) - one.start).days


@cache
def name(one: int) -> str:
    return str(model(one).name)


def extreme(one: World, day: int, v: Values, beats: Callable[[int, int], bool]) -> bool:
    since = number(one, v["since"])
    between = [truth(one, n, v["metric"]) for n in range(since + 1, day)]
    assert truth(one, day, v["metric"]) == v["value"] and len(between) == v["days"] >= 7
    assert truth(one, since, v["metric"]) == v["since_value"] and not beats(v["value"], v["since_value"])
    return all(past is not None and beats(v["value"], past) for past in between)


def highest_watched(one: World, day: int, v: Values) -> bool:
    first = number(one, v["first"])
    past = [truth(one, n, v["metric"]) for n in range(first, day)]
    assert v["whole"] and first == (0 if v["metric"] == "models_listed" else 1) and v["days"] == len(past) + 1 > 7
    return truth(one, day, v["metric"]) == v["value"] and all(p is not None and p < v["value"] for p in past)


def streak(one: World, day: int, v: Values) -> bool:
    steps = [truth(one, n, v["metric"]) for n in range(day - v["days"], day + 1)]
    assert None not in steps and steps[0] == v["first_value"] and steps[-1] == v["value"] and v["days"] >= 3
    assert number(one, v["first"]) == day - v["days"]
    rising = [after > before for before, after in pairwise(steps)]
    falling = [after < before for before, after in pairwise(steps)]
    before = truth(one, day - v["days"] - 1, v["metric"])
    longer = before is not None and (before < steps[0] if v["direction"] == "rose" else before > steps[0])
    return all(rising if v["direction"] == "rose" else falling) and not longer


def crossing(one: World, day: int, v: Values) -> bool:
    assert (truth(one, day - 1, v["metric"]), truth(one, day, v["metric"])) == (v["before"], v["value"])
    round_number = re.fullmatch(r"[125]0+", str(v["level"])) or (
        v["metric"] == "models_listed" and v["level"] % 1000 == 0
    )
    up = v["before"] < v["level"] <= v["value"]
    down = v["value"] < v["level"] <= v["before"]
    return bool(round_number) and (up if v["direction"] == "up" else down)


def unusual_day(one: World, day: int, v: Values) -> bool:
    past = [truth(one, day - 7 * week, v["metric"]) for week in range(1, 9) if day >= 7 * week]
    known = [value for value in past if value is not None]
    median = statistics.median(known)
    deviations = statistics.median([abs(value - median) for value in known])
    z = 0.6745 * (v["value"] - median) / deviations
    assert isinstance(v["usual"], int) and -0.5 < v["usual"] - median <= 0.5
    assert v["weeks"] == len(known) >= 4
    return z == pytest.approx(v["z"]) and abs(z) >= 3.5 and v["direction"] == ("above" if z > 0 else "below")


def used_on(one: World, day: int) -> dict[str, int]:
    return {name(n): count for n, count in one.uses[day].items()}


def place(one: World, day: int, uses: int) -> int:
    return 1 + sum(count > uses for count in one.uses[day].values())


def newly_used(one: World, day: int, v: Values) -> bool:
    first = {n for n in one.uses[day] if not any(one.uses[past].get(n) for past in range(day))}
    today = used_on(one, day)
    assert v["model"] in {name(n) for n in first} and today[v["model"]] == v["uses"] == max(
        one.uses[day][n] for n in first
    )
    return len(first) == v["count"] and place(one, day, v["uses"]) == v["rank"]


def gone_quiet(one: World, day: int, v: Values) -> bool:
    week = [used_on(one, past) for past in range(day - 7, day)]
    assert sum(past[v["model"]] for past in week) == v["uses_before"] and v["days"] == 7
    silent = [
        n for n in one.listed[day] if all(n in one.uses[p] for p in range(day - 7, day)) and n not in one.uses[day]
    ]
    return v["model"] not in used_on(one, day) and len(silent) == v["count"]


def awake_again(one: World, day: int, v: Values) -> bool:
    last = number(one, v["last_used"])
    assert used_on(one, day)[v["model"]] == v["uses"] and place(one, day, v["uses"]) == v["rank"]
    assert day - last == v["days"] >= 14
    return not any(v["model"] in used_on(one, past) for past in range(last + 1, day))


def new_unused(one: World, day: int, v: Values) -> bool:
    new = one.listed[day] - set().union(*one.listed[: day - 6])
    return len(new) == v["added"] and not any(one.uses[past].get(n) for n in new for past in range(day + 1))


def new_leader(one: World, day: int, v: Values) -> bool:
    today, before = used_on(one, day), used_on(one, day - 1)
    assert today[v["model"]] == v["uses"] == max(today.values()) and today.get(v["before"], 0) == v["before_uses"]
    return before[v["before"]] == max(before.values()) and v["before"] != v["model"]


def demand_gap(one: World, day: int, v: Values) -> bool:
    def week(last: int) -> int:
        return sum(sum(one.uses[n].values()) for n in range(last - 6, last + 1))

    demand = week(day) / week(day - 7) - 1
    supply = len(one.listed[day]) / len(one.listed[day - 7]) - 1
    assert (v["uses_change"], v["inventory_change"]) == (pytest.approx(demand), pytest.approx(supply))
    return v["gap"] == pytest.approx(demand - supply) and v["ahead"] == ("demand" if demand > supply else "supply")


def half_carried(one: World, day: int, v: Values) -> bool:
    counts = sorted(one.uses[day].values())[::-1]
    few, fewer = sum(counts[: v["models"]]), sum(counts[: v["models"] - 1])
    assert (v["used"], v["listed"]) == (len(counts), len(one.listed[day])) and v["share"] == few / sum(counts)
    return few >= sum(counts) / 2 > fewer


def outweighed(one: World, day: int, v: Values) -> bool:
    counts = sorted(one.uses[day].get(n, 0) for n in one.listed[day])
    assert v["idle"] == counts.count(0) and v["listed"] == len(counts) and used_on(one, day)[v["model"]] == v["uses"]
    return counts[-1] == v["uses"] and sum(counts[: v["outweighed"]]) < counts[-1] <= sum(counts[: v["outweighed"] + 1])


def lowest_watched(one: World, day: int, v: Values) -> bool:
    past = [truth(one, n, v["metric"]) for n in range(number(one, v["first"]), day)]
    assert v["whole"] and v["days"] == len(past) + 1 > 7
    return truth(one, day, v["metric"]) == v["value"] and all(p is not None and p > v["value"] for p in past)


def moved(one: World, day: int, before: int) -> Counter[str]:
    """How much each model's use differs between two days."""
    change = Counter(used_on(one, day))
    change.subtract(used_on(one, before))
    return change


def total(one: World, day: int) -> int:
    return sum(one.uses[day].values())


def model_move(one: World, day: int, v: Values) -> bool:
    change, all_change = moved(one, day, day - 1), total(one, day) - total(one, day - 1)
    assert (v["total"], v["total_before"], v["total_change"]) == (total(one, day), total(one, day - 1), all_change)
    assert abs(v["change"]) >= 0.05 * v["total"] and v["rest_change"] == all_change - v["change"]
    assert v["direction"] == ("rose" if v["change"] > 0 else "fell")
    part = v["change"] / all_change if all_change else -1.0
    assert v["part"] == (pytest.approx(part) if 0 < part <= 1 else None)
    listed = v["model"] in {name(n) for n in one.listed[day]}
    assert v["uses"] == (used_on(one, day).get(v["model"], 0) if listed else None) and v["listed"] == listed
    if v["base_day"]:
        base = number(one, v["base_day"])
        assert used_on(one, base).get(v["model"], 0) == v["base"] < v["before"] / 2 and day - 7 <= base < day - 1
    return change[v["model"]] == v["change"] and abs(v["change"]) == max(map(abs, change.values()))


def passing_surge(one: World, day: int, v: Values) -> bool:
    peak, base = number(one, v["peak_day"]), number(one, v["base_day"])
    uses = [used_on(one, n).get(v["model"], 0) for n in range(base, day + 1)]
    assert (uses[0], uses[peak - base], uses[-2], uses[-1]) == (v["base"], v["peak"], v["before"], v["uses"])
    assert v["peak"] == max(uses) and v["peak_share"] == v["peak"] / total(one, peak) and day - base <= 8
    return max(uses[0], uses[-1]) <= v["peak"] / 10 < uses[-2]


def week_move(one: World, day: int, v: Values) -> bool:
    before = used_on(one, day - 7)[v["model"]] if v["before"] else 0
    assert (v["uses"], v["before"]) == (used_on(one, day).get(v["model"], 0), before)
    assert (v["share"], v["share_before"]) == (v["uses"] / total(one, day), before / total(one, day - 7))
    large = abs(v["uses"] - before) >= 0.05 * max(total(one, day), total(one, day - 7))
    return large and (v["uses"] >= 2 * before if v["direction"] == "rose" else 2 * v["uses"] <= before)


def top_ten(one: World, day: int, v: Values) -> bool:
    assert (v["uses"], v["before"]) == (used_on(one, day)[v["model"]], used_on(one, day - 1)[v["model"]])
    ranks = place(one, day, v["uses"]), place(one, day - 1, v["before"])
    return ranks == (v["rank"], v["rank_before"]) and min(ranks) <= 10 and max(ranks) > 20


def total_change(one: World, day: int, v: Values) -> bool:
    now, then, change = total(one, day), total(one, day - 1), moved(one, day, day - 1)
    assert (v["uses"], v["before"], v["change"]) == (now, then, now - then) and v["ratio"] == (now - then) / then
    assert change[v["model"]] == v["model_change"] and abs(v["model_change"]) == max(map(abs, change.values()))
    return abs(v["ratio"]) >= 0.1 and v["direction"] == ("rose" if now > then else "fell")


def breadth_change(one: World, day: int, v: Values) -> bool:
    now, then = truth(one, day, "models_used"), truth(one, day - 7, "models_used")
    assert now is not None and then is not None and number(one, v["before_day"]) == day - 7
    assert (v["used"], v["before"], v["change"], v["listed"]) == (now, then, now - then, len(one.listed[day]))
    return abs(now - then) >= 0.05 * then and v["direction"] == ("rose" if now > then else "fell")


def most_concentrated(one: World, day: int, v: Values) -> bool:
    since = number(one, v["since"])
    shares = [max(one.uses[n].values(), default=0) / total(one, n) for n in range(since, day + 1)]
    assert all(one.known(n, n) for n in range(since, day + 1)) and used_on(one, day)[v["model"]] == v["uses"]
    return shares[-1] == v["share"] <= shares[0] and max(shares[1:-1]) + 0.01 <= v["share"] and v["days"] >= 14


def new_models_used(one: World, day: int, v: Values) -> bool:
    new = one.listed[day] - set().union(*one.listed[: day - 6])
    used = {n for n in new if any(one.uses[past].get(n) for past in range(day + 1))}
    assert v["model"] in {name(n) for n in used} and used_on(one, day)[v["model"]] == v["uses"]
    return (v["added"], v["used"]) == (len(new), len(used)) and v["uses"] == max(one.uses[day].get(n, 0) for n in new)


def use_ladder(one: World, day: int, v: Values) -> bool:
    counts = [one.uses[day].get(n, 0) for n in one.listed[day]]
    steps = [0, 0, 0, 0, 0]
    for count in counts:
        steps[0 if not count else 1 if count <= 10 else 2 if count < 1000 else 3 if count < 10_000 else 4] += 1
    return v["listed"] == len(counts) and steps == [v[k] for k in ("idle", "to_10", "to_999", "to_9999", "more")]


def used_models_step(one: World, day: int, v: Values) -> bool:
    now, then = truth(one, day, "models_used"), truth(one, day - 1, "models_used")
    assert now is not None and then is not None
    way = "more" if now > then else "fewer" if now < then else "same"
    return (v["used"], v["before"], v["count"], v["direction"]) == (now, then, abs(now - then), way)


def uses_step(one: World, day: int, v: Values) -> bool:
    now, then = truth(one, day, "uses"), truth(one, day - 1, "uses")
    week = truth(one, day - 7, "uses") if day > 7 else None
    assert now is not None and then is not None
    assert v["direction"] == ("rose" if now > then else "fell" if now < then else "same")
    ratios = [now / known - 1 if known else None for known in (then, week)]
    assert [v["ratio"], v["week_ratio"]] == [None if ratio is None else pytest.approx(ratio) for ratio in ratios]
    return (v["uses"], v["before"], v["week_before"]) == (now, then, week)


def first_day(one: World, day: int, v: Values) -> bool:
    return day == 1 and truth(one, 1, "uses") is not None


def week_uses(one: World, day: int) -> Counter[str]:
    """Uses by model in the week that ends with a day."""
    return sum((Counter(used_on(one, n)) for n in range(day - 6, day + 1)), Counter())


def period_move(one: World, day: int, v: Values) -> bool:
    now, then = week_uses(one, day), week_uses(one, day - 7)
    whole = {name(n) for n in set.intersection(*one.listed[day - 14 : day + 1])}
    changes = [now[model] - then[model] for model in whole]
    assert v["model"] in whole and (v["uses"], v["before"]) == (now[v["model"]], then[v["model"]])
    assert v["period"] == "week" and number(one, v["first"]) == day - 6
    return v["change"] == (max(changes) if v["direction"] == "rose" else min(changes)) == v["uses"] - v["before"] != 0


def period_arrivals(one: World, day: int, v: Values) -> bool:
    new = {name(n) for n in one.listed[day] - one.listed[day - 7]}
    uses = {model: count for model, count in week_uses(one, day).items() if model in new and count}
    assert (v["added"], v["used"], v["uses"]) == (len(new), len(uses), max(uses.values(), default=0))
    return (v["model"] is None and not uses) or uses[v["model"]] == v["uses"]


def period_step(one: World, day: int, v: Values) -> bool:
    now, then = (sum(week_uses(one, end)[name(n)] > 0 for n in one.listed[end]) for end in (day, day - 7))
    way = "more" if now > then else "fewer" if now < then else "same"
    return (v["used"], v["before"], v["count"], v["direction"]) == (now, then, abs(now - then), way)


TRUTHS: dict[str, Callable[[World, int, Values], bool]] = {
    "highest_since": lambda one, day, v: extreme(one, day, v, lambda a, b: a > b),
    "lowest_since": lambda one, day, v: extreme(one, day, v, lambda a, b: a < b),
    "highest_watched": highest_watched,
    "lowest_watched": lowest_watched,
    "model_move": model_move,
    "passing_surge": passing_surge,
    "week_move": week_move,
    "top_ten_entry": top_ten,
    "top_ten_exit": top_ten,
    "total_change": total_change,
    "breadth_change": breadth_change,
    "most_concentrated": most_concentrated,
    "new_models_used": new_models_used,
    "use_ladder": use_ladder,
    "used_models_step": used_models_step,
    "uses_step": uses_step,
    "first_day": first_day,
    "period_move": period_move,
    "period_arrivals": period_arrivals,
    "period_step": period_step,
    "streak": streak,
    "crossing": crossing,
    "unusual_day": unusual_day,
    "newly_used": newly_used,
    "gone_quiet": gone_quiet,
    "awake_again": awake_again,
    "new_unused": new_unused,
    "new_leader": new_leader,
    "demand_gap": demand_gap,
    "half_carried": half_carried,
    "outweighed": outweighed,
}


def test_every_kind_of_claim_has_its_own_recount() -> None:
    assert set(TRUTHS) == set(KINDS)


@pytest.mark.parametrize("key", KINDS)
def test_every_claim_of_the_replay_is_true_of_the_world(key: str) -> None:
    told = [(one, day, finding["values"]) for one, day, finding in replay() if finding["key"] == key]
    assert told, f"no {key} in {len(SEEDS)} worlds: the replay proves nothing of it"
    assert [(day, values) for one, day, values in told if not TRUTHS[key](one, day, values)] == []


def test_every_claim_holds_in_a_longer_history_and_after_json() -> None:
    for one, day, finding in replay():
        again: Finding = json.loads(json.dumps(finding))
        assert again == finding and finding_holds(again, book_of(one, day, finding, 60)), (day, finding)


def test_no_claim_is_dropped_for_not_holding() -> None:
    for seed in SEEDS:
        one = world(seed)
        books = [one.book(day) for day in range(1, len(one.uses), 2)]
        for page in map(pages, [*books, *(one.week_book(day) for day in range(6, len(one.uses), 7))]):
            assert [made for made in candidates(page) if not made.claim.holds(page.book)] == []


def pages(one: PeriodData) -> FindingInput:
    return FindingInput(one, {key: figure.to_document([]) for key, figure in compute_figures(one).items()})


def candidates(page: FindingInput) -> Iterator[Any]:
    for periods, look in CANDIDATES:
        if page.book.period.name in periods:
            yield from look(page)


def test_a_claim_that_is_not_so_does_not_hold() -> None:
    """Each number, day and name of each claim matters: if one changes, the claim fails."""
    spared = {"unit", "author", "first_listed"}  # said beside the claim, not part of it
    checked: Counter[tuple[str, str]] = Counter()
    for one, day, finding in replay():
        for field in [name for name in finding["values"] if name not in spared]:
            if checked[finding["key"], field] < 8 and (wrong := otherwise(finding["values"][field])) is not None:
                checked[finding["key"], field] += 1
                altered: Finding = {**finding, "values": {**finding["values"], field: wrong}}
                assert not finding_holds(altered, book_of(one, day, finding)), (field, altered)
    assert {key for key, _ in checked} == set(KINDS)


def otherwise(value: object) -> object:
    flipped = {"rose": "fell", "up": "down", "above": "below", "demand": "supply", "more": "fewer"}
    flipped |= {after: before for before, after in flipped.items()}
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value + 1
    if value in flipped:
        return flipped[value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return (date.fromisoformat(value) - ONE).isoformat()
    return "nobody/nothing" if isinstance(value, str) and "/" in value else None


# --- no record on incomplete data ------------------------------------------------------------------------------------


def days(*uses: int | None, listed: int = 50) -> PeriodData:
    """Period data whose history ends with these days of use; the watch began the day before them."""
    first = DAY - (len(uses) - 1) * ONE
    history = [HistoryPoint(first - ONE, models_listed=listed)]
    history += [HistoryPoint(first + n * ONE, uses=count, models_listed=listed) for n, count in enumerate(uses)]
    total = uses[-1] or 0
    flow, before = Usage(total, {1: total} if total else {}), uses[-2] if len(uses) > 1 else None
    return replace(
        book([total]),
        watched_since=first - ONE,
        history=tuple(history),
        flow=flow,
        flow_before=WHY if before is None else Usage(before, {1: before}),
    )


def test_a_record_names_the_last_day_that_had_as_much() -> None:
    told = kinds(days(50, 99, 80, *[10] * 8, 80))["highest_since"]
    assert told == {
        "metric": "uses",
        "unit": "runs",
        "day": "2025-01-12",
        "value": 80,
        "since": "2025-01-03",
        "since_value": 80,
        "days": 8,
    }


def test_an_unknown_day_between_leaves_no_record() -> None:
    complete = days(50, 99, 90, *[10] * 12, 80)
    assert "highest_since" in kinds(complete)
    for hole in range(4, 15):
        history = list(complete.history)
        history[hole] = HistoryPoint(history[hole].day, models_listed=50)
        assert not {"highest_since", "highest_watched"} & set(kinds(replace(complete, history=tuple(history)))), hole


def test_a_record_must_beat_a_week() -> None:
    assert "highest_since" not in kinds(days(99, *[10] * 6, 80)) and "highest_since" in kinds(days(99, *[10] * 7, 80))
    assert "highest_watched" not in kinds(days(*[10] * 6, 80)) and "highest_watched" in kinds(days(*[10] * 7, 80))


def test_the_most_ever_is_claimed_only_when_every_day_of_the_watch_is_known() -> None:
    complete = days(*[10] * 20, 80)
    assert kinds(complete)["highest_watched"] == {
        "metric": "uses",
        "unit": "runs",
        "day": "2025-01-12",
        "value": 80,
        "first": "2024-12-23",
        "days": 21,
        "whole": True,
    }
    assert "highest_watched" not in kinds(days(None, *[10] * 19, 80))


def test_a_clipped_history_tells_how_far_it_looked_back() -> None:
    complete = days(*[10] * 20, 80)
    clipped = replace(complete, watched_since=DAY - timedelta(days=900), history=complete.history[1:])
    told = kinds(clipped)["highest_watched"]
    assert (told["whole"], told["days"], told["first"]) == (False, 21, "2024-12-23")


def test_a_tie_is_not_a_record_over_the_day_it_ties_with() -> None:
    assert "highest_watched" not in kinds(days(*[10] * 8, 80, *[10] * 8, 80))
    assert kinds(days(*[10] * 8, 80, *[10] * 8, 80))["highest_since"]["since_value"] == 80


def test_the_least_use_for_long_is_told_of_uses_alone() -> None:
    told = found(days(5, 3, *[10] * 9, 4))
    assert [(f["key"], f["values"]["metric"]) for f in told if f["key"] == "lowest_since"] == [("lowest_since", "uses")]


def test_a_streak_ends_where_a_day_is_unknown() -> None:
    assert kinds(days(1, 2, 3, None, 5, 6, 7, 8))["streak"]["days"] == 3
    assert "streak" not in kinds(days(1, 2, 3, None, 6, 7, 8)) and "streak" not in kinds(days(5, 6, 7, 7))
    falling = kinds(days(9, 8, 7, 6))["streak"]
    assert (falling["direction"], falling["days"], falling["first_value"], falling["first"]) == (
        "fell",
        3,
        9,
        "2025-01-09",
    )


# --- crossings, unusual days -----------------------------------------------------------------------------------------


def listing(now: int, before: int, name: str = "day") -> PeriodData:
    return replace(book(idle=now), listed_period_before=before, period=Period.for_day(DAY, name))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (3995, 4003, ("up", 4000)),
        (99, 100, ("up", 100)),
        (90, 600, ("up", 500)),
        (4000, 3999, ("down", 4000)),
        (12_000, 4500, ("down", 5000)),
        (4000, 4001, None),
        (3999, 3999, None),
        (50, 60, None),
        (640, 660, None),
    ],
)
def test_a_list_crosses_round_numbers(before: int, now: int, told: tuple[str, int] | None) -> None:
    for period in ("day", "week", "month"):
        made = kinds(listing(now, before, period)).get("crossing")
        assert (made and (made["direction"], made["level"])) == told


def test_a_round_number_that_was_there_before_was_not_reached_now() -> None:
    one = listing(5000, 4000)
    told = next(finding for finding in found(one) if finding["key"] == "crossing")
    assert told["values"]["level"] == 5000 and finding_holds(told, one)
    assert not finding_holds({**told, "values": {**told["values"], "level": 4000}}, one)


def test_uses_cross_powers_of_ten_and_not_every_thousand() -> None:
    assert kinds(days(*[9_999_000] * 30, 10_000_001))["crossing"]["level"] == 10**7
    assert "crossing" not in kinds(days(*[9_999_000] * 29, 10_000_001))
    assert kinds(days(9_000_000, 10_000_001))["crossing"]["level"] == 10**7
    assert "crossing" not in kinds(days(3_900_000, 4_100_000)) and "crossing" not in kinds(days(90))


def test_a_number_crossed_again_and_again_is_less_news() -> None:
    def score(*uses: int) -> float:
        return next(
            f["score"] for f in found(days(*uses)) if f["key"] == "crossing" and f["values"]["metric"] == "uses"
        )

    assert score(890, 880, 890, 1001) > score(890, 1100, 890, 1001)


def test_an_unusual_day_is_judged_against_its_own_weekday() -> None:
    week = [10, 11, 12, 11, 10, 100, 100]
    uses = [*week * 8, 10]
    for n in range(0, 56, 7):
        uses[n] += n // 7 % 3
    usual, lively = days(*uses), days(*uses[:-1], 100)
    assert "unusual_day" not in kinds(usual)
    told = kinds(lively)["unusual_day"]
    assert (told["direction"], told["weeks"], told["value"], told["usual"]) == ("above", 8, 100, 11.0)


def test_what_is_usual_is_a_whole_number_of_what_is_counted() -> None:
    """A median of an even number of counts may lie between two of them: half a model was never used."""
    uses = [10] * 57
    for week, count in enumerate((10, 11, 12, 13)):
        uses[7 * week] = uses[7 * week + 28] = count
    told = kinds(days(*uses[:-1], 100))["unusual_day"]
    assert told["usual"] == 12 and isinstance(told["usual"], int)


def test_an_unusual_day_needs_four_known_weeks() -> None:
    uses: list[int | None] = [None] * 57
    uses[56] = 100
    for n, count in zip((0, 7, 14), (10, 11, 12), strict=True):
        uses[n] = count
    assert "unusual_day" not in kinds(days(*uses))
    uses[21] = 10
    assert "unusual_day" in kinds(days(*uses))


# --- single models ---------------------------------------------------------------------------------------------------


def test_a_first_use_is_not_told_of_a_model_whose_counter_had_begun_or_whose_reading_was_missed() -> None:
    fresh = {"last_used": DAY, "last_used_from": DAY, "first_used": DAY}
    plain = (model(1, **fresh), model(2, **fresh, used_before_watch=True), model(3, **fresh))
    missed = replace(plain[2], last_used_from=DAY - ONE)
    told = kinds(replace(book([5, 9, 7]), listed=(*plain[:2], missed)))["newly_used"]
    assert (told["count"], told["model"], told["uses"], told["rank"]) == (1, "a0/m1", 5, 3)
    assert told["first_listed"] == "2024-10-04" and told["author"] == "a0"


def test_quiet_is_told_of_models_that_would_be_missed() -> None:
    busy = book([1000] * 120, quiet=((model(500), 7),))
    assert "gone_quiet" not in kinds(busy)
    told = kinds(replace(busy, quiet=((model(500), 70_000), (model(501), 7))))["gone_quiet"]
    assert (told["count"], told["model"], told["uses_before"], told["days"]) == (2, "a166/m500", 70_000, 7)


def test_new_models_are_judged_only_where_their_week_is_known() -> None:
    new = tuple(model(n, first_listed=DAY - n * ONE) for n in range(1, 6))
    one = book([50], listed=new)
    assert kinds(replace(one, flow=Usage(0), listed=new))["new_unused"]["added"] == 5
    assert "new_unused" not in kinds(replace(one, total_7d=WHY))
    assert "new_unused" not in kinds(replace(one, listed_7d_before=WHY))
    assert "new_unused" not in kinds(replace(one, watched_since=DAY - 6 * ONE))
    used = replace(new[0], last_used=DAY, last_used_from=DAY)
    assert "new_unused" not in kinds(replace(one, listed=(used, *new[1:])))
    assert "new_unused" not in kinds(replace(one, listed=new[:2]))


def test_a_shared_lead_is_nobodys() -> None:
    before = Usage(10, {1: 9, 2: 1})
    assert kinds(book([1, 9], flow_before=before))["new_leader"]["model"] == "a0/m2"
    assert "new_leader" not in kinds(book([9, 9], flow_before=before))
    assert "new_leader" not in kinds(book([1, 9], flow_before=Usage(10, {1: 5, 2: 5})))


def test_a_leader_by_a_trifle_is_no_new_leader() -> None:
    before = Usage(2000, {1: 1001, 2: 999})
    assert "new_leader" not in kinds(book([990, 1009], flow_before=before))
    assert "new_leader" in kinds(book([990, 1010], flow_before=before))


def test_a_former_leader_that_left_the_list_has_no_known_use() -> None:
    left = book([0, 9], flow_before=Usage(10, {1: 9, 2: 1}), names={1: SafeName("a0/m1")})
    assert "new_leader" not in kinds(left)


# --- supply and demand -----------------------------------------------------------------------------------------------


def test_supply_and_demand_are_set_side_by_side() -> None:
    one = book([10], idle=109, total_7d=90, total_prior_7d=100, listed_7d_before=100)
    assert kinds(one)["demand_gap"] == {
        "ahead": "supply",
        "uses_change": -0.1,
        "inventory_change": 0.1,
        "gap": -0.2,
        "days": 7,
    }
    assert "demand_gap" not in kinds(replace(one, total_prior_7d=WHY))
    assert "demand_gap" not in kinds(book([10], idle=109))


def test_a_giant_is_named_with_all_that_it_outweighs() -> None:
    told = kinds(book([100, *[3] * 20], idle=979))["outweighed"]
    assert told == {
        "model": "a0/m1",
        "author": "a0",
        "uses": 100,
        "outweighed": 999,
        "idle": 979,
        "listed": 1000,
    }
    assert kinds(book([100, *[3] * 20], idle=979))["half_carried"] == {
        "models": 1,
        "share": 0.625,
        "used": 21,
        "listed": 1000,
    }


@pytest.mark.parametrize("name", ["week", "month"])
def test_longer_periods_claim_nothing_that_is_of_single_days(name: str) -> None:
    period = Period.for_day(DAY, name)  # type: ignore[arg-type]
    lively = replace(days(*[10] * 20, 80), period=period, quiet=((model(500), 70_000),), listed_period_before=90)
    told = {finding["key"] for finding in found(lively)}
    longer = {"period_move", "period_arrivals", "period_step"}
    assert told <= {"crossing", "demand_gap", "half_carried", "outweighed", "new_leader", *longer}
    grown = replace(book([20] * 12, flow_before=Usage(100, {1: 100})), period=period, listed_period_before=10)
    values = kinds(grown)["demand_gap"]
    assert values["days"] == period.day_count and values["uses_change"] == 1.4 and values["inventory_change"] == 0.2


# --- the list --------------------------------------------------------------------------------------------------------


def test_findings_are_ranked_bounded_and_wordless() -> None:
    for one in (world(seed).book(day) for seed in SEEDS for day in (20, 40)):
        told = found(one)
        scores = [finding["score"] for finding in told]
        assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
        assert len(told) <= MOST and all(finding["text"] == "" for finding in told)
        assert told == found(one)


def test_values_are_the_fields_of_their_claim() -> None:
    for _, _, finding in replay():
        assert list(finding["values"]) == [field.name for field in fields(KINDS[finding["key"]])]  # type: ignore[arg-type]


def test_nothing_is_found_where_nothing_is_known() -> None:
    assert found(unread()) == [] and found(replace(unread(), watched_since=None)) == []


def test_a_hidden_model_is_in_no_finding_and_its_claims_still_hold() -> None:
    hidden = ("a0", "a1/m3", "a2")
    for seed in SEEDS:
        one = world(seed).book(40)
        plain, masked = found(one), found(one, *hidden)
        assert [finding["key"] for finding in masked] == [finding["key"] for finding in plain]
        assert not re.search(r"a[02]\b|a1/m3\b", json.dumps(masked))
        assert all(finding_holds(finding, one) for finding in masked)
        for finding in masked:
            assert (finding["values"].get("model") == HIDDEN) == (finding["values"].get("author") == HIDDEN_AUTHOR)


def test_a_leader_that_left_is_hidden_by_its_name() -> None:
    one = book([2, 9], flow_before=Usage(10, {1: 9, 2: 1}), names={1: SafeName("a0/m1")})
    assert isinstance(one.listed, tuple)
    one = replace(one, listed=one.listed[1:])
    assert kinds(one)["new_leader"]["before"] == "a0/m1"
    masked = [finding["values"] for finding in found(one, "a0/m1") if finding["key"] == "new_leader"]
    assert [(values["before"], values["model"]) for values in masked] == [(HIDDEN, "a0/m2")]


def test_findings_of_each_catalogue_stand_apart() -> None:
    first, second = book([100, *[3] * 20], idle=79), book(idle=3)
    other = replace(second, catalogue=replace(second.catalogue, key="llm"))
    document = compose_document("r", "R", [first, other], {"catalogue": "llm", "figure": "uses"}, (), AT)
    told = rank_findings([first, other], document, ())
    assert told["llm"] == [] and {finding["key"] for finding in told["models"]} == {
        "half_carried",
        "outweighed",
        "use_ladder",
    }


def test_values_that_are_not_a_claims_own_are_refused() -> None:
    with pytest.raises(KeyError, match="gossip"):
        finding_holds({"key": "gossip", "text": "", "score": 1.0, "values": {}}, book())
    with pytest.raises(msgspec.ValidationError):
        finding_holds({"key": "streak", "text": "", "score": 1.0, "values": {"metric": "uses"}}, book())


def test_an_unknown_list_yields_no_claim_about_it() -> None:
    one = replace(book([100, *[3] * 20], idle=79), listed=Unknown("no reading"))
    assert found(one) == []
