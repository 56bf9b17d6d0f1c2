"""Rows of one query on somebody else's database, in a transaction that can only read, within limits of time, rows and
bytes. No message shows the address: it holds a password."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from bot.records import SafeName, SourceError

FETCHED = 1000
"""Rows that are fetched together, where the driver does."""
STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""
_READ_ONLY = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL TIME ZONE 'UTC'"),
    "mysql": ("SET TRANSACTION READ ONLY", "START TRANSACTION READ ONLY", "SET time_zone = '+00:00'"),
    "mariadb": ("SET TRANSACTION READ ONLY", "START TRANSACTION READ ONLY", "SET time_zone = '+00:00'"),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""Statements that keep a transaction from writing, by the name of the database; for others, only the roll-back at the
end does."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Limits of one query."""

    seconds: float
    """For connecting, running and fetching together."""
    rows: int
    size: int
    """Bytes of all texts and numbers together."""
    monotonic: Callable[[], float] = time.monotonic


@dataclass
class _Result:
    rows: list[dict[str, Any]] = field(default_factory=list)
    error: SourceError | None = None


def query_rows(
    address: str, query: str, parameters: Mapping[str, object], where: str, limits: QueryLimits, first_only: int = 0
) -> list[dict[str, Any]]:
    """The rows of a query, each by the names of its columns; with `first_only`, at most so many of the first ones.
    Raises `SourceError`."""
    result = _Result()

    def read() -> None:
        try:
            result.rows = _read_rows(address, query, parameters, where, limits, first_only)
        except SourceError as error:
            result.error = error
        except Exception as error:  # noqa: BLE001 - SQLAlchemy's and the driver's own errors, whichever it is
            result.error = SourceError(f"{where}: {_cause(error)}; correct the query, or run again later")

    # A daemon thread, because connecting has no time-out in some drivers.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(limits.seconds + 1)
    if reader.is_alive():
        raise SourceError(f"{where}: not complete within {limits.seconds:g} s; raise timeout, or make the query faster")
    if result.error is not None:
        raise result.error
    return result.rows


def _read_rows(
    address: str, query: str, parameters: Mapping[str, object], where: str, limits: QueryLimits, first_only: int
) -> list[dict[str, Any]]:
    ends = limits.monotonic() + limits.seconds
    engine = _make_engine(address, where, limits, ends)
    statement = sa.text(query)
    named = statement.compile().params.keys()
    if unknown := sorted(named - parameters.keys()):
        known = "; ".join(f":{key}" for key in parameters) or "none for a list"
        raise SourceError(f"{where}: the query names :{SafeName(unknown[0], 40)}; known: {known}")
    wanted = {key: parameters[key] for key in named}
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            for line in _READ_ONLY.get(engine.dialect.name, ()):
                connection.exec_driver_sql(line)
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(limits.seconds * 1000)}")
            with _open_rows(connection, statement, wanted) as stream:
                rows = _fetch_rows(stream, where, limits, ends, first_only)
            transaction.rollback()
    except sa.exc.OperationalError as error:
        if limits.monotonic() > ends:  # SQLite calls it an interruption
            raise SourceError(f"{where}: not complete within {limits.seconds:g} s; raise timeout") from error
        raise
    finally:
        engine.dispose()
    return rows


@contextmanager
def _open_rows(
    connection: sa.Connection, statement: sa.TextClause, parameters: Mapping[str, object]
) -> Iterator[Iterator[dict[str, Any]]]:
    """The rows one by one, as the database sends them: never all of them in memory."""
    if connection.dialect.driver == "psycopg":
        # Row by row without a cursor on the server, which would stay open after an error.
        compiled = statement.compile(dialect=connection.dialect)
        raw: Any = connection.connection.dbapi_connection
        with (
            raw.cursor() as cursor,
            closing(cursor.stream(str(compiled), compiled.construct_params(parameters))) as rows,
        ):
            yield (dict(zip((column.name for column in cursor.description), row, strict=True)) for row in rows)
        return
    streamed = connection.execution_options(stream_results=True, max_row_buffer=FETCHED)
    with closing(streamed.execute(statement, parameters)) as result:
        names = list(result.keys())
        yield (dict(zip(names, row, strict=True)) for row in result)


def _fetch_rows(
    stream: Iterator[dict[str, Any]], where: str, limits: QueryLimits, ends: float, first_only: int
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    size = 0
    for row in islice(stream, first_only or None):
        rows.append(row)
        size += sum(len(str(value)) for value in row.values())
        if len(rows) > limits.rows:
            raise SourceError(f"{where}: has more than {limits.rows:,} rows; raise max_rows, or narrow the query")
        if size > limits.size:
            raise SourceError(f"{where}: has more than {limits.size:,} bytes; raise max_bytes, or narrow the query")
        if limits.monotonic() > ends:
            raise SourceError(f"{where}: not complete within {limits.seconds:g} s; raise timeout")
    return rows


def _make_engine(address: str, where: str, limits: QueryLimits, ends: float) -> sa.Engine:
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        # Without its cause, which may quote the address.
        raise SourceError(f"{where}: is no address of a database; wanted driver://user:password@host/name") from None
    name = url.get_backend_name()
    try:
        if name == "sqlite":
            return _sqlite_engine(url, where, limits, ends)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        options: dict[str, Any] = {"poolclass": sa.NullPool}
        if url.drivername == "postgresql+psycopg":
            # No prepared statements: a pool may lend the connection for one transaction only.
            options["connect_args"] = {"connect_timeout": max(2, int(limits.seconds)), "prepare_threshold": None}
        return sa.create_engine(url, **options)
    except sa.exc.NoSuchModuleError:
        raise SourceError(
            f"{where}: {SafeName(name, 40)}: no such driver; install its package for SQLAlchemy"
        ) from None
    except ImportError as error:
        missing = SafeName(error.name or "its driver", 40)
        raise SourceError(f"{where}: {SafeName(name, 40)} needs the package {missing}; install it") from None


def _sqlite_engine(url: sa.URL, where: str, limits: QueryLimits, ends: float) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise SourceError(f"{where}: names no file; wanted sqlite:////folder/name.db")
    path = Path(url.database).absolute()

    def connect() -> sqlite3.Connection:
        # Opened for reading only: nothing is written, and a missing file is not made.
        raw = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=limits.seconds)
        raw.set_progress_handler(lambda: limits.monotonic() > ends, STEPS)
        return raw

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


def _cause(error: Exception) -> str:
    """The database's own words, their first line; foreign, and without the query and its parameters."""
    origin = getattr(error, "orig", None) if isinstance(error, sa.exc.SQLAlchemyError) else error
    if origin is None:
        return type(error).__name__
    first = next(iter(str(origin).splitlines()), "")
    return f"{type(origin).__name__}: {SafeName(first, 200)}"
