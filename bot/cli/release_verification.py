"""Checks a data release, from a folder or an address, without the raw data: that it is whole and agrees with itself.

A release comes from strangers: every path in its manifest is a plain name, every file has a limit, and texts are
cleaned before they are shown.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from bot.cli.app_context import UsageError
from bot.clients.http import HttpFailure, get_bounded
from bot.clients.recording import open_client
from bot.queries.registry import parse_day
from bot.records import PeriodName, SafeName
from bot.render.data_release import MANIFEST
from bot.render.figure_tables import table_csv, table_rows

MAX_MANIFEST = 256 * 1024
MAX_FILE = 256 * 2**20
MAX_FILES = 50
MAX_RELEASE = 1024 * 2**20
"""Bytes of all files of a release."""
MAX_PARSED = 32 * 2**20
"""Bytes of a file whose content is parsed; the objects in memory take many times as much."""
SECONDS = 60.0
"""For one file from an address."""
_PARSED = ("digest.json", "figures.csv")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_RAW = "the figures were not computed again, because the raw answers are not in a release"


class _File(msgspec.Struct, frozen=True):
    path: str
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class _Manifest(msgspec.Struct, frozen=True):
    schema_version: Literal[1]
    network: str
    period: PeriodName
    day: date
    edition: Annotated[int, msgspec.Meta(ge=1)]
    files: Annotated[list[_File], msgspec.Meta(min_length=1, max_length=MAX_FILES)]


@dataclass(slots=True)
class ReleaseResult:
    """What was checked of a release."""

    place: str
    manifest: _Manifest
    manifest_sha256: str
    problems: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.problems

    def to_document(self) -> dict[str, Any]:
        m = self.manifest
        return {
            **{"release": self.place, "network": m.network, "period": m.period, "day": m.day.isoformat()},
            **{"edition": m.edition, "files": len(m.files), "manifest_sha256": self.manifest_sha256},
            **{"problems": self.problems, "checked": self.checked, "not_checked": self.not_checked},
        }

    def to_lines(self) -> list[str]:
        count = len(self.problems)
        state = f"{count} {'PROBLEM' if count == 1 else 'PROBLEMS'}" if count else "the release is whole"
        m = self.manifest
        lines = [
            *self.problems,
            *(f"checked: {line}" for line in self.checked),
            *(f"not checked: {line}" for line in self.not_checked),
            f"{MANIFEST}: SHA-256 {self.manifest_sha256}; compare it with another copy, since files and manifest "
            "could have been changed together",
        ]
        head = f"{SafeName(m.network)!s:.60} {m.day} edition {m.edition}: {state}"
        return [head, *(f"  {line}" for line in lines)]


ReadFile = Callable[[str, int], bytes]
"""Reads a file of a release by its name, at most so many bytes. Raises `UsageError` with the reason."""


def is_release(place: str) -> bool:
    """Whether `verify` was given a release: an address, a folder or a manifest."""
    if parse_day(place):
        return False
    return "://" in place or Path(place).name == MANIFEST or Path(place).is_dir()


def verify_release(place: str) -> ReleaseResult:
    """Check a release. Raises `UsageError` if it has no manifest that can be read."""
    if "://" in place:
        read, names = _address_reader(place), None
    else:
        folder = Path(place).parent if Path(place).name == MANIFEST else Path(place)
        read, names = _folder_reader(folder), lambda: sorted(entry.name for entry in folder.iterdir())
    raw = read(MANIFEST, MAX_MANIFEST)
    result = ReleaseResult(place, _parse_manifest(raw), hashlib.sha256(raw).hexdigest())
    contents = dict(_check_files(result, read))
    _check_extra_files(result, names)
    _check_digest(result, contents)
    result.not_checked.append(f"{_RAW}; with them: python -m bot verify digest.json")
    return result


def _parse_manifest(raw: bytes) -> _Manifest:
    try:
        manifest = msgspec.json.decode(raw, type=_Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{MANIFEST}: not the manifest of a release: {SafeName(str(error), 200)}") from error
    paths = [file.path for file in manifest.files]
    for path in paths:
        if not _NAME.fullmatch(path):
            raise UsageError(f"{MANIFEST}: path {SafeName(path)!s:.80}: leads elsewhere, wanted a plain file name")
        if paths.count(path) > 1 or path == MANIFEST:
            raise UsageError(f"{MANIFEST}: path {path}: listed twice, or the manifest itself; refused")
    for file in manifest.files:
        if file.bytes > MAX_FILE:
            raise UsageError(f"{MANIFEST}: {file.path}: {file.bytes} bytes, wanted at most {MAX_FILE}; refused")
    if (total := sum(file.bytes for file in manifest.files)) > MAX_RELEASE:
        raise UsageError(f"{MANIFEST}: the files have {total} bytes, wanted at most {MAX_RELEASE}; refused")
    return manifest


def _check_files(result: ReleaseResult, read: ReadFile) -> Iterator[tuple[str, bytes]]:
    """Compare each file with the manifest; yields those that match and are to be parsed."""
    good = 0
    for file in result.manifest.files:
        try:
            content = read(file.path, file.bytes)
        except UsageError as error:
            result.problems.append(str(error))
            continue
        if len(content) != file.bytes:
            result.problems.append(f"{file.path}: has {len(content)} bytes, the manifest says {file.bytes}")
        elif hashlib.sha256(content).hexdigest() != file.sha256:
            result.problems.append(f"{file.path}: altered: its SHA-256 is not the manifest's")
        else:
            good += 1
            if file.path in _PARSED and file.bytes <= MAX_PARSED:
                yield file.path, content
    result.checked.append(f"size and SHA-256 of {good} of {len(result.manifest.files)} files match the manifest")


def _check_extra_files(result: ReleaseResult, names: Callable[[], list[str]] | None) -> None:
    if names is None:
        result.not_checked.append("whether there are other files, because an address does not list them")
        return
    listed = {MANIFEST, *(file.path for file in result.manifest.files)}
    extra = [name for name in names() if name not in listed]
    result.problems += [f"{SafeName(name)!s:.80}: not in the manifest" for name in extra]
    if not extra:
        result.checked.append("no other file is there")


def _check_digest(result: ReleaseResult, contents: dict[str, bytes]) -> None:
    """Check that the digest is the one that the manifest names, and that the table has its figures."""
    if "digest.json" not in contents:
        result.not_checked.append(
            "whether figures.csv has the digest's figures, because digest.json is not as listed or too large"
        )
        return
    m = result.manifest
    wanted = {"network": m.network, "period": m.period, "day": m.day.isoformat(), "edition": m.edition}
    try:
        document = json.loads(contents["digest.json"])
        differs = [key for key, value in wanted.items() if document[key] != value]
        table = table_csv(table_rows([document]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        result.problems.append("digest.json: not a digest")
        return
    result.problems += [f"digest.json: its {key} is not the manifest's" for key in differs]
    if not differs:
        result.checked.append("digest.json is the digest that the manifest names")
    if "figures.csv" in contents:
        given, header = contents["figures.csv"], table.partition(b"\r\n")[0]
        if given.partition(b"\r\n")[0] != header:
            result.not_checked.append("figures.csv, because it has other columns than this version of Footfall writes")
            return
        same = given == table
        (result.checked if same else result.problems).append(
            "figures.csv has the figures of digest.json" if same else "figures.csv: differs from digest.json"
        )


def _folder_reader(folder: Path) -> ReadFile:
    def read(name: str, limit: int) -> bytes:
        try:
            # A link could lead out of the release, and a pipe could wait for ever.
            number = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    raise UsageError(f"{name}: not a plain file")
                return _within(name, file.read(limit + 1), limit)
        except OSError as error:
            raise UsageError(f"{name}: cannot be read: {error.strerror}") from error

    return read


def _address_reader(place: str) -> ReadFile:
    base = place.removesuffix(MANIFEST).rstrip("/")
    _require_safe_address(base)

    def read(name: str, limit: int) -> bytes:
        with open_client(headers={"User-Agent": "footfall"}, timeout=SECONDS) as client:
            answer = get_bounded(client, f"{base}/{name}", limit, SECONDS)
        if isinstance(answer, HttpFailure):
            raise UsageError(f"{name}: cannot be read: {answer.reason}")
        return answer.content

    return read


def _require_safe_address(base: str) -> None:
    """HTTPS, or HTTP on this machine."""
    try:
        parts = urlsplit(base)
        host = parts.hostname or ""
    except ValueError as error:
        raise UsageError(f"{SafeName(base)!s:.80}: not an address") from error
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if parts.scheme not in ("http", "https") or not host or (parts.scheme == "http" and not here):
        raise UsageError(f"{SafeName(base)!s:.80}: wanted an address that begins with https://")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("verify: wanted an address of a release without user, password and query")


def _within(name: str, content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise UsageError(f"{name}: has more than the {limit} bytes that are allowed for it")
    return content
