"""The pages of a network: the list of its digests, its methodology, and each figure over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.render import history_rows, page_addresses, page_layout, site_files
from bot.render.history_rows import HistoryRow
from bot.render.page_layout import NetworkPage
from bot.site_builder.groups import FileGroup, SiteBuild
from bot.site_builder.stored_digests import stored_network

Blocks = Mapping[str, Mapping[str, Any]]


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """Each page is a group."""
    for network in build.site.networks:
        yield _index_group(build, network)
        yield _method_group(build, network)
        for catalogue, block in _blocks(build, network).items():
            for metric in block["figures"]:
                yield _history_group(build, network, catalogue, metric)


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path such as replicate/index.html or replicate/history/models/uses.html."""
    key, _, rest = path.partition("/")
    network = next((network for network in build.site.networks if network.key == key), None)
    if network is None:
        return None
    if rest in ("index.html", "method.html"):
        return (_index_group if rest == "index.html" else _method_group)(build, network)
    match rest.removesuffix(".html").split("/"):
        case ["history", catalogue, metric] if (
            metric in _blocks(build, network).get(catalogue, {"figures": ()})["figures"]
        ):
            group = _history_group(build, network, catalogue, metric)
            return group if group.key == path else None
    return None


def _blocks(build: SiteBuild, network: NetworkPage) -> Blocks:
    """The network's catalogues and panels with the newest of each figure."""
    look = lambda: site_files.combined_blocks(stored_network(build, network.key).documents)  # noqa: E731
    return build.remember(("blocks", network.key), look)


def _index_group(build: SiteBuild, network: NetworkPage) -> FileGroup:
    path = f"{network.key}/index.html"

    def render() -> Iterator[page_layout.File]:
        documents = stored_network(build, network.key).documents
        yield path, site_files.network_index(build.site, network, documents, _blocks(build, network))

    return FileGroup(path, render, lambda: build.checksum(network, stored_network(build, network.key).digests), (path,))


def _method_group(build: SiteBuild, network: NetworkPage) -> FileGroup:
    path = f"{network.key}/method.html"

    def render() -> Iterator[page_layout.File]:
        yield path, site_files.method_page(build.site, network, _blocks(build, network))

    def version() -> str:
        labels = [
            (key, figure["label"])
            for block in _blocks(build, network).values()
            for key, figure in block["figures"].items()
        ]
        return build.checksum(network, labels)

    return FileGroup(path, render, version, (path,))


def _history_group(build: SiteBuild, network: NetworkPage, catalogue: str, metric: str) -> FileGroup:
    path = page_addresses.history_path(network.key, catalogue, metric)

    def rows() -> Sequence[HistoryRow]:
        documents = stored_network(build, network.key).documents
        every = build.remember(("figure rows", network.key), lambda: history_rows.rows_by_figure(documents))
        return every[catalogue, metric]

    def render() -> Iterator[page_layout.File]:
        yield site_files.history_page(build.site, network, rows(), _blocks(build, network)[catalogue], metric)

    def version() -> str:
        block = _blocks(build, network)[catalogue]
        shown = [(row.document["period"], row.document["day"], row.figure) for row in rows()]
        return build.checksum(network.title, block["title"], block["figures"][metric], shown)

    return FileGroup(path, render, version, (path,))
