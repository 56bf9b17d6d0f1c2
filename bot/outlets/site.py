"""The archive site: a folder of plain files (HTML, CSS, JSON, CSV, feeds) that any web server can serve, or that
`python -m bot web` serves with an API beside it.

A new version is written beside the old one and put in its place whole, so that nobody ever sees half a site. Only a
folder that is empty, absent or was written by this outlet (it holds the file `.footfall-site`) is replaced.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from pydantic import Field

from bot import config
from bot.outlets.types import OutletError

TITLE = "Archive site"
SECRETS: tuple[str, ...] = ()

MARKER = ".footfall-site"
_MARKED = "Written by Footfall. A folder that holds this file is replaced whole whenever the site is written.\n"


class SiteSettings(config.OutletConfig):
    """The block `outlets.site` of `config.yaml`."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#/@]+(/[^\s?#]*)?)?$",
        description="public address of the site, for the links in feeds, which are relative without it, and for "
        "the links from posts and answers on Discord to their pages; with it, pages have pictures for link previews",
    )
    operator: str = Field("", max_length=300, description="who runs the site, shown on its page about itself")
    licence: str = Field(
        "", max_length=200, description="licence of the site's own texts, pictures and tables, such as CC BY 4.0"
    )


Settings = SiteSettings


class DiskError(OutletError):
    """The disk refused for now: it is full, read-only or unavailable. A retry is allowed."""


def replace_site(files: Iterable[tuple[str, bytes]], folder: Path) -> Path:
    """Replace `folder` with `files` (relative path, content), and return it. Keeps the old content and raises
    `OutletError` if a path leads outside or the folder is not ours, `DiskError` if the disk refuses."""
    fresh: Path | None = None
    try:
        make_readable_parents(folder)
        with _folder_lock(folder.parent):
            _require_own_folder(folder)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        _write_files(fresh, files)
        _open_to_readers(fresh)
        _swap_folders(fresh, folder)
    except OSError as error:
        raise DiskError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        if fresh:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


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


def _write_files(fresh: Path, files: Iterable[tuple[str, bytes]]) -> None:
    (fresh / MARKER).write_text(_MARKED, encoding="utf-8")
    for path, content in files:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
            raise OutletError(f"{path!r}: leads out of the site, wanted a relative path inside it")
        target = fresh.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _open_to_readers(fresh: Path) -> None:
    """A web server is another user, so the site is readable for everybody, whatever the umask is."""
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def _folder_lock(above: Path) -> Iterator[None]:
    """Only one process at a time checks or changes the site's folder: the lock is on the parent folder and ends with
    its holder."""
    held = os.open(above, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _swap_folders(fresh: Path, folder: Path) -> None:
    """Rename `fresh` to `folder`, after moving the old folder away; move it back if that fails."""
    with _folder_lock(folder.parent):
        _require_own_folder(folder)
        if not folder.exists():
            os.rename(fresh, folder)
            return
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as aside:
            old = Path(aside) / folder.name
            os.rename(folder, old)
            try:
                os.rename(fresh, folder)
            except OSError:
                os.rename(old, folder)
                raise
