"""Deliveries, and outlets that are paused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.Column("period", sa.String(length=5), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(length=60), nullable=False),
        sa.Column("destination", sa.String(length=200), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("marker", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.String(25), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.String(25), nullable=False),
        sa.Column("not_before", sa.String(25), nullable=True),
        sa.Column("until", sa.String(25), nullable=True),
        sa.Column("claimed_by", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.String(25), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("resent", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.String(25), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("cost", sa.String(length=20), nullable=True),
        sa.Column("edits", sa.Text(), nullable=True),
        sa.Column("otherwise", sa.String(length=6), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("network", "period", "day", "edition", "outlet", "destination", "part"),
    )
    op.create_index("deliveries_by_state", "deliveries", ["state", "outlet", "not_before"], unique=False)
    op.create_index("deliveries_by_month", "deliveries", ["outlet", "tried_at"], unique=False)
    op.create_table(
        "paused",
        sa.Column("outlet", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.String(25), nullable=False),
        sa.Column("checked_at", sa.String(25), nullable=False),
        sa.PrimaryKeyConstraint("outlet"),
    )
