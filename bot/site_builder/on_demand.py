"""The site without a folder: files that are rendered when they are asked for, and kept until the data or the UTC day
change: a page says how many days ago a source was read."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.queries.context import VersionedCache
from bot.site_builder import folder, pages
from bot.site_builder.groups import FileGroup, SiteBuild

KEPT_BYTES = 48 * 2**20
"""Of rendered files; a day of 3,000 models has 1 MB."""
REFRESH_SECONDS = 10.0
"""How long the site is taken to be the newest, before the database is asked."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file of the site."""

    path: str
    content: bytes
    tag: str
    """Of the content alone, for its ETag: the first half of its SHA-256."""


class OnDemandSite:
    """Renders the files of the newest archive. May be called from several threads; raises `StoreError`."""

    def __init__(
        self,
        open_build: Callable[[], SiteBuild],
        refresh_seconds: float = REFRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_build, self._refresh_seconds, self._clock = open_build, refresh_seconds, clock
        self._build: SiteBuild | None = None
        self._checked = 0.0
        self._lock = threading.Lock()
        self._cache = VersionedCache(KEPT_BYTES, _size)

    def find_file(self, path: str) -> SiteFile | None:
        """The file at a path, which may be any text; `None` if there is none."""
        build = self.newest_build()
        group = pages.find_group(build, path)
        if group is None:
            return None
        return self._cache.get_or_compute(group.key, _version(build), lambda: _rendered(group)).get(path)

    def find_rendered_file(self, path: str) -> SiteFile | None:
        """The same if it is in memory; `None` also if it would have to be rendered."""
        build = self.newest_build()
        group = pages.find_group(build, path)
        files: Mapping[str, SiteFile] | None = self._cache.find(group.key, _version(build)) if group else None
        return files.get(path) if files else None

    def is_newer_than(self, site: Path) -> bool:
        """Whether the archive or its settings changed since a site's folder was written, or nobody knows."""
        return folder.written_version(site) != self.newest_build().archive_version

    def newest_build(self) -> SiteBuild:
        """The site of the newest archive."""
        with self._lock:
            if self._build is None or self._clock() - self._checked >= self._refresh_seconds:
                if self._build is None or not _is_newest(self._build):
                    self._build = self._open_build()
                self._checked = self._clock()
            return self._build


def _is_newest(build: SiteBuild) -> bool:
    """Whether neither the data nor the UTC day have changed."""
    desk = build.desk
    return desk.clock().date() == build.site.at.date() and desk.data_version() == build.data_version


def _version(build: SiteBuild) -> tuple[object, ...]:
    return build.version, build.data_version, build.site.at.date()


def _rendered(group: FileGroup) -> Mapping[str, SiteFile]:
    files = group.render()
    return {path: SiteFile(path, content, hashlib.sha256(content).hexdigest()[:32]) for path, content in files}


def _size(files: Mapping[str, SiteFile]) -> int:
    return sum(len(file.content) for file in files.values())
