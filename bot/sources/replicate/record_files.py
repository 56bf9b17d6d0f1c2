"""A record of Replicate's public list: the run counters of each night, in files on this machine.

The rule: an invalid file is refused completely, with one line that says where. A record is a folder
with `snapshots.csv` (one line for each night, with the commit that holds its list) and `runs-*.csv.xz` (one line for
each model, one column for each night: its counter, or nothing if it was not listed).
"""

from __future__ import annotations

import csv
import hashlib
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from bot.gc_pause import garbage_collection_paused
from bot.records import MAX_COUNT, Listing, Reading, SafeName, Snapshot, SourceError, SourceRef, model_identity

BUNDLED = Path(__file__).parent / "record"
"""The record that comes with the program; its README says where it is from."""
REPOSITORY = "https://github.com/replicate/all-the-public-replicate-models"
"""The public repository whose history holds the lists."""
REFS = f"{REPOSITORY}/blob/"
LIST = "models-lite.json"

NIGHTS, RUNS = "snapshots.csv", "runs-*.csv.xz"
_NIGHT_COLUMNS = ["snapshot_utc", "commit", "models", "sum_of_counters"]
_COMMIT = re.compile("[0-9a-f]{40}")
MODEL_NAME = re.compile("[^/]+/[^/]+")
_MOST_BYTES = 64 * 2**20
"""Of one file, unpacked. The largest of the bundled record has 1.8 MB."""
_CURE = "mend it, or leave networks.replicate.record out to read the record that comes with Footfall"


class _FileError(Exception):
    """What is wrong with a file, without its name."""


@dataclass(frozen=True, slots=True)
class Night:
    """One line of `snapshots.csv`."""

    at: datetime
    commit: str
    models: int
    total: int
    """The sum of all counters."""

    @property
    def url(self) -> str:
        return f"{REFS}{self.commit}/{LIST}"


def record_snapshots(folder: Path, is_wanted: Callable[[datetime], bool] = lambda at: True) -> Iterator[Snapshot]:
    """The record's snapshots of the wanted instants, oldest first. Raises `SourceError`; what was yielded before stays
    good."""
    nights, last = record_nights(folder), datetime.min.replace(tzinfo=UTC)
    paths = sorted(folder.glob(RUNS))
    if not paths:
        raise SourceError(f"{folder}: holds no {RUNS}; {_CURE}")
    for path in paths:
        try:
            lines = _read_lines(path)
            columns = _parse_columns(lines, nights, last)
            last = columns[-1].at
            taken = _parse_lists(lines, columns) if any(is_wanted(night.at) for night in columns) else []
        except _FileError as error:
            raise SourceError(f"{path}: {error}; {_CURE}") from error
        yield from (snapshot for snapshot in taken if is_wanted(snapshot.at))


def record_nights(folder: Path) -> dict[datetime, Night]:
    """The nights of `snapshots.csv` by instant. Raises `SourceError`."""
    path = folder / NIGHTS
    nights: dict[datetime, Night] = {}
    try:
        lines = _read_lines(path)
        if next(lines, (0, []))[1] != _NIGHT_COLUMNS:
            raise _FileError(f"wanted the columns {','.join(_NIGHT_COLUMNS)}")
        for number, row in lines:
            night = _parse_night(number, row)
            if night.at in nights:
                raise _FileError(f"line {number}: has the night of {row[0]} twice")
            nights[night.at] = night
    except _FileError as error:
        raise SourceError(f"{path}: {error}; {_CURE}") from error
    return nights


def list_checksum(counts: Iterable[tuple[str, int]]) -> str:
    """The checksum of a list, the same wherever it was read: the SHA-256 of one line `owner/name,counter` for each
    model, in order of name."""
    return _text_checksum("".join(f"{name},{count}\n" for name, count in sorted(counts)))


def _text_checksum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def night_checksum(folder: Path, url: str) -> str | None:
    """The checksum of our copy of a night; empty if the copy is damaged, `None` if the record does not have it."""
    if not (folder / NIGHTS).exists():
        return None
    changed = tuple(path.stat().st_mtime_ns for path in sorted(folder.glob("*")))
    return _night_checksum(folder, url, changed)


@lru_cache(maxsize=64)
def _night_checksum(folder: Path, url: str, changed: tuple[int, ...]) -> str | None:
    """Cached while no file changes: digests of neighbouring days have refs in common."""
    try:
        wanted = [night.at for night in record_nights(folder).values() if night.url == url]
        checksums = [_month_checksums(folder, (at.year, at.month), changed).get(at) for at in wanted]
    except SourceError:
        return ""
    return next(filter(None, checksums), None)


@lru_cache(maxsize=12)
def _month_checksums(folder: Path, month: tuple[int, int], _changed: tuple[int, ...]) -> dict[datetime, str]:
    """The checksums of a month's nights, which are in one file: the refs of a digest are read at once."""
    nights = record_snapshots(folder, lambda at: (at.year, at.month) == month)
    return {snapshot.at: snapshot.ref.sha256 for snapshot in nights}


Lines = Iterator[tuple[int, list[str]]]
"""Number and cells of each line."""


def _read_lines(path: Path) -> Lines:
    """The lines of a file, unpacked if its name ends with `.xz`."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _FileError(f"has more than {_MOST_BYTES:,} bytes")
        content = path.read_bytes()
        text = (_unpack(content) if path.suffix == ".xz" else content).decode("utf-8")
    except OSError as error:
        raise _FileError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _FileError(f"is not UTF-8 at byte {error.start:,}") from error
    return _split_lines(text)


def _unpack(content: bytes) -> bytes:
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2 * _MOST_BYTES)
    try:
        unpacked = unpacker.decompress(content, _MOST_BYTES + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise _FileError("cannot be unpacked as xz") from error
    if len(unpacked) > _MOST_BYTES:
        raise _FileError(f"has more than {_MOST_BYTES:,} bytes unpacked")
    if not unpacker.eof:
        raise _FileError("ends too early")
    return unpacked


def _split_lines(text: str) -> Lines:
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        yield from enumerate(rows, 1)
    except csv.Error as error:
        raise _FileError(f"line {rows.line_num}: {error}") from error


def _parse_night(number: int, row: Sequence[str]) -> Night:
    if len(row) != len(_NIGHT_COLUMNS):
        raise _FileError(f"line {number}: has {len(row)} cells, wanted {len(_NIGHT_COLUMNS)}")
    at, commit, models, total = row
    if not _COMMIT.fullmatch(commit):
        raise _FileError(f"line {number}: the commit is {SafeName(commit)!r}, wanted 40 hexadecimal digits")
    return Night(_parse_instant(at), commit, _parse_count(number, models), _parse_count(number, total))


def _parse_columns(lines: Lines, nights: dict[datetime, Night], last: datetime) -> list[Night]:
    """The nights of a file, from its first line. `last`: the last night of the file before."""
    _, head = next(lines, (0, []))
    if len(head) < 2 or head[0] != "model":
        raise _FileError("wanted a column model and then one for each night")
    columns: list[Night] = []
    for text in head[1:]:
        at = _parse_instant(text)
        if at not in nights:
            raise _FileError(f"has the night of {text}, which {NIGHTS} does not list")
        if at <= last:
            raise _FileError(f"has the night of {text} twice or out of order")
        columns.append(nights[at])
        last = at
    return columns


@garbage_collection_paused()
def _parse_lists(lines: Lines, nights: Sequence[Night]) -> list[Snapshot]:
    """The list of each night."""
    snapshots: list[Snapshot] = []
    rows: dict[str, list[_Cell | None]] = {}
    for number, row in lines:
        if len(row) != len(nights) + 1:
            raise _FileError(f"line {number}: has {len(row)} cells, wanted {len(nights) + 1}")
        name = row[0]
        if not MODEL_NAME.fullmatch(name) or not name.isprintable():
            raise _FileError(f"line {number}: the model is {SafeName(name)!r}, wanted owner/name")
        if name in rows:
            raise _FileError(f"line {number}: has the model {SafeName(name)} twice")
        rows[name] = _parse_cells(number, row)
    columns = zip(*(rows[name] for name in sorted(rows)), strict=True) if rows else iter([()] * len(nights))
    for night, column in zip(nights, columns, strict=True):
        listings, readings, counts, listed = tuple(zip(*filter(None, column), strict=True)) or ((), (), (), ())
        if (len(counts), sum(counts)) != (night.models, night.total):
            raise _FileError(f"the list of {night.at:%Y-%m-%d %H:%M} UTC is not the one that {NIGHTS} describes")
        ref = SourceRef(night.url, night.at, _text_checksum("".join(listed)))
        snapshots.append(Snapshot("replicate", "models", night.at, ref, listings, readings, record=REFS))
    return snapshots


_Cell = tuple[Listing, Reading, int, str]
"""A model in the list of a night: the count of its reading, and its line for the checksum."""


def _parse_cells(number: int, row: Sequence[str]) -> list[_Cell | None]:
    """A model in the list of each night. Most counters stand still from night to night, and share one object."""
    model = model_identity(row[0])
    listing = Listing(model, model_identity(row[0].partition("/")[0]))
    before, cell = "", None
    cells: list[_Cell | None] = []
    for text in row[1:]:
        if text != before:
            before, cell = text, None
            if text:
                count = _parse_count(number, text)
                cell = listing, Reading(model, count), count, f"{row[0]},{count}\n"
        cells.append(cell)
    return cells


def _parse_count(number: int, cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) < 20 and int(cell) <= MAX_COUNT):
        raise _FileError(f"line {number}: found {SafeName(cell, 40)!r}, wanted a count from 0 to {MAX_COUNT}")
    return int(cell)


def _parse_instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _FileError(f"found {SafeName(text, 40)!r}, wanted an instant like 2025-01-31T00:05:12Z") from error
