"""The Parquet files of a day: their columns, and how rows are written and queried.

Integers that a stranger chose are text, because no column holds a uint256; times are whole seconds since 1970 UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from bot.lake import duckdb_engine
from bot.lake.storage import LakeError, sha256_of
from bot.records import Payment, Use
from bot.redaction import clip_text

if TYPE_CHECKING:
    from bot.lake.day_files import DayRef

ROW_GROUP = 122_880
"""Most rows of a row group, DuckDB's default. A whole row group is in memory, twice if its texts all differ: a group of
1,000,000 rows took 128 MB beside the sort, beyond a limit of 400 MB."""

Columns = Mapping[str, Any]
"""Columns by name, as numpy arrays."""


class ParquetFile(msgspec.Struct, frozen=True):
    """One file of a day."""

    kind: str
    """"uses" or "payments"."""
    name: str
    sha256: str
    size: int
    """Bytes."""
    rows: int
    first_block: int
    last_block: int
    nameless: int = 0
    """Uses in it that name no model."""
    others: int = 0
    """Payments in it that are not sessions."""


@dataclass(frozen=True, slots=True)
class EventSchema:
    """One kind of event: its columns with their types, and how rows are ordered and merged."""

    name: str
    types: Mapping[str, str]
    fields: Mapping[str, str]
    """The record's field of each column."""
    order: str
    counted: str
    """SQL of `nameless` and `others`."""
    learns: str = ""
    """SQL: whether a known row `o` gains something from a new row `n` with the same key."""
    merged: str = ""
    """SQL of {old} and {new} together."""


_USES = EventSchema(
    "uses",
    {
        "place": "VARCHAR",
        "block": "BIGINT",
        "at": "BIGINT",
        "uses": "BIGINT",
        "model": "VARCHAR",
        "caller": "VARCHAR",
        "content": "VARCHAR",
    },
    {name: name for name in ("place", "block", "at", "model", "caller", "content")} | {"uses": "count"},
    "model, block, place",
    "coalesce(sum(uses) FILTER (model IS NULL), 0)::BIGINT, 0",
    "(o.model IS NULL AND n.model IS NOT NULL) OR (o.caller = '' AND n.caller <> '')",
    "SELECT o.* REPLACE (coalesce(o.model, n.model) AS model, "
    "CASE WHEN o.caller = '' THEN coalesce(n.caller, '') ELSE o.caller END AS caller) "
    "FROM {old} o LEFT JOIN {new} n USING (place) "
    "UNION ALL BY NAME SELECT n.* FROM {new} n ANTI JOIN {old} o USING (place)",
)
_PAYMENTS = EventSchema(
    "payments",
    {
        "place": "VARCHAR",
        "block": "BIGINT",
        "at": "BIGINT",
        "payer": "VARCHAR",
        "amount": "VARCHAR",
        "session": "BOOLEAN",
    },
    {name: name for name in ("place", "block", "at", "payer", "amount", "session")},
    "block, place",
    "0, count(*) FILTER (NOT session)",
)
KINDS: Mapping[str, EventSchema] = {one.name: one for one in (_USES, _PAYMENTS)}


def event_columns(kind: EventSchema, records: Collection[Use | Payment]) -> Columns:
    """Records as columns, built column by column: row by row takes three times as long."""
    told: dict[str, Sequence[object]] = {}
    for name, field in kind.fields.items():
        found = list(map(attrgetter(field), records))
        told[name] = [int(at.timestamp()) for at in found] if name == "at" else found
    if "amount" in told:
        told["amount"] = list(map(str, told["amount"]))
    return make_columns(told, kind.types)


def make_columns(values: Mapping[str, Sequence[object]], types: Mapping[str, str] | None = None) -> Columns:
    """Columns that DuckDB reads in place; without types, all are text."""
    import numpy

    made: dict[str, Any] = {}
    kinds = {"BIGINT": numpy.int64, "BOOLEAN": numpy.bool_}
    for name, column in values.items():
        of = kinds.get(types[name], object) if types else object
        made[name] = numpy.empty(len(column), dtype=of)
        made[name][:] = column
    return made


def query_rows(
    day: DayRef, parts: Sequence[ParquetFile], line: str, new: Columns | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a query over the files of a day (`{old}`) and over columns (`{new}`)."""
    with ExitStack() as stack:
        return _run_query(day, _local_paths(day, parts, stack), line, new)


def write_rows(
    day: DayRef, kind: EventSchema, line: str, parts: Sequence[ParquetFile], new: Columns | None = None
) -> list[ParquetFile]:
    """Write the rows of such a query to a new file of the day; none if there are no rows. Raises `LakeError`."""
    with ExitStack() as stack:
        folder = stack.enter_context(
            TemporaryDirectory(prefix=duckdb_engine.spill_name("part-"), dir=duckdb_engine.spill_folder(day.lake.spill))
        )
        made = Path(folder) / "part.parquet"
        chosen = ", ".join(f'"{name}"::{of} AS "{name}"' for name, of in kind.types.items())
        copy = (
            f"COPY (SELECT {chosen} FROM ({line}) ORDER BY {kind.order}) TO '{_quote_path(made)}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        ((rows,),) = _run_query(day, _local_paths(day, parts, stack), copy, new)
        if not rows:
            return []
        about = f"SELECT min(block), max(block), {kind.counted} FROM '{_quote_path(made)}'"
        ((first, last, nameless, others),) = _run_query(day, [], about, None)
        sha256 = sha256_of(made)
        name = f"{kind.name}-{sha256[:32]}-{secrets.token_hex(4)}.parquet"
        part = ParquetFile(kind.name, name, sha256, made.stat().st_size, rows, first, last, nameless, others)
        day.storage.put(f"{day.folder}/{name}", made)
        return [part]


def _local_paths(day: DayRef, parts: Sequence[ParquetFile], stack: ExitStack) -> list[Path]:
    return [stack.enter_context(day.storage.open_local(f"{day.folder}/{part.name}", part.sha256)) for part in parts]


def _run_query(day: DayRef, paths: Sequence[Path], line: str, new: Columns | None) -> list[tuple[Any, ...]]:
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
