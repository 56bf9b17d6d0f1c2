"""Blobs as aggregators gave them, packed by the day of their settlement.

A busy day has thousands of blobs of some kilobytes, which as files of their own would take as many inodes a day. Blobs
that an earlier version kept, one folder each, are still found.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from bot.clients.day_packs import DayPacks, PackedContent, unpack

KEPT_VERSIONS = 4
"""Different contents kept of one blob id, at most: aggregators may lie, and the disk is not theirs to fill."""
BLOB_ID = re.compile(r"[A-Za-z0-9_-]{43}")
"""Base64url of 32 bytes; anything else never becomes part of a URL or a file name."""


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
        self._packs.add(day, [PackedContent(blob_id, sha256, zlib.compress(content))], KEPT_VERSIONS)
        return sha256

    def checksum(self, blob_id: str, sha256: str, day: date | None) -> str | None:
        """The SHA-256 of what is kept of a blob under that name; `None` where nothing is. Without a day all are
        searched."""
        if not (BLOB_ID.fullmatch(blob_id) and re.fullmatch(r"[0-9a-f]{64}", sha256)):
            return None
        packed = (kept for each in ([day] if day else self._packs.days()) for kept in self._packed(blob_id, each))
        for name, content in [*self._single_files(blob_id), *packed]:
            if name == sha256:
                return hashlib.sha256(content).hexdigest()
        return None

    def prune(self, before: date) -> int:
        """Remove the days before this one; how many bytes that freed."""
        freed = self._packs.prune(before)
        for single in self.folder.iterdir() if self.folder.is_dir() else ():
            if single.is_dir() and datetime.fromtimestamp(single.stat().st_mtime, UTC).date() < before:
                freed += sum(file.stat().st_size for file in single.iterdir())
                shutil.rmtree(single)
        return freed

    @property
    def _packs(self) -> DayPacks:
        return DayPacks(self.folder)

    def _packed(self, blob_id: str, day: date) -> list[tuple[str, bytes]]:
        return [(sha256, unpack(packed)) for sha256, packed in self._packs.read(blob_id, day)]

    def _single_files(self, blob_id: str) -> list[tuple[str, bytes]]:
        """As earlier versions kept them."""
        folder = self.folder / blob_id
        return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())] if folder.is_dir() else []


def raw_folder(data: Path) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / "opengradient"


def blob_archive(data: Path) -> BlobArchive:
    """Where blobs are kept."""
    return BlobArchive(raw_folder(data) / "blobs")


def prune_raw(data: Path, before: date) -> int:
    """Remove the blobs of settlements before a day; how many bytes that freed."""
    return blob_archive(data).prune(before)
