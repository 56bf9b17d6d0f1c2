"""A question as a value: which one, with which options, which page; and how it is written into a button.

Questions and their options are those of `bot.queries`, read from its functions, so that none can be left out here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from bot import queries
from bot.queries import QueryContext, QueryError
from bot.queries.model_queries import IDLE_ROWS
from bot.records import Document, PeriodName, SafeName

ASKED: Mapping[str, Callable[..., Document]] = MappingProxyType(
    {
        "usage": queries.usage,
        "inventory": queries.inventory,
        "model": queries.model,
        "top": queries.top,
        "idle": queries.idle,
        "compare": queries.compare,
        "trend": queries.trend,
        "digest": queries.digest,
        "why": queries.why,
        "method": queries.method,
        "status": queries.status,
        "about": queries.about,
    }
)
IDLE_SHOWN = 10
"""Idle models on a page in Discord."""
MODELS = ("name", "a", "b")
"""Options that name a model, and may be too long for a button."""
LONGEST_ID = 100
"""Characters of a button's id (components/reference, `custom_id`)."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asked: options as text, only those that were given."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    page: int = 0

    def with_options(self, **options: str | None) -> Query:
        """The same question asked otherwise, from its first page; `None` takes an option away."""
        changed = {key: value for key, value in {**self.options, **options}.items() if value is not None}
        return replace(self, options=changed, page=0)

    def find_answer(self, desk: QueryContext) -> Document:
        """Ask it. Raises `QueryError`."""
        asks = ASKED[self.name]
        given = {key: _parse_option(key, value) for key, value in self.options.items()}
        if self.name == "idle":
            given["page"] = self.page * IDLE_SHOWN // IDLE_ROWS + 1
        if "network" in query_options(self.name):
            given.setdefault("network", None)
        return asks(desk, **given)


def query_options(name: str) -> tuple[str, ...]:
    """The options of a question, in the order of `bot.queries`; pages are turned with buttons."""
    return tuple(key for key in inspect.signature(ASKED[name]).parameters if key not in ("desk", "page"))


def query_summary(name: str) -> str:
    """What a question answers, in one line."""
    return (inspect.getdoc(ASKED[name]) or "").splitlines()[0]


def _parse_option(key: str, value: str) -> Any:
    if key == "day":
        return parse_day(value)
    if key in ("days", "edition"):
        if not re.fullmatch(r"[0-9]{1,6}", value):
            raise QueryError(f"{key}: found {SafeName(value)!s:.40}, wanted a whole number")
        return int(value)
    if key == "period" and value not in get_args(PeriodName):
        raise QueryError(f"period: found {SafeName(value)!s:.40}, wanted one of {', '.join(get_args(PeriodName))}")
    return value


def parse_day(text: str) -> date:
    """A day written as YYYY-MM-DD. Raises `QueryError`."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise QueryError(f"day: found {SafeName(text)!s:.40}, wanted a UTC day as YYYY-MM-DD")


def button_id(question: Query, place: int) -> str | None:
    """A question as a button's id; `None` where it is too long for one. `place` tells buttons of a message apart."""
    text = f"ask:{place}:{question.name}:{question.page}:{urlencode(question.options, safe='~/')}"
    return text if len(text) <= LONGEST_ID else None


WRITTEN = r"ask:(?P<place>[0-9]{1,2}):(?P<name>[a-z]{1,20}):(?P<page>[0-9]{1,4}):(?P<options>[^:]*)"


def query_from_button(match: re.Match[str]) -> Query:
    """The question that a button's id holds. Raises `QueryError` for one that is asked no more."""
    name, options = match["name"], dict(parse_qsl(match["options"]))
    if name not in ASKED or not set(options) <= set(query_options(name)):
        raise QueryError("this button is of an older version; ask again")
    return Query(name, options, int(match["page"]))
