"""The raw archive: bytes as a network sent them, stored under their SHA-256, so that refs can be checked later.

The answers of today are files; those of each day that is over are packed into one file (`day_packs`).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from bot.clients.day_packs import DayPacks, PackedContent, packed_checksum, unpack
from bot.records import SourceError

PACKS = "packs"
"""The folder of the packs, in that of a network."""
STORED_AGAIN = timedelta(days=30)
"""A packed content that a network still names as its answer after this time is stored again, so that it is not pruned
while newer refs rest on it."""


class RawArchiveWriter:
    """Writes page bodies to the archive, each ended by a newline, gzip-compressed."""

    def __init__(self, written: BinaryIO) -> None:
        self._digest = hashlib.sha256()
        # mtime 0: the same pages make the same file.
        self._packed = gzip.GzipFile(filename="", fileobj=written, mode="wb", compresslevel=6, mtime=0)

    def add(self, page: bytes) -> None:
        for part in (page, b"\n"):
            self._digest.update(part)
            self._packed.write(part)

    def close(self) -> None:
        self._packed.close()

    @property
    def sha256(self) -> str:
        """SHA-256 of everything added so far, uncompressed."""
        return self._digest.hexdigest()


@contextmanager
def open_raw_archive(folder: Path) -> Iterator[RawArchiveWriter]:
    """A `RawArchiveWriter` whose file becomes `folder/SHA256.jsonl.gz` if the block succeeds and is deleted if it does
    not. `zcat FILE | sha256sum` gives the name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".raw-", dir=folder)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be written: {error.strerror}; make it a folder of this user") from error
    try:
        with os.fdopen(descriptor, "wb") as written:
            raw = RawArchiveWriter(written)
            yield raw
            raw.close()
            written.flush()
            os.fsync(written.fileno())
        os.replace(temporary, folder / f"{raw.sha256}.jsonl.gz")
    except OSError as error:
        raise SourceError(f"{folder}: cannot be written: {error.strerror or error}; is the disk full?") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def archived_checksum(folder: Path, sha256: str, day: date | None = None) -> str | None:
    """The SHA-256 of the uncompressed content stored under that name in `folder`; empty if it is damaged, `None` if it
    is missing. `day`: around which it was stored, if known."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    try:
        return _file_checksum(folder / f"{sha256}.jsonl.gz")
    except FileNotFoundError:
        packed = _find_packed(folder, sha256, day)
        return None if packed is None else packed_checksum(packed[1])


def archived_content(folder: Path, sha256: str) -> bytes | None:
    """The stored content of that name, if it is intact."""
    if archived_checksum(folder, sha256) != sha256:
        return None
    try:
        return gzip.decompress((folder / f"{sha256}.jsonl.gz").read_bytes())
    except FileNotFoundError:
        packed = _find_packed(folder, sha256, None)
        return None if packed is None else unpack(packed[1])


def record_use(folder: Path, sha256: str, content: bytes, now: datetime) -> None:
    """Note that a network still names a stored content as its answer, so that it is not pruned by its first day."""
    path = folder / f"{sha256}.jsonl.gz"
    if path.exists():
        os.utime(path)
        return
    packed = _find_packed(folder, sha256, None)
    if packed is not None and packed[0] < now.date() - STORED_AGAIN:
        with open_raw_archive(folder) as raw:
            raw.add(content.removesuffix(b"\n"))


def pack_files(folder: Path, before: date) -> Iterator[tuple[date, str]]:
    """Pack the files of each day before this one, the day of a file being that of its last write. Yields each packed
    day with what is wrong with it, or empty. A file is removed once its packed copy was read back and is intact.
    Raises `OSError`."""
    by_day: dict[date, list[Path]] = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
        if day < before:
            by_day.setdefault(day, []).append(path)
    packs = DayPacks(folder / PACKS)
    for day, paths in sorted(by_day.items()):
        sound = [path for path in paths if _is_sound(path)]
        packs.add(day, (PackedContent(_name(path), _name(path), path.read_bytes()) for path in sound))
        damaged = [path.name for path in paths if path not in sound]
        for path in sound:
            if [packed_checksum(packed) for _, packed in packs.read(_name(path), day)] == [_name(path)]:
                path.unlink(missing_ok=True)
            else:
                damaged.append(path.name)
        yield day, f"{folder}: left unpacked, because they are damaged: {', '.join(damaged)}" if damaged else ""


def verify_archive(folder: Path) -> Iterator[tuple[str, str]]:
    """Each content that is stored in `folder`: its SHA-256, and what is wrong with it or empty."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        yield _name(path), "" if _is_sound(path) else f"{path}: is altered"
    for packs in (DayPacks(folder / PACKS), DayPacks(folder / "blobs")):
        for day in packs.days():
            yield from packs.verify(day)


def was_pruned(folder: Path, sha256: str) -> bool:
    """Whether a content of that name was stored in `folder` and pruned."""
    return any(DayPacks(packs).was_pruned(sha256) for packs in (folder / PACKS, folder / "blobs"))


def _name(path: Path) -> str:
    return path.name.removesuffix(".jsonl.gz")


def _is_sound(path: Path) -> bool:
    return _file_checksum(path) == _name(path)


def _file_checksum(path: Path) -> str:
    """The SHA-256 of a file's uncompressed content; empty if it is damaged. Raises `FileNotFoundError`."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as content:
            while chunk := content.read(2**20):
                digest.update(chunk)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()


def _find_packed(folder: Path, sha256: str, day: date | None) -> tuple[date, bytes] | None:
    """A packed content and the day of its pack: of the day nearest to `day`, or of the newest."""
    packs = DayPacks(folder / PACKS)
    days = packs.days()
    for each in sorted(days, key=lambda other: abs(other - day)) if day else days:
        for _, packed in packs.read(sha256, each):
            return each, packed
    return None
