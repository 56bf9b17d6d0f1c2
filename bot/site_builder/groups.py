"""Groups of files: the unit in which the site is written, kept and served.

The rule: a group's `version` covers everything that its files depend on, since files of a group with the same version
are not rendered again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol, TypeVar

from bot.queries import QueryContext
from bot.render.page_layout import File, SiteContext

T = TypeVar("T")


def never_stays(_version: str) -> bool:
    """Of files that are always those of the newest version."""
    return False


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files that are rendered together."""

    key: str
    """The path of its first file, which it always has."""
    render: Callable[[], Iterable[File]]
    version: Callable[[], str]
    """A checksum of everything that the files depend on."""
    pages: tuple[str, ...] = ()
    """Its pages in the sitemap."""
    may_stay: Callable[[str], bool] = never_stays
    """Whether files that were written under another version may stay for now: some are brought up to date less often
    than every day."""
    render_many: Callable[[Sequence[str]], Iterable[Sequence[File]]] | None = None
    """Renders all groups that have this same function, by their keys: their data are read together."""


def render_groups(groups: Iterable[FileGroup]) -> Iterator[Sequence[File]]:
    """Render groups in their order."""
    for render_many, some in groupby(groups, key=lambda group: group.render_many):
        if render_many:
            yield from render_many([group.key for group in some])
        else:
            yield from (tuple(group.render()) for group in some)


@dataclass(frozen=True, slots=True)
class SiteBuild:
    """One state of the archive as a site."""

    desk: QueryContext
    site: SiteContext
    version: str
    """A checksum of everything that every file depends on: code, templates, configuration, networks."""
    data_version: tuple[object, ...]
    """The data version before anything was read."""
    _memory: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def archive_version(self) -> tuple[str, ...]:
        """What tells a site's folder that was written from this state from an older one."""
        return self.version, *map(str, self.data_version[2:5])  # the digests, without their receipts

    def checksum(self, *parts: object) -> str:
        """A checksum of these values and of what every file depends on."""
        return checksum(self.version, *parts)

    def remember(self, key: object, look: Callable[[], T]) -> T:
        """What `look` returned the first time; for data that several groups read."""
        if key not in self._memory:
            self._memory[key] = look()
        value: T = self._memory[key]
        return value

    def remember_newest(self, kind: str, key: object, look: Callable[[], T]) -> T:
        """The same, but only the newest value of a kind is kept; for large data of groups that follow each other."""
        held = self._memory.get(kind)
        if held is None or held[0] != key:
            held = self._memory[kind] = (key, look())
        value: T = held[1]
        return value


class Section(Protocol):
    """A kind of pages: a module with these two functions."""

    def groups(self, build: SiteBuild, /) -> Iterator[FileGroup]:
        """Every group of the section that is written into the site's folder."""

    def find_group(self, build: SiteBuild, path: str, /) -> FileGroup | None:
        """The group that may have the file at `path`; also one that is not written but only rendered on demand. Must
        not read more than the group needs. `path` is any text that a stranger sent."""


def checksum(*parts: object) -> str:
    """The SHA-256 of values with a `repr` that shows all of them."""
    return hashlib.sha256("\0".join(map(repr, parts)).encode()).hexdigest()
