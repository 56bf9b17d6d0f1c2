"""The subscriptions of servers: one per channel, stored until someone ends it or the channel is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

import sqlalchemy as sa

from bot.records import message
from bot.store import Store, advisory_lock
from bot.store import subscriptions as rows
from bot.subscriptions.types import Subscription, SubscriptionError, SubscriptionLimits, SubscriptionOptions


class ChannelSubscriptions:
    """The subscriptions of one database."""

    def __init__(self, store: Store, bounds: SubscriptionLimits | None = None) -> None:
        self._store, self.bounds = store, bounds or SubscriptionLimits()

    def save_subscription(
        self, guild: str, channel: str, terms: SubscriptionOptions, now: datetime
    ) -> tuple[Subscription, bool]:
        """Subscribe a channel, or change its subscription. Returns whether it is new. Raises `SubscriptionError` if the
        limit is reached."""
        with self._store.write_transaction() as connection:
            advisory_lock(connection, "subscriptions")
            known = connection.execute(sa.select(rows).where(rows.c.channel == channel)).first()
            if known is None:
                self._refuse_too_many(connection, guild)
                connection.execute(
                    rows.insert().values(guild=guild, channel=channel, since=now, **_option_columns(terms))
                )
            else:
                connection.execute(
                    rows.update().where(rows.c.id == known.id).values(guild=guild, **_option_columns(terms))
                )
            row = connection.execute(sa.select(rows).where(rows.c.channel == channel)).one()
        return _subscription_from_row(row), known is None

    def all_subscriptions(self) -> tuple[Subscription, ...]:
        """Every subscription, oldest first."""
        return self._select_subscriptions()

    def server_subscriptions(self, guild: str) -> tuple[Subscription, ...]:
        """A server's subscriptions, oldest first."""
        return self._select_subscriptions(rows.c.guild == guild)

    @staticmethod
    def is_subscribed(connection: sa.Connection, channel: str) -> bool:
        """Whether a channel is subscribed, within a transaction of the caller."""
        return connection.execute(sa.select(rows.c.id).where(rows.c.channel == channel)).first() is not None

    def end_subscriptions(self, *, guild: str | None = None, channel: str | None = None) -> tuple[Subscription, ...]:
        """End the subscriptions of a server, of a channel, or of a channel of that server. Returns the ended ones."""
        wanted = [column == value for column, value in ((rows.c.guild, guild), (rows.c.channel, channel)) if value]
        if not wanted:
            return ()
        with self._store.write_transaction() as connection:
            ended_rows = connection.execute(sa.select(rows).where(*wanted).order_by(rows.c.id)).all()
            connection.execute(rows.delete().where(*wanted))
        return tuple(map(_subscription_from_row, ended_rows))

    def _refuse_too_many(self, connection: sa.Connection, guild: str) -> None:
        count = sa.select(sa.func.count()).select_from(rows)
        if (connection.scalar(count.where(rows.c.guild == guild)) or 0) >= self.bounds.per_server:
            raise SubscriptionError(message("server_full", n=self.bounds.per_server))
        if (connection.scalar(count) or 0) >= self.bounds.subscriptions:
            raise SubscriptionError(message("there are as many subscriptions as this Footfall takes; ask its operator"))

    def _select_subscriptions(self, *wanted: sa.ColumnElement[bool]) -> tuple[Subscription, ...]:
        with self._store.read_transaction() as connection:
            subscription_rows = connection.execute(sa.select(rows).where(*wanted).order_by(rows.c.id)).all()
        return tuple(map(_subscription_from_row, subscription_rows))


def _option_columns(terms: SubscriptionOptions) -> Mapping[str, object]:
    quiet = terms.quiet
    return {
        "at": f"{terms.at:%H:%M}",
        "zone": terms.zone,
        "networks": ",".join(terms.networks),
        "locale": terms.locale,
        "share": terms.share,
        "quiet_from": f"{quiet[0]:%H:%M}" if quiet else None,
        "quiet_until": f"{quiet[1]:%H:%M}" if quiet else None,
    }


def _subscription_from_row(row: Any) -> Subscription:
    quiet = (time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_until)) if row.quiet_from else None
    networks = tuple(filter(None, row.networks.split(",")))
    terms = SubscriptionOptions(time.fromisoformat(row.at), row.zone, networks, row.locale, row.share, quiet)
    return Subscription(row.id, row.guild, row.channel, terms, row.since)
