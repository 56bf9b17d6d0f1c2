"""Who does what, where several workers share one database: a named lease has at most one holder at any instant.

A holder that dies loses it when it runs out, or at once where `presence` knows that its process has ended. What must
never happen twice does not rest on a lease, whose holder may be slow to notice that it ran out: it rests on the claims
of `deliveries`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot import process_locks
from bot.store import Store, advisory_lock, leases

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two workers may be apart."""


def acquire_lease(store: Store, name: str, holder: str, now: datetime, lasts: timedelta) -> bool:
    """Take a lease, or make one's own last longer. Returns whether `holder` has it until `now + lasts`. A lease that
    ends far later than that was taken by a clock that was wrong, and counts as run out."""
    until = {"holder": holder, "until": now + lasts}
    with store.write_transaction() as connection:
        advisory_lock(connection, "lease", name)
        row = connection.execute(sa.select(leases).where(leases.c.name == name)).first()
        if row is None:
            connection.execute(leases.insert().values(name=name, **until))
            return True
        run_out = row.until <= now or row.until > now + lasts + CLOCKS_APART
        if row.holder != holder and not run_out and not process_locks.has_ended(store, row.holder):
            return False
        connection.execute(leases.update().where(leases.c.name == name).values(until))
        return True


def release_lease(store: Store, name: str, holder: str) -> None:
    """Give a lease back before it runs out; nothing where somebody else has it."""
    with store.write_transaction() as connection:
        connection.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))
