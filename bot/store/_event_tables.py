"""Tables for networks that are read event by event: settlements, leaves, days of the lake and their roll-ups."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from bot.store._types import UtcDateTime, tables

# The log as on the chain, and the verdict of the rules so far.
settlements = Table(
    "settlements",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("day", Date, nullable=False),
    Column("relay", String(42), nullable=False),
    Column("size", Text, nullable=False),
    Column("blob", Text, nullable=False),
    Column("root", String(64), nullable=False),
    Column("attested", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("claimed", BigInteger),
    Column("backed", BigInteger),
    Column("verified", BigInteger),
    Column("claimed_unknown", Text, nullable=False),
    Column("signer", String(42), nullable=False),
    Column("reason", Text, nullable=False),
    Column("standings", Text, nullable=False),  # JSON: standing to leaves
    Column("models", Text, nullable=False),  # JSON: model to verified uses
    Column("tries", Integer, nullable=False),
    Column("next_try", UtcDateTime),
    Column("rules", String(64), nullable=False),
    Index("settlements_by_day", "catalogue", "day"),
    Index("settlements_due", "catalogue", "next_try"),
    Index("settlements_by_blob", "catalogue", "blob"),
)

# The settlement that first backed or verified a leaf.
leaves = Table(
    "leaves",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", sa.LargeBinary(32), primary_key=True),
    Column("backed_by", String(90), nullable=False),
    Column("verified_by", String(90)),
    Index("leaves_by_place", "catalogue", "backed_by"),
    Index("leaves_by_proof", "catalogue", "verified_by"),
)

# A day of events: its manifest in the lake, and its totals. `stale`: changed since the last roll-up. Amounts are whole
# numbers as text.
event_days = Table(
    "event_days",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("evidence", String(10), nullable=False),
    Column("manifest", String(90), nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("pruned", Boolean, nullable=False),  # the events are deleted, the totals stay
    Column("events", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("first_block", BigInteger),
    Column("last_block", BigInteger),
    Column("nameless", BigInteger, nullable=False),
    Column("others", BigInteger, nullable=False),
    Column("other_payers", Text, nullable=False),  # JSON: the payers with most of those, to their number
    Column("sessions", BigInteger, nullable=False),
    Column("callers", BigInteger, nullable=False),
    Column("called", Text, nullable=False),
    Column("top_called", Text, nullable=False),
    Column("paid", Text, nullable=False),
    Column("top_paid", Text, nullable=False),
    Column("unsigned", Boolean, nullable=False),  # some event does not name its caller
    Index("event_days_stale", "catalogue", "stale"),
    Index("event_days_by_block", "catalogue", "last_block"),
)

# The callers of a day as a state that can be merged with that of other days: see bot/lake/caller_counts.py.
sketches = Table(
    "sketches",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("state", sa.LargeBinary, nullable=False),
)

gauges = Table(
    "gauges",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("value", Text, nullable=False),
)

strangers = Table(
    "strangers",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("address", String(42), primary_key=True),
    Column("logs", BigInteger, nullable=False),
)

# Roll-ups of a day: uses of each evidence. Null: unknown, for the reason. A reason beside a number: a lower bound.
tallies = Table(
    "tallies",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("evidence", String(10), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("uses", BigInteger),
    Column("unknown", Text, nullable=False),
    Column("unattributed", BigInteger, nullable=False),
    Column("models_used", Integer, nullable=False),
    Column("top_uses", BigInteger, nullable=False),
)

event_refs = Table(
    "event_refs",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("ref", ForeignKey("refs.id"), primary_key=True),
)
