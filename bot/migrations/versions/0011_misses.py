"""How often nothing got through to a subscribed channel or to a member, before that ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("subscriptions", "members"):
        op.add_column(table, sa.Column("misses", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("missed_at", sa.String(25)))
