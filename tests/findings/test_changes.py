"""Changes beside figures, and unknown days before a known one, on digests of Replicate's record and changed ones."""

from __future__ import annotations

from typing import Any

import pytest

from bot import i18n, number_format
from bot.findings import figure_changes, is_unknown_day, unknown_before
from bot.records import Document
from bot.render import PostRenderOptions, build_post
from tests.render import documents

SUNDAY = "day-2025-01-12"
GAP = ("day-2025-01-13", "day-2025-01-14", "day-2025-01-15")
"""No list closes 13 January, so that day and the next are known together only."""
TOGETHER = 17_803_220
PERIODS = [{"day": "2024-12-30", "models_used": 1597, "models_listed": 3718}, {"day": "2025-01-06"}]


def changes(digest: Document) -> dict[str, Any]:
    return figure_changes(digest, digest["catalogues"][0])


def after_the_gap() -> Document:
    """15 January as it is composed after the two unknown days."""
    first, second, known = map(documents.recorded, GAP)
    second["unknown_before"] = unknown_before(second, first)
    return {**known, "unknown_before": unknown_before(known, second)}


# --- changes -------------------------------------------------------------------------------------------------------


def test_each_figure_stands_beside_its_change_against_the_day_before() -> None:
    since = "2025-01-11"
    assert changes(documents.recorded(SUNDAY)) == {
        "models_listed": {"change": 3783 - 3780, "ratio": None, "since": since},
        "models_used": {"change": 929 - 926, "ratio": None, "since": since},
        "uses": {"change": 8692748 - 8492502, "ratio": (8692748 - 8492502) / 8492502, "since": since},
    }


def test_a_day_after_an_unknown_one_has_no_change() -> None:
    assert changes(documents.recorded("day-2025-01-15")) == {}


@pytest.mark.parametrize("side", ["now", "before"])
def test_a_lower_bound_has_no_change(side: str) -> None:
    digest = documents.recorded(SUNDAY)
    block = digest["catalogues"][0]
    if side == "before":
        block["history"][-2]["at_least"] = True
    else:
        for key in ("uses", "models_used"):
            block["figures"][key] |= {"at_least": True, "reason": "part of it is unknown"}
    assert changes(digest).keys() == {"models_listed"}


def test_nothing_before_has_a_difference_and_no_ratio() -> None:
    digest = documents.recorded(SUNDAY)
    digest["catalogues"][0]["history"][-2]["uses"] = 0
    assert changes(digest)["uses"] == {"change": 8692748, "ratio": None, "since": "2025-01-11"}


def test_a_week_is_compared_with_the_week_before_and_its_use_as_a_ratio() -> None:
    week = documents.recorded("week-2025-01-06") | {"periods": PERIODS}
    beside = changes(week)
    assert beside["models_used"] == {"change": 1699 - 1597, "ratio": None, "since": None}
    assert beside["models_listed"]["change"] == 3783 - 3718
    assert beside["uses"] == {
        "change": None,
        "ratio": week["catalogues"][0]["figures"]["uses_change"]["value"],
        "since": None,
    }
    assert changes(week | {"periods": PERIODS[1:]}).keys() == {"uses"}, "the week before is unknown"


def test_a_month_beside_one_whose_use_is_a_lower_bound_has_no_change_of_the_models_used() -> None:
    week = documents.recorded("week-2025-01-06") | {"periods": PERIODS}
    figures = week["catalogues"][0]["figures"]
    figures["uses_change"] = {"value": None, "unknown": "the counter of 1 model fell, so its use is not known"}
    assert changes(week).keys() == {"models_listed"}


def fields(digest: Document, language: str = "en") -> list[str]:
    embed = build_post(digest, "discord", PostRenderOptions(language)).embed
    assert embed is not None
    return [field["value"] for field in embed["fields"]]


def test_the_embed_says_each_change_below_its_figure() -> None:
    listed, used, uses, *_ = fields(documents.recorded(SUNDAY))
    assert listed.startswith("3,783\n+3 since Saturday\n")
    assert used.startswith("929 of 3,783\n+3 since Saturday\n")
    assert uses.startswith("8,692,748\n+200,246 (+2.4%) since Saturday\n")
    used = fields(documents.recorded("week-2025-01-06") | {"periods": PERIODS})[1]
    assert used == "1,699 of 3,783\n+102 against the week before"


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_language_says_the_changes(language: str) -> None:
    listed, used, uses, *_ = fields(documents.recorded(SUNDAY), language)
    day = number_format.format_weekday("2025-01-11", language)
    for value, change in ((listed, 3), (used, 3), (uses, 200_246)):
        assert number_format.format_signed(change, language) in value and day in value


# --- unknown days --------------------------------------------------------------------------------------------------


def test_only_a_day_without_any_known_use_is_unknown() -> None:
    assert [is_unknown_day(documents.recorded(stem)) for stem in (SUNDAY, *GAP)] == [False, True, True, False]
    assert not is_unknown_day(documents.recorded("month-2025-01-05")), "a month has a post of its own"


@pytest.mark.parametrize("part", ["uses of another catalogue", "a panel", "the headline", "no earlier day"])
def test_a_day_of_which_something_is_known_has_its_post(part: str) -> None:
    digest = documents.recorded(GAP[0])
    block = digest["catalogues"][0]
    known = {"value": 5, "unit": "runs", "label": "runs"}
    if part == "uses of another catalogue":
        digest["catalogues"].append({**block, "catalogue": "other", "figures": {"uses": known}})
    elif part == "a panel":
        digest["panels"] = [{"catalogue": "payments", "figures": {"paid": known}, "gaps": [], "findings": []}]
    elif part == "the headline":
        digest["headline"] = {"catalogue": "models", "figure": "models_listed"}
        block["figures"]["models_listed"] |= known
    else:
        block["history"] = block["history"][-1:]
    assert is_unknown_day(documents.recorded(GAP[0])) and not is_unknown_day(digest)


def test_the_days_before_are_told_with_their_reason_and_what_is_known_of_them_together() -> None:
    assert after_the_gap()["unknown_before"] == {
        "first": "2025-01-13",
        "last": "2025-01-14",
        "unknown": "no reading at the end of 13 Jan 2025",
        "uses": TOGETHER,
        "unit": "runs",
    }
    assert unknown_before(documents.recorded(SUNDAY), documents.recorded(SUNDAY)) is None
    assert unknown_before(documents.recorded(SUNDAY), None) is None


@pytest.mark.parametrize("outlet", ["x", "discord"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_next_known_day_tells_of_them_in_every_language(language: str, outlet: str) -> None:
    post = build_post(after_the_gap(), outlet, PostRenderOptions(language))
    text = post.embed["description"] if post.embed else post.parts[0]
    assert number_format.format_count(TOGETHER, language) in text
    days = number_format.format_day_range("2025-01-13", "2025-01-14", language)
    assert " ".join(days.split()) in text


def test_one_unknown_day_is_told_in_a_clause() -> None:
    known = after_the_gap()
    known["unknown_before"] |= {"first": "2025-01-14", "uses": None}
    assert "14 January 2025 is unknown (no reading at the end of 13 Jan 2025)." in build_post(known, "x").parts[0]
    known["unknown_before"] |= {"first": "2025-01-12"}
    assert "12 to 14 January 2025 are unknown (no reading" in build_post(known, "x").parts[0]
