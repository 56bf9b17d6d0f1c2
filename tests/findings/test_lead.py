"""The lead of a digest: which finding it opens with, table-driven, and what two days running may open with."""

from __future__ import annotations

from typing import Any

import pytest

from bot.findings import choose_lead, lead_of, other_news
from bot.findings.lead import ALWAYS_NEWS, FORMS
from bot.records import Document

LADDER = ("use_ladder", 0.1, {"listed": 10})


def digest(*found: tuple[str, float, dict[str, Any]], period: str = "day", headline: int | None = 929) -> Document:
    """A digest with findings, each as key, score and values, the most newsworthy first."""
    findings = [{"key": key, "text": "", "score": score, "values": values} for key, score, values in found]
    figures = {"models_used": {"value": headline, "unit": "models"}}
    block = {"catalogue": "models", "figures": figures, "findings": findings}
    return {"period": period, "headline": {"catalogue": "models", "figure": "models_used"}, "catalogues": [block]}


def of(key: str, score: float = 0.5, **values: Any) -> tuple[str, float, dict[str, Any]]:
    return key, score, values


MOVE = of("model_move", 0.9, model="a/giant", direction="fell")
SMALL_MOVE = of("model_move", 0.5, model="a/giant", direction="fell")


@pytest.mark.parametrize(
    ("found", "form"),
    [
        ([MOVE, of("total_change")], "mover"),
        ([of("passing_surge")], "mover"),
        ([of("week_move")], "mover"),
        ([of("total_change"), SMALL_MOVE], "total"),
        ([of("streak", metric="uses")], "total"),
        ([of("streak", metric="models_used")], "breadth"),
        ([of("unusual_day", metric="models_used")], "breadth"),
        ([of("highest_since", metric="uses")], "record"),
        ([of("lowest_watched", metric="models_used")], "record"),
        ([of("most_concentrated", model="a/giant")], "record"),
        ([of("new_leader", model="a/giant")], "top"),
        ([of("top_ten_entry")], "top"),
        ([of("breadth_change")], "breadth"),
        ([of("new_models_used")], "new"),
        ([of("new_unused")], "new"),
        # What is true every day leads nothing, however high it scores; nor does news below the threshold.
        ([of("half_carried", 0.9), of("outweighed", 0.9), LADDER], "standing"),
        ([of("demand_gap", 0.85)], "standing"),
        ([of("streak", 0.29, metric="uses")], "standing"),
        ([], "standing"),
    ],
)
def test_the_most_newsworthy_finding_chooses_the_form(found: list[Any], form: str) -> None:
    made = digest(*found)
    lead = choose_lead(made)
    assert lead["form"] == form and form in FORMS
    assert lead["finding"] == (None if form == "standing" else 0)


def test_a_week_may_open_with_demand_against_supply() -> None:
    assert choose_lead(digest(of("demand_gap"), period="week"))["form"] == "balance"


def test_an_unknown_headline_is_said_first() -> None:
    assert choose_lead(digest(MOVE, headline=None)) == {"form": "unknown", "finding": None}


def chosen(today: Document, yesterday: Document) -> str:
    return choose_lead(today, {**yesterday, "lead": choose_lead(yesterday)})["form"]


def test_the_same_opening_does_not_lead_twice_running() -> None:
    rising = of("streak", metric="uses", direction="rose")
    falling = of("streak", metric="uses", direction="fell")
    assert chosen(digest(rising), digest(rising)) == "standing"
    assert chosen(digest(rising), digest(falling)) == "total"
    assert chosen(digest(rising, of("top_ten_entry", 0.4)), digest(rising)) == "top"
    assert chosen(digest(SMALL_MOVE), digest(SMALL_MOVE)) == "standing"
    other = of("model_move", 0.5, model="b/other", direction="fell")
    assert chosen(digest(SMALL_MOVE), digest(other)) == "mover"


def test_a_large_mover_leads_again_where_the_same_happened_again() -> None:
    assert MOVE[1] >= ALWAYS_NEWS > SMALL_MOVE[1]
    assert chosen(digest(MOVE), digest(MOVE)) == "mover"


@pytest.mark.parametrize("key", ["breadth_change", "new_models_used"])
def test_what_stays_true_for_days_leads_in_turn(key: str) -> None:
    now, before = of(key, direction="rose", model="a/new"), of(key, direction="fell", model="b/new")
    assert chosen(digest(now), digest(before)) == "standing"
    assert chosen(digest(now), digest()) != "standing"


def test_two_quiet_days_running_differ() -> None:
    quiet = digest(LADDER)
    first = {**quiet, "lead": choose_lead(quiet)}
    second = {**quiet, "lead": choose_lead(quiet, first)}
    third = {**quiet, "lead": choose_lead(quiet, second)}
    assert [one["lead"]["form"] for one in (first, second, third)] == ["standing", "ladder", "standing"]
    assert lead_of(second).finding is not None and lead_of(second).protagonist is None


def test_a_lead_names_its_protagonist_and_a_digest_without_a_lead_gets_one() -> None:
    made = digest(MOVE, of("total_change"))
    assert lead_of(made).protagonist == "a/giant" and lead_of(made).finding == made["catalogues"][0]["findings"][0]
    assert lead_of({**made, "lead": {"form": "total", "finding": 1}}).protagonist is None
    assert lead_of({**made, "lead": {"form": "total", "finding": 7}}).finding is None


def test_other_news_is_of_other_forms_about_other_models_and_figures() -> None:
    made = digest(
        MOVE,
        of("total_change", model="a/giant"),
        of("top_ten_exit", model="a/giant"),
        of("highest_since", metric="models_used"),
        of("unusual_day", metric="models_used"),
        of("new_models_used", model="b/new"),
        of("half_carried"),
    )
    assert [finding["key"] for finding in other_news(made, lead_of(made))] == ["highest_since", "new_models_used"]
