"""Answers of a server to the forms of the site: a search, and a comparison. The same pages with scripts find and draw
by themselves, so nothing of the written site depends on this."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot import charts
from bot.queries import QueryError, WatchedNetwork, entity_queries
from bot.queries.entity_queries import EntityIndex, IndexedEntity
from bot.records import Document, SafeName
from bot.records.entity_pages import entity_path
from bot.render import compare_page, search_pages
from bot.render.compare_page import ComparedSides
from bot.render.search_pages import SearchResults
from bot.site_builder.entity_pages import chart_points, indexes
from bot.site_builder.groups import SiteBuild
from bot.site_builder.search_pages import lists, read_index

MOST_RESULTS = 30


def search_answer(build: SiteBuild, text: str) -> bytes:
    """The page of the search with what was found."""
    index = read_index(build)
    query = SafeName(text, search_pages.LONGEST)
    entries, more = index.find(query)
    shown = [(index.places[entry.place], entry) for entry in entries[:MOST_RESULTS]]
    results = SearchResults(query, shown, more or len(entries) > MOST_RESULTS)
    return search_pages.search_page(build.site, lists(build), results)


def compare_answer(build: SiteBuild, items: Sequence[str]) -> bytes:
    """The page that compares with what was asked for: pages, networks or names of models."""
    given = [str(SafeName(item, search_pages.LONGEST)) for item in items if item.strip()][: compare_page.MOST]
    sides: list[Document] = []
    mistakes: dict[str, str] = {}
    for item in given:
        try:
            sides.append(_document(build, item))
        except QueryError as error:
            mistakes[item] = error.text
    if len(sides) == 1:
        mistakes.setdefault("", "Name another to compare it with")
    fields = [(_label(build, side), side["path"]) for side in sides]
    fields += [(item, "") for item in given if item in mistakes]
    shown = ComparedSides(fields, sides, _charts(sides), list(mistakes.values()))
    return compare_page.compare_page(build.site, shown)


def _document(build: SiteBuild, item: str) -> Document:
    """The document of a page, a network or a name. Raises `QueryError`."""
    desk = build.desk
    if watched := _network_called(build, item):
        if document := entity_queries.network_document(desk, watched):
            return document
        raise QueryError(f"{watched.title} has no digest of a day")
    path = _find_path(build, item)
    index = next((index for index in indexes(build) if path in index.entities), None)
    if index is None:
        raise QueryError(f"{item} has no page here")
    return next(entity_queries.entity_documents(desk, index, [path]))


def _network_called(build: SiteBuild, item: str) -> WatchedNetwork | None:
    """The network with this key or title."""
    titles = {watched.title.casefold(): watched for watched in build.desk.watched.values()}
    return build.desk.watched.get(item) or titles.get(item.casefold())


def _find_path(build: SiteBuild, item: str) -> str:
    """The address of a page, from itself, from the label of a field or from a name: first of a model, then of an author
    or a category. Raises `QueryError`."""
    for index in indexes(build):
        if item in index.entities:
            return item
        if item.endswith(")"):
            found = (p for p, e in index.entities.items() if item.startswith(e.name) and item == _whole_label(index, e))
            if path := next(found, ""):
                return path
    try:
        watched, catalogue, name = build.desk.find_model(item)
    except QueryError:
        groups = (
            p for index in indexes(build) for p, e in index.entities.items() if e.kind != "model" and e.name == item
        )
        if path := next(groups, ""):
            return path
        raise
    return entity_path("model", watched.network, catalogue.key, name)


def _whole_label(index: EntityIndex, entity: IndexedEntity) -> str:
    lists = {"title": index.watched.title, "catalogue_title": index.catalogue.title}
    return compare_page.field_label({"name": entity.name, "kind": entity.kind, **lists}, alone=False)


def _label(build: SiteBuild, side: Document) -> str:
    """The text of a field that leads to a side again."""
    if side["kind"] == "network":
        return str(side["name"])
    try:
        network = _network_called(build, side["name"])
        alone = network is None and _find_path(build, side["name"]) == side["path"]
    except QueryError:
        alone = False
    return compare_page.field_label(side, alone)


def _charts(sides: Sequence[Document]) -> list[tuple[str, str]]:
    """The use by day where all are counted in the same unit, and the shares where they are shares of the same kind."""
    drawn: list[tuple[str, str]] = []
    if not sides:
        return drawn
    networks = {side["kind"] == "network" for side in sides}
    units = {side["unit"] for side in sides}
    if len(units) == len(networks) == 1:
        unit = sides[0]["unit"]
        title = "Models used by day" if networks == {True} else f"{unit.capitalize()} by day"
        lines = [(side["name"], chart_points(side)) for side in sides]
        drawn.append((title, charts.compared_svg(lines, title, unit, "compared-uses")))
    if len(networks) == 1:
        title = "Share of the list that was used, by day" if networks == {True} else "Share of all use by day"
        shares = [(side["name"], _shares(side)) for side in sides]
        drawn.append((title, charts.compared_svg(shares, title, "share", "compared-shares")))
    return drawn


def _shares(side: Document) -> list[tuple[date, float | None]]:
    return [(date.fromisoformat(day["day"]), day["share"]) for day in side["days"]]
