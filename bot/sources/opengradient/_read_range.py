"""What to read of a chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.chain.reader import Cursor


@dataclass(frozen=True, slots=True)
class ReadRange:
    """What to read of a chain."""

    start: Cursor
    begins: datetime
    """The instant that `start` stands for."""
    until: int | None = None
    """The block to end with; `None`: the newest final one."""
    message: str = ""
    """One line for whoever waits; empty where there is nothing to say."""
