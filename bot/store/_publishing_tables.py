"""Tables for publishing: digests, receipts, deliveries, polls, pauses and leases; and for Discord: subscriptions of
servers, watches of members, registered commands.

A member's account id is only in `members.account`; everything else refers to a member by a random key.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false

from bot.store._types import MessageText, UtcDateTime, define_table, required

digests = define_table(
    "digests",
    Column("id", Integer, primary_key=True),
    Column("network", String(60), nullable=False),
    Column("period", String(5), nullable=False),
    Column("day", Date, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("status", String(6), nullable=False),
    Column("composed_at", UtcDateTime, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("network", "period", "day", "edition"),
)

# Every figure of every digest, one per row, so that a metric's history is one indexed read.
figures = define_table(
    "figures",
    Column("digest", ForeignKey("digests.id", ondelete="CASCADE"), primary_key=True),
    Column("catalogue", String(60), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("value", Text),
    Column("unknown", MessageText),
    Column("at_least", Boolean, nullable=False, server_default=sa.false()),  # `value` is a lower bound
    Index("figures_by_key", "catalogue", "key", "digest"),
)

receipts = define_table(
    "receipts",
    Column("digest", ForeignKey("digests.id"), primary_key=True),
    Column("outlet", String(60), primary_key=True),
    Column("destination", String(200), primary_key=True),
    Column("part", Integer, primary_key=True),
    *required(Text, "platform_id", "url"),
    Column("at", UtcDateTime, nullable=False),
)

# One row for each part on its way to one destination. Only `bot.deliveries` writes it.
deliveries = define_table(
    "deliveries",
    Column("id", Integer, primary_key=True),
    Column("network", String(60), nullable=False),
    Column("period", String(5), nullable=False),
    Column("day", Date, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("outlet", String(60), nullable=False),
    Column("destination", String(200), nullable=False),
    Column("part", Integer, nullable=False),
    Column("kind", String(10), nullable=False),  # post, correction, poll
    Column("marker", String(24), nullable=False),
    Column("state", String(8), nullable=False),  # planned, sending, sent, refused, unknown, skipped
    Column("since", UtcDateTime, nullable=False),  # when it got its state
    Column("reason", Text, nullable=False),  # why it has this state; already redacted
    Column("planned_at", UtcDateTime, nullable=False),
    Column("platform_at", UtcDateTime),  # the platform's time at the first claim; null: not claimed, or unknown
    Column("not_before", UtcDateTime),  # planned: next attempt; unknown: next look-back (null: a person must look)
    Column("until", UtcDateTime),  # no longer due after this; null: an operator requested it
    Column("claimed_by", String(120)),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("accepted", Boolean, nullable=False, server_default=false()),  # the platform says it has these words
    Column("resent", Integer, nullable=False),  # how often it was planned again after a look-back found nothing
    Column("tried_at", UtcDateTime),
    Column("text", Text),  # as sent at the last attempt; a look-back searches for it
    Column("cost", String(20)),  # US dollars of the last attempt, decimal
    Column("edits", Text),  # platform id of the post that it edits; null: a post of its own
    Column("otherwise", String(6), nullable=False),  # if that cannot be edited: refuse, post, skip
    Column("platform_id", Text),
    Column("url", Text),
    Column("passed", Boolean),  # whether it was crossposted; null: no followers
    Column("pass_at", UtcDateTime),  # when to try the crosspost again; null: nothing to do
    UniqueConstraint("network", "period", "day", "edition", "outlet", "destination", "part"),
    Index("deliveries_by_state", "state", "outlet", "not_before"),
    Index("deliveries_by_month", "outlet", "tried_at"),
)

# The poll of a delivery, as it was posted, and the votes after it closed.
polls = define_table(
    "polls",
    Column("delivery", ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("question", Text, nullable=False),
    Column("answers", Text, nullable=False),  # JSON: an array of texts
    Column("english", Text),  # JSON: question and answers in English; null: they were posted in English
    Column("minutes", Integer, nullable=False),  # how long it is open
    Column("closes", UtcDateTime),  # null: not posted
    Column("ask_at", UtcDateTime),  # next read of the votes; null: not posted, done, or can never be known
    Column("votes", Text),  # JSON: an array of counts, in the order of the answers; null: unknown
    Column("read_at", UtcDateTime),
    Column("reason", MessageText, nullable=False),  # why the votes are unknown
    Index("polls_by_time", "ask_at"),
    Index("polls_by_end", "closes"),
)

# Outlets whose account is refused: nothing is sent until an operator or a successful check lifts the pause.
paused = define_table(
    "paused",
    Column("outlet", String(60), primary_key=True),
    Column("reason", Text, nullable=False),
    *required(UtcDateTime, "since", "checked_at"),
)

# Which worker does the work; see `bot.leases`.
leases = define_table(
    "leases",
    Column("name", String(60), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)


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
