"""The whole site as groups of files, and the group of one path. The writer and the web render by these functions, so
that a page that is written and one that is rendered on demand are the same bytes.

To add a kind of pages, add a module with the two functions of `Section` to `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot import charts, comparison
from bot.metrics import METRICS
from bot.queries import QueryContext, health_queries
from bot.records import COMPARISON
from bot.render import feeds
from bot.render.page_layout import File, NetworkPage, SiteContext
from bot.site_builder import (
    code_version,
    data_releases,
    digest_pages,
    entity_pages,
    front_pages,
    history_tables,
    network_pages,
    search_pages,
)
from bot.site_builder.groups import FileGroup, Section, SiteBuild, checksum

SECTIONS: tuple[Section, ...] = (
    digest_pages,
    network_pages,
    history_tables,
    entity_pages,
    search_pages,
    data_releases,
    front_pages,
)
"""Every kind of pages, in the order of the sitemap."""
SITEMAP = "sitemap.xml"
_COMPARISON_PAGE = NetworkPage(COMPARISON, comparison.TITLE, comparison.METHOD)


def open_build(desk: QueryContext, at: datetime, url: str = "", operator: str = "", licence: str = "") -> SiteBuild:
    """The site of the archive as it is now. `url` is its public URL, for the feeds and for link previews; `operator`
    and `licence` are for its page about itself."""
    data_version = desk.data_version()
    networks = [
        *(NetworkPage(w.network, w.title, w.about) for w in desk.watched.values()),
        *([_COMPARISON_PAGE] if desk.archive.list_digests(COMPARISON, "week") else []),
    ]
    definitions = {key: metric.definition for key, metric in METRICS.items()}
    space = desk.archive.feed_space(url)
    ends = {name: health_queries.record_end(desk, watched) for name, watched in desk.watched.items()}
    facts = (url, tuple(desk.hidden), space, operator, licence, {name: str(end) for name, end in ends.items() if end})
    site = SiteContext(networks, definitions, charts.trend_svg, at, *facts)
    catalogues = [watched.catalogues for watched in desk.watched.values()]
    linked = (desk.model_pages, desk.every_model)
    version = checksum(code_version.page_version(), networks, catalogues, definitions, *facts, *linked)
    return SiteBuild(desk, site, version, data_version)


def site_groups(build: SiteBuild) -> Iterator[FileGroup]:
    """Every group that is written."""
    pages: list[str] = []
    for section in SECTIONS:
        for group in section.groups(build):
            pages += group.pages
            yield group
    if build.site.url:
        yield _sitemap(build, pages)


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group that may have the file at a path; `None` if there is none."""
    if path == SITEMAP:
        return list(site_groups(build))[-1] if build.site.url else None
    return next((group for section in SECTIONS if (group := section.find_group(build, path))), None)


def _sitemap(build: SiteBuild, pages: list[str]) -> FileGroup:
    def render() -> Iterator[File]:
        yield SITEMAP, feeds.sitemap([build.site.address(path.removesuffix("index.html")) for path in pages])

    return FileGroup(SITEMAP, render, lambda: build.checksum(pages))
