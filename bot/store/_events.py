"""Tables of what networks said event by event: settlements, leaves, uses, payments, and the roll-ups of each day."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from bot.store._columns import Instant, tables

# The log as it stands on the chain, and what the rules made of it so far.
settlements = Table(
    "settlements",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("at", Instant, nullable=False),
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
    Column("next_try", Instant),
    Column("rules", String(64), nullable=False),
    Index("settlements_by_day", "catalogue", "day"),
    Index("settlements_due", "catalogue", "next_try"),
    Index("settlements_by_blob", "catalogue", "blob"),
)

# Which settlement was the first to back or to verify a leaf.
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

uses = Table(
    "uses",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("day", Date, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("model", Text),
    Column("caller", String(42), nullable=False),
    Column("content", Text, nullable=False),
    Index("uses_by_day", "catalogue", "day"),
)

payments = Table(
    "payments",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("place", String(90), primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("day", Date, nullable=False),
    Column("payer", String(42), nullable=False),
    Column("amount", Text, nullable=False),
    Column("session", Boolean, nullable=False),
    Index("payments_by_day", "catalogue", "day"),
)

gauges = Table(
    "gauges",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", Instant, primary_key=True),
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

# Roll-ups of a day: uses of each evidence; `open` settlements have no verdict yet. Null: not known, for the reason.
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

# Roll-ups of a day: who called or paid, how often, and how much in the token's smallest unit.
callers = Table(
    "callers",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("caller", String(42), primary_key=True),
    Column("uses", BigInteger, nullable=False),
    Column("amount", Text, nullable=False),
)

event_refs = Table(
    "event_refs",
    tables,
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("ref", ForeignKey("refs.id"), primary_key=True),
)
