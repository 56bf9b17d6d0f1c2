"""Copies the whole database into another one, of either kind: every table, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from bot.store import Store, StoreError, tables

CHUNK = 1000
"""Rows held in memory at a time."""

Tell = Callable[[str], None]


def copy_database(source: Store, target: Store, tell: Tell) -> Mapping[str, int]:
    """Copy every row; both stores are of this version. Returns rows by table. Raises `StoreError` if the target is not
    empty or its rows differ after the copy; the target is then unchanged."""
    copied: dict[str, int] = {}
    with source.read_transaction() as given, target.write_transaction() as taken:
        if given.dialect.name == "postgresql":  # one snapshot for all tables, which SQLite gives anyway
            given.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        _refuse_unless_empty(target, taken)
        for table in tables.sorted_tables:  # referenced tables first
            copied[table.name] = _copy_table(table, given, taken)
            tell(f"{table.name}: {copied[table.name]} rows")
        for table in tables.sorted_tables:
            _verify_table(target, table, taken, copied[table.name])
            _continue_numbers(table, taken)
    return copied


def _refuse_unless_empty(target: Store, taken: sa.Connection) -> None:
    for table in tables.sorted_tables:
        if row_counts := _count_rows(table, taken):
            cure = "give the address of a new, empty one"
            raise StoreError(
                f"database {target.shown}: {table.name} has {row_counts} rows, wanted an empty database; {cure}"
            )


def _copy_table(table: sa.Table, given: sa.Connection, taken: sa.Connection) -> int:
    rows = given.execution_options(yield_per=CHUNK).execute(sa.select(table).order_by(*table.primary_key))
    count = 0
    for chunk in rows.mappings().partitions():
        taken.execute(table.insert(), [dict(row) for row in chunk])
        count += len(chunk)
    return count


def _verify_table(target: Store, table: sa.Table, taken: sa.Connection, wanted: int) -> None:
    row_count = _count_rows(table, taken)
    if row_count != wanted:
        raise StoreError(
            f"database {target.shown}: {table.name}: found {row_count} rows after copying, wanted {wanted}"
        )


def _count_rows(table: sa.Table, connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _continue_numbers(table: sa.Table, taken: sa.Connection) -> None:
    """PostgreSQL has separate sequences, which copied rows do not advance."""
    column = table.autoincrement_column
    if taken.dialect.name != "postgresql" or column is None:
        return
    counter = sa.func.pg_get_serial_sequence(table.name, column.name)
    highest = taken.scalar(sa.select(sa.func.max(column)))
    if highest is not None and taken.scalar(sa.select(counter)):
        taken.execute(sa.select(sa.func.setval(counter, highest)))
