"""Rows of a list of your own: from JSON or CSV to models, counters and uses. Every value is checked; a row that does
not fit refuses the whole reading, with its number, what was found and what was wanted."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

from bot.records import MAX_COUNT, Listing, Reading, SafeName, SourceError, model_identity
from bot.sources.catalogue.settings import ModelKeys, RowSource, UseKeys

T = TypeVar("T")
_LINES = msgspec.json.Decoder()
Row = Mapping[str, Any]
LONGEST_NAME = 500
"""Characters of the longest name that is read."""
MILLISECONDS = 1e11
"""From this number on, an instant is given in milliseconds since 1970."""


def decode_document(content: bytes, form: str, where: str) -> Any:
    """A page as it was sent: for CSV and JSON lines a list of rows. Raises `SourceError`."""
    try:
        if form == "csv":
            return list(_csv_rows(content.decode("utf-8-sig")))
        return _LINES.decode_lines(content) if form == "jsonl" else msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, csv.Error, RecursionError) as error:
        why = SafeName(str(error), 120)
        raise SourceError(f"{where}: is not {form.upper()} that can be read: {why}") from error


def _csv_rows(text: str) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    heads = next(lines, [])
    if len(set(heads)) != len(heads):
        raise ValueError("two columns have the same head")
    for fields in lines:
        if fields and len(fields) != len(heads):
            raise ValueError(f"line {lines.line_num} has {len(fields)} fields, the first one {len(heads)}")
        if fields:
            yield dict(zip(heads, fields, strict=True))


def page_rows(document: Any, source: RowSource, where: str, is_first: bool) -> Sequence[Row]:
    """The rows of a page. A later page may leave out an empty list. Raises `SourceError`."""
    rows = value_at(document, source.rows) if source.rows and source.format == "json" else document
    if rows is None and not is_first:
        return []
    if not isinstance(rows, list):
        has = ", ".join(SafeName(str(key), 40) for key in list(document)[:8]) if isinstance(document, dict) else ""
        path = f"under {source.rows!r}" if source.rows else "at its top"
        raise SourceError(f"{where}: has no list of rows {path}{f'; it has {has}' if has else ''}; correct `rows`")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise SourceError(f"{where}: row {number}: found {_shown(row)}, wanted an object with keys")
    return rows


def value_at(held: Any, path: str) -> Any:
    """The value at a path such as `owner.name`; `None` if there is none."""
    if isinstance(held, dict) and path in held:
        return held[path]
    for part in path.split("."):
        held = held.get(part) if isinstance(held, dict) else None
    return held


def _shown(value: Any) -> str:
    return SafeName(repr(value)[:80], 60)


def read_models(rows: Sequence[Row], keys: ModelKeys, where: str) -> tuple[tuple[Listing, ...], tuple[Reading, ...]]:
    """The models on offer, and their counters where they show one. Raises `SourceError`."""
    _require_keys(rows, {name: key for name, key in keys.model_dump().items() if key}, where)
    models: dict[SafeName, tuple[Listing, int | None]] = {}
    for number, row in enumerate(rows, 1):
        name = _part(row, keys.name, "name", _name, where, number)
        if name is None:
            raise SourceError(f"{where}: row {number}: {keys.name}: found no name, wanted a text")
        author = _part(row, keys.author, "author", _name, where, number)
        category = _part(row, keys.category, "category", _name, where, number)
        created = _part(row, keys.created, "created", instant_of, where, number)
        count = _part(row, keys.counter, "counter", count_of, where, number)
        listing = listing_of(name, author, created, SafeName(category) if category else None)
        known = models.setdefault(listing.model, (listing, count))
        if known[1] != count:
            raise SourceError(f"{where}: row {number}: {listing.model}: has two counters that differ, wanted one row")
    readings = (Reading(model, count) for model, (_, count) in models.items() if count is not None)
    return tuple(listing for listing, _ in models.values()), tuple(readings)


def read_uses(rows: Sequence[Row], keys: UseKeys, where: str) -> dict[date, dict[str | None, int]]:
    """Uses by day and name; uses without a name are under `None`. Raises `SourceError`."""
    _require_keys(rows, keys.model_dump(), where)
    days: dict[date, dict[str | None, int]] = {}
    for number, row in enumerate(rows, 1):
        name = _part(row, keys.name, "name", _name, where, number)
        instant = _part(row, keys.day, "day", instant_of, where, number)
        count = _part(row, keys.uses, "uses", count_of, where, number)
        if instant is None or count is None:
            raise SourceError(f"{where}: row {number}: has no day or no number of uses, wanted both")
        of_day = days.setdefault(instant.date(), {})
        of_day[name] = of_day.get(name, 0) + count
    return days


def listing_of(
    name: str, author: str | None = None, created: datetime | None = None, category: SafeName | None = None
) -> Listing:
    """A model as it is listed."""
    if author is None:
        author = name.partition("/")[0] if "/" in name else ""
    return Listing(model_identity(name), SafeName(author), created, category)


def _require_keys(rows: Sequence[Row], keys: Mapping[str, str], where: str) -> None:
    """A key that no row has is a mistake of the configuration."""
    for name, key in keys.items() if rows else ():
        if not any(key in row or value_at(row, key) is not None for row in rows):
            has = ", ".join(SafeName(str(head), 40) for head in list(rows[0])[:12])
            raise SourceError(f"{where}: keys.{name}: no row has {SafeName(key, 60)!r}; the first one has {has}")


def _part(row: Row, key: str | None, what: str, read: Callable[[Any], T], where: str, number: int) -> T | None:
    value = row.get(key) if key and key in row else value_at(row, key) if key else None
    if value is None or value == "":
        return None
    try:
        return read(value)
    except (ValueError, OverflowError, OSError) as error:
        raise SourceError(f"{where}: row {number}: {what}: found {_shown(value)}, wanted {error}") from error


def _name(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not SafeName(value):
        raise ValueError(f"a text of at most {LONGEST_NAME} characters, one of them visible")
    return value


def count_of(value: Any) -> int:
    """A count: a whole number, or its digits as a text. Raises `ValueError`."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]+(\.0+)?", text, re.ASCII):
        raise ValueError("a whole number from 0 on")
    digits = text.partition(".")[0].lstrip("0") or "0"
    if len(digits) > len(str(MAX_COUNT)) or int(digits) > MAX_COUNT:
        raise ValueError(f"at most {MAX_COUNT:,}")
    return int(digits)


def instant_of(value: Any) -> datetime:
    """An instant (UTC): ISO 8601, or seconds or milliseconds since 1970. Raises `ValueError`."""
    wanted = "a day or an instant: ISO 8601, or seconds since 1970"
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{9,}(\.[0-9]+)?", value):
        try:
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise ValueError(wanted) from error
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(wanted)
    seconds = float(value)
    try:
        return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(wanted) from error


def encode_rows(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows of a query as JSON, to be stored and read like any other list. JSON has no infinity: such a number is
    kept as a text, which no key accepts, and does not become "not given"."""
    return msgspec.json.encode([{key: _json_value(value) for key, value in row.items()} for row in rows], enc_hook=str)


def _json_value(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
