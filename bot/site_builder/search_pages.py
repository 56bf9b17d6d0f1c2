"""The search: its page, its script, and the index of names that the script reads; and the page that compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.queries import entity_queries
from bot.render import compare_page, search_pages
from bot.render.page_layout import File
from bot.render.search_index import SearchEntry, SearchIndex, node_file, search_index
from bot.site_builder.entity_pages import indexes, listed
from bot.site_builder.groups import FileGroup, SiteBuild

SEARCH, COMPARE, INDEX = "search.html", "compare.html", "search/index.json"


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """The search, the comparison with what both share, and the index; one of every model is served on demand alone."""
    yield _search_group(build)
    yield _compare_group(build)
    if not build.desk.every_model:
        yield FileGroup(INDEX, lambda: _index_files(build), lambda: _version(build))


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path such as search.html or search/in-ll.json."""
    if path == SEARCH:
        return _search_group(build)
    if path in (COMPARE, *search_pages.STATIC):
        return _compare_group(build)
    if path == INDEX:
        return FileGroup(INDEX, lambda: _index_files(build), lambda: _version(build))
    if not path.startswith("search/"):
        return None
    index = read_index(build)
    node = build.remember("search files", lambda: {node_file(node): node for node in index.nodes}).get(path)
    if node is None:
        return None
    return FileGroup(path, lambda: [(path, index.node_bytes(node))], lambda: _version(build))


def lists(build: SiteBuild) -> Sequence[Mapping[str, str]]:
    """The alphabetical lists."""
    return [place for place in read_index(build).places if place["folder"]]


def read_index(build: SiteBuild) -> SearchIndex:
    """The index of all names that the lists have, the most used first."""
    return build.remember("search index", lambda: _read_index(build))


def _read_index(build: SiteBuild) -> SearchIndex:
    places: list[dict[str, str]] = [{"network": "", "title": "", "catalogue": "", "kind": "network", "folder": ""}]
    entries = [(0.0, SearchEntry(0, w.title, f"{w.network}/index")) for w in build.desk.watched.values()]
    for index in indexes(build):
        paths = listed(build, index)
        for kind, folder in entity_queries.entity_folders(index).items():
            mine = [path for path in paths if index.entities[path].kind == kind]
            if not mine and kind != "model":
                continue
            watched = index.watched
            names = {"network": watched.network, "title": watched.title, "catalogue": index.catalogue.title}
            places.append({**names, "kind": kind, "folder": folder})
            entries += [
                (place / len(mine), SearchEntry(len(places) - 1, index.entities[path].name, path.rpartition("/")[2]))
                for place, path in enumerate(mine)
            ]
    # The order of lists of different units is by the place in each.
    return search_index(places, [entry for _, entry in sorted(entries, key=lambda pair: (pair[0], pair[1].place))])


def _index_files(build: SiteBuild) -> Iterator[File]:
    index = read_index(build)
    yield INDEX, index.index_bytes()
    for node in index.nodes:
        yield node_file(node), index.node_bytes(node)


def _version(build: SiteBuild) -> str:
    return build.checksum(read_index(build).entries, read_index(build).places)


def _search_group(build: SiteBuild) -> FileGroup:
    places = lists(build)
    render = lambda: [(SEARCH, search_pages.search_page(build.site, places))]  # noqa: E731
    return FileGroup(SEARCH, render, lambda: build.checksum(places), (SEARCH,))


def _compare_group(build: SiteBuild) -> FileGroup:
    def render() -> Iterator[File]:
        yield COMPARE, compare_page.compare_page(build.site)
        yield from search_pages.static_files()

    return FileGroup(COMPARE, render, build.checksum, (COMPARE,))
