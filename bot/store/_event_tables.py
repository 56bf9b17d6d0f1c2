"""Tables for networks that are read event by event: settlements, leaves, days of the lake and their roll-ups."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Text

from bot.store._types import MessageText, UtcDateTime, define_table, required

# The log as on the chain, and the verdict of the rules so far.
settlements = define_table(
    "settlements",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("day", Date, nullable=False),
    Column("relay", String(42), nullable=False),
    *required(Text, "size", "blob"),
    Column("root", String(64), nullable=False),
    Column("attested", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("claimed", BigInteger),
    Column("backed", BigInteger),
    Column("verified", BigInteger),
    Column("claimed_unknown", MessageText, nullable=False),
    Column("signer", String(42), nullable=False),
    Column("reason", MessageText, nullable=False),
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
leaves = define_table(
    "leaves",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", sa.LargeBinary(32), primary_key=True),
    Column("backed_by", String(90), nullable=False),
    Column("verified_by", String(90)),
    Index("leaves_by_place", "catalogue", "backed_by"),
    Index("leaves_by_proof", "catalogue", "verified_by"),
)

# A day of events: its manifest in the lake, and its totals. `stale`: changed since the last roll-up. Amounts are whole
# numbers as text.
event_days = define_table(
    "event_days",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("evidence", String(10), nullable=False),
    Column("manifest", String(90), nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("pruned", Boolean, nullable=False),  # the events are deleted, the totals stay
    *required(BigInteger, "events", "bytes"),
    Column("first_block", BigInteger),
    Column("last_block", BigInteger),
    *required(BigInteger, "nameless", "others"),
    Column("other_payers", Text, nullable=False),  # JSON: the payers with most of those, to their number
    *required(BigInteger, "sessions", "callers"),
    *required(Text, "called", "top_called", "paid", "top_paid"),
    Column("unsigned", Boolean, nullable=False),  # some event does not name its caller
    Index("event_days_stale", "catalogue", "stale"),
    Index("event_days_by_block", "catalogue", "last_block"),
)

# The callers of a day as a state that can be merged with that of other days: see bot/lake/rollup.py.
sketches = define_table(
    "sketches",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("state", sa.LargeBinary, nullable=False),
)

gauges = define_table(
    "gauges",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("value", Text, nullable=False),
)

strangers = define_table(
    "strangers",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("address", String(42), primary_key=True),
    Column("logs", BigInteger, nullable=False),
)

# Roll-ups of a day: uses of each evidence. Null: unknown, for the reason. A reason beside a number: a lower bound.
tallies = define_table(
    "tallies",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("evidence", String(10), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("uses", BigInteger),
    Column("unknown", MessageText, nullable=False),
    Column("unattributed", BigInteger, nullable=False),
    Column("models_used", Integer, nullable=False),
    Column("top_uses", BigInteger, nullable=False),
)

event_refs = define_table(
    "event_refs",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("ref", ForeignKey("refs.id"), primary_key=True),
)
