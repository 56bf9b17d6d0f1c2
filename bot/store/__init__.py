"""The database: engine, tables and migrations. No other package knows whether it is SQLite or PostgreSQL.

Write transactions on SQLite begin IMMEDIATE, so that one that reads first and writes later waits for its turn instead
of failing half-way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.lake.layout import LakeSettings
from bot.store._error_causes import NO_PERMISSION, StoreError, cure
from bot.store._event_tables import event_days, event_refs, gauges, leaves, settlements, sketches, strangers, tallies
from bot.store._postgresql import postgresql_engine
from bot.store._publishing_tables import (
    deliveries,
    digests,
    figures,
    leases,
    members,
    paused,
    polls,
    receipts,
    subscriptions,
    synced,
    watches,
)
from bot.store._snapshot_tables import (
    catalogues,
    cursors,
    falls,
    models,
    readings,
    refs,
    snapshots,
    stretches,
    usage,
    verdicts,
    windows,
)
from bot.store._types import MessageText, UtcDateTime, tables

BUSY_SECONDS = 30
CACHE_KIB = 32 * 1024
"""Memory for the pages of a connection to SQLite. With its default of 2 MB, it writes each page of an index many
times while a record of years is stored."""
MIGRATIONS = Path(__file__).parent.parent / "migrations"


class _Undone(Exception):
    """Raised to roll back a transaction that was only a test."""


def advisory_lock(connection: sa.Connection, *key: object) -> None:
    """Hold the lock of a key until the end of the transaction. (SQLite has only one writer anyway.)"""
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], signed=True)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


class Store:
    """One database, migrated to this version's tables."""

    def __init__(self, url: str, lake: LakeSettings | None = None) -> None:
        self._lake = lake or _default_lake(url)
        self.shown = _redacted_url(url)
        self.engine = _make_engine(url, self.shown)
        try:
            with self.engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except sa.exc.DBAPIError as error:
            self.close()
            raise StoreError(
                f"database {self.shown}: cannot be opened: {_error_cause(error)}", cure(error.orig)
            ) from error
        except StoreError:
            self.close()
            raise

    @property
    def lake(self) -> LakeSettings:
        """Where the events of this database's days are. Raises `StoreError` if no lake is set."""
        if self._lake is None:
            raise StoreError(f"database {self.shown}: has no lake; name one in config.yaml: lake")
        return self._lake

    @contextmanager
    def read_transaction(self) -> Iterator[sa.Connection]:
        """A connection for queries, with a consistent view of the database."""
        with self._translate_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write_transaction(self) -> Iterator[sa.Connection]:
        """A connection for one transaction, committed at the end, rolled back on any error."""
        options = {"footfall_writes": True}
        with (
            self._translate_errors(),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(f"database {self.shown}: {_error_cause(error)}", cure(error.orig)) from error

    def try_writing(self) -> None:
        """Write more than a database buffers in memory, and roll it back. Raises `StoreError` if the database
        refuses: it may be read-only, malformed, full, or not writable for this user."""
        size = 4 * 2**20 if self.engine.dialect.name == "sqlite" else 2**10
        with suppress(_Undone), self.write_transaction() as connection:
            connection.execute(cursors.insert().values(network="", name="doctor", text="x" * size))
            connection.execute(cursors.delete().where(cursors.c.network == "", cursors.c.name == "doctor"))
            raise _Undone

    def migrate(self) -> None:
        """Migrate the tables to this version. Raises `StoreError` for a database of a newer version."""
        known = known_revisions()
        with self.read_transaction() as connection:
            current_revision = _current_revision(connection)
        if current_revision == known[-1]:
            return
        if current_revision and current_revision not in known:
            cure = "install that Footfall or set DATABASE_URL to another database"
            raise StoreError(f"database {self.shown}: is of a newer version (revision {current_revision}); {cure}")
        self._run_migrations()

    def _run_migrations(self) -> None:
        from alembic import command  # takes 10 MB, needed only here

        config = _alembic_config()
        with self.write_transaction() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7073)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str, lake: LakeSettings | None = None) -> Store:
    """Open a store: create its folder and migrate its tables. By default the lake is beside the SQLite file."""
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"database {_redacted_url(url)}: its folder cannot be made: {error.strerror}", NO_PERMISSION
            ) from error
    store = Store(url, lake)
    try:
        store.migrate()
    except StoreError:
        store.close()
        raise
    return store


def _default_lake(url: str) -> LakeSettings | None:
    parsed = _parse_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return LakeSettings(str(Path(parsed.database or "").parent / "lake"))


def _parse_url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The error quotes what it could not read, which may be part of a password, so its cause is dropped.
        wanted = "sqlite:///path or postgresql://user:password@host/name"
        raise StoreError(f"DATABASE_URL: is not a database address; wanted {wanted}") from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"DATABASE_URL: found {parsed.drivername}, wanted sqlite or postgresql")
    return parsed


def _redacted_url(url: str) -> str:
    """The address without its password."""
    return _parse_url(url).set(query={}).render_as_string(hide_password=True)


def _make_engine(url: str, shown: str) -> sa.Engine:
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return postgresql_engine(parsed, shown)
    memory = parsed.database in (None, "", ":memory:")
    pool = sa.StaticPool if memory else None
    engine = sa.create_engine(
        parsed,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        **({"poolclass": pool} if pool else {}),
    )

    @sa.event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # we begin transactions ourselves, below
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute(f"PRAGMA cache_size=-{CACHE_KIB}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("footfall_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def known_revisions() -> list[str]:
    """The migrations of this version, oldest first, by file name."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _alembic_config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _current_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _error_cause(error: sa.exc.DBAPIError) -> str:
    text = str(error.orig or error).strip() or type(error.orig).__name__
    return text.splitlines()[0]
