"""Counts days on which nothing could be delivered to a channel or member. One failure ends nothing, several days do."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.store import Store, deliveries, members, subscriptions, watches
from bot.subscriptions.types import MISSES

_KEYS = {"discord": subscriptions.c.channel, "direct": members.c.key}
"""Outlet to the column that holds its destinations."""
CLOCKS_APART = timedelta(minutes=5)


def record_miss(store: Store, outlet: str, destination: str, now: datetime) -> int:
    """Count a day on which nothing could be delivered to a destination. Returns the number of such days since the last
    delivery; 0 if there is no subscription. Several failures on one UTC day count once."""
    key = _KEYS[outlet]
    with store.write_transaction() as connection:
        row = connection.execute(sa.select(key.table).where(key == destination)).first()
        if row is None:
            return 0
        if row.missed_at is None or _was_reached_since(connection, outlet, destination, row.missed_at):
            misses = 1
        else:
            misses = row.misses + (row.missed_at.date() != now.date())
        connection.execute(sa.update(key.table).where(key == destination).values(misses=misses, missed_at=now))
    return misses


def is_over(misses: int) -> bool:
    """Whether this many days end a subscription or the watches of a member."""
    return misses >= MISSES


def clear_reached(connection: sa.Connection, outlet: str) -> None:
    """Reset the count of destinations that got something since, before those records are deleted."""
    key = _KEYS[outlet]
    sent = sa.exists().where(
        *(deliveries.c.outlet == outlet, deliveries.c.destination == key),
        *(deliveries.c.state == "sent", deliveries.c.since > key.table.c.missed_at),
    )
    connection.execute(sa.update(key.table).where(sent).values(misses=0, missed_at=None))


def correct_since(store: Store, now: datetime) -> None:
    """Let subscriptions that were made while the clock was ahead begin now."""
    with store.write_transaction() as connection:
        for table in (subscriptions, watches):
            connection.execute(table.update().where(table.c.since > now + CLOCKS_APART).values(since=now))


def _was_reached_since(connection: sa.Connection, outlet: str, destination: str, at: datetime) -> bool:
    there = (deliveries.c.outlet == outlet, deliveries.c.destination == destination)
    sent = sa.select(deliveries.c.id).where(*there, deliveries.c.state == "sent", deliveries.c.since > at)
    return connection.execute(sent.limit(1)).first() is not None
