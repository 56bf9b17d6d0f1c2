"""Polls beside deliveries, and whether a delivery was passed on to its destination's followers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.String(25)


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("passed", sa.Boolean()))
    op.add_column("deliveries", sa.Column("pass_at", INSTANT))
    op.create_table(
        "polls",
        sa.Column("delivery", sa.Integer(), sa.ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("closes", INSTANT),
        sa.Column("ask_at", INSTANT),
        sa.Column("votes", sa.Text()),
        sa.Column("read_at", INSTANT),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("polls_by_time", "polls", ["ask_at"])
    op.create_index("polls_by_end", "polls", ["closes"])
