"""Writes what changed of the archive site into its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from bot.gc_pause import collect_young_garbage, garbage_collection_paused
from bot.queries import QueryContext
from bot.render.page_layout import File
from bot.site_builder import folder as site_folder
from bot.site_builder import pages
from bot.site_builder.folder import RenderAll
from bot.site_builder.groups import FileGroup, SiteBuild, render_groups

COLLECT_EVERY = 250
"""Groups after which the garbage in cycles that templates leave is collected."""


def write_site(
    desk: QueryContext, folder: Path, tell: Callable[[str], None], at: datetime, url: str = "", **facts: str
) -> Path:
    """`update_site` for the archive as it is now. `url`, `operator` and `licence` are those of `open_build`."""
    return update_site(pages.open_build(desk, at, url, **facts), folder, tell)


def update_site(
    build: SiteBuild, folder: Path, tell: Callable[[str], None], render_all: RenderAll = render_groups
) -> Path:
    """Bring the site in `folder` up to date; returns its front page. `tell` is called for each page that is rendered;
    `render_all` may render in other processes. Raises `OutletError`."""

    def render(groups: Sequence[FileGroup]) -> Iterator[Sequence[File]]:
        for number, (group, files) in enumerate(zip(groups, render_all(groups), strict=True), 1):
            yield files
            for page in group.pages:
                tell(f"rendered {page}")
            if number % COLLECT_EVERY == 0:
                collect_young_garbage()

    with garbage_collection_paused():  # what is read stays until the end
        groups = list(pages.site_groups(build))
        return site_folder.update_folder(groups, folder, build.archive_version, render) / "index.html"
