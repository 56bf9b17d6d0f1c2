"""Pictures of stories: each follows the lead of its digest."""

from __future__ import annotations

from typing import Any

import pytest

from bot import charts, platform_limits
from bot.charts import png
from bot.charts.picture_kind import picture_kind
from bot.i18n import LANGUAGES
from bot.pipeline.digest_pictures import draw_picture
from tests.charts.pictures import (
    FLUX,
    RANKS,
    SERIES,
    STORIES,
    assert_apart,
    assert_readable,
    blotted,
    lines,
    story,
    texts,
)
from tests.render.documents import changed, recorded


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", STORIES)
def test_every_kind_of_picture_is_readable_in_every_language(kind: str, language: str, figures: list[Any]) -> None:
    assert picture_kind(STORIES[kind]) == kind
    picture = draw_picture(STORIES[kind], language)
    assert_readable(figures[0])
    assert 100 < len(picture.alt) <= platform_limits.ALT_TEXT
    shown = " ".join(text.get_text().replace("\n", " ") for text in texts(figures[0]))
    assert "Footfall" in shown and "2025" in shown and "Replicate" in shown and "\u25a1" not in shown


def test_a_picture_shows_its_finding_its_source_and_the_day_of_the_reading(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["dots"]).alt
    said = [text.get_text() for text in texts(figures[0])]
    assert " ".join(said[:2]).startswith("Use spread: 9.9% more models were used than a week before")
    assert "Replicate public models, 12 January 2025" in said
    assert "Footfall · Runs as reported by Replicate. Read on 2025-01-13." in said
    assert "929 used, brighter with more runs" in said and "2,854 not used" in said
    assert "Use spread: 9.9% more models" in alt and "929 used" in alt and "10,000 or more: 41." in alt


def test_every_model_has_one_dot_in_the_brightness_of_its_use(figures: list[Any]) -> None:
    draw_picture(STORIES["dots"])
    dots = [len(line.get_xdata()) for line in lines(figures[0])]
    assert sorted(dots) == sorted([41, 85, 385, 418, 0, 2854, 1, 1])  # two dots of the key


def test_a_lead_about_new_models_has_a_dot_for_each_of_them(figures: list[Any]) -> None:
    alt = draw_picture(story("new", "new_models_used", added=80, used=52)).alt
    assert sorted(len(line.get_xdata()) for line in lines(figures[0])) == [0, 0, 0, 0, 1, 1, 28, 52]
    assert "One dot for each new model. 52 used. 28 not used." in alt and "10,000 or more" not in alt


def test_an_unknown_concentration_has_no_empty_chart(figures: list[Any]) -> None:
    alt = draw_picture(changed("day-2025-01-12", blotted)).alt
    assert len(figures[0].axes) == 1 and "Share of runs" not in " ".join(text.get_text() for text in texts(figures[0]))
    assert "Right:" not in alt and "Models used each day as bars" in alt


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_labels_of_the_overview_do_not_cover_one_another(language: str, figures: list[Any]) -> None:
    draw_picture(recorded("day-2025-01-12") | {"lead": {"form": "unknown", "finding": None}}, language)
    assert_readable(figures[0])
    for axes in figures[0].axes:
        assert_apart([label for label in axes.get_xticklabels() + axes.get_yticklabels() if label.get_text()])


def test_the_axis_of_concentration_is_logarithmic_says_so_and_labels_its_end(figures: list[Any]) -> None:
    document = recorded("day-2025-01-12") | {"lead": {"form": "unknown", "finding": None}}
    last = document["catalogues"][0]["curve"][-1][0]
    png.draw_card(document)
    axes = figures[0].axes[1]
    assert axes.get_xscale() == "log" and [round(tick) for tick in axes.get_xticks()] == [1, last]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["top 1", f"all {last:,}"]
    assert_apart(axes.get_xticklabels() + axes.get_yticklabels())
    assert "log scale" in [text.get_text() for text in texts(figures[0])]
    svg = charts.concentration_svg(document["catalogues"][0])
    assert f">all {last:,}</text>" in svg and ">log scale</text>" in svg


def test_the_ranks_of_a_week_follow_a_change_among_the_most_used(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["ranks"]).alt
    assert (
        f"Ranks by runs of each day, 6 to 12 January 2025. {FLUX}: below 25, below 25, unknown, below 25, 24, 21, 3."
        in alt
    )
    assert "meta/meta-llama-3-8b-instruct: 2." in alt
    said = [text.get_text() for text in texts(figures[0])]
    assert said.count("1") == 1 and FLUX in said and "6 Jan" in said and "12 Jan" in said
    # Four models, each broken by the unknown third day: eight lines, each with its dots.
    assert len([line for line in lines(figures[0]) if line.get_linestyle() != "None"]) == 8


def test_a_model_that_left_the_ten_most_used_ends_below_them_with_its_exact_rank(figures: list[Any]) -> None:
    ranks = [*RANKS[:2], {"top": None, "ranks": [4, 4, None, 4, 4, 4, None]}]
    alt = draw_picture(story("top", "top_ten_exit", ranks=ranks, model=FLUX, rank=43, rank_before=4)).alt
    assert f"{FLUX}: 4, 4, unknown, 4, 4, 4, 43." in alt
    assert "43" in [text.get_text() for text in texts(figures[0])]


def test_an_unknown_day_breaks_the_line_of_a_model(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["line"]).alt
    lines = [list(line.get_ydata()) for line in figures[0].axes[0].lines]
    assert lines[:2] == [[458, 287], [744772, 2429713, 1_200_000, 170]]
    assert "Unknown on 8 Jan." in alt and "2,429,713 runs on 10 January 2025" in alt


def test_the_peak_of_the_story_is_labelled_also_where_an_earlier_day_had_more(figures: list[Any]) -> None:
    series = [{"day": f"2025-01-{day:02}", "uses": uses} for day, uses in enumerate([9_000_000, 20, 5_000_000, 170], 9)]
    draw_picture(story("mover", "passing_surge", series, peak_day="2025-01-11"))
    shown = [text.get_text() for text in texts(figures[0])]
    assert "5 million" in shown and "170" in shown and "9 million" not in shown


def test_a_monthly_picture_names_months(figures: list[Any]) -> None:
    def monthly(document: dict[str, Any]) -> None:
        document.update(period="month", day="2024-12-01")
        document["periods"] = [
            {"day": f"2024-{month}-01", "models_used": used, "models_listed": 3000}
            for month, used in (("10", 2100), ("11", None), ("12", 2300))
        ]

    alt = draw_picture(changed("week-2025-01-06", monthly)).alt
    shown = [text.get_text() for text in texts(figures[0])]
    assert "October 2024" in shown and "December 2024" in shown
    assert "Used: October 2024: 2,100, December 2024: 2,300; November 2024: unknown." in alt


def test_a_weekly_picture_draws_weeks(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["periods"]).alt
    assert [round(bar.get_height()) for bar in figures[0].axes[0].patches if abs(bar.get_width() - 0.78) < 1e-6] == [
        1588,
        1597,
        1699,
    ]
    assert "1,699 on 6 Jan" in alt and "unknown on 16 Dec" in alt


def test_a_hidden_name_is_not_in_a_picture_or_its_alt_text(figures: list[Any]) -> None:
    for kind in ("top", "ranks"):
        assert FLUX in draw_picture(STORIES[kind]).alt
        alt = draw_picture(STORIES[kind], "en", (FLUX,)).alt
        assert FLUX not in alt and not any(FLUX in text.get_text() for text in texts(figures[-1]))


def test_a_mover_without_known_days_has_dots(figures: list[Any]) -> None:
    assert picture_kind(story("mover", "model_move", SERIES[:2])) != "line"
