"""Pictures of answers: lines by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bot import charts, platform_limits
from bot.i18n import LANGUAGES
from bot.records import PeriodName
from tests.charts.pictures import (
    assert_readable,
    texts,
)


def line_chart(*lines: list[int | None], unit: str = "runs", locale: str = "en") -> charts.LineChart:
    """Lines by day from 1 January 2025."""
    named = tuple(
        charts.NamedLine(f"owner/model-{place}", [(date(2025, 1, day), value) for day, value in enumerate(line, 1)])
        for place, line in enumerate(lines, 1)
    )
    words = ("Title", "Replicate: Runs by day", "Runs as reported by Replicate. Read on 2025-01-13.", "Replicate")
    return charts.LineChart("model.png", *words, unit, named, locale)


LINES = ([5, 7, None, 0, 9, 12, 40], [7, 7, None, None, 9, 12, 41])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 2])
def test_the_picture_of_an_answer_is_readable_in_every_language(
    count: int, language: str, lines_drawn: list[Any]
) -> None:
    picture = charts.draw_lines(line_chart(*LINES[:count], locale=language))
    assert_readable(lines_drawn[0])
    shown = " ".join(text.get_text() for text in texts(lines_drawn[0]))
    assert "Footfall" in shown and "2025-01-13" in shown and "\u25a1" not in shown and "Runs by day" in shown
    assert 50 < len(picture.alt) <= platform_limits.ALT_TEXT


def test_the_alt_text_of_a_line_names_its_ends_the_unknown_and_its_source() -> None:
    alt = charts.draw_lines(line_chart(LINES[0])).alt
    assert alt.startswith("Title. Replicate: Runs by day, 1 to 7 January 2025, one line.")
    assert "5 runs on 1 January 2025, 0 runs on 4 January 2025, 40 runs on 7 January 2025." in alt
    assert "Unknown on 3 Jan." in alt and alt.endswith("Source: Replicate.")


def test_two_lines_are_named_and_a_day_unknown_for_both_is_shaded(lines_drawn: list[Any]) -> None:
    alt = charts.draw_lines(line_chart(*LINES)).alt
    assert "owner/model-1: 5 runs on 1 January 2025" in alt and "owner/model-2: 7 runs on 1 January 2025" in alt
    shown = [text.get_text() for text in texts(lines_drawn[0])]
    # Their ends are too near to one another for both values: the higher one is written.
    assert {"owner/model-1", "owner/model-2", "41", "unknown"} <= set(shown) and "40" not in shown
    axes = lines_drawn[0].axes[0]
    assert [list(line.get_ydata()) for line in axes.lines[:4]] == [[5, 7], [0, 9, 12, 40], [7, 7], [9, 12, 41]]


def test_names_without_end_stay_inside_the_picture(lines_drawn: list[Any]) -> None:
    chart = line_chart(*LINES)
    named = tuple(charts.NamedLine(f"owner/{'x' * 120}", line.points) for line in chart.lines)
    charts.draw_lines(replace(chart, lines=named, title="y" * 400))
    assert_readable(lines_drawn[0])
    assert any(text.get_text().endswith("x…") for text in texts(lines_drawn[0]))


def test_fewer_than_three_known_days_are_no_line() -> None:
    known = [(date(2025, 1, day), value) for day, value in enumerate([1, None, 2, None], 1)]
    assert not charts.is_drawable(known) and charts.is_drawable([*known, (date(2025, 1, 5), 0)])


@pytest.mark.parametrize(
    ("period", "days", "known", "unknown"),
    [
        (
            "week",
            [date(2025, 1, 6), date(2025, 1, 13), date(2025, 1, 20)],
            "6 to 12 January 2025",
            "13 to 19 January 2025",
        ),
        ("month", [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)], "January 2025", "February 2025"),
    ],
)
def test_weeks_and_months_are_named_as_such_and_not_filled_with_days(
    period: PeriodName, days: list[date], known: str, unknown: str
) -> None:
    points = list(zip(days, [100, None, 103], strict=True))
    lines = (charts.NamedLine("acme", points),)
    chart = charts.LineChart("author.png", "acme: 103 runs", "Runs", "", "Acme", "runs", lines, "en", period)
    alt = charts.draw_lines(chart).alt
    assert f"{known}: 100 runs" in alt and f"{unknown}: unknown." in alt and "Unknown on" not in alt
