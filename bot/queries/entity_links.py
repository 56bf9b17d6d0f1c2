"""Which models, authors and categories have a page on the site, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from bot import ledger
from bot.queries.context import QueryContext
from bot.records import Catalogue, Period
from bot.records.entity_pages import EntityKind, EntityPages, entity_path
from bot.records.names import NameMask
from bot.records.periods import each_day


def entity_names(model: ledger.KnownModel | ledger.NamedModel) -> Sequence[tuple[EntityKind, str | None]]:
    """What a model has a part in: itself, its author and its category."""
    return ("model", model.name), ("author", model.author), ("category", model.category)


def days_in_digests(desk: QueryContext, network: str) -> tuple[date, ...]:
    """Every day in the period of any digest of a network, oldest first."""
    periods = [Period.for_day(day, name) for name, starts in desk.digest_days(network).items() for day in starts]
    return tuple(sorted({day for period in periods for day in each_day(period.first, period.last)}))


def linked_pages(desk: QueryContext, catalogue: Catalogue, days: Iterable[date]) -> EntityPages:
    """The pages that a digest of these days links: of the models that were most used on any of them, and of their
    authors and categories. Such a page is written as long as the digest is there."""
    if desk.every_model:
        return EntityPages(None)
    hidden, network = NameMask.from_names(desk.hidden), catalogue.network
    paths: set[str] = set()
    for model in ledger.most_used(desk.store, catalogue, days, desk.model_pages):
        if not hidden.hides_model(model.name, model.author):
            paths |= {entity_path(kind, network, catalogue.key, name) for kind, name in entity_names(model) if name}
    return EntityPages(frozenset(paths))


def cached_links(desk: QueryContext, catalogue: Catalogue, days: tuple[date, ...]) -> EntityPages:
    """The same, cached until the ledger changes."""
    chosen = (tuple(desk.hidden), desk.model_pages, desk.every_model)
    key = ("linked", catalogue.network, catalogue.key, days, *chosen)
    return desk.until_ledger_changes(key, lambda: linked_pages(desk, catalogue, days))


def page_address(desk: QueryContext, kind: EntityKind, catalogue: Catalogue, name: str, day: date) -> str | None:
    """The page of a model that was among the most used of a day, or of its author or category, relative to the site;
    `None` if its page may not be there. One short query."""
    path = entity_path(kind, catalogue.network, catalogue.key, name)
    return f"{path}.html" if cached_links(desk, catalogue, (day,)).has_page(path) else None
