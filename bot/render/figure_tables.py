"""Figures of digests as tables, a row for each figure of each digest: CSV for people and spreadsheets, Parquet for
programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bot import lake
from bot.records import Document, catalogues_and_panels
from bot.render.model_tables import escape_formula

KNOWN, AT_LEAST, UNKNOWN = "known", "at least", "unknown"


class FigureRow(NamedTuple):
    """A figure in one edition of a digest. Every cell is a text or null, so that no digit is lost."""

    network: str
    catalogue: str
    metric: str
    period: str
    day: str
    last_day: str
    edition: str
    value: str | None
    """As it was published; null where it is unknown, never zero."""
    number: str | None
    """The same, as the nearest float in Parquet."""
    unit: str
    state: str
    """known, at least (a lower bound) or unknown."""
    reason: str | None
    """Why it is unknown or a lower bound."""
    evidence: str
    version: str
    """Of the metric's meaning."""


TYPES = {**dict.fromkeys(FigureRow._fields, "VARCHAR"), "day": "DATE", "last_day": "DATE"}
TYPES |= {"edition": "INTEGER", "number": "DOUBLE", "version": "INTEGER"}
"""DuckDB's type of each column."""


def table_path(network: str, catalogue: str = "", metric: str = "", kind: str = "csv") -> str:
    """replicate/history.csv, replicate/history.parquet, replicate/history/models/uses.csv."""
    return f"{network}/history/{catalogue}/{metric}.{kind}" if metric else f"{network}/history.{kind}"


def table_rows(documents: Iterable[Document]) -> Iterator[FigureRow]:
    """Every figure of these digests, digest by digest."""
    for document in documents:
        for block in catalogues_and_panels(document):
            for key, figure in block["figures"].items():
                yield table_row(document, block["catalogue"], key, figure)


def table_row(document: Document, catalogue: str, metric: str, figure: Mapping[str, Any]) -> FigureRow:
    """The row of one figure. Of the digest only the heading and the edition are used."""
    value = None if figure["value"] is None else escape_formula(str(figure["value"]))
    number = str(figure["value"]) if _is_number(figure["value"]) else None
    state = UNKNOWN if value is None else AT_LEAST if figure.get("at_least") else KNOWN
    return FigureRow(
        document["network"],
        catalogue,
        metric,
        document["period"],
        document["day"],
        document["last_day"],
        str(document["edition"]),
        number or value,
        number,
        figure.get("unit", ""),
        state,
        figure.get("unknown") if value is None else figure.get("reason"),
        figure.get("evidence", ""),
        str(figure.get("version", 1)),
    )


def _is_number(value: object) -> bool:
    """Whether a value is a finite number, also as a text, as exact amounts of money are."""
    if isinstance(value, int | float):
        return math.isfinite(value) and not isinstance(value, bool)
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False


def table_csv(rows: Iterable[FigureRow]) -> bytes:
    """The rows as CSV. An unknown value is an empty cell; no foreign text can act as a formula."""
    return CSV_HEAD + csv_lines(rows)


CSV_HEAD = f"{','.join(FigureRow._fields)}\r\n".encode()
"""The first line of each table."""


def csv_lines(rows: Iterable[FigureRow]) -> bytes:
    """The rows as lines of CSV. Those of several tables can stand in one."""
    text = io.StringIO()
    csv.writer(text).writerows(map(_cells, rows))
    return text.getvalue().encode()


def _cells(row: FigureRow) -> tuple[str | None, ...]:
    """Units and reasons may quote a network; every other text is our own."""
    reason = escape_formula(row.reason) if row.reason else ""
    return (*row[:_UNIT], escape_formula(row.unit), row.state, reason, *row[_REASON + 1 :])


_UNIT, _REASON = FigureRow._fields.index("unit"), FigureRow._fields.index("reason")


def table_parquet(rows: Sequence[FigureRow]) -> bytes:
    """The rows as Parquet."""
    columns = dict(zip(FigureRow._fields, zip(*rows, strict=True), strict=True)) if rows else {}
    return lake.parquet_bytes(columns or dict.fromkeys(FigureRow._fields, ()), TYPES)
