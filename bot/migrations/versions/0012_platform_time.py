"""A delivery knows when it was first sent by the platform's own clock, and whether the platform says that it has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("platform_at", sa.String(25)))
    op.add_column("deliveries", sa.Column("accepted", sa.Boolean(), nullable=False, server_default=sa.false()))
