"""The lists of snapshots, kept in memory while a transaction stores several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from bot.store import readings

Counters = Mapping[int, int | None]
"""Model id to counter; `None` if it showed none."""

MOST = 24
"""Lists in memory: those of `BACK_WITHIN` and the held ones that a verdict looks at. Older ones are read again."""


class RecentLists:
    """The lists that one transaction stored or read. A stored list never changes."""

    def __init__(self, connection: sa.Connection, several: bool = False) -> None:
        self._connection = connection
        self._lists: dict[int, Counters] = {}
        self._several = several
        """Whether more snapshots follow, so that it is worth reading lists that only one verdict needs now."""

    def has(self, snapshots: Iterable[int]) -> bool:
        """Whether these lists are in memory, or worth reading."""
        return self._several or all(key in self._lists for key in snapshots)

    def counters(self, snapshot: int) -> Counters:
        """The counters of a snapshot, by model."""
        if snapshot not in self._lists:
            stored = sa.select(readings.c.model, readings.c.counter).where(readings.c.snapshot == snapshot)
            self.keep(snapshot, dict(self._connection.execute(stored).all()))
        return self._lists[snapshot]

    def keep(self, snapshot: int, counters: Counters) -> None:
        """Keep a list that was stored."""
        while len(self._lists) >= MOST:
            self._lists.pop(next(iter(self._lists)))
        self._lists[snapshot] = counters
