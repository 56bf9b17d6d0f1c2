"""A query as a value: its name, options and page; and its form as a button's id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from bot.queries import QueryContext, QueryError
from bot.queries.model_queries import IDLE_ROWS
from bot.queries.registry import QUERIES, QueryOption
from bot.records import Document

IDLE_SHOWN = 10
"""Idle models per page in Discord."""
MODELS = frozenset(option.name for query in QUERIES.values() for option in query.options if option.is_model)
"""Options whose value is a model's name, which may be too long for a button."""
LONGEST_ID = 100
"""Most characters of a button's id (components/reference, `custom_id`)."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its options as text, without those that were not given."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    page: int = 0

    def with_options(self, **options: str | None) -> Query:
        """The same query with other options, from its first page; `None` removes an option."""
        changed = {key: value for key, value in {**self.options, **options}.items() if value is not None}
        return replace(self, options=changed, page=0)

    def find_answer(self, desk: QueryContext) -> Document:
        """Answer the query. Raises `QueryError`."""
        query = QUERIES[self.name]
        options = query.parse_options(self.options)
        if "page" in options:
            options["page"] = self.page * IDLE_SHOWN // IDLE_ROWS + 1
        return query.answer(desk, **options)


def query_options(name: str) -> dict[str, QueryOption]:
    """A query's options in Discord: required ones, the network, the others. Pages are changed by buttons."""
    options = sorted(QUERIES[name].options, key=lambda option: (not option.required, option.name != "network"))
    return {option.name: option for option in options if option.name != "page"}


def button_id(question: Query, place: int) -> str | None:
    """A query as a button's id; `None` if it is too long. `place` distinguishes the buttons of a message."""
    text = f"ask:{place}:{question.name}:{question.page}:{urlencode(question.options, safe='~/')}"
    return text if len(text) <= LONGEST_ID else None


WRITTEN = r"ask:(?P<place>[0-9]{1,2}):(?P<name>[a-z]{1,20}):(?P<page>[0-9]{1,4}):(?P<options>[^:]*)"


def query_from_button(match: re.Match[str]) -> Query:
    """The query of a button's id. Raises `QueryError` for one that no longer exists."""
    name, options = match["name"], dict(parse_qsl(match["options"]))
    if name not in QUERIES or not options.keys() <= query_options(name).keys():
        raise QueryError("this button is of an older version; ask again")
    return Query(name, options, int(match["page"]))
