"""PostgreSQL's engine. It also works behind a pool that lends a server connection for one transaction only (pgbouncer's
`pool_mode = transaction`).

Nothing here may outlive a transaction: no prepared statement, no session lock (`pg_advisory_xact_lock` only), no `SET`
without `LOCAL` or `TRANSACTION`, no `LISTEN`, no temporary table.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.store._error_causes import StoreError

CONNECT_SECONDS = "10"
REPEATABLE = ("host", "port")
"""Options that an address may have several times: servers that are tried one after the other."""


def postgresql_engine(url: sa.URL, shown: str) -> sa.Engine:
    """The engine of an address. Raises `StoreError` for invalid options; connections raise it if the database's
    encoding cannot store every text."""
    options = _url_options(url)
    engine = sa.create_engine(
        url.difference_update_query(["prepare_threshold"]),
        pool_pre_ping=True,
        connect_args={
            "prepare_threshold": _prepare_threshold(options),
            **({} if "connect_timeout" in options else {"connect_timeout": CONNECT_SECONDS}),
        },
    )

    # Before SQLAlchemy's own first query, which fails on a server that answers with bytes.
    @sa.event.listens_for(engine, "connect", insert=True)
    def _connect(raw: Any, _record: object) -> None:
        if problem := encoding_problem(raw.info.parameter_status("server_encoding")):
            raw.close()
            raise StoreError(f"database {shown}: {problem}")

    return engine


def encoding_problem(encoding: str | None) -> str:
    """Why a database with this encoding cannot store every text, and the fix; empty if it can."""
    if encoding in (None, "UTF8"):
        return ""
    cure = "make a new one with `createdb --encoding UTF8 --template template0 NAME`"
    return f"its encoding is {encoding}, wanted UTF8; {cure}"


def _url_options(url: sa.URL) -> dict[str, str]:
    """The options after the `?`, each with its single value."""
    options: dict[str, str] = {}
    for name, value in url.query.items():
        if name == "autocommit":
            raise StoreError("DATABASE_URL: autocommit: found it set, wanted it left out; Footfall begins transactions")
        if not isinstance(value, str) and name not in REPEATABLE:
            raise StoreError(f"DATABASE_URL: {name}: found {len(value)} values, wanted one")
        options[name] = value if isinstance(value, str) else ",".join(value)
    if not options.get("connect_timeout", CONNECT_SECONDS).isdecimal():
        raise StoreError("DATABASE_URL: connect_timeout: wanted a number of seconds")
    return options


def _prepare_threshold(options: dict[str, str]) -> int | None:
    """After how many uses psycopg prepares a statement on the server. By default never: a prepared statement
    outlives the transaction, and the next transaction may get another server connection."""
    text = options.get("prepare_threshold", "none")
    if text.lower() == "none":
        return None
    if not text.isdecimal():
        raise StoreError("DATABASE_URL: prepare_threshold: wanted a whole number, or none")
    return int(text)
