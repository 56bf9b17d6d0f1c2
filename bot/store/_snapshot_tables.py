"""Tables of what networks reported: catalogues, models, readings, daily use, windows and cursors."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint

from bot.store._types import MessageText, UtcDateTime, define_table, required

catalogues = define_table(
    "catalogues",
    Column("id", Integer, primary_key=True),
    *required(String(60), "network", "name"),
    UniqueConstraint("network", "name"),
)

refs = define_table(
    "refs",
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sha256", String(64), nullable=False),
    UniqueConstraint("url", "at", "sha256"),
)

models = define_table(
    "models",
    Column("id", Integer, primary_key=True),
    Column("catalogue", ForeignKey("catalogues.id"), nullable=False),
    *required(Text, "name", "author"),
    Column("category", Text),
    Column("created_at", UtcDateTime),
    Column("first_seen", Date, nullable=False),  # the day closed by the first snapshot that lists it
    Column("first_counter", BigInteger),  # its first reading
    Column("first_used", Date),
    Column("last_used", Date),
    Column("last_used_from", Date),
    UniqueConstraint("catalogue", "name"),
    Index("models_by_first_seen", "catalogue", "first_seen"),
)

# One row per snapshot. `day` is the day that it closes; null if it was taken too late or is held.
snapshots = define_table(
    "snapshots",
    Column("id", Integer, primary_key=True),
    Column("catalogue", ForeignKey("catalogues.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("day", Date),
    Column("ref", ForeignKey("refs.id"), nullable=False),
    *required(Integer, "listed", "unplaced", "uncounted"),
    Column("note", MessageText, nullable=False),
    UniqueConstraint("catalogue", "at"),
    Index("snapshots_by_day", "catalogue", "day", unique=True),
)

# The verdict on a snapshot that is, or was, implausible: see bot/plausibility.py. `day` is the day that it would close.
verdicts = define_table(
    "verdicts",
    Column("snapshot", ForeignKey("snapshots.id"), primary_key=True),
    Column("catalogue", ForeignKey("catalogues.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("state", String(10), nullable=False),  # held, rejected, confirmed
    Column("fault", MessageText, nullable=False),
    Column("agreed", Integer, nullable=False),
    Column("by_hand", Boolean, nullable=False),
    Index("verdicts_by_day", "catalogue", "day"),
)

# The readings as they came: a row means that the model was listed; `counter` is null if it showed none.
readings = define_table(
    "readings",
    Column("snapshot", ForeignKey("snapshots.id"), primary_key=True),
    Column("model", ForeignKey("models.id"), primary_key=True),
    Column("counter", BigInteger),
    Index("readings_by_model", "model", "snapshot"),
    sqlite_with_rowid=False,
)

# Roll-ups. A stretch is the days between two consecutive snapshots; its totals are known.
stretches = define_table(
    "stretches",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("last_day", Date, primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("models_used", Integer, nullable=False),
    Column("top_uses", BigInteger, nullable=False),
    *required(Integer, "newcomers", "resets", "added", "removed"),
)

# Usage by model; no row means no use. A `hole` reaches further back than its stretch, because readings of this model
# were missed, or because its counter fell and came back; no stretch's total contains it.
usage = define_table(
    "usage",
    Column("model", ForeignKey("models.id"), primary_key=True),
    Column("last_day", Date, primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("catalogue", Integer, nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("hole", Boolean, nullable=False),
    Index("usage_by_day", "catalogue", "last_day", "first_day", "model", "uses"),
    # On PostgreSQL too; to name its dialect here would load it everywhere.
    Index("usage_holes", "catalogue", "last_day", sqlite_where=sa.text("hole")),
    sqlite_with_rowid=False,
)

# Days on which a model's use is unknown, because its counter fell. `uses`: the use over all of these days, if the
# counter came back (then it is also a hole in `usage`, unless 0); null if it did not.
falls = define_table(
    "falls",
    Column("model", ForeignKey("models.id"), primary_key=True),
    Column("first_day", Date, primary_key=True),
    Column("last_day", Date, nullable=False),
    Column("catalogue", Integer, nullable=False),
    Column("level", BigInteger, nullable=False),  # the counter before it fell
    Column("low", BigInteger, nullable=False),  # the lowest since, from which it may still come back
    Column("uses", BigInteger),
    Index("falls_by_day", "catalogue", "last_day", "first_day"),
    sqlite_with_rowid=False,
)

# --- events, read log by log. Integers that a sender chooses are text, because no column holds a uint256.

# Complete windows: nothing is missing between the two instants.
windows = define_table(
    "windows",
    Column("catalogue", ForeignKey("catalogues.id"), primary_key=True),
    Column("begins", UtcDateTime, primary_key=True),
    Column("ends", UtcDateTime, nullable=False),
)

cursors = define_table(
    "cursors",
    Column("network", String(60), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("text", Text, nullable=False),
)
