"""A checksum of what the ledger has up to each day, which tells whether the tables of a past day could have changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bot.ledger import catalogue_query
from bot.ledger.catalogue_query import ONE
from bot.ledger.snapshots.period_data import HOLE
from bot.records import Catalogue
from bot.store import Store, event_days, falls, gauges, models, snapshots, stretches, tallies, usage, verdicts, windows


def day_checksums(store: Store, catalogue: Catalogue) -> tuple[tuple[date, str], ...]:
    """Days, oldest first, each with a checksum of all records that the ranking of a period is made from if it ends on
    that day or before the next one given here. Records of a new day do not change the checksums of earlier days."""
    rows: dict[date, list[str]] = defaultdict(list)
    with store.read_transaction() as connection:
        if (key := catalogue_query.key_of(connection, catalogue)) is None:
            return ()
        rows[date.min] = [repr(tuple(connection.execute(_begin(key)).one()))]
        for number, stmt in enumerate(_statements(key)):
            for when, *values in connection.execute(stmt):
                rows[when.date() if isinstance(when, datetime) else when].append(f"{number} {values!r}")
        for day, *values in connection.execute(_ended_falls(key)):
            rows[day + ONE].append(f"ended {values!r}")  # the day itself is still one of the fall
    return tuple(_rolling(rows))


def _rolling(rows: dict[date, list[str]]) -> Iterator[tuple[date, str]]:
    so_far = hashlib.sha256()
    for day in sorted(rows):
        so_far.update("\n".join([day.isoformat(), *rows[day], ""]).encode())
        yield day, so_far.hexdigest()


def _begin(key: int) -> sa.Select[Any]:
    """When the records begin: it decides what is known of every day."""
    listed = sa.select(sa.func.min(snapshots.c.day)).where(snapshots.c.catalogue == key)
    read = sa.select(sa.func.min(windows.c.begins)).where(windows.c.catalogue == key)
    return sa.select(listed.scalar_subquery(), read.scalar_subquery())


def _statements(key: int) -> Iterator[sa.Select[Any]]:
    """Rows by the first day whose tables they could change. What spans several days counts at its first day by what
    does not change as it goes on, and at its last by the rest. Use by model is part of the totals in `stretches` and
    `tallies`, but for the holes."""
    count = sa.func.count()
    for table in (snapshots, verdicts, tallies, event_days, gauges):
        mine = sa.select(table.c.day, *table.c).where(table.c.catalogue == key, table.c.day.is_not(None))
        yield mine.order_by(*table.primary_key)
    yield sa.select(stretches.c.first_day).where(stretches.c.catalogue == key).order_by(stretches.c.first_day)
    yield sa.select(stretches.c.last_day, *stretches.c).where(stretches.c.catalogue == key)
    yield sa.select(windows.c.begins, windows.c.begins).where(windows.c.catalogue == key).order_by(windows.c.begins)
    yield sa.select(windows.c.ends, windows.c.ends).where(windows.c.catalogue == key).order_by(windows.c.ends)
    holes = (usage.c.catalogue == key, HOLE)
    yield sa.select(usage.c.first_day, count, sa.func.sum(usage.c.model)).where(*holes).group_by(usage.c.first_day)
    fallen = (falls.c.first_day, count, sa.func.sum(falls.c.model))
    yield sa.select(*fallen).where(falls.c.catalogue == key).group_by(falls.c.first_day)
    listed = (models.c.first_seen, count, sa.func.count(models.c.created_at))
    yield sa.select(*listed).where(models.c.catalogue == key).group_by(models.c.first_seen)


def _ended_falls(key: int) -> sa.Select[Any]:
    ended = (falls.c.last_day, sa.func.count(), sa.func.sum(falls.c.model))
    return sa.select(*ended).where(falls.c.catalogue == key).group_by(falls.c.last_day)
