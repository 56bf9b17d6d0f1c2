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

from bot.queries import compare_queries, group_queries, list_queries, model_queries, network_queries
from bot.queries.context import QueryError
from bot.queries.list_queries import MOST_NEW_DAYS, NEW_DAYS
from bot.queries.model_queries import BY, MOST_IDLE_DAYS
from bot.queries.network_queries import MOST_DAYS, MOST_EDITIONS
from bot.records import Document, PeriodName, SafeName
from bot.records.messages import MESSAGES, message

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
    """The path below /api, if it is not the name."""

    @property
    def summary(self) -> str:
        """What it answers, in one line."""
        return (inspect.getdoc(self.answer) or "").splitlines()[0]

    @property
    def address(self) -> str:
        """Its path in the API, with options in braces."""
        return f"/api/{self.path or self.name}"

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


def _by_name(*queries: QuerySpec) -> Mapping[str, QuerySpec]:
    return MappingProxyType({query.name: query for query in queries})


QUERIES = _by_name(
    QuerySpec("usage", network_queries.usage, (NETWORK, PERIOD, DAY)),
    QuerySpec("inventory", network_queries.inventory, (NETWORK, DAY)),
    QuerySpec("model", model_queries.model, (_MODEL, NETWORK, DAY), "model/{model}"),
    QuerySpec("top", model_queries.top, (_BY, NETWORK, PERIOD, DAY)),
    QuerySpec("idle", model_queries.idle, (_IDLE_DAYS, _PAGE, NETWORK, DAY)),
    QuerySpec("compare", compare_queries.compare, (*_SIDES, NETWORK, PERIOD, DAY)),
    QuerySpec("new", list_queries.new, (_NEW_DAYS, _PAGE, NETWORK, DAY)),
    QuerySpec("records", list_queries.records, (NETWORK, DAY)),
    QuerySpec("author", group_queries.author, (_AUTHOR, NETWORK, PERIOD, DAY), "author/{author}"),
    QuerySpec("category", group_queries.category, (_CATEGORY, NETWORK, PERIOD, DAY), "category/{category}"),
    QuerySpec("trend", network_queries.trend, (_METRIC, _DAYS, NETWORK), "trend/{metric}"),
    QuerySpec("digest", network_queries.digest, (NETWORK, PERIOD, DAY, _EDITION)),
    QuerySpec("why", model_queries.why, (NETWORK, DAY)),
    QuerySpec("method", network_queries.method, (_METRIC,), "method/{metric}"),
    QuerySpec("networks", network_queries.networks, (replace(DAY, description=_WEEK, help=f"{_WEEK}."),)),
    QuerySpec("status", network_queries.status),
    QuerySpec("about", network_queries.about),
)
"""Queries that every interface has."""
API_QUERIES = _by_name(
    *QUERIES.values(),
    QuerySpec("metrics", network_queries.metric_definitions),  # type: ignore[arg-type]  # It returns a list.
    QuerySpec(
        "digests",
        network_queries.kept_digests,
        (replace(NETWORK, description="A network", required=True), PERIOD),
        "{network}/digests",
    ),
)
"""Those, and the ones that only programs use."""
