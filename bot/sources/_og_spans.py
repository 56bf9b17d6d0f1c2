"""What to read of a chain, and where a reading of days gone by broke off."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

from bot.sources._evm import Cursor


@dataclass(frozen=True, slots=True)
class Span:
    """What to read of a chain."""

    start: Cursor
    begins: datetime
    """The instant that `start` stands for."""
    until: int | None = None
    """The block to end with; `None`: the newest final one."""
    told: str = ""
    """One line for whoever waits; empty where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Back:
    """How far a stretch of days that was asked for was read, should it break off."""

    since: date
    at: datetime
    cursor: Cursor

    @property
    def text(self) -> str:
        return json.dumps([self.since.isoformat(), self.at.isoformat(), self.cursor.text])

    @classmethod
    def read(cls, text: str | None) -> Back | None:
        if not text:
            return None
        since, at, cursor = json.loads(text)
        return cls(date.fromisoformat(since), datetime.fromisoformat(at), Cursor.read(cursor))
