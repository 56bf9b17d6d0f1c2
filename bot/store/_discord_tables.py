"""Tables for Discord: subscriptions of servers, watches of members, registered commands.

A member's account id is only in `members.account`; everything else refers to a member by a random key.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Text, UniqueConstraint

from bot.store._types import UtcDateTime, define_table, required

# A channel of a server that gets the daily posts, like the channels of `config.yaml`. Who set it up is not stored.
subscriptions = define_table(
    "subscriptions",
    Column("id", Integer, primary_key=True),
    Column("guild", String(20), nullable=False, index=True),
    Column("channel", String(20), nullable=False, unique=True),
    Column("at", String(5), nullable=False),  # HH:MM in its time zone
    Column("zone", String(60), nullable=False),
    Column("networks", Text, nullable=False),  # names separated by commas; empty: all
    Column("locale", String(20), nullable=False),
    Column("share", Float),  # by which the headline must have changed; null: post always
    Column("quiet_from", String(5)),
    Column("quiet_until", String(5)),
    Column("since", UtcDateTime, nullable=False),
    # Days without a delivery, see `subscriptions.delivery_misses`; and the last of them.
    Column("misses", Integer, nullable=False, server_default="0"),
    Column("missed_at", UtcDateTime),
)

members = define_table(
    "members",
    Column("key", String(16), primary_key=True),
    Column("account", String(20), nullable=False, unique=True),
    Column("locale", String(20), nullable=False),
    # Days without a delivery, see `subscriptions.delivery_misses`; and the last of them.
    Column("misses", Integer, nullable=False, server_default="0"),
    Column("missed_at", UtcDateTime),
)

watches = define_table(
    "watches",
    Column("id", Integer, primary_key=True),
    Column("member", ForeignKey("members.key", ondelete="CASCADE"), nullable=False),
    *required(String(60), "network", "catalogue"),
    Column("model", Text, nullable=False),
    Column("share", Float, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    UniqueConstraint("member", "network", "catalogue", "model"),
)

# The hash of an application's commands, as last registered and as Discord had them then.
synced = define_table(
    "synced",
    Column("application", String(20), primary_key=True),
    Column("sha256", String(64), nullable=False),
)
