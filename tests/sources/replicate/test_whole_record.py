"""29 nights of Replicate's record, composed to digests, compared with plain loops over the columns of the same files
that share no code with ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot import findings, ledger, pipeline, store
from bot.archive import Archive
from bot.cli.app_context import AppContext
from bot.records import Period, PeriodData
from tests import record_slices, worlds
from tests.worlds import World

ONE = timedelta(days=1)
FIRST, LAST = date(2024, 12, 17), date(2025, 1, 15)
"""The days that the first and the last snapshot close."""
DAYS = [FIRST + n * ONE for n in range((LAST - FIRST).days + 1)]
UNREAD = date(2025, 1, 13)
"""No snapshot closes this day."""
AFTER = date(2025, 1, 14)
"""Its use is known together with that of the day before."""
USED = [day for day in DAYS[1:] if day not in (UNREAD, AFTER)]
"""Days with known use."""


@cache
def nightly() -> World:
    nights = record_slices.nights_between(f"{FIRST}", f"{LAST + ONE}")
    ends = {date.fromisoformat(head[:10]) - ONE: nights[head] for head in nights if head[11:13] == "00"}
    return {day: listed for day, listed in ends.items() if FIRST <= day <= LAST}


@pytest.fixture(scope="module")
def world() -> World:
    """Day to each listed model's counter at its end."""
    return nightly()


@cache
def read() -> list[worlds.History]:
    return list(worlds.histories(nightly()))


def window(world: World, first: date, last: date) -> worlds.Window:
    assert world is nightly()
    return worlds.window(world, first, last, read())


@dataclass(frozen=True)
class Walked:
    """The record in our database."""

    store: store.Store
    plan: pipeline.NetworkPlan
    _digests: dict[date, dict[str, Any]] = field(default_factory=dict)

    def digest(self, day: date) -> dict[str, Any]:
        if day not in self._digests:
            document = Archive(self.store).find_digest("replicate", "day", day)
            assert document is not None
            self._digests[day] = document
        return self._digests[day]

    def block(self, day: date) -> dict[str, Any]:
        block: dict[str, Any] = self.digest(day)["catalogues"][0]
        return block

    def figures(self, day: date) -> dict[str, Any]:
        """Key to value, or to the reason of an unknown one."""
        return {key: told(figure) for key, figure in self.block(day)["figures"].items()}

    def book(self, day: date) -> PeriodData:
        return ledger.load_period_data(self.store, self.plan.catalogues[0], Period.for_day(day))


@pytest.fixture(scope="module")
def walked(watched: Path) -> Iterator[Walked]:
    parts = AppContext(watched / "config.yaml")
    yield Walked(parts.store, parts.network_plan("replicate"))
    parts.close()


def told(figure: dict[str, Any]) -> Any:
    return figure["unknown"] if figure["value"] is None else figure["value"]


def ranked(by_model: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(by_model.items(), key=lambda one: (-one[1], one[0]))


# --- days ----------------------------------------------------------------------------------------------------------


def test_every_day_has_a_digest_the_first_one_of_the_list_alone(walked: Walked) -> None:
    kept = [entry.day for entry in Archive(walked.store).list_digests("replicate")]
    assert kept == list(DAYS) and walked.figures(DAYS[0])["models_listed"] > 3_000
    assert not isinstance(walked.figures(DAYS[0])["uses"], int)


@pytest.mark.parametrize("day", [day for day in DAYS[1:] if day not in (UNREAD, AFTER)], ids=str)
def test_what_is_listed_agrees_with_a_plain_reading(walked: Walked, world: World, day: date) -> None:
    figures, here = walked.figures(day), world[day].keys()
    assert figures["models_listed"] == len(here)
    assert figures["authors_listed"] == len({name.split("/")[0] for name in here})
    if day - ONE != AFTER:
        before = world[day - ONE].keys()
        assert (figures["models_added"], figures["models_removed"]) == (len(here - before), len(before - here))


@pytest.mark.parametrize("day", USED, ids=str)
def test_what_is_used_agrees_with_a_plain_reading(walked: Walked, world: World, day: date) -> None:
    figures, here = walked.figures(day), world[day]
    use = {name: here[name] - count for name, count in world[day - ONE].items() if name in here and here[name] > count}
    total = sum(use.values())
    assert (figures["uses"], figures["models_used"]) == (total, len(use))
    assert figures["share_used"] == len(use) / len(here)
    assert figures["authors_used"] == len({name.split("/")[0] for name in use})
    running, half = 0, 0
    for _name, count in ranked(use):
        running, half = running + count, half + 1
        if 2 * running >= total:
            break
    assert figures["models_for_half"] == half
    together, outweighed = 0, 0
    for count in sorted(use.get(name, 0) for name in here):
        together += count
        if together >= max(use.values()):
            break
        outweighed += 1
    assert figures["models_outweighed"] == outweighed


@pytest.mark.parametrize("day", USED, ids=str)
def test_the_ten_most_used_agree_with_a_plain_reading(walked: Walked, world: World, day: date) -> None:
    use = dict(window(world, day, day).by_model)
    total = sum(use.values())
    top = walked.block(day)["top"][:10]
    assert [row["uses"] for row in top] == [count for _name, count in ranked(use)[:10]]
    for row in top:
        assert use[row["model"]] == row["uses"]
        assert row["share"] == pytest.approx(row["uses"] / total, abs=1e-15)
        assert row["rank"] == 1 + sum(count > row["uses"] for count in use.values())
        assert row["author"] == row["model"].split("/")[0]
    assert len({row["model"] for row in top}) == 10


def test_a_known_day_is_what_the_readme_shows(walked: Walked) -> None:
    figures = walked.figures(date(2025, 1, 12))
    assert (figures["models_listed"], figures["models_used"], figures["uses"]) == (3783, 929, 8_692_748)


# --- windows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", DAYS[1:], ids=str)
def test_every_7_day_window_agrees_with_its_definition(walked: Walked, world: World, day: date) -> None:
    figures, expected = walked.figures(day), window(world, day - 6 * ONE, day)
    assert isinstance(figures["uses_7d"], int) == expected.known
    if not expected.known:
        return
    assert figures["uses_7d"] == expected.uses
    before = window(world, day - 13 * ONE, day - 7 * ONE)
    if before.known:
        assert figures["uses_change_7d"] == pytest.approx(expected.uses / before.uses - 1, abs=1e-12)
    else:
        assert isinstance(figures["uses_change_7d"], str)
    assert figures["models_used_7d"] == sum(name in world[day] for name in expected.by_model)


def test_windows_that_span_the_missing_reading_are_known_and_those_that_end_in_it_are_not(walked: Walked) -> None:
    assert isinstance(walked.figures(AFTER)["uses_7d"], int)
    assert walked.figures(UNREAD)["uses_7d"] == "no reading at the end of 13 Jan 2025"
    assert walked.figures(DAYS[6])["uses_7d"] == "watched for 6 of 7 days"
    assert isinstance(walked.figures(DAYS[7])["uses_7d"], int)


@pytest.mark.parametrize("day", DAYS[1:], ids=str)
def test_every_figure_of_30_days_is_unknown_and_says_why(walked: Walked, day: date) -> None:
    figures = walked.block(day)["figures"]
    for key in ("uses_30d", "models_used_30d", "share_used_30d", "activation_30d", "models_never_used"):
        assert figures[key]["value"] is None
        reasons = f"watched for {(day - FIRST).days} of", "no reading at the end of 13 Jan"
        assert figures[key]["unknown"].startswith(reasons), (key, figures[key]["unknown"])


# --- what is not known -------------------------------------------------------------------------------------------


def test_the_two_days_without_a_reading_between_are_unknown_one_by_one_and_known_together(
    walked: Walked, world: World
) -> None:
    both = window(world, UNREAD, AFTER)
    assert (both.known, both.uses) == (True, 17_803_220)
    for day in (UNREAD, AFTER):
        block = walked.block(day)
        for key in ("uses", "uses_reported", "models_used", "top_1_share", "models_for_half", "hhi", "median_uses"):
            told = block["figures"][key]
            assert told["value"] is None
            assert told["unknown"].startswith("no reading at the end of 13 Jan 2025"), key
        (gap,) = (gap for gap in block["gaps"] if "17,803,220" in gap)
        assert gap == (
            f"13 Jan 2025 to 14 Jan 2025 taken together: 17,803,220 runs, {len(both.by_model):,} models used; "
            "not known by day."
        )
        assert block["top"] == [] and block["curve"] == []
        assert "no reading" in block["figures"]["uses"]["unknown"]
    assert [row["uses"] for row in walked.block(LAST)["history"][-3:-1]] == [None, None]


def test_what_is_listed_after_the_unread_day_is_known(walked: Walked, world: World) -> None:
    figures = walked.figures(AFTER)
    assert figures["models_listed"] == len(world[AFTER]) == 3799
    assert figures["models_added"] == figures["models_removed"] == "no reading at the end of 13 Jan 2025"
    assert walked.figures(LAST)["models_used"] == 921


def test_an_unread_day_knows_nothing_of_its_own(walked: Walked) -> None:
    assert not {key for key, value in walked.figures(UNREAD).items() if not isinstance(value, str)}


# --- findings ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, dict[date, int]]:
    """The known days of every metric with records."""
    flows = {day: window(world, day, day) for day in USED}
    listed = {day: len(world[day]) for day in world}
    return {
        "uses": {day: flow.uses for day, flow in flows.items()},
        "models_used": {day: len(flow.by_model) for day, flow in flows.items()},
        "models_listed": listed,
        "models_added": {
            day: len(world[day].keys() - world[day - ONE].keys())
            for day in listed
            if day - ONE in listed and day in flows
        },
    }


def between(first: date, last: date) -> list[date]:
    return [first + n * ONE for n in range((last - first).days + 1)]


def claimed(walked: Walked, *keys: str) -> list[tuple[date, dict[str, Any]]]:
    found = [
        (day, {**finding["values"], "key": finding["key"]})
        for day in DAYS[1:]
        for finding in walked.block(day)["findings"]
        if finding["key"] in keys
    ]
    assert found, f"the record has none of {keys}: this test would check nothing"
    return found


def test_every_finding_holds_in_the_book_of_its_day(walked: Walked) -> None:
    for day in DAYS[1:]:
        book = walked.book(day)
        for finding in walked.block(day)["findings"]:
            assert findings.finding_holds(finding, book), (day, finding)


def test_no_record_is_claimed_across_a_day_that_is_not_known(walked: Walked, known: dict[str, dict[date, int]]) -> None:
    for day, claim in claimed(walked, "highest_since", "lowest_since", "highest_watched"):
        values = known[claim["metric"]]
        start = date.fromisoformat(claim.get("since") or claim["first"])
        days = between(start, day)
        assert set(days) <= values.keys(), (day, claim)
        rest = days[1:-1] if "since" in claim else days[:-1]
        assert values[day] == claim["value"]
        if claim["key"] == "lowest_since":
            assert all(values[one] > claim["value"] for one in rest) and values[start] <= claim["value"]
        else:
            assert all(values[one] < claim["value"] for one in rest)
            assert "since" not in claim or values[start] >= claim["value"]


def test_every_streak_is_one_of_known_neighbouring_days(walked: Walked, known: dict[str, dict[date, int]]) -> None:
    for day, claim in claimed(walked, "streak"):
        days = between(date.fromisoformat(claim["first"]), day)
        values = [known[claim["metric"]][one] for one in days]
        assert len(days) == claim["days"] + 1
        assert all((a < b) == (claim["direction"] == "rose") and a != b for a, b in pairwise(values))


def test_models_said_to_be_awake_again_were_read_and_idle_on_every_day_between(walked: Walked, world: World) -> None:
    for day, claim in claimed(walked, "awake_again"):
        name, last = claim["model"], date.fromisoformat(claim["last_used"])
        counts = [world[one][name] for one in between(last - ONE, day)]
        assert counts[0] < counts[1] == counts[-2] < counts[-1], (day, claim)
        assert len(counts) >= 16 and counts[-1] - counts[-2] == claim["uses"]


def test_models_said_to_have_gone_quiet_were_used_on_each_day_of_the_week_before(walked: Walked, world: World) -> None:
    for day, claim in claimed(walked, "gone_quiet"):
        counts = [world[one][claim["model"]] for one in between(day - 8 * ONE, day)]
        assert all(a < b for a, b in pairwise(counts[:-1])) and counts[-1] == counts[-2]


def test_the_longest_list_is_longer_than_all_others(walked: Walked, known: dict[str, dict[date, int]]) -> None:
    listed = known["models_listed"]
    claims = claimed(walked, "highest_since", "highest_watched")
    for day, claim in claims:
        if claim["metric"] == "models_listed":
            start = date.fromisoformat(claim.get("since") or claim["first"])
            rest = between(start, day)[1:-1] if "since" in claim else between(start, day)[:-1]
            assert all(listed[one] < claim["value"] for one in rest)
    assert any(claim["metric"] == "models_listed" for _day, claim in claims)


# --- weeks -----------------------------------------------------------------------------------------------------------


def week(walked: Walked, day: date) -> dict[str, Any]:
    at = Period.for_day(day, "week").ends_at
    block: dict[str, Any] = pipeline.build_digest(walked.store, walked.plan, Period.for_day(day, "week"), at)[
        "catalogues"
    ][0]
    return block


@pytest.mark.parametrize("monday", [date(2024, 12, 23), date(2024, 12, 30), date(2025, 1, 6)], ids=str)
def test_a_week_is_the_sum_of_its_days_and_of_the_holes_inside_it(walked: Walked, world: World, monday: date) -> None:
    ends = monday + 6 * ONE
    block, expected = week(walked, monday), window(world, monday, ends)
    figures = {key: told(figure) for key, figure in block["figures"].items()}
    assert expected.known
    assert figures["uses"] == expected.uses
    by_day = sum(walked.figures(day)["uses"] for day in between(monday, ends))
    holes = sum(hole(world, name, monday - ONE, ends) for name in {name for day in world for name in world[day]})
    assert figures["uses"] == by_day + holes
    assert figures["models_used"] == sum(name in world[ends] for name in expected.by_model)
    assert figures["models_listed"] == len(world[ends])
    before = world[monday - ONE].keys()
    assert figures["models_added"] == len(world[ends].keys() - before)
    assert [row["uses"] for row in block["top"][:10]] == [n for _m, n in ranked(dict(expected.by_model))[:10]]


def hole(world: World, name: str, first: date, last: date) -> int:
    """Use between two readings inside a window that missed a reading between them."""
    seen = [day for day in between(first, last) if name in world.get(day, {})]
    return sum(world[b][name] - world[a][name] for a, b in pairwise(seen) if b - a > ONE)


def test_a_window_counts_the_use_of_a_hole_that_no_single_day_has(walked: Walked, world: World) -> None:
    """xiankgx/face-swap was not read from 3 to 5 January."""
    day = date(2025, 1, 8)
    missed = hole(world, "xiankgx/face-swap", day - 7 * ONE, day)
    assert missed > 0
    singly = sum(walked.figures(one)["uses"] for one in between(day - 6 * ONE, day))
    assert walked.figures(day)["uses_7d"] - singly >= missed


def test_the_weeks_at_the_edges_are_unknown(walked: Walked) -> None:
    first = {key: told(figure) for key, figure in week(walked, date(2024, 12, 16))["figures"].items()}
    assert first["uses"] == "watched for 5 of 7 days"
    assert first["models_added"] == "the watch began at the end of 17 Dec 2024"
