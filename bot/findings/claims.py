"""What a finding is: a typed claim that can be checked again, and how newsworthy it is.

A claim's fields are what its text may say. It is made from one book and holds, or not, in any book of the same period:
the same one, or one with a longer history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Protocol

from bot.metrics import FigureDocument
from bot.records import Book, PeriodName, Unknown

ONE = timedelta(days=1)


class Claim(Protocol):
    """A sentence about one catalogue and period, without its words."""

    key: ClassVar[str]
    """Of the template that words it."""

    def holds(self, book: Book) -> bool:
        """Whether the book bears it out, by counting again."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A claim with its newsworthiness, 0 to 1."""

    score: float
    claim: Claim


@dataclass(frozen=True, slots=True)
class Page:
    """What claims are made from: a book and the figures its digest gives."""

    book: Book
    figures: Mapping[str, FigureDocument]

    def value(self, key: str) -> int | float | None:
        """A figure's value, `None` where it is unknown or where this period has no such figure."""
        figure = self.figures.get(key)
        value = figure["value"] if figure else None
        return None if isinstance(value, str) else value

    def count(self, key: str) -> int | None:
        """A counted figure's value."""
        value = self.value(key)
        return value if isinstance(value, int) else None


Candidates = Callable[[Page], Iterator[Found]]

CANDIDATES: list[tuple[frozenset[PeriodName], Candidates]] = []
"""Every function that looks for findings, with the periods that it looks at."""


def looks_at(periods: frozenset[PeriodName]) -> Callable[[Candidates], Candidates]:
    """Register a function that looks for findings."""

    def register(candidates: Candidates) -> Candidates:
        CANDIDATES.append((periods, candidates))
        return candidates

    return register


def unit_of(book: Book, metric: str) -> str:
    """The unit of a counted series."""
    return book.catalogue.unit if metric == "uses" else "models"


def series(book: Book, metric: str) -> dict[date, int]:
    """The known days of a book's history; `metric` is a field of `records.Point`."""
    known = ((point.day, getattr(point, metric)) for point in book.history)
    return {day: value for day, value in known if value is not None}


def begins(book: Book, metric: str) -> date | None:
    """The first day on which a series could be known: a flow needs a reading at both ends of its day."""
    if book.watched_since is None:
        return None
    return book.watched_since if metric == "models_listed" else book.watched_since + ONE


def use_by_name(book: Book) -> dict[str, int]:
    """Uses of the period by model name, models listed at its end only; empty where not known."""
    if isinstance(book.flow, Unknown) or isinstance(book.listed, Unknown):
        return {}
    used = book.flow.by_model
    return {str(model.name): used[model.id] for model in book.listed if model.id in used}
