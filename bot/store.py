"""The database: engine, tables and migrations. The only place that knows whether it is SQLite or PostgreSQL.

Writers on SQLite begin IMMEDIATE, so that a transaction that reads first and writes later waits for its turn instead of
failing half-way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bot.records import FootfallError

BUSY_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(FootfallError):
    """The database cannot be used: which one, why, and the cure."""


class Instant(sa.TypeDecorator[datetime]):
    """A UTC instant; kept as ISO text to the second, so that both databases compare and index it alike."""

    impl = String(25)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if value else None


tables = sa.MetaData()

catalogues = Table(
    "catalogues",
    tables,
    Column("id", Integer, primary_key=True),
    Column("network", String(60), nullable=False),
    Column("name", String(60), nullable=False),
    UniqueConstraint("network", "name"),
)

refs = Table(
    "refs",
    tables,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("sha256", String(64), nullable=False),
    UniqueConstraint("url", "at", "sha256"),
)

models = Table(
    "models",
    tables,
    Column("id", Integer, primary_key=True),
    Column("catalogue", ForeignKey("catalogues.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("category", Text),
    Column("created_at", Instant),
    Column("first_seen", Date, nullable=False),  # the day closed by the first snapshot that lists it
    Column("first_counter", BigInteger),  # its first reading
    Column("first_used", Date),
    Column("last_used", Date),
    Column("last_used_from", Date),
    UniqueConstraint("catalogue", "name"),
    Index("models_by_first_seen", "catalogue", "first_seen"),
)

# One row a snapshot. `day` is the day that it closes, or null where it was taken too late to close one.
snapshots = Table(
    "snapshots",
    tables,
    Column("id", Integer, primary_key=True),
    Column("catalogue", ForeignKey("catalogues.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("day", Date),
    Column("ref", ForeignKey("refs.id"), nullable=False),
    Column("listed", Integer, nullable=False),
    Column("unplaced", Integer, nullable=False),
    Column("uncounted", Integer, nullable=False),
    Column("note", Text, nullable=False),
    UniqueConstraint("catalogue", "at"),
    Index("snapshots_by_day", "catalogue", "day", unique=True),
)

# What was read, as it was read: a row says the model was listed, `counter` what it showed (null: none shown).
readings = Table(
    "readings",
    tables,
    Column("snapshot", ForeignKey("snapshots.id"), primary_key=True),
    Column("model", ForeignKey("models.id"), primary_key=True),
    Column("counter", BigInteger),
    Index("readings_by_model", "model", "snapshot"),
    sqlite_with_rowid=False,
)

# Roll-ups. A stretch is the days between two neighbouring snapshots; its totals are known.
stretches = Table(
    "stretches",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("last_day", Date, primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("models_used", Integer, nullable=False),
    Column("top_uses", BigInteger, nullable=False),
    Column("newcomers", Integer, nullable=False),
    Column("resets", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
)

# Usage by model, sparse: no row, no use. A `hole` reaches further back than its stretch, because readings of this model
# were missed; it is part of no stretch's total. A hole across which the counter fell has negative uses: not known.
usage = Table(
    "usage",
    tables,
    Column("model", ForeignKey("models.id"), primary_key=True),
    Column("last_day", Date, primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("catalogue", Integer, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("hole", Boolean, nullable=False),
    Index("usage_by_day", "catalogue", "last_day", "first_day", "model", "uses"),
    Index("usage_holes", "catalogue", "last_day", sqlite_where=sa.text("hole"), postgresql_where=sa.text("hole")),
    sqlite_with_rowid=False,
)

# --- events: what is told log by log. Integers that a sender chooses are text, since no column holds a uint256.

# From one instant to another nothing is missing.
windows = Table(
    "windows",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("begins", Instant, primary_key=True),
    Column("ends", Instant, nullable=False),
)

cursors = Table(
    "cursors",
    tables,
    Column("network", String(60), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("text", Text, nullable=False),
)

# The log as it stands on the chain, and what the rules made of it so far.
settlements = Table(
    "settlements",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("day", Date, nullable=False),
    Column("relay", String(42), nullable=False),
    Column("size", Text, nullable=False),
    Column("blob", Text, nullable=False),
    Column("root", String(64), nullable=False),
    Column("attested", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("claimed", BigInteger),
    Column("backed", BigInteger),
    Column("verified", BigInteger),
    Column("claimed_unknown", Text, nullable=False),
    Column("signer", String(42), nullable=False),
    Column("reason", Text, nullable=False),
    Column("standings", Text, nullable=False),  # JSON: standing to leaves
    Column("models", Text, nullable=False),  # JSON: model to verified uses
    Column("tries", Integer, nullable=False),
    Column("next_try", Instant),
    Column("rules", String(64), nullable=False),
    Index("settlements_by_day", "catalogue", "day"),
    Index("settlements_due", "catalogue", "next_try"),
    Index("settlements_by_blob", "catalogue", "blob"),
)

# Which settlement was the first to back or to verify a leaf.
leaves = Table(
    "leaves",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", sa.LargeBinary(32), primary_key=True),
    Column("backed_by", String(90), nullable=False),
    Column("verified_by", String(90)),
    Index("leaves_by_place", "catalogue", "backed_by"),
    Index("leaves_by_proof", "catalogue", "verified_by"),
)

uses = Table(
    "uses",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("day", Date, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("model", Text),
    Column("caller", String(42), nullable=False),
    Column("content", Text, nullable=False),
    Index("uses_by_day", "catalogue", "day"),
)

payments = Table(
    "payments",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("day", Date, nullable=False),
    Column("payer", String(42), nullable=False),
    Column("amount", Text, nullable=False),
    Column("session", Boolean, nullable=False),
    Index("payments_by_day", "catalogue", "day"),
)

gauges = Table(
    "gauges",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("value", Text, nullable=False),
)

strangers = Table(
    "strangers",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("address", String(42), primary_key=True),
    Column("logs", BigInteger, nullable=False),
)

# Roll-ups of a day: uses of each evidence; `open` settlements have no verdict yet. Null: not known, for the reason.
tallies = Table(
    "tallies",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("evidence", String(10), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("uses", BigInteger),
    Column("unknown", Text, nullable=False),
    Column("unattributed", BigInteger, nullable=False),
    Column("models_used", Integer, nullable=False),
    Column("top_uses", BigInteger, nullable=False),
)

# Roll-ups of a day: who called or paid, how often, and how much in the token's smallest unit.
callers = Table(
    "callers",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("caller", String(42), primary_key=True),
    Column("uses", BigInteger, nullable=False),
    Column("amount", Text, nullable=False),
)

event_refs = Table(
    "event_refs",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("ref", ForeignKey("refs.id"), primary_key=True),
)

digests = Table(
    "digests",
    tables,
    Column("id", Integer, primary_key=True),
    Column("network", String(60), nullable=False),
    Column("period", String(5), nullable=False),
    Column("day", Date, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("status", String(6), nullable=False),
    Column("composed_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("network", "period", "day", "edition"),
)

# Every figure of every digest again, one a row, so that a metric's history is one indexed read.
figures = Table(
    "figures",
    tables,
    Column("digest", ForeignKey("digests.id", ondelete="CASCADE"), primary_key=True),
    Column("catalogue", String(60), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("value", Text),
    Column("unknown", Text),
    Index("figures_by_key", "catalogue", "key", "digest"),
)

receipts = Table(
    "receipts",
    tables,
    Column("digest", ForeignKey("digests.id"), primary_key=True),
    Column("outlet", String(60), primary_key=True),
    Column("destination", String(200), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("platform_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# One row a part on its way to one destination: `deliveries` says what becomes of it, `bot.deliveries` moves it.
deliveries = Table(
    "deliveries",
    tables,
    Column("id", Integer, primary_key=True),
    Column("network", String(60), nullable=False),
    Column("period", String(5), nullable=False),
    Column("day", Date, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("outlet", String(60), nullable=False),
    Column("destination", String(200), nullable=False),
    Column("part", Integer, nullable=False),
    Column("kind", String(10), nullable=False),  # post, correction
    Column("marker", String(24), nullable=False),
    Column("state", String(8), nullable=False),  # planned, sending, sent, refused, unknown, skipped
    Column("since", Instant, nullable=False),  # when it came into its state
    Column("reason", Text, nullable=False),  # why it is there; redacted before it gets here
    Column("planned_at", Instant, nullable=False),
    Column("not_before", Instant),  # planned: next attempt; unknown: next look-back (null: a human must)
    Column("until", Instant),  # from then on no longer due; null: an operator asked for it
    Column("claimed_by", String(120)),
    Column("lease_until", Instant),
    Column("attempts", Integer, nullable=False),
    Column("resent", Integer, nullable=False),  # how often it was planned again because it was not found
    Column("tried_at", Instant),
    Column("text", Text),  # as sent at the last attempt: what a look-back looks for
    Column("cost", String(20)),  # US dollars of the last attempt, decimal
    Column("edits", Text),  # platform id of what it is put in the place of; null: a post of its own
    Column("otherwise", String(6), nullable=False),  # where that cannot be edited: refuse, post, skip
    Column("platform_id", Text),
    Column("url", Text),
    UniqueConstraint("network", "period", "day", "edition", "outlet", "destination", "part"),
    Index("deliveries_by_state", "state", "outlet", "not_before"),
    Index("deliveries_by_month", "outlet", "tried_at"),
)

# Outlets whose account is refused: nothing is sent there until an operator or a working check lifts it.
paused = Table(
    "paused",
    tables,
    Column("outlet", String(60), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("checked_at", Instant, nullable=False),
)

# Which of several workers does what; see `bot.leases`.
leases = Table(
    "leases",
    tables,
    Column("name", String(60), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("until", Instant, nullable=False),
)


def alone(connection: sa.Connection, *key: object) -> None:
    """From here to the end of the transaction, nobody else is in here with the same key. (On SQLite there is one
    writer anyway.)"""
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], signed=True)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


class Store:
    """One database, migrated to this version's tables."""

    def __init__(self, url: str) -> None:
        self.shown = _shown(url)
        self.engine = _engine(url, self.shown)
        try:
            with self.engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except sa.exc.DBAPIError as error:
            self.close()
            raise StoreError(f"database {self.shown}: cannot be opened: {_cause(error)}") from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for queries; sees one state of the database."""
        with self._named(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection for one transaction, committed at the end, rolled back on any error."""
        options = {"footfall_writes": True}
        with self._named(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(f"database {self.shown}: {_cause(error)}") from error

    def migrate(self) -> None:
        """Bring the tables to this version. Raises `StoreError` for a database of a newer version."""
        from alembic import command
        from alembic.script import ScriptDirectory

        config = _alembic()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        with self.writing() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7073)"))
            found = _revision(connection)
            if found and found not in known:
                cure = "install that Footfall or set DATABASE_URL to another database"
                raise StoreError(f"database {self.shown}: is of a newer version (revision {found}); {cure}")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def opened(url: str) -> Store:
    """A store ready to use: its folder made, its tables migrated."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"database {_shown(url)}: its folder cannot be made: {error.strerror}") from error
    store = Store(url)
    try:
        store.migrate()
    except StoreError:
        store.close()
        raise
    return store


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The error quotes what it could not read, which may be a piece of a password: not even its cause is kept.
        wanted = "sqlite:///path or postgresql://user:password@host/name"
        raise StoreError(f"DATABASE_URL: is no database address; wanted {wanted}") from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"DATABASE_URL: found {parsed.drivername}, wanted sqlite or postgresql")
    return parsed


def _shown(url: str) -> str:
    """The address without its password, wherever that stands."""
    return _parsed(url).set(query={}).render_as_string(hide_password=True)


def _engine(url: str, shown: str) -> sa.Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    memory = parsed.database in (None, "", ":memory:")
    pool = sa.StaticPool if memory else None
    engine = sa.create_engine(
        parsed,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        **({"poolclass": pool} if pool else {}),
    )

    @sa.event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # transactions are begun below, by us
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("footfall_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _alembic() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _cause(error: sa.exc.DBAPIError) -> str:
    text = str(error.orig or error).strip() or type(error.orig).__name__
    return text.splitlines()[0]
