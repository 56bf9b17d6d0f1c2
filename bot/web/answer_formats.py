"""The forms of an answer: JSON, or its table as CSV. What a request accepts decides, or the suffix `.csv`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from bot.queries.registry import QuerySpec
from bot.records import Document
from bot.render.model_tables import escape_formula

JSON, CSV = "application/json", "text/csv"
_HEADING = ("network", "catalogue", "metric", "period", "day", "edition")
"""Keys of an answer that stand in front of each of its rows."""


def accepted_form(accept: str, forms: Sequence[str] = (JSON, CSV)) -> str:
    """The form that a header `Accept` prefers (RFC 9110, 12.5.1), the first where all are alike. Raises
    `HTTPNotAcceptable`."""
    ranges = list(_media_ranges(accept)) or [("*/*", 1.0)]
    weights = {form: _weight(form, ranges) for form in forms}
    best = max(forms, key=lambda form: weights[form])
    if not weights[best]:
        raise web.HTTPNotAcceptable
    return best


def _media_ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:].strip() for piece in parameters if piece.startswith("q=")), "1")
        if name:
            yield name, min(float(weight), 1.0) if weight.replace(".", "", 1).isdecimal() else 0.0


def _weight(form: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that holds a form."""
    for wanted in (form, f"{form.partition('/')[0]}/*", "*/*"):
        fitting = [weight for name, weight in ranges if name == wanted]
        if fitting:
            return max(fitting)
    return 0.0


def has_table(query: QuerySpec) -> bool:
    """Whether the answers of a query have rows for a CSV file."""
    return bool(query.rows or query.table)


def csv_bytes(query: QuerySpec, document: Document) -> bytes:
    """The table of an answer. An empty cell is a null; no text can act as a formula."""
    heading = {key: document[key] for key in _HEADING if key in document}
    rows = [{**heading, **_flat(row)} for row in _table_rows(query, document)]
    if not rows and "unknown" in document:
        rows = [{**heading, "unknown": document["unknown"]}]
    columns = list(dict.fromkeys(key for row in rows for key in row)) or list(heading)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode()


def _table_rows(query: QuerySpec, document: Document) -> Iterator[Mapping[str, Any]]:
    """The rows of a list, of a list inside each of its objects, or a row for each figure of each of its objects."""
    for row in document.get(query.rows or query.table) or ():
        if query.rows and query.table:
            yield from _inner_rows(row, query.table)
        elif query.table and "figures" in row:
            place = {key: row[key] for key in ("name", "network", "day", "edition", "catalogue") if key in row}
            for name, figure in row["figures"].items():
                yield {**place, "figure": name, **figure}
        else:
            yield row


def _inner_rows(row: Mapping[str, Any], inner: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list inside a row, each with the row's own values. Lists in them are in the JSON only."""
    place = {key: value for key, value in row.items() if not isinstance(value, list)}
    parts: list[Mapping[str, Any]] = row[inner] or [{}]
    for part in parts:
        own = {key: value for key, value in part.items() if not isinstance(value, list)}
        yield place | {f"{inner.removesuffix('s')}_{key}" if key in place else key: own[key] for key in own}


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A row without objects inside: their keys follow the name of their place."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        flat |= _flat(value, f"{before}{key}_") if isinstance(value, dict) else {f"{before}{key}": value}
    return flat


def _cell(value: object) -> object:
    if isinstance(value, bool | list):
        return escape_formula(json.dumps(value, ensure_ascii=False))
    return escape_formula(value) if isinstance(value, str) else value
