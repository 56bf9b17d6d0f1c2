"""Tables for publishing: digests, receipts, deliveries, polls, pauses and leases."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, false

from bot.store._types import MessageText, UtcDateTime, tables

digests = Table(
    "digests",
    tables,
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
figures = Table(
    "figures",
    tables,
    Column("digest", ForeignKey("digests.id", ondelete="CASCADE"), primary_key=True),
    Column("catalogue", String(60), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("value", Text),
    Column("unknown", MessageText),
    Column("at_least", Boolean, nullable=False, server_default=sa.false()),  # `value` is a lower bound
    Index("figures_by_key", "catalogue", "key", "digest"),
)

receipts = Table(
    "receipts",
    tables,
    Column("digest", ForeignKey("digests.id"), primary_key=True),
    Column("outlet", String(60), primary_key=True),
    Column("destination", String(200), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("platform_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# One row for each part on its way to one destination. Only `bot.deliveries` writes it.
deliveries = Table(
    "deliveries",
    tables,
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
polls = Table(
    "polls",
    tables,
    Column("delivery", ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("question", Text, nullable=False),
    Column("answers", Text, nullable=False),  # JSON: an array of texts
    Column("english", Text),  # JSON: question and answers in English; null: they were posted in English
    Column("minutes", Integer, nullable=False),  # how long it is open
    Column("closes", UtcDateTime),  # null: not posted
    Column("ask_at", UtcDateTime),  # next read of the votes; null: not posted, done, or never to be known
    Column("votes", Text),  # JSON: an array of counts, in the order of the answers; null: unknown
    Column("read_at", UtcDateTime),
    Column("reason", MessageText, nullable=False),  # why the votes are unknown
    Index("polls_by_time", "ask_at"),
    Index("polls_by_end", "closes"),
)

# Outlets whose account is refused: nothing is sent until an operator or a successful check lifts the pause.
paused = Table(
    "paused",
    tables,
    Column("outlet", String(60), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("checked_at", UtcDateTime, nullable=False),
)

# Which worker does the work; see `bot.leases`.
leases = Table(
    "leases",
    tables,
    Column("name", String(60), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)
