"""What is on offer: models and authors listed, and how the list changed."""

from __future__ import annotations

from bot.metrics.ranking import used_listed
from bot.metrics.registry import Value, metric
from bot.records import PeriodData, Unknown, at_least


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


@metric(unit="authors", label="authors listed")
def authors_listed(book: PeriodData) -> Value:
    """Distinct authors of the models listed at the end of the period."""
    if isinstance(book.listed, Unknown):
        return _in_part(book, len({model.author for model in book.listed_in_part}))
    return len({model.author for model in book.listed})


@metric(unit="authors", label="authors used")
def authors_used(book: PeriodData) -> Value:
    """Distinct authors of the models used in the period, where a model used is one listed at the end of the period
    with at least one use in it."""
    used = used_listed(book)
    if isinstance(used, Unknown):
        return used
    authors = {model.author for model in used.models}
    more = {model.author for model in used.possible} - authors or (used.reason and isinstance(book.listed, Unknown))
    return at_least(len(authors), used.reason) if more else len(authors)


def _in_part(book: PeriodData, count: int) -> Value:
    """What stands in a list that may have held more models."""
    return at_least(count, book.listed.reason) if isinstance(book.listed, Unknown) else count
