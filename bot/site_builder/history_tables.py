"""Each network's figures over time as files: CSV of all of them and of each, and Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from bot.records.names import NameMask
from bot.render import figure_tables
from bot.render.figure_tables import CSV_HEAD, FigureRow, table_path
from bot.render.page_layout import File
from bot.site_builder.groups import FileGroup, SiteBuild
from bot.site_builder.stored_digests import stored_network


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """Two groups for each network with a digest: CSV and Parquet."""
    for network in build.site.networks:
        if stored_network(build, network.key).documents:
            yield _csv_group(build, network.key)
            yield _parquet_group(build, network.key)


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path such as replicate/history.parquet or replicate/history/models/uses.csv."""
    network, _, rest = path.partition("/")
    known = any(page.key == network for page in build.site.networks)
    if not known or not rest.startswith("history") or not stored_network(build, network).documents:
        return None
    if rest.endswith(".csv"):
        return _csv_group(build, network)
    return _parquet_group(build, network) if rest == "history.parquet" else None


def _csv_group(build: SiteBuild, network: str) -> FileGroup:
    def render() -> Iterator[File]:
        figures = groupby(_rows(build, network), key=lambda row: (row.catalogue, row.metric))
        lines = {key: figure_tables.csv_lines(rows) for key, rows in figures}
        yield table_path(network), CSV_HEAD + b"".join(lines.values())
        for (catalogue, metric), own in lines.items():
            yield table_path(network, catalogue, metric), CSV_HEAD + own

    return FileGroup(table_path(network), render, lambda: _version(build, network))


def _parquet_group(build: SiteBuild, network: str) -> FileGroup:
    path = table_path(network, kind="parquet")

    def render() -> Iterator[File]:
        yield path, figure_tables.table_parquet(_rows(build, network))

    return FileGroup(path, render, lambda: _version(build, network))


def _version(build: SiteBuild, network: str) -> str:
    return build.checksum(stored_network(build, network).digests)


def _rows(build: SiteBuild, network: str) -> list[FigureRow]:
    """The figures of a network's digests in their latest editions, figure by figure, in order of time."""

    def look() -> list[FigureRow]:
        mask = NameMask.from_names(build.desk.hidden)
        rows = figure_tables.table_rows(stored_network(build, network).documents)
        if mask.models or mask.authors:
            rows = (row._replace(reason=mask.mask_text(row.reason, ())) if row.reason else row for row in rows)
        return sorted(rows, key=itemgetter(*_ORDER))

    return build.remember(("table rows", network), look)


_ORDER = tuple(FigureRow._fields.index(name) for name in ("catalogue", "metric", "period", "day"))
