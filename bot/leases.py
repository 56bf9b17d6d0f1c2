"""Leases decide which of several workers does the work: a named lease has at most one holder at any time.

A holder that dies loses it when it expires, or at once if `process_locks` knows that its process has ended. A lease
does not guarantee that something happens only once, because its holder may notice the expiry late; the claims of
`deliveries` do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot import process_locks
from bot.store import Store, advisory_lock, leases

CLOCKS_APART = timedelta(minutes=5)
"""Most difference between the clocks of two workers."""


_NAMED = sa.select(leases).where(leases.c.name == sa.bindparam("lease"))
_EXTENDED = (
    leases.update()
    .where(leases.c.name == sa.bindparam("lease"))
    .values(holder=sa.bindparam("holder"), until=sa.bindparam("until"))
)


def acquire_lease(store: Store, name: str, holder: str, now: datetime, lasts: timedelta) -> bool:
    """Take a lease, or extend one's own. Returns whether `holder` has it until `now + lasts`. A lease that ends far
    later than that was taken by a wrong clock and counts as expired."""
    until = {"holder": holder, "until": now + lasts}
    with store.write_transaction() as connection:
        advisory_lock(connection, "lease", name)
        row = connection.execute(_NAMED, {"lease": name}).first()
        if row is None:
            connection.execute(leases.insert().values(name=name, **until))
            return True
        run_out = row.until <= now or row.until > now + lasts + CLOCKS_APART
        if row.holder != holder and not run_out and not process_locks.has_ended(store, row.holder):
            return False
        connection.execute(_EXTENDED, {"lease": name, **until})
        return True


def release_lease(store: Store, name: str, holder: str) -> None:
    """Release a lease before it expires; does nothing if another worker has it."""
    with store.write_transaction() as connection:
        connection.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))
