"""The declarations of queries: the options of each, and that its function takes the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bot import cli, queries
from bot.lazy_imports import listed_imports
from bot.queries import QueryContext, QueryError
from bot.queries.registry import API_QUERIES, LIMIT, OFFSET, QUERIES, QuerySpec, parse_day

PAGE = (LIMIT.name, OFFSET.name)


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    first, *rest = inspect.signature(function).parameters.values()
    assert QueryContext.__name__ in str(first.annotation)
    return {parameter.name: parameter for parameter in rest}


@pytest.mark.parametrize("query", API_QUERIES.values(), ids=lambda query: query.name)
def test_a_function_takes_the_options_of_its_question_with_the_same_defaults(query: QuerySpec) -> None:
    parameters = _parameters(query.answer)
    options = [option for option in query.options if option.name not in PAGE or option.name in parameters]
    assert {option.name for option in options} == set(parameters)
    for option in options:
        default = parameters[option.name].default
        assert default in (inspect.Parameter.empty, option.default), option.name


def test_every_function_that_answers_is_declared() -> None:
    offered = (getattr(queries, name) for name in listed_imports(queries.__file__))
    functions = [value for value in offered if inspect.isfunction(value)]
    answers = {query.answer for query in (*QUERIES.values(), *API_QUERIES.values())}
    assert set(functions) == {*answers, queries.metric_definitions}


def test_the_command_line_lists_every_question() -> None:
    """`health` is also the probe of a container, so `health sources` asks the question."""
    assert set(cli.COMMANDS["query_commands"]) == {*QUERIES, "show"} - {"health"} and {*QUERIES} < set(cli.SUMMARIES)


def test_options_are_parsed_and_the_others_have_their_defaults() -> None:
    digest = QUERIES["digest"]
    assert digest.parse_options({"day": "2025-03-01", "period": "week", "edition": "2"}) == {
        "network": None,
        "period": "week",
        "day": date(2025, 3, 1),
        "edition": 2,
    }
    assert QUERIES["idle"].parse_options({}) == {"days": 7, "page": 1, "network": None, "day": None}


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("usage", {"day": "1 March"}, "day: found 1 March, wanted a UTC day as YYYY-MM-DD"),
        ("usage", {"day": ""}, "day: found , wanted a UTC day as YYYY-MM-DD"),
        ("usage", {"period": "year"}, "period: found year, wanted one of day, week, month"),
        ("idle", {"days": "seven"}, "days: found seven, wanted a whole number"),
        ("idle", {"page": "-1"}, "page: found -1, wanted a whole number"),
        ("idle", {"days": "9" * 50}, f"days: found {'9' * 40}, wanted a whole number"),
        ("compare", {"model": "acme/first"}, "other: not given, and nothing can be answered without it"),
    ],
)
def test_a_text_that_is_no_value_is_refused_in_a_sentence(name: str, given: dict[str, str], sentence: str) -> None:
    with pytest.raises(QueryError) as refused:
        QUERIES[name].parse_options(given)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "text", ["", "20250310", "2025-W10-1", "2025-02-30", "2025-03-10\n", "\u0662\u0660\u0662\u0665-03-10"]
)
def test_only_one_spelling_of_a_day_is_understood(text: str) -> None:
    assert parse_day(text) is None and parse_day("2025-03-10") == date(2025, 3, 10)
