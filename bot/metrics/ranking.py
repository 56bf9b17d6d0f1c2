"""The models of a book in order of their use: sorted once a book, read by everything that asks who carries how much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from bot.records import Book, Flow, Model, Unknown, few_named

NONE_NAMED = "none of the use names its model"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Uses of the models used in a period, listed at its end or not."""

    uses: int
    """All use of the period, also what names no model."""
    counts: tuple[int, ...]
    """Uses of each model, most used first."""
    running: tuple[int, ...]
    """Uses of the first 1, 2, ... models together."""

    @property
    def named(self) -> int:
        """Use that names its model."""
        return self.running[-1] if self.running else 0


@dataclass(frozen=True, slots=True)
class _Same:
    """A book as a cache key: equal only to itself, since comparing two books would cost more than ranking one."""

    book: Book

    def __hash__(self) -> int:
        return id(self.book)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.book is self.book


def named_flow(book: Book) -> Flow | Unknown:
    """The usage of the period; unknown where there was some and none of it names its model, and of verified use where
    less than half does."""
    flow = book.flow
    if isinstance(flow, Unknown):
        return flow
    if flow.uses and not flow.by_model:
        return Unknown(NONE_NAMED)
    return few_named(book.catalogue.evidence, flow.unattributed, flow.uses) or flow


def used_listed(book: Book) -> tuple[Model, ...] | Unknown:
    """The models listed at the end of the period with at least one use in it."""
    flow = named_flow(book)
    if isinstance(book.listed, Unknown):
        return book.listed
    if isinstance(flow, Unknown):
        return flow
    return tuple(model for model in book.listed if model.id in flow.by_model)


def ranking(book: Book) -> Ranking | Unknown:
    """Models used in the period, most used first; unknown where the usage is, or where none of it names its model."""
    return _ranking(_Same(book))


def listed_counts(book: Book) -> tuple[int, ...] | Unknown:
    """Uses of each model listed at the end of the period, least used first, idle ones with 0."""
    return _listed_counts(_Same(book))


@lru_cache(maxsize=4)
def _ranking(same: _Same) -> Ranking | Unknown:
    flow = named_flow(same.book)
    if isinstance(flow, Unknown):
        return flow
    counts = tuple(sorted(flow.by_model.values(), reverse=True))
    return Ranking(flow.uses, counts, tuple(accumulate(counts)))


@lru_cache(maxsize=4)
def _listed_counts(same: _Same) -> tuple[int, ...] | Unknown:
    listed, flow = same.book.listed, named_flow(same.book)
    if isinstance(listed, Unknown):
        return listed
    if isinstance(flow, Unknown):
        return flow
    return tuple(sorted(flow.by_model.get(model.id, 0) for model in listed))
