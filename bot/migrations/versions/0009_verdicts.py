"""Verdicts on snapshots that are, or were, implausible. What was kept before stays as it was judged then: sound."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verdicts",
        sa.Column("snapshot", sa.Integer(), sa.ForeignKey("snapshots.id"), primary_key=True),
        sa.Column("catalogue", sa.Integer(), sa.ForeignKey("catalogues.id"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
    )
    op.create_index("verdicts_by_day", "verdicts", ["catalogue", "day"])
