"""The watches of members. A member is stored as long as they have a watch, and deleted with the last one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.records import Catalogue, SafeName, message
from bot.store import Store, advisory_lock, deliveries, members
from bot.store import watches as rows
from bot.subscriptions.delivery_misses import clear_reached
from bot.subscriptions.types import ModelWatch, SubscriptionError, SubscriptionLimits

OUTLET = "direct"
"""The outlet of direct messages in deliveries."""
KEPT = timedelta(days=7)
"""How long records of sent messages are kept: longer than a look-back may need them."""


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """What was deleted about a member."""

    watches: int = 0
    messages: int = 0
    """Records of direct messages; the messages themselves stay with the member."""


class ModelWatches:
    """The watches of one database."""

    def __init__(self, store: Store, bounds: SubscriptionLimits | None = None) -> None:
        self._store, self.bounds = store, bounds or SubscriptionLimits()

    def save_watch(
        self, account: str, locale: str, catalogue: Catalogue, model: SafeName, share: float, now: datetime
    ) -> tuple[ModelWatch, bool]:
        """Watch a model, or change the share of a watch. Returns whether it is new. Raises `SubscriptionError` if
        the limit is reached."""
        with self._store.write_transaction() as connection:
            advisory_lock(connection, "watches")
            same = (rows.c.network == catalogue.network, rows.c.catalogue == catalogue.key, rows.c.model == model)
            mine = rows.c.member.in_(sa.select(members.c.key).where(members.c.account == account))
            known = connection.execute(sa.select(rows).where(mine, *same)).first()
            if known is None:
                self._refuse_too_many(connection, mine)
                key = _member_key(connection, account, locale)
                columns = {"network": catalogue.network, "catalogue": catalogue.key, "model": model}
                connection.execute(rows.insert().values(member=key, share=share, since=now, **columns))
            else:
                connection.execute(rows.update().where(rows.c.id == known.id).values(share=share))
            connection.execute(members.update().where(members.c.account == account).values(locale=locale))
            row = connection.execute(_watch_query().where(mine, *same)).one()
        return _watch_from_row(row), known is None

    def account_watches(self, account: str) -> tuple[ModelWatch, ...]:
        """A member's watches, oldest first."""
        return self._select_watches(members.c.account == account)

    def all_watches(self) -> tuple[ModelWatch, ...]:
        """Every watch, grouped by member."""
        return self._select_watches()

    def member_watches(self, key: str) -> tuple[ModelWatch, ...]:
        return self._select_watches(rows.c.member == key)

    def member_account(self, key: str) -> str | None:
        """The Discord account of a member's key; `None` if the member has no watches any more."""
        with self._store.read_transaction() as connection:
            account: str | None = connection.scalar(sa.select(members.c.account).where(members.c.key == key))
        return account

    def end_watch(self, account: str, watch: int) -> ModelWatch | None:
        """End one watch of a member; with the last one, delete the member. `None` if it is not their watch."""
        with self._store.write_transaction() as connection:
            row = connection.execute(_watch_query().where(members.c.account == account, rows.c.id == watch)).first()
            if row is None:
                return None
            connection.execute(rows.delete().where(rows.c.id == watch))
            if connection.scalar(sa.select(sa.func.count()).where(rows.c.member == row.member)) == 0:
                _erase_member(connection, row.member)
        return _watch_from_row(row)

    def erase_member(self, *, account: str | None = None, key: str | None = None) -> ErasureResult:
        """Delete everything that is stored about a member, by account or by key."""
        with self._store.write_transaction() as connection:
            if key is None:
                key = connection.scalar(sa.select(members.c.key).where(members.c.account == account))
            return _erase_member(connection, key) if key else ErasureResult()

    def prune_messages(self, now: datetime) -> None:
        """Delete records of direct messages that no look-back needs any more."""
        old = (deliveries.c.outlet == OUTLET, deliveries.c.since < now - KEPT)
        over = deliveries.c.state.in_(("sent", "refused", "skipped"))
        with self._store.write_transaction() as connection:
            clear_reached(connection, OUTLET)
            connection.execute(deliveries.delete().where(*old, over))

    def _refuse_too_many(self, connection: sa.Connection, own_rows: sa.ColumnElement[bool]) -> None:
        count = sa.select(sa.func.count()).select_from(rows)
        if (connection.scalar(count.where(own_rows)) or 0) >= self.bounds.per_member:
            raise SubscriptionError(message("member_full", n=self.bounds.per_member))
        if (connection.scalar(count) or 0) >= self.bounds.watches:
            raise SubscriptionError(message("there are as many watches as this Footfall takes; ask its operator"))

    def _select_watches(self, *wanted: sa.ColumnElement[bool]) -> tuple[ModelWatch, ...]:
        with self._store.read_transaction() as connection:
            watch_rows = connection.execute(_watch_query().where(*wanted).order_by(rows.c.member, rows.c.id)).all()
        return tuple(map(_watch_from_row, watch_rows))


def _member_key(connection: sa.Connection, account: str, locale: str) -> str:
    known: str | None = connection.scalar(sa.select(members.c.key).where(members.c.account == account))
    if known is not None:
        return known
    key = secrets.token_hex(8)
    connection.execute(members.insert().values(key=key, account=account, locale=locale))
    return key


def _erase_member(connection: sa.Connection, key: str) -> ErasureResult:
    gone = connection.execute(rows.delete().where(rows.c.member == key)).rowcount
    mine = (deliveries.c.outlet == OUTLET, deliveries.c.destination == key)
    notices = connection.execute(deliveries.delete().where(*mine)).rowcount
    connection.execute(members.delete().where(members.c.key == key))
    return ErasureResult(gone, notices)


def _watch_query() -> sa.Select[Any]:
    return sa.select(rows, members.c.locale).join(members, members.c.key == rows.c.member)


def _watch_from_row(row: Any) -> ModelWatch:
    return ModelWatch(
        row.id, row.member, row.network, row.catalogue, SafeName(row.model), row.share, row.since, row.locale
    )
