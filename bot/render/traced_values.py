"""Values of a document as templates get them: each number and text is marked as the document's own.

Arithmetic on a marked number gives a plain one, which no filter shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def trace_values(value: Any, at_least: bool = False, traced: dict[int, Any] | None = None) -> Any:
    """A document (or a part of one) with every number and text marked as its own. `at_least`: the part's numbers are
    lower bounds. `traced`: what was marked before, by identity, since a part may stand in several places."""
    match value:
        case bool() | None | Markup() | Message() | LinkedName():
            return value
        case str():
            return TracedStr(value)
        case int():
            return LeastWhole(value) if at_least else TracedInt(value)
        case float():
            return LeastPart(value) if at_least else TracedFloat(value)
        case Mapping() | list() | tuple():
            traced = {} if traced is None else traced
            if id(value) not in traced:
                traced[id(value)] = _trace_parts(value, traced)
            return traced[id(value)]
    return value


def _trace_parts(value: Mapping[Any, Any] | Sequence[Any], traced: dict[int, Any]) -> Any:
    if not isinstance(value, Mapping):
        return [trace_values(held, traced=traced) for held in value]
    # A place among what is known is no bound.
    least = value.get("at_least") is True
    return {key: trace_values(held, least and key != "rank", traced) for key, held in value.items()}
