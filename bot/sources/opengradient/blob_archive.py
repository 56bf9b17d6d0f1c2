"""Blobs as aggregators gave them, packed by the day of their settlement: one SQLite file a day.

A busy day has thousands of blobs of some kilobytes, which as files of their own would take as many inodes a day.
`lake prune` removes whole days. Blobs that an earlier version kept, one folder each, are still found.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

KEPT_VERSIONS = 4
"""Different contents kept of one blob id, at most: aggregators may lie, and the disk is not theirs to fill."""
BLOB_ID = re.compile(r"[A-Za-z0-9_-]{43}")
"""Base64url of 32 bytes; anything else never becomes part of a URL or a file name."""
_TABLE = """CREATE TABLE IF NOT EXISTS blobs
    (id TEXT NOT NULL, sha256 TEXT NOT NULL, packed BLOB NOT NULL, PRIMARY KEY (id, sha256))"""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCKED_FOR = 60.0
"""Seconds to wait for another thread or process that writes."""


@dataclass(frozen=True, slots=True)
class BlobArchive:
    """The blobs of all days."""

    folder: Path

    def contents(self, blob_id: str, day: date) -> Iterator[tuple[str, bytes]]:
        """What is kept of a blob, each content with its SHA-256. What is damaged is left out."""
        for sha256, content in [*self._single_files(blob_id), *self._packed(blob_id, day)]:
            if hashlib.sha256(content).hexdigest() == sha256:
                yield sha256, content

    def add(self, blob_id: str, day: date, content: bytes) -> str:
        """Keep a content, unless enough others are kept of that blob; its SHA-256. Raises `OSError`."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(day)
        try:
            with closing(sqlite3.connect(path, timeout=_LOCKED_FOR)) as pack, pack:
                pack.execute(_TABLE)
                pack.execute("BEGIN IMMEDIATE")
                others = "SELECT count(*) FROM blobs WHERE id = ? AND sha256 <> ?"
                (kept,) = pack.execute(others, (blob_id, sha256)).fetchone()
                if kept < KEPT_VERSIONS:
                    row = (blob_id, sha256, zlib.compress(content))
                    pack.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", row)
        except sqlite3.Error as error:
            raise OSError(errno.EIO, f"the blobs of a day cannot be kept ({error})", str(path)) from error
        return sha256

    def checksum(self, blob_id: str, sha256: str, day: date | None) -> str | None:
        """The SHA-256 of what is kept of a blob under that name; `None` where nothing is. Without a day all are
        searched."""
        if not (BLOB_ID.fullmatch(blob_id) and re.fullmatch(r"[0-9a-f]{64}", sha256)):
            return None
        days = [day] if day else sorted(self._days(), reverse=True)
        packed = (kept for each in days for kept in self._packed(blob_id, each))
        for name, content in [*self._single_files(blob_id), *packed]:
            if name == sha256:
                return hashlib.sha256(content).hexdigest()
        return None

    def prune(self, before: date) -> int:
        """Remove the days before this one; how many bytes that freed."""
        freed = 0
        for day in self._days():
            if day < before:
                freed += self._path(day).stat().st_size
                self._path(day).unlink()
        for single in self.folder.iterdir() if self.folder.is_dir() else ():
            if single.is_dir() and datetime.fromtimestamp(single.stat().st_mtime, UTC).date() < before:
                freed += sum(file.stat().st_size for file in single.iterdir())
                shutil.rmtree(single)
        return freed

    def _path(self, day: date) -> Path:
        return self.folder / f"{day}.sqlite"

    def _days(self) -> list[date]:
        names = [path.stem for path in self.folder.glob("*.sqlite") if _DAY.fullmatch(path.stem)]
        return [date.fromisoformat(name) for name in names]

    def _packed(self, blob_id: str, day: date) -> list[tuple[str, bytes]]:
        path = self._path(day)
        if not path.exists():
            return []
        try:
            with closing(sqlite3.connect(path, timeout=_LOCKED_FOR)) as pack:
                wanted = "SELECT sha256, packed FROM blobs WHERE id = ? ORDER BY sha256"
                rows = pack.execute(wanted, (blob_id,)).fetchall()
        except sqlite3.Error:
            return []
        return [(sha256, _unpack(packed)) for sha256, packed in rows]

    def _single_files(self, blob_id: str) -> list[tuple[str, bytes]]:
        """As earlier versions kept them."""
        folder = self.folder / blob_id
        return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())] if folder.is_dir() else []


def _unpack(packed: bytes) -> bytes:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return b""
