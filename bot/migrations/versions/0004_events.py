"""What is told event by event: settlements, uses, payments, windows, cursors and their roll-ups by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _catalogue() -> sa.Column[int]:
    return sa.Column("catalogue", sa.Integer(), sa.ForeignKey("catalogues.id"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "windows",
        _catalogue(),
        sa.Column("begins", sa.String(25), primary_key=True),
        sa.Column("ends", sa.String(25), nullable=False),
    )
    op.create_table(
        "cursors",
        sa.Column("network", sa.String(60), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
    )
    _settlements()
    op.create_table(
        "leaves",
        _catalogue(),
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("backed_by", sa.String(90), nullable=False),
        sa.Column("verified_by", sa.String(90)),
    )
    op.create_index("leaves_by_place", "leaves", ["catalogue", "backed_by"])
    op.create_index("leaves_by_proof", "leaves", ["catalogue", "verified_by"])
    _uses_and_payments()
    op.create_table(
        "gauges",
        _catalogue(),
        sa.Column("key", sa.String(60), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("at", sa.String(25), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "strangers",
        _catalogue(),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("address", sa.String(42), primary_key=True),
        sa.Column("logs", sa.BigInteger(), nullable=False),
    )
    _roll_ups()


def _settlements() -> None:
    op.create_table(
        "settlements",
        _catalogue(),
        sa.Column("place", sa.String(90), primary_key=True),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(25), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("relay", sa.String(42), nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("attested", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("claimed", sa.BigInteger()),
        sa.Column("backed", sa.BigInteger()),
        sa.Column("verified", sa.BigInteger()),
        sa.Column("claimed_unknown", sa.Text(), nullable=False),
        sa.Column("signer", sa.String(42), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("standings", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.String(25)),
        sa.Column("rules", sa.String(64), nullable=False),
    )
    op.create_index("settlements_by_day", "settlements", ["catalogue", "day"])
    op.create_index("settlements_due", "settlements", ["catalogue", "next_try"])
    op.create_index("settlements_by_blob", "settlements", ["catalogue", "blob"])


def _uses_and_payments() -> None:
    op.create_table(
        "uses",
        _catalogue(),
        sa.Column("place", sa.String(90), primary_key=True),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.String(25), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text()),
        sa.Column("caller", sa.String(42), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_index("uses_by_day", "uses", ["catalogue", "day"])
    op.create_table(
        "payments",
        _catalogue(),
        sa.Column("place", sa.String(90), primary_key=True),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.String(25), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("payer", sa.String(42), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("session", sa.Boolean(), nullable=False),
    )
    op.create_index("payments_by_day", "payments", ["catalogue", "day"])


def _roll_ups() -> None:
    op.create_table(
        "tallies",
        _catalogue(),
        sa.Column("evidence", sa.String(10), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("uses", sa.BigInteger()),
        sa.Column("unknown", sa.Text(), nullable=False),
        sa.Column("unattributed", sa.BigInteger(), nullable=False),
        sa.Column("models_used", sa.Integer(), nullable=False),
        sa.Column("top_uses", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "callers",
        _catalogue(),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("caller", sa.String(42), primary_key=True),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
    )
    op.create_table(
        "event_refs",
        _catalogue(),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("ref", sa.Integer(), sa.ForeignKey("refs.id"), primary_key=True),
    )
