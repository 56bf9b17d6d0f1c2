"""The pages of models, authors and categories with their alphabetical lists.

Those that any digest links are written. On demand, every model that was ever seen has a page.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from bot import charts
from bot.queries import WatchedNetwork, entity_queries
from bot.queries.entity_queries import EntityIndex
from bot.records import Document
from bot.records.entity_pages import ENTITY_KINDS, FOLDERS, EntityKind, EntityPages, entity_folder
from bot.render import entity_pages
from bot.render.entity_pages import EntityPage, NameList
from bot.render.page_layout import File
from bot.site_builder.groups import FileGroup, SiteBuild
from bot.site_builder.page_rotation import page_rotation
from bot.site_builder.stored_digests import stored_network

PER_PAGE = 500
"""Names on one page of a list."""
READ_TOGETHER = 250
"""Pages whose data are read together."""
NETWORK_USE = "/use.json"
"""The models used of a network by day, for comparing."""
KIND_OF: Mapping[str, EntityKind] = {folder: kind for kind, folder in FOLDERS.items()}
SUFFIXES = (".html", ".csv", ".json")


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """The use of each network; each page of a list, and the page of each name, where they are not served on demand
    alone."""
    for watched in build.desk.watched.values():
        yield _network_group(build, watched)
    for index in () if build.desk.every_model else indexes(build):
        for kind in ENTITY_KINDS:
            for page in _lists(build, index, kind).values():
                yield _list_group(build, index, kind, page)
        for path in listed(build, index):
            yield _page_group(build, index, path)


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path such as replicate/models/models/index.html, .../letter-a.html or the page of a name."""
    if path.endswith(NETWORK_USE):
        watched = build.desk.watched.get(path.removesuffix(NETWORK_USE))
        return _network_group(build, watched) if watched else None
    match path.split("/"):
        case [network, folder, catalogue, name] if folder in KIND_OF:
            kind = KIND_OF[folder]
        case _:
            return None
    index = _index(build, network, catalogue)
    if index is None:
        return None
    if page := _lists(build, index, kind).get(name):
        return _list_group(build, index, kind, page)
    entity = path[: -len(suffix)] if (suffix := next((s for s in SUFFIXES if path.endswith(s)), "")) else ""
    if entity not in index.entities:
        return None
    return _page_group(build, index, entity)


def _network_group(build: SiteBuild, watched: WatchedNetwork) -> FileGroup:
    path = f"{watched.network}{NETWORK_USE}"

    def render() -> Iterator[File]:
        document = entity_queries.network_document(build.desk, watched)
        yield path, entity_pages.json_bytes(document or {"days": []})

    return FileGroup(path, render, lambda: build.checksum(stored_network(build, watched.network).digests))


def indexes(build: SiteBuild) -> Sequence[EntityIndex]:
    """Every catalogue that may have such pages."""
    keys = [(watched.network, c.key) for watched in build.desk.watched.values() for c in watched.catalogues]
    return [index for key in keys if (index := _index(build, *key)) is not None]


def _index(build: SiteBuild, network: str, key: str) -> EntityIndex | None:
    watched = build.desk.watched.get(network)
    catalogue = next((c for c in watched.catalogues if c.key == key and not c.panel), None) if watched else None
    if watched is None or catalogue is None:
        return None
    return build.remember(
        ("entities", network, key), lambda: entity_queries.entity_index(build.desk, watched, catalogue)
    )


def listed(build: SiteBuild, index: EntityIndex) -> Sequence[str]:
    """The pages in the lists and the search, most used first."""
    key = ("listed", index.watched.network, index.catalogue.key)
    return build.remember(key, lambda: entity_queries.listed_pages(build.desk, index))


def _list_group(build: SiteBuild, index: EntityIndex, kind: EntityKind, page: _ListPage) -> FileGroup:
    path = f"{entity_folder(kind, index.watched.network, index.catalogue.key)}/{page.file}"

    def version() -> str:
        names = [(place, index.entities[place].name, index.entities[place].last_used) for place in page.paths]
        return build.checksum(names, [(other.file, other.letter) for other in _lists(build, index, kind).values()])

    return FileGroup(path, lambda: [_render_list(build, index, kind, page)], version, (path,))


def _page_group(build: SiteBuild, index: EntityIndex, path: str) -> FileGroup:
    """The page of a name. Rendered now, it goes up to the newest day; a written one may stay for some days."""
    page = f"{path}.html"
    key = ("rendered together", index.watched.network, index.catalogue.key)
    return FileGroup(
        page,
        lambda: next(_pages(build, index, [page])),
        lambda: page_rotation(build, index).version(path),
        (page,),
        lambda version: page_rotation(build, index).may_stay(path, version),
        build.remember(key, lambda: partial(_pages, build, index)),
    )


def _pages(build: SiteBuild, index: EntityIndex, pages: Sequence[str]) -> Iterator[Sequence[File]]:
    """The files of each of these pages."""
    linked = EntityPages(None) if build.desk.every_model else EntityPages(frozenset(listed(build, index)))
    for some in _chunks([page.removesuffix(".html") for page in pages], READ_TOGETHER):
        for document in entity_queries.entity_documents(build.desk, index, some):
            yield tuple(entity_pages.render_entity(build.site, EntityPage(document, entity_chart(document), linked)))


def entity_chart(document: Document) -> str:
    """The use by day as SVG."""
    unit = document["unit"]
    return charts.trend_svg(chart_points(document), f"{document['name']}: {unit}", unit, "use")


def chart_points(document: Document) -> list[tuple[date, int | None]]:
    """The use of each day; a chart shows no lower bounds."""
    return [
        (date.fromisoformat(day["day"]), None if day["uses"].get("at_least") else day["uses"]["value"])
        for day in document["days"]
    ]


@dataclass(frozen=True, slots=True)
class _ListPage:
    """A page of an alphabetical list."""

    file: str
    letter: str
    """Empty where the whole list is one page."""
    paths: Sequence[str]


def _lists(build: SiteBuild, index: EntityIndex, kind: EntityKind) -> Mapping[str, _ListPage]:
    """The pages of an alphabetical list by their file. The first shows what the page of the first letter shows."""

    def look() -> Mapping[str, _ListPage]:
        paths = [path for path in listed(build, index) if index.entities[path].kind == kind]
        ordered = sorted(paths, key=lambda path: (_sort_key(index.entities[path].name), path))
        if len(ordered) <= PER_PAGE:
            return {"index.html": _ListPage("index.html", "", ordered)} if ordered or kind == "model" else {}
        letters: dict[str, list[str]] = defaultdict(list)
        for path in ordered:
            letters[_letter(index.entities[path].name)].append(path)
        pages = [page for letter, held in sorted(letters.items()) for page in _letter_pages(letter, held)]
        return {page.file: page for page in (replace(pages[0], file="index.html"), *pages)}

    return build.remember(("lists", index.watched.network, index.catalogue.key, kind), look)


def _letter_pages(letter: str, paths: Sequence[str]) -> Iterator[_ListPage]:
    for number, some in enumerate(_chunks(paths, PER_PAGE), 1):
        yield _ListPage(f"letter-{letter}{f'-{number}' if number > 1 else ''}.html", letter, some)


def _chunks(paths: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (paths[start : start + size] for start in range(0, len(paths), size))


def _sort_key(name: str) -> str:
    return unicodedata.normalize("NFKD", name).casefold()


def _letter(name: str) -> str:
    first = _sort_key(name)[:1]
    return first if first.isascii() and first.isalpha() else "digits" if first.isdecimal() else "other"


def _render_list(build: SiteBuild, index: EntityIndex, kind: EntityKind, page: _ListPage) -> File:
    pages = [other for other in _lists(build, index, kind).values() if other.letter and other.file != "index.html"]
    same = [other.file for other in pages if other.letter == page.letter]
    here = same.index(page.file) if page.file in same else 0
    starts = {other.letter: other.file for other in reversed(pages)}
    shown = NameList(
        network=index.watched.network,
        catalogue_title=index.catalogue.title,
        kind=kind,
        path=f"{entity_folder(kind, index.watched.network, index.catalogue.key)}/{page.file}",
        names=[(index.entities[p].name, p.rpartition("/")[2], index.entities[p].last_used) for p in page.paths],
        letters=[
            {"label": letter.capitalize(), "link": starts[letter], "here": letter == page.letter}
            for letter in sorted(starts, key=lambda letter: (len(letter), letter))
        ],
        earlier=same[here - 1] if here else "",
        later="".join(same[here + 1 : here + 2]),
        every=build.desk.every_model,
    )
    return entity_pages.render_name_list(build.site, shown)
