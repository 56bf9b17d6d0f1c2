"""The Parquet files of a day: how rows get into them and how they are queried."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.lake import duckdb_engine
from bot.lake.layout import DayRef, EventSchema, ParquetFile
from bot.lake.storage import LakeError, sha256_of
from bot.records import Payment, Use
from bot.redaction import clip_text

ROW_GROUP = 122_880
"""Most rows of a row group, DuckDB's default. A whole row group is in memory, twice if all its texts differ: a group of
1,000,000 rows took 128 MB in addition to the sort, above a limit of 400 MB."""

Columns = Mapping[str, Any]
"""Columns by name, as numpy arrays."""


def event_columns(kind: EventSchema, records: Collection[Use | Payment]) -> Columns:
    """Records as columns, built column by column: row by row takes three times as long."""
    columns: dict[str, Sequence[object]] = {}
    for name, field in kind.fields.items():
        values = list(map(attrgetter(field), records))
        columns[name] = [int(at.timestamp()) for at in values] if name == "at" else values
    if "amount" in columns:
        columns["amount"] = list(map(str, columns["amount"]))
    return make_columns(columns, kind.types)


def make_columns(values: Mapping[str, Sequence[object]], types: Mapping[str, str] | None = None) -> Columns:
    """Columns that DuckDB reads in place; without types, all are text."""
    import numpy

    columns: dict[str, Any] = {}
    kinds = {"BIGINT": numpy.int64, "BOOLEAN": numpy.bool_}
    for name, column in values.items():
        of = kinds.get(types[name], object) if types else object
        columns[name] = numpy.empty(len(column), dtype=of)
        columns[name][:] = column
    return columns


def query_rows(
    day: DayRef, parts: Sequence[ParquetFile], line: str, new: Columns | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a query over the files of a day (`{old}`) and over columns (`{new}`)."""
    with ExitStack() as stack:
        return run_query(day, line, local_files(day, parts, stack), new)


def write_rows(
    day: DayRef, kind: EventSchema, line: str, parts: Sequence[ParquetFile], new: Columns | None = None
) -> list[ParquetFile]:
    """Write the rows of such a query to a new file of the day; none if there are no rows. Raises `LakeError`."""
    with ExitStack() as stack:
        prefix, spill = duckdb_engine.spill_name("part-"), duckdb_engine.spill_folder(day.lake.spill)
        path = Path(stack.enter_context(TemporaryDirectory(prefix=prefix, dir=spill))) / "part.parquet"
        chosen = ", ".join(f'"{name}"::{of} AS "{name}"' for name, of in kind.types.items())
        copy = (
            f"COPY (SELECT {chosen} FROM ({line}) ORDER BY {kind.order}) TO '{_quote_path(path)}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        ((rows,),) = run_query(day, copy, local_files(day, parts, stack), new)
        if not rows:
            return []
        about = f"SELECT min(block), max(block), {kind.counted} FROM '{_quote_path(path)}'"
        ((first, last, nameless, others),) = run_query(day, about)
        sha256 = sha256_of(path)
        name = f"{kind.name}-{sha256[:32]}-{secrets.token_hex(4)}.parquet"
        part = ParquetFile(kind.name, name, sha256, path.stat().st_size, rows, first, last, nameless, others)
        day.storage.put(f"{day.folder}/{name}", path)
        return [part]


def local_files(day: DayRef, parts: Sequence[ParquetFile], stack: ExitStack, kind: str = "") -> list[Path]:
    """A day's files, or those of one kind, on this machine, checked."""
    mine = (part for part in parts if kind in ("", part.kind))
    return [stack.enter_context(day.storage.open_local(f"{day.folder}/{part.name}", part.sha256)) for part in mine]


def run_query(day: DayRef, line: str, paths: Sequence[Path] = (), new: Columns | None = None) -> list[tuple[Any, ...]]:
    """The rows of a query over files (`{old}`) and columns (`{new}`). Raises `LakeError`."""
    import duckdb

    of = duckdb_engine.thread_cursor(day.lake.memory, day.lake.spill)
    filled = line.replace("{old}", parquet_source(paths)).replace("{new}", "new_rows")
    try:
        if new is not None:
            of.register("new_rows", new)
        return of.execute(filled).fetchall()
    except duckdb.Error as error:
        what = (str(error).splitlines() or [""])[0]
        raise LakeError(f"{day.folder}: DuckDB: {clip_text(what, 300)}") from error
    finally:
        if new is not None:
            of.unregister("new_rows")


def parquet_source(paths: Sequence[Path]) -> str:
    """Files as the `FROM` of a query."""
    return "read_parquet([" + ", ".join(f"'{_quote_path(path)}'" for path in paths) + "])"


def _quote_path(path: Path) -> str:
    return str(path).replace("'", "''")
