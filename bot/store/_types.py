"""The list of tables, how they are defined, and the column type of an instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import String


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A UTC instant, stored as ISO text to the second, so that both databases compare and index it in the same way."""

    impl = String(25)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if value else None


tables = sa.MetaData()


def define_table(name: str, *columns: Any, **options: Any) -> sa.Table:
    return sa.Table(name, tables, *columns, **options)


def required(kind: Any, *names: str) -> Iterator[sa.Column[Any]]:
    """Columns of one type that are never null."""
    return (sa.Column(name, kind, nullable=False) for name in names)
