"""A question as a value: which one, with which options, which page; and how it is written into a button."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from bot.i18n import N_
from bot.queries import QueryContext, QueryError
from bot.queries.model_queries import IDLE_ROWS
from bot.queries.registry import QUERIES, QueryOption
from bot.records import Document

IDLE_SHOWN = 10
"""Idle models on a page in Discord."""
MODELS = frozenset(option.name for query in QUERIES.values() for option in query.options if option.is_model)
"""Options that name a model, and may be too long for a button."""
LONGEST_ID = 100
"""Characters of a button's id (components/reference, `custom_id`)."""


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
        query = QUERIES[self.name]
        options = query.parse_options(self.options)
        if "page" in options:
            options["page"] = self.page * IDLE_SHOWN // IDLE_ROWS + 1
        return query.answer(desk, **options)


def query_options(name: str) -> dict[str, QueryOption]:
    """A question's options in Discord: what it needs, the network, the rest. Pages are turned with buttons."""
    options = sorted(QUERIES[name].options, key=lambda option: (not option.required, option.name != "network"))
    return {option.name: option for option in options if option.name != "page"}


def button_id(question: Query, place: int) -> str | None:
    """A question as a button's id; `None` where it is too long for one. `place` tells buttons of a message apart."""
    text = f"ask:{place}:{question.name}:{question.page}:{urlencode(question.options, safe='~/')}"
    return text if len(text) <= LONGEST_ID else None


WRITTEN = r"ask:(?P<place>[0-9]{1,2}):(?P<name>[a-z]{1,20}):(?P<page>[0-9]{1,4}):(?P<options>[^:]*)"


def query_from_button(match: re.Match[str]) -> Query:
    """The question that a button's id holds. Raises `QueryError` for one that is asked no more."""
    name, options = match["name"], dict(parse_qsl(match["options"]))
    if name not in QUERIES or not options.keys() <= query_options(name).keys():
        raise QueryError(N_("this button is of an older version; ask again"))
    return Query(name, options, int(match["page"]))
