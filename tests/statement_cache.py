"""SQL statements are compiled once per process, not once per database: each test opens databases of its own, and
SQLAlchemy keeps what it compiled by engine."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class StatementCache(dict[Any, Any]):
    """A cache of compiled statements for all engines. Its keys name the kind of dialect, not the dialect of an
    engine."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


def share_compiled_statements() -> None:
    """From here on, connections of every engine in this process use one cache."""
    cache = StatementCache()

    @sa.event.listens_for(sa.Engine, "engine_connect")
    def _connect(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=cache)
