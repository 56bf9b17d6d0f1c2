"""The site's folder. A new version is completed beside the old one and takes its place in one step, so that nobody ever
sees half a site and a crash leaves a whole one. Files that did not change are hard links to those of the old version.

Only a folder that is empty, absent or was written here (it holds the file `.footfall-site`) is replaced. The manifest
in it, `.footfall-files.json`, has the version of each group and the size, time and SHA-256 of its files. A file that is
not as the manifest says is rendered again.
"""

from __future__ import annotations

import ctypes
import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.outlets import OutletError
from bot.render.page_layout import File
from bot.site_builder.folder_lock import folder_lock
from bot.site_builder.groups import FileGroup, render_groups

MARKER = ".footfall-site"
MANIFEST = ".footfall-files.json"
_MARKED = "Written by Footfall. A folder that holds this file is replaced whole whenever the site is written.\n"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2

RenderAll = Callable[[Sequence[FileGroup]], Iterable[Sequence[File]]]
"""Renders groups in the order given."""


class DiskError(OutletError):
    """The disk refused for now: it is full, read-only or unavailable. A retry is allowed."""


def update_folder(
    groups: Iterable[FileGroup], folder: Path, archive: Sequence[str] = (), render_all: RenderAll = render_groups
) -> Path:
    """Make `folder` hold the files of `groups` and no others, and return it. `archive` is what the manifest says about
    the state of the archive. Keeps the old content and raises `OutletError` if a path leads outside or the folder is
    not ours, `DiskError` if the disk refuses. A second writer waits until the first has finished."""
    fresh: Path | None = None
    try:
        make_readable_parents(folder)
        with folder_lock(folder):
            _restore_site(folder)
            _require_own_folder(folder)
            fresh = _new_folder(folder)
            if _Update(folder, fresh, archive).fill(list(groups), render_all):
                _swap_folders(fresh, folder)
    except OSError as error:
        raise DiskError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        if fresh:
            _delete(fresh)
    return folder


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file as the manifest has it."""

    size: int
    written_at: int
    """Its time of modification, in nanoseconds."""
    sha256: str

    @property
    def facts(self) -> tuple[int, int, str]:
        """As it stands in the manifest; `dataclasses.astuple` copies each part."""
        return self.size, self.written_at, self.sha256


@dataclass(frozen=True, slots=True)
class WrittenGroup:
    """A group as the manifest has it."""

    version: str
    files: Mapping[str, WrittenFile]


def _read_manifest(folder: Path) -> tuple[tuple[str, ...], dict[str, WrittenGroup]]:
    """The version of the archive and the groups in a site's folder; empty if they are not known."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        groups = {
            key: WrittenGroup(group["version"], {path: WrittenFile(*facts) for path, facts in group["files"].items()})
            for key, group in manifest["groups"].items()
        }
        return tuple(manifest["archive"]), groups
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return (), {}


def written_version(folder: Path) -> tuple[str, ...]:
    """`SiteBuild.archive_version` of what is in a site's folder; empty if that is not known."""
    try:
        here = (folder / MANIFEST).stat()
    except OSError:
        return ()
    return _written_version(folder, here.st_ino, here.st_mtime_ns)


@lru_cache(maxsize=8)
def _written_version(folder: Path, *_file: int) -> tuple[str, ...]:
    return _read_manifest(folder)[0]


class _Update:
    """A new version of the site's folder."""

    def __init__(self, old: Path, fresh: Path, archive: Sequence[str]) -> None:
        self._old, self._fresh = old, fresh
        self._known_archive, self._known = _read_manifest(old)
        self._archive = tuple(archive)
        self._written: dict[str, WrittenGroup] = {}
        self._by_content: dict[str, str] = {}
        self._linked: dict[str, bool] = {}
        self._made: set[str] = set()

    def fill(self, groups: Sequence[FileGroup], render_all: RenderAll) -> bool:
        """Link the files of unchanged groups, write those of the others, and then the manifest. Whether anything
        differs from the old version; if nothing does, the new one stays empty."""
        versions = {group.key: group.version() for group in groups}
        stale = [group for group in groups if not self._is_current(group, versions[group.key])]
        if not stale and versions.keys() == self._known.keys() and self._archive == self._known_archive:
            return False
        changed = {group.key for group in stale}
        for key in versions:
            if key not in changed:
                self._keep(key)
        for group, files in zip(stale, render_all(stale), strict=True):
            written = {path: self._write(path, content) for path, content in files}
            self._written[group.key] = WrittenGroup(versions[group.key], written)
        self._write(MANIFEST, json.dumps({"archive": self._archive, "groups": self._facts()}).encode())
        return True

    def _facts(self) -> dict[str, object]:
        return {
            key: {"version": group.version, "files": {path: file.facts for path, file in group.files.items()}}
            for key, group in self._written.items()
        }

    def _is_current(self, group: FileGroup, version: str) -> bool:
        """Whether the old version has a group as it would be rendered, or as it may stay."""
        known = self._known.get(group.key)
        if known is None or not known.files or not (known.version == version or group.may_stay(known.version)):
            return False
        return all(self._is_as_written(path, file) for path, file in known.files.items())

    def _is_as_written(self, path: str, file: WrittenFile) -> bool:
        """Whether nobody has changed a file since it was written, or taken the right to read it."""
        try:
            if not _is_inside(path) or self._is_linked(path.rpartition("/")[0]):
                return False
            here = os.lstat(f"{self._old}/{path}")
        except (OSError, ValueError):
            return False
        readable = stat.S_ISREG(here.st_mode) and here.st_mode & 0o444 == 0o444
        return readable and (here.st_size, here.st_mtime_ns) == (file.size, file.written_at)

    def _is_linked(self, above: str) -> bool:
        """Whether a folder of the old version, or one above it, is a link. Asked once, since it holds many files."""
        if above and above not in self._linked:
            self._linked[above] = self._is_linked(above.rpartition("/")[0]) or os.path.islink(f"{self._old}/{above}")
        return bool(above) and self._linked[above]

    def _keep(self, key: str) -> None:
        """Take over the files of a group."""
        self._written[key] = self._known[key]
        for path, file in self._known[key].files.items():
            target = self._target(path)
            _link(f"{self._old}/{path}", target)
            self._by_content.setdefault(file.sha256, target)

    def _write(self, path: str, content: bytes) -> WrittenFile:
        """Write a file, or link it to another with the same content."""
        target, checksum = self._target(path), hashlib.sha256(content).hexdigest()
        if (same := self._by_content.setdefault(checksum, target)) != target:
            _link(same, target)
        else:
            with open(target, "xb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)
        return WrittenFile(len(content), os.stat(target).st_mtime_ns, checksum)

    def _target(self, path: str) -> str:
        """The place of a file in the new folder. A web server is another user, so everything is readable for
        everybody, whatever the umask is."""
        if not _is_inside(path):
            raise OutletError(f"{path!r}: leads out of the site, wanted a relative path inside it")
        self._make_folder(path.rpartition("/")[0])
        return f"{self._fresh}/{path}"

    def _make_folder(self, path: str) -> None:
        if path and path not in self._made:
            self._make_folder(path.rpartition("/")[0])
            (self._fresh / path).mkdir()
            (self._fresh / path).chmod(0o755)
            self._made.add(path)


def _is_inside(path: str) -> bool:
    return not {"", ".", ".."} & set(path.split("/")) and "\\" not in path and "\0" not in path


def _link(source: str, target: str) -> None:
    """A hard link, or a copy on a disk that has none."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def make_readable_parents(path: Path) -> None:
    """Create missing parent folders of a path, readable for everybody like the site."""
    for above in reversed([each for each in path.parents if not each.exists()]):
        above.mkdir(exist_ok=True)
        above.chmod(0o755)


def _require_own_folder(folder: Path) -> None:
    cure = "name an empty or a new folder"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutletError(f"{folder}: found something that is not a folder, wanted a folder for the site; {cure}")
    if folder.is_dir() and not (folder / MARKER).is_file() and any(folder.iterdir()):
        raise OutletError(f"{folder}: holds files that this outlet did not write, and would lose them; {cure}")


def _new_folder(folder: Path) -> Path:
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-new-", dir=folder.parent))
    fresh.chmod(0o755)
    (fresh / MARKER).write_text(_MARKED, encoding="utf-8")
    (fresh / MARKER).chmod(0o644)
    return fresh


def _restore_site(folder: Path) -> None:
    """Clear up after a writer that was killed: put a site that it had moved away back, and delete its new one. While
    the lock is held, nobody else has such folders."""
    for kind in ("old", "new"):
        for leftover in _leftovers(folder, kind):
            if not (leftover / MARKER).is_file():
                with suppress(OSError):
                    leftover.rmdir()  # empty, or foreign
            elif kind == "old" and not folder.exists():
                os.rename(leftover, folder)
            else:
                _delete(leftover)


def _leftovers(folder: Path, kind: str) -> list[Path]:
    """Folders with names like ours; a link is not ours."""
    return [path for path in folder.parent.glob(f".{glob.escape(folder.name)}-{kind}-*") if not path.is_symlink()]


def _delete(folder: Path) -> None:
    """Delete a folder of ours, the marker last, so that the rest of it can still be told from a foreign one."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != MARKER:
                path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _swap_folders(fresh: Path, folder: Path) -> None:
    """Put `fresh` in the place of `folder`, and the old folder in its place. Where the system cannot exchange two
    folders, there is a moment without a site; a crash in it is mended by the next writer."""
    _require_own_folder(folder)
    if not folder.exists():
        os.rename(fresh, folder)
    elif not _exchange(fresh, folder):
        old = folder.with_name(f".{folder.name}-old-{fresh.name.rpartition('-')[2]}")
        os.rename(folder, old)
        try:
            os.rename(fresh, folder)
        except OSError:
            os.rename(old, folder)
            raise
        os.rename(old, fresh)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step (renameat2, Linux); whether that was possible."""
    if (rename := getattr(ctypes.CDLL(None), "renameat2", None)) is None:
        return False
    places = (_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second))
    return bool(rename(*places, _RENAME_EXCHANGE) == 0)
