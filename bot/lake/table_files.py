"""Tables as Parquet files for readers: the same rows always give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.lake.parquet import make_columns

MEMORY = "200MB"


def parquet_bytes(columns: Mapping[str, Sequence[object]], types: Mapping[str, str]) -> bytes:
    """A table as Parquet, compressed. All values are texts or null; `types` names DuckDB's type of each column, which
    they are cast to."""
    import duckdb

    cast = ", ".join(f'"{name}"::{types[name]} AS "{name}"' for name in columns)
    with TemporaryDirectory(prefix="footfall-table-") as folder, duckdb.connect() as database:
        path = Path(folder) / "table.parquet"
        database.execute(f"SET threads=1; SET memory_limit='{MEMORY}'; SET preserve_insertion_order=true")
        database.register("rows", make_columns(columns))
        database.execute(f"COPY (SELECT {cast} FROM rows) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        return path.read_bytes()
