"""The list of tables, how they are defined, and the column types of an instant and of a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import String, Text

from bot.records.messages import Message, message_from_json


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A UTC instant, stored as ISO text to the second, so that both databases compare and index it in the same way."""

    impl = String(25)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if value else None


class MessageText(sa.TypeDecorator[str]):
    """A text. A message is stored as JSON with its words, code and parameters."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return json.dumps({"text": value, **value.to_json()}) if isinstance(value, Message) else value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        with suppress(LookupError, TypeError, ValueError):
            kept = json.loads(value or "")
            return message_from_json(str(kept["text"]), kept)
        return value


tables = sa.MetaData()


def define_table(name: str, *columns: Any, **options: Any) -> sa.Table:
    return sa.Table(name, tables, *columns, **options)


def required(kind: Any, *names: str) -> Iterator[sa.Column[Any]]:
    """Columns of one type that are never null."""
    return (sa.Column(name, kind, nullable=False) for name in names)
