"""Contents packed by day: one SQLite file a day, each content compressed and under its SHA-256.

Whole days are pruned. The hashes of what was pruned stay, so that a content that was let go is not taken for a lost
one.
"""

from __future__ import annotations

import errno
import hashlib
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PRUNED = "pruned.sqlite"
"""In the folder of the packs: the SHA-256 of every content that was pruned."""
_TABLE = """CREATE TABLE IF NOT EXISTS blobs
    (id TEXT NOT NULL, sha256 TEXT NOT NULL, packed BLOB NOT NULL, PRIMARY KEY (id, sha256))"""
_PRUNED_TABLE = "CREATE TABLE IF NOT EXISTS pruned (sha256 TEXT PRIMARY KEY) WITHOUT ROWID"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCKED_FOR = 60.0
"""Seconds to wait for another thread or process that writes."""
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class PackedContent:
    """A content to store."""

    id: str
    sha256: str
    """Of the content as it was before it was compressed."""
    packed: bytes
    """As zlib or gzip."""


@dataclass(frozen=True, slots=True)
class DayPacks:
    """The packs of all days in one folder."""

    folder: Path

    def add(self, day: date, contents: Iterable[PackedContent], most_versions: int = 0) -> None:
        """Store contents in one transaction, but of each id at most `most_versions` (0: any number). Raises
        `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(day)
        try:
            with closing(sqlite3.connect(path, timeout=_LOCKED_FOR)) as pack, pack:
                pack.execute(_TABLE)
                pack.execute("BEGIN IMMEDIATE")
                for content in contents:
                    others = "SELECT count(*) FROM blobs WHERE id = ? AND sha256 <> ?"
                    (stored,) = pack.execute(others, (content.id, content.sha256)).fetchone()
                    if not most_versions or stored < most_versions:
                        row = (content.id, content.sha256, content.packed)
                        pack.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", row)
        except sqlite3.Error as error:
            raise OSError(errno.EIO, f"contents of a day cannot be stored ({error})", str(path)) from error

    def read(self, content_id: str, day: date) -> list[tuple[str, bytes]]:
        """What a day's pack has under an id, compressed, each with its SHA-256; nothing if the pack is damaged."""
        path = self._path(day)
        if not path.exists():
            return []
        try:
            with closing(sqlite3.connect(path, timeout=_LOCKED_FOR)) as pack:
                wanted = "SELECT sha256, packed FROM blobs WHERE id = ? ORDER BY sha256"
                return pack.execute(wanted, (content_id,)).fetchall()
        except sqlite3.Error:
            return []

    def days(self) -> list[date]:
        """The days that have a pack, newest first."""
        names = [path.stem for path in self.folder.glob("*.sqlite") if _DAY.fullmatch(path.stem)]
        return sorted(map(date.fromisoformat, names), reverse=True)

    def verify(self, day: date) -> Iterator[tuple[str, str]]:
        """Each content of a day's pack: its SHA-256, and what is wrong with it or empty."""
        try:
            with closing(sqlite3.connect(self._path(day), timeout=_LOCKED_FOR)) as pack:
                for sha256, packed in pack.execute("SELECT sha256, packed FROM blobs ORDER BY id, sha256"):
                    good = packed_checksum(packed) == sha256
                    yield sha256, "" if good else f"{self._path(day)}: {sha256[:16]} is altered"
        except sqlite3.Error as error:
            yield "", f"{self._path(day)}: is damaged ({error})"

    def prune(self, before: date) -> int:
        """Remove the days before this one, and store the hashes of what they had; how many bytes that freed. Raises
        `OSError`, and then nothing was removed unnoted."""
        old = [day for day in self.days() if day < before]
        if not old:
            return 0
        path = self.folder / PRUNED
        try:
            with closing(sqlite3.connect(path, timeout=_LOCKED_FOR)) as pruned, pruned:
                pruned.execute(_PRUNED_TABLE)
                hashes = ((sha256,) for day in old for sha256 in self._hashes(day))
                pruned.executemany("INSERT OR IGNORE INTO pruned VALUES (?)", hashes)
        except sqlite3.Error as error:
            raise OSError(errno.EIO, f"what is pruned cannot be noted ({error})", str(path)) from error
        sizes = [self._path(day).stat().st_size for day in old]
        for day in old:
            self._path(day).unlink(missing_ok=True)
        return sum(sizes)

    def was_pruned(self, sha256: str) -> bool:
        """Whether a content of that hash was pruned."""
        if not (self.folder / PRUNED).exists():
            return False
        try:
            with closing(sqlite3.connect(self.folder / PRUNED, timeout=_LOCKED_FOR)) as pruned:
                return pruned.execute("SELECT 1 FROM pruned WHERE sha256 = ?", (sha256,)).fetchone() is not None
        except sqlite3.Error:
            return False

    def _hashes(self, day: date) -> list[str]:
        try:
            with closing(sqlite3.connect(self._path(day), timeout=_LOCKED_FOR)) as pack:
                return [sha256 for (sha256,) in pack.execute("SELECT DISTINCT sha256 FROM blobs")]
        except sqlite3.Error:
            return []

    def _path(self, day: date) -> Path:
        return self.folder / f"{day}.sqlite"


def unpack(packed: bytes) -> bytes:
    """The content of zlib or gzip; empty if it is damaged."""
    try:
        return zlib.decompress(packed, zlib.MAX_WBITS | 32)
    except zlib.error:
        return b""


def packed_checksum(packed: bytes) -> str:
    """The SHA-256 of the content of zlib or gzip, read in parts; empty if it is damaged."""
    digest, unpacking = hashlib.sha256(), zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        digest.update(unpacking.decompress(packed, _CHUNK))
        while unpacking.unconsumed_tail:
            digest.update(unpacking.decompress(unpacking.unconsumed_tail, _CHUNK))
        digest.update(unpacking.flush())
    except zlib.error:
        return ""
    return digest.hexdigest() if unpacking.eof else ""
