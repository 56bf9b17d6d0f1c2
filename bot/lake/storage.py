"""Storage of the lake: a folder, or object storage through fsspec.

A file is written completely or not at all, under a unique name, and is checked against its hash whenever it is read.
Nothing depends on a listing, which object storage may deliver late.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import Any, Protocol, TypeVar

from bot.records import FootfallError
from bot.redaction import clip_text

T = TypeVar("T")

TRIES = 6
"""Attempts of one request to object storage."""
CHUNK = 2**20
LARGE = 2**20
"""From this size in bytes on, a file is hashed while it is read."""


class LakeError(FootfallError):
    """The lake cannot be read or written. One line: the file, what was found, what was wanted, what to do."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a listing."""

    name: str
    size: int
    at: datetime
    """When it was written, UTC."""


class Storage(Protocol):
    """Files by name; a name is a relative path with `/`."""

    def put(self, name: str, path: Path) -> None:
        """Store a file completely or not at all; the file at `path` may be moved. Raises `LakeError`."""
        ...

    def open_local(self, name: str, sha256: str) -> Any:
        """A context manager with the file as a local path. Raises `LakeError` if it is altered or missing, at the
        latest at the end: nothing read from it counts before that."""
        ...

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        """Every file below a folder, as far as the listing shows."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file, if it exists."""
        ...


def sha256_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _start_hashing(path: Path) -> Callable[[], str]:
    """Computes the hash of a file; call the result for it. A large file is hashed while it is read, which saves a
    sixth of a day's time."""
    if path.stat().st_size < LARGE:
        sha256 = sha256_of(path)
        return lambda: sha256
    hashes: list[str] = []

    def hash_file() -> None:
        # If it cannot be read any more, the result is empty, which is no hash.
        with suppress(OSError):
            hashes.append(sha256_of(path))

    thread = Thread(target=hash_file, daemon=True)
    thread.start()

    def join_hash() -> str:
        thread.join()
        return hashes[0] if hashes else "nothing"

    return join_hash


def _require_hash(where: str, actual: str, wanted: str) -> None:
    if actual != wanted:
        cure = "restore it from a copy, or collect its day again"
        raise LakeError(f"{where}: altered or half-written: found sha256 {actual[:16]}, wanted {wanted[:16]}; {cure}")


@dataclass(frozen=True, slots=True)
class LocalStorage:
    """A folder of this machine, or a shared one."""

    root: Path

    def put(self, name: str, path: Path) -> None:
        target = self.root / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=target.parent)
            try:
                with os.fdopen(descriptor, "wb") as written, path.open("rb") as content:
                    while chunk := content.read(CHUNK):
                        written.write(chunk)
                    written.flush()
                    os.fsync(written.fileno())
                os.replace(temporary, target)
            finally:
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise LakeError(f"{target}: cannot be written: {error.strerror or error}; is the disk full?") from error

    @contextmanager
    def open_local(self, name: str, sha256: str) -> Iterator[Path]:
        path = self.root / name
        try:
            hashed = _start_hashing(path)
        except FileNotFoundError:
            raise LakeError(f"{path}: is not there; restore it from a copy, or collect its day again") from None
        except OSError as error:
            raise LakeError(f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            yield path
        finally:
            # Check even after a failed read: an altered file is the cause, or makes the result worthless.
            _require_hash(str(path), hashed(), sha256)

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        for path in sorted((self.root / folder).rglob("*")):
            try:
                seen = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                at = datetime.fromtimestamp(seen.st_mtime, UTC)
                yield StoredFile(path.relative_to(self.root).as_posix(), seen.st_size, at)

    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ObjectStorage:
    """Object storage. Endpoint and keys come from the environment variables of fsspec and the provider."""

    url: str
    system: Any
    root: str

    def put(self, name: str, path: Path) -> None:
        target, size = f"{self.root}/{name}", path.stat().st_size

        def put_file() -> None:
            self.system.put_file(str(path), target)
            info = self.system.info(target, refresh=True) if self.url.startswith("s3") else self.system.info(target)
            if info["size"] != size:
                raise OSError(f"found {info['size']} bytes, wanted {size}")

        self._with_retries(name, "cannot be written", put_file)

    @contextmanager
    def open_local(self, name: str, sha256: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="footfall-lake-") as folder:
            path = Path(folder) / name.rpartition("/")[2]
            self._with_retries(name, "cannot be read", lambda: self.system.get_file(f"{self.root}/{name}", str(path)))
            _require_hash(f"{self.url}/{name}", sha256_of(path), sha256)
            yield path

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        listed = self._with_retries(folder, "cannot be listed", lambda: self._list_objects(folder))
        for name, info in sorted(listed.items()):
            if info.get("type") == "directory":
                continue
            at = info.get("LastModified") or info.get("updated") or info.get("created")
            seen = at if isinstance(at, datetime) else datetime.now(UTC)
            yield StoredFile(name.removeprefix(f"{self.root}/"), int(info["size"]), seen)

    def _list_objects(self, folder: str) -> dict[str, dict[str, Any]]:
        self.system.invalidate_cache()
        try:
            objects: dict[str, dict[str, Any]] = self.system.find(f"{self.root}/{folder}", detail=True)
        except FileNotFoundError:
            return {}
        return {} if set(objects) == {f"{self.root}/{folder}"} else objects

    def remove(self, name: str) -> None:
        def remove_object() -> None:
            try:
                self.system.rm_file(f"{self.root}/{name}")
            except FileNotFoundError:
                return

        self._with_retries(name, "cannot be removed", remove_object)

    def _with_retries(self, name: str, what: str, work: Callable[[], T]) -> T:
        """Retry a request while the storage is busy, cut off, or does not show yet what was just written."""
        import stamina

        patience = {"timeout": 120, "wait_initial": 0.2, "wait_max": 10.0}
        try:
            for attempt in stamina.retry_context(on=_is_transient, attempts=TRIES, **patience):
                with attempt:
                    return work()
        except Exception as error:
            if not _is_storage_error(error):
                raise
            why = f"{type(error).__name__}: {_error_line(error)}"
            raise LakeError(f"{self.url}/{name}: {what}: {why}; is the storage reachable?") from error
        raise AssertionError("unreachable")


def _is_storage_error(error: Exception) -> bool:
    """Whether an error comes from the storage: fsspec raises OS errors, its back ends sometimes their own."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in ("botocore", "aiohttp", "gcsfs")


def _is_transient(error: Exception) -> bool:
    return _is_storage_error(error) and not isinstance(error, PermissionError)


def _error_line(error: Exception) -> str:
    """An error's first line, clipped, without the query of an address, which may be signed."""
    line = (str(error).splitlines() or [""])[0]
    return clip_text(re.sub(r"\?\S+", "?...", line), 200)


@lru_cache(maxsize=8)
def open_storage(url: str) -> Storage:
    """Open the storage at an address. Raises `LakeError` if its kind is not installed."""
    kind, split, rest = url.partition("://")
    if not split or kind == "file":
        return LocalStorage(Path(rest or url))
    import fsspec

    try:
        system = fsspec.filesystem(kind, **({"use_listings_cache": False} if kind in ("s3", "s3a") else {}))
    except (ImportError, ValueError) as error:
        raise LakeError(f"lake.place: {kind}://: {error}; install the package it names, or give a folder") from error
    return ObjectStorage(url.rstrip("/"), system, rest.rstrip("/"))


def check_reachable(url: str) -> str:
    """For `doctor`: write a small file, read it and delete it. Raises `LakeError`."""
    place, name = open_storage(url), f"events/doctor-{secrets.token_hex(8)}.txt"
    with tempfile.TemporaryDirectory(prefix="footfall-lake-") as folder:
        path = Path(folder) / "doctor.txt"
        path.write_text("doctor was here\n")
        wanted = sha256_of(path)
        place.put(name, path)
    try:
        with place.open_local(name, wanted):
            return f"{url} can be written and read"
    finally:
        place.remove(name)
