"""Databases as copies of one that is migrated and filled once per process, because doing so for each test takes many
times as long."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot import store

ON_SQLITE = pytest.mark.databases("sqlite")
"""For tests with the fixture `url` or `db` of which nothing depends on the database. Other tests run every statement of
theirs on PostgreSQL."""
ON_BOTH = pytest.mark.databases("sqlite", "postgresql")
"""For the others in a file whose `pytestmark` is `ON_SQLITE`."""


def nothing(_opened: store.Store) -> None:
    """The content of a database that was only migrated."""


@cache
def content(sql_callback: Callable[..., None] = nothing, *given: object) -> bytes:
    """A SQLite file's bytes after `told(opened, *given)`."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "footfall.db")
        if sql_callback is not nothing:
            path.write_bytes(content())
        opened = store.open_store(f"sqlite:///{path}")
        try:
            sql_callback(opened, *given)
        finally:
            opened.close()
        return path.read_bytes()


def sqlite(path: Path, sql_callback: Callable[..., None] = nothing, *given: object) -> str:
    """The URL of a new file with that content."""
    path.write_bytes(content(sql_callback, *given))
    return f"sqlite:///{path}"


def memory() -> store.Store:
    """A new migrated database in memory."""
    opened = store.Store("sqlite://")
    with TemporaryDirectory() as folder:
        sqlite(path := Path(folder, "footfall.db"))
        with closing(sqlite3.connect(path)) as origin, closing(opened.engine.raw_connection()) as target:
            assert isinstance(target.driver_connection, sqlite3.Connection)
            origin.backup(target.driver_connection)
    opened.migrate()
    return opened
