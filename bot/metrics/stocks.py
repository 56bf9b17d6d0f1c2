"""What is on offer: models and authors listed, and how the list changed."""

from __future__ import annotations

from bot.metrics.ranking import used_listed
from bot.metrics.registry import Value, metric
from bot.records import Book, Unknown


@metric(unit="models", label="models listed")
def models_listed(book: Book) -> Value:
    """Models on offer at the end of the period."""
    return book.listed if isinstance(book.listed, Unknown) else len(book.listed)


@metric(unit="models", label="models added")
def models_added(book: Book) -> Value:
    """Models listed at the end of the period that were not listed at the end of the period before. Unknown for the
    first period watched."""
    if isinstance(book.listed, Unknown):
        return book.listed
    if isinstance(book.listed_before, Unknown):
        return book.listed_before
    return sum(model.id not in book.listed_before for model in book.listed)


@metric(unit="models", label="models removed")
def models_removed(book: Book) -> Value:
    """Models listed at the end of the period before that are not listed any more at the end of this one. Unknown for
    the first period watched."""
    if isinstance(book.listed, Unknown):
        return book.listed
    if isinstance(book.listed_before, Unknown):
        return book.listed_before
    return len(book.listed_before - {model.id for model in book.listed})


@metric(unit="authors", label="authors listed")
def authors_listed(book: Book) -> Value:
    """Distinct authors of the models listed at the end of the period."""
    if isinstance(book.listed, Unknown):
        return book.listed
    return len({model.author for model in book.listed})


@metric(unit="authors", label="authors used")
def authors_used(book: Book) -> Value:
    """Distinct authors of the models used in the period, where a model used is one listed at the end of the period
    with at least one use in it."""
    used = used_listed(book)
    return used if isinstance(used, Unknown) else len({model.author for model in used})
