"""What is on offer: models and authors listed, and how the list changed."""

from __future__ import annotations

from collections.abc import Iterable

from bot.metrics.ranking import used_listed
from bot.metrics.registry import Value, metric
from bot.records import Model, PeriodData, SafeName, Unknown, at_least, message

NO_AUTHOR_NAMED = message("no_author_named")


@metric(unit="models", label="models listed")
def models_listed(book: PeriodData) -> Value:
    """Models on offer at the end of the period."""
    return _in_part(book, len(book.listed_in_part)) if isinstance(book.listed, Unknown) else len(book.listed)


@metric(unit="models", label="models added")
def models_added(book: PeriodData) -> Value:
    """Models listed at the end of the period that were not listed at the end of the period before. Unknown for the
    first period watched."""
    if isinstance(book.listed, Unknown):
        return book.listed
    if isinstance(book.listed_before, Unknown):
        return book.listed_before
    return sum(model.id not in book.listed_before for model in book.listed)


@metric(unit="models", label="models removed")
def models_removed(book: PeriodData) -> Value:
    """Models listed at the end of the period before that are not listed any more at the end of this one. Unknown for
    the first period watched."""
    if isinstance(book.listed, Unknown):
        return book.listed
    if isinstance(book.listed_before, Unknown):
        return book.listed_before
    return len(book.listed_before - {model.id for model in book.listed})


@metric(unit="authors", label="authors listed", version=2)
def authors_listed(book: PeriodData) -> Value:
    """Distinct authors that the models listed at the end of the period name. A model without an author adds none;
    unknown where no listed model names one."""
    if isinstance(book.listed, Unknown):
        return _in_part(book, len(_named_authors(book.listed_in_part)))
    authors = _named_authors(book.listed)
    return len(authors) if authors or not book.listed else Unknown(NO_AUTHOR_NAMED)


@metric(unit="authors", label="authors used", version=2)
def authors_used(book: PeriodData) -> Value:
    """Distinct authors that the models used in the period name, where a model used is one listed at the end of the
    period with at least one use in it. Unknown where no model used names one."""
    used = used_listed(book)
    if isinstance(used, Unknown):
        return used
    authors = _named_authors(used.models)
    if used.models and not authors:
        return Unknown(NO_AUTHOR_NAMED)
    more = _named_authors(used.possible) - authors or (used.reason and isinstance(book.listed, Unknown))
    return at_least(len(authors), used.reason) if more else len(authors)


def _named_authors(models: Iterable[Model]) -> set[SafeName]:
    return {model.author for model in models if model.author}


def _in_part(book: PeriodData, count: int) -> Value:
    """What stands in a list that may have held more models."""
    return at_least(count, book.listed.reason) if isinstance(book.listed, Unknown) else count
