"""Every query, declared once: its options, the function that answers it, its texts.

The command line, the slash commands, the JSON API and their documentation are derived from these declarations, so that
a query has the same options, limits and answer everywhere.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Literal, NoReturn, get_args

from bot.queries import (
    compare_queries,
    group_queries,
    health_queries,
    list_queries,
    metric_queries,
    model_lists,
    model_queries,
    network_queries,
    paging,
)
from bot.queries.context import QueryContext, QueryError
from bot.queries.list_queries import MOST_NEW_DAYS, NEW_DAYS
from bot.queries.metric_queries import MOST_DAYS
from bot.queries.model_queries import BY, MOST_IDLE_DAYS
from bot.queries.network_queries import MOST_EDITIONS
from bot.records import Document, PeriodName, SafeName
from bot.records.messages import MESSAGES, message

API = "/api/v1"
"""The API's first and only version."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class QueryOption:
    """An option of a query."""

    name: str
    kind: Literal[
        "author", "category", "choice", "day", "metric", "model", "model or network", "network", "number", "period"
    ]
    description: str
    """For Discord and the API's description."""
    help: str | None = None
    """For the command line, which adds the default."""
    required: bool = False
    default: str | int | None = None
    choices: tuple[str, ...] = ()
    limits: tuple[int, int | None] = (1, None)
    """Of a number: the least and the greatest."""
    former: str = ""
    """The name under which it was published before; the API and buttons still accept it."""

    @property
    def is_model(self) -> bool:
        """Whether its value is a model's name."""
        return self.kind in ("model", "model or network")

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of its value, for OpenAPI and MCP."""
        schema: dict[str, Any] = {"type": "integer" if self.kind == "number" else "string"}
        if self.kind == "number":
            limits = zip(("minimum", "maximum"), self.limits, strict=True)
            schema |= {key: limit for key, limit in limits if limit is not None}
        if self.kind == "day":
            schema["format"] = "date"
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.default is not None:
            schema["default"] = self.default
        return schema

    @property
    def is_foreign(self) -> bool:
        """Whether its value is a name that a network gave, which may hold anything."""
        return self.is_model or self.kind in ("author", "category")

    @property
    def index(self) -> Literal["model", "author", "category"]:
        """Which names complete it."""
        return self.kind if self.kind in ("author", "category") else "model"

    def parse(self, text: str) -> str | int | date:
        """Parse its value. Raises `QueryError`; the query's function checks limits and choices."""
        if self.kind == "day":
            return parse_day(text) or self._refuse(text, "a UTC day as YYYY-MM-DD")
        if self.kind == "number":
            return int(text) if _NUMBER.fullmatch(text) else self._refuse(text, "a whole number")
        if self.kind == "period" and text not in self.choices:
            self._refuse(text, f"one of {', '.join(self.choices)}")
        return text

    def _refuse(self, text: str, wanted: str) -> NoReturn:
        text_text, code = f"{SafeName(text)!s:.40}", f"bad_{self.name}"
        known = code in MESSAGES and message(code, name=text_text, rest=", ".join(self.choices))
        raise QueryError(known or f"{self.name}: found {text_text}, wanted {wanted}")


def parse_day(text: str) -> date | None:
    """A day written as YYYY-MM-DD; other forms of ISO 8601 are refused."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """A query."""

    name: str
    answer: Callable[..., Document]
    """Takes a `QueryContext` and the options by name; the first line of its docstring is the summary."""
    options: tuple[QueryOption, ...] = ()
    """In the order of the command line and the API."""
    path: str = ""
    """The path below /api/v1, if it is not the name."""
    rows: str = ""
    """The key of the answer's list, which the API and MCP page; empty if it has none."""
    table: str = ""
    """The key of another list that the API gives as CSV: its rows, or the figures of each of its objects. Beside
    `rows`, the key of a list inside each of those."""

    @property
    def summary(self) -> str:
        """What it answers, in one line."""
        return (inspect.getdoc(self.answer) or "").splitlines()[0]

    @property
    def address(self) -> str:
        """Its path in the API, with options in braces."""
        return f"{API}/{self.path or self.name}"

    @property
    def is_per_network(self) -> bool:
        """Whether each network has its own answer. A name that a network gave already determines it."""
        return NETWORK in self.options and not any(option.is_foreign for option in self.options)

    def rename_former(self, given: Mapping[str, str]) -> dict[str, str]:
        """Texts by the present names of their options; a present name counts before a former one."""
        present = {option.former: option.name for option in self.options if option.former}
        renamed = {present[key]: text for key, text in given.items() if key in present}
        return renamed | {key: text for key, text in given.items() if key not in present}

    def parse_options(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The values of all options, from their texts. Raises `QueryError`."""
        values: dict[str, Any] = {}
        given = self.rename_former(given)
        for option in self.options:
            text = given.get(option.name)
            if text is None and option.required:
                raise QueryError(f"{option.name}: not given, and nothing can be answered without it")
            values[option.name] = option.default if text is None else option.parse(text)
        return values

    def answer_page(self, desk: QueryContext, given: Mapping[str, str]) -> Document:
        """The answer to options given as texts, with a page of its list. Raises `QueryError`."""
        values = self.parse_options(given)
        if not self.rows:
            return self.answer(desk, **values)
        paging.require_page(values["limit"], values["offset"])
        if "limit" in inspect.signature(self.answer).parameters:
            return self.answer(desk, **values)
        limit, offset = values.pop("limit"), values.pop("offset")
        return paging.cut_page(self.answer(desk, **values), self.rows, limit, offset)


NETWORK = QueryOption(
    "network",
    "network",
    "One network; the first one watched by default",
    "One network; each configured one by default.",
)
PERIOD = QueryOption(
    "period",
    "period",
    "The kind of period; day by default",
    "The kind of period.",
    default="day",
    choices=get_args(PeriodName),
)
DAY = QueryOption(
    "day", "day", "A UTC day, YYYY-MM-DD; the newest by default", "A UTC day, YYYY-MM-DD; the newest by default."
)
_WEEK = "A UTC day of the week, YYYY-MM-DD; the newest by default"
_METRIC = QueryOption("metric", "metric", "What is counted", required=True)
_MODEL = QueryOption("model", "model", "A model's name", required=True, former="name")
_SIDES = (
    QueryOption("model", "model or network", "A model or a network", required=True, former="a"),
    QueryOption("other", "model or network", "Another model or network", required=True, former="b"),
)
_AUTHOR = QueryOption("author", "author", "An author of models", required=True)
_CATEGORY = QueryOption("category", "category", "A category of models", required=True)
_BY = QueryOption("by", "choice", "What they are ordered by; uses by default", default=BY[0], choices=BY)
_DAYS = QueryOption("days", "number", "How many days", "Days to show.", default=30, limits=(1, MOST_DAYS))
_IDLE_DAYS = replace(_DAYS, help="Days without a use.", default=7, limits=(1, MOST_IDLE_DAYS))
_NEW_DAYS = replace(_DAYS, help="Days in which they came.", default=NEW_DAYS, limits=(1, MOST_NEW_DAYS))
_PAGE = QueryOption("page", "number", "Which hundred of them", "Which hundred of them.", default=1)
_EDITION = QueryOption(
    "edition",
    "number",
    "An older edition; the newest by default.",
    "An older edition; the newest by default.",
    limits=(1, MOST_EDITIONS),
)


LIMIT = QueryOption(
    "limit", "number", "Most rows of the list", default=paging.DEFAULT_LIMIT, limits=(1, paging.MAX_LIMIT)
)
OFFSET = QueryOption("offset", "number", "Rows of the list to leave out", default=0, limits=(0, paging.MAX_OFFSET))
_SINCE = QueryOption("since", "day", "The first UTC day, YYYY-MM-DD; with it, days has no effect")
_UNTIL = QueryOption("until", "day", "The last UTC day, YYYY-MM-DD; the newest by default")


def _by_name(*queries: QuerySpec) -> Mapping[str, QuerySpec]:
    return MappingProxyType({query.name: query for query in queries})


def _with_page(query: QuerySpec) -> QuerySpec:
    """Lists of models are long, and come a hundred at a time."""
    limit = LIMIT if query.rows == "models" else replace(LIMIT, default=paging.MAX_LIMIT)
    return replace(query, options=(*query.options, limit, OFFSET)) if query.rows else query


QUERIES = _by_name(
    QuerySpec("usage", network_queries.usage, (NETWORK, PERIOD, DAY), table="catalogues"),
    QuerySpec("inventory", network_queries.inventory, (NETWORK, DAY), table="catalogues"),
    QuerySpec("model", model_queries.model, (_MODEL, NETWORK, DAY), "model/{model}", rows="days"),
    QuerySpec("top", model_queries.top, (_BY, NETWORK, PERIOD, DAY), rows="models"),
    QuerySpec("idle", model_queries.idle, (_IDLE_DAYS, _PAGE, NETWORK, DAY), rows="models"),
    QuerySpec("compare", compare_queries.compare, (*_SIDES, NETWORK, PERIOD, DAY), table="sides"),
    QuerySpec("new", list_queries.new, (_NEW_DAYS, _PAGE, NETWORK, DAY), rows="models"),
    QuerySpec("records", list_queries.records, (NETWORK, DAY), rows="records"),
    QuerySpec("author", group_queries.author, (_AUTHOR, NETWORK, PERIOD, DAY), "author/{author}", rows="periods"),
    QuerySpec(
        "category", group_queries.category, (_CATEGORY, NETWORK, PERIOD, DAY), "category/{category}", rows="periods"
    ),
    QuerySpec("trend", metric_queries.trend, (_METRIC, _DAYS, NETWORK), "trend/{metric}", rows="days"),
    QuerySpec("digest", network_queries.digest, (NETWORK, PERIOD, DAY, _EDITION), table="catalogues"),
    QuerySpec("why", model_queries.why, (NETWORK, DAY), table="movers"),
    QuerySpec("method", metric_queries.method, (_METRIC,), "method/{metric}"),
    QuerySpec(
        "networks", network_queries.networks, (replace(DAY, description=_WEEK, help=f"{_WEEK}."),), rows="networks"
    ),
    QuerySpec("status", network_queries.status),
    QuerySpec("health", health_queries.health, rows="networks", table="catalogues"),
    QuerySpec("about", network_queries.about, rows="networks"),
)
"""Queries that every interface has. The API pages each list that `rows` names."""
_OF_PROGRAMS = (
    replace(QUERIES["idle"], answer=model_queries.idle_models, options=(_IDLE_DAYS, NETWORK, DAY)),
    replace(QUERIES["new"], answer=list_queries.new_models, options=(_NEW_DAYS, NETWORK, DAY)),
    replace(QUERIES["trend"], answer=metric_queries.trend_between, options=(_METRIC, _DAYS, _SINCE, _UNTIL, NETWORK)),
    QuerySpec("models", model_lists.models, (NETWORK, PERIOD, DAY), rows="models"),
    QuerySpec("metrics", metric_queries.metrics, rows="metrics"),
    QuerySpec(
        "digests",
        network_queries.kept_digests,
        (replace(NETWORK, description="A network", required=True), PERIOD),
        "{network}/digests",
        rows="digests",
    ),
)
API_QUERIES = _by_name(*map(_with_page, {query.name: query for query in (*QUERIES.values(), *_OF_PROGRAMS)}.values()))
"""Those, and the ones that only programs use: the API and the MCP server."""
