"""The lines of answers: models, two that are compared, a metric; what is unknown, unused and not yet listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot import charts, queries
from bot.discord_bot.answer_lines import answer_chart
from bot.queries import QueryContext
from tests import query_contexts
from tests.query_contexts import DAYS, MISSING, NEWEST

ONE_DAY = timedelta(days=1)
MODEL, OTHER, IDLE, NEW = "owner0/model-0", "owner1/model-1", "idle/model-3", "idle/model-105"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    with query_contexts.desk(tmp_path_factory.mktemp("world")) as opened:
        yield opened


def chart_of(desk: QueryContext, name: str, day: Any = None, locale: str = "en") -> charts.LineChart | None:
    return answer_chart(desk, "model", queries.model(desk, name, None, day), locale)


def test_a_model_has_a_line_with_gaps_where_its_use_is_unknown(desk: QueryContext) -> None:
    chart = chart_of(desk, MODEL)
    assert chart is not None
    (line,) = chart.lines
    unknown = [day for day, uses in line.points if uses is None]
    assert dict(line.points)[NEWEST] == 4000 and {MISSING, MISSING + ONE_DAY} <= set(unknown)
    assert chart.title == f"{MODEL}: 4,000 runs on 10 March 2025" and chart.heading == "Replicate: Runs by day"
    assert chart.foot == "Runs as reported by Replicate. Read on 2025-03-11."


def test_a_known_day_without_use_is_zero(desk: QueryContext) -> None:
    chart = chart_of(desk, IDLE)
    assert chart is not None
    assert {uses for _, uses in chart.lines[0].points} == {0, None}


def test_a_model_has_no_days_before_it_was_listed_and_too_few_days_are_no_picture(desk: QueryContext) -> None:
    assert chart_of(desk, NEW) is None
    chart = chart_of(desk, "idle/model-101")
    assert chart is not None and min(day for day, _ in chart.lines[0].points) == DAYS[2]
    assert chart_of(desk, MODEL, DAYS[2]) is None


def test_two_models_are_two_lines_and_things_of_different_units_are_not_compared(desk: QueryContext) -> None:
    answer = queries.compare(desk, MODEL, OTHER)
    chart = answer_chart(desk, "compare", answer, "en")
    assert chart is not None and [line.name for line in chart.lines] == [MODEL, OTHER]
    assert [dict(line.points)[NEWEST] for line in chart.lines] == [4000, 2000]
    assert chart.title == f"{MODEL} and {OTHER}" and chart.source == "Replicate, reported"
    assert answer_chart(desk, "compare", {**answer, "comparable": False}, "en") is None


def test_two_networks_are_compared_by_the_models_that_were_used(desk: QueryContext) -> None:
    chart = answer_chart(desk, "compare", queries.compare(desk, "replicate", "replicate"), "en")
    assert chart is not None and chart.unit == "models" and chart.heading == "Models used by day"
    days = charts.history_days(desk.find_digest("replicate")["catalogues"][0])
    assert list(chart.lines[0].points) == [(day.day, day.used) for day in days]


def test_the_words_of_a_line_are_in_the_language_of_who_asks(desk: QueryContext) -> None:
    trend = queries.trend(desk, "models_used", None)
    chart = answer_chart(desk, "trend", trend, "zh-CN")
    assert chart is not None and chart.locale == "zh-CN" and "模型" in chart.title and "读取" in chart.foot
    assert answer_chart(desk, "status", {}, "en") is None
