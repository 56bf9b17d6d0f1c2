"""Who does what, where several workers share one database: a named lease has at most one holder at any instant.

A holder that dies loses it when it runs out. What must never happen twice does not rest on a lease, whose holder may be
slow to notice that it ran out: it rests on the claims of `deliveries`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.store import Store, alone, leases


def hold(store: Store, name: str, holder: str, now: datetime, lasts: timedelta) -> bool:
    """Take a lease, or make one's own last longer. Returns whether `holder` has it until `now + lasts`."""
    mine = sa.or_(leases.c.holder == holder, leases.c.until <= now)
    until = {"holder": holder, "until": now + lasts}
    with store.writing() as connection:
        alone(connection, "lease", name)
        if connection.execute(leases.update().where(leases.c.name == name, mine).values(until)).rowcount:
            return True
        if connection.execute(sa.select(leases.c.name).where(leases.c.name == name)).first():
            return False
        connection.execute(leases.insert().values(name=name, **until))
        return True


def release(store: Store, name: str, holder: str) -> None:
    """Give a lease back before it runs out; nothing where somebody else has it."""
    with store.writing() as connection:
        connection.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))
