"""Values of a document as templates get them: each number and text is marked as the document's own.

Arithmetic on a marked number gives a plain one, which no filter shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from bot.records import Message


class TracedInt(int):
    """An integer from a document. Arithmetic on it gives a plain `int`, which no filter shows."""

    __slots__ = ()


class TracedFloat(float):
    """A float from a document."""

    __slots__ = ()


class LeastWhole(TracedInt):
    """A lower bound from a document, as an integer; every filter shows that."""

    __slots__ = ()


class LeastPart(TracedFloat):
    """A lower bound from a document, as a float."""

    __slots__ = ()


class TracedStr(str):
    """Text from a document."""

    __slots__ = ()


class LinkedName(TracedStr):
    """A name from a document that pages show as a link."""

    __slots__ = ("link",)
    link: str

    def __new__(cls, name: str, link: str) -> LinkedName:
        linked = super().__new__(cls, name)
        linked.link = link
        return linked


class TracedMapping(Mapping[Any, Any]):
    """A mapping of a document. A value is marked when a template first looks at it, because a post shows few."""

    __slots__ = ("_at_least", "_marked", "_values")

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self._values = values
        self._marked: dict[Any, Any] = {}
        self._at_least = values.get("at_least") is True

    def __getitem__(self, key: Any) -> Any:
        try:
            return self._marked[key]
        except KeyError:
            # A place among what is known is no bound.
            marked = self._marked[key] = trace_values(self._values[key], self._at_least and key != "rank")
            return marked

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __repr__(self) -> str:
        return repr(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def trace_values(value: Any, at_least: bool = False) -> Any:
    """A document (or a part of one) with every number and text marked as its own. `at_least`: the part's numbers are
    lower bounds."""
    match value:
        case bool() | None | Markup() | Message() | LinkedName():
            return value
        case str():
            return TracedStr(value)
        case int():
            return LeastWhole(value) if at_least else TracedInt(value)
        case float():
            return LeastPart(value) if at_least else TracedFloat(value)
        case Mapping():
            return TracedMapping(value)
        case list() | tuple():
            return [trace_values(held) for held in value]
    return value
