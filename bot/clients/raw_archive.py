"""The raw archive: bytes as a network sent them, stored under their SHA-256, so that refs can be checked later."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bot.records import SourceError


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


def archived_checksum(folder: Path, sha256: str) -> str | None:
    """The SHA-256 of the uncompressed file of that name in `folder`; empty if it is damaged, `None` if it is
    missing."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    digest = hashlib.sha256()
    try:
        with gzip.open(folder / f"{sha256}.jsonl.gz", "rb") as content:
            while chunk := content.read(2**20):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()
