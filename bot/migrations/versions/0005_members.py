"""Subscriptions of servers, watches of members, and which slash commands Discord was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _subscriptions()
    op.create_table(
        "members",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("account", sa.String(20), nullable=False, unique=True),
        sa.Column("locale", sa.String(20), nullable=False),
    )
    op.create_table(
        "watches",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("member", sa.String(16), sa.ForeignKey("members.key", ondelete="CASCADE"), nullable=False),
        sa.Column("network", sa.String(60), nullable=False),
        sa.Column("catalogue", sa.String(60), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("since", sa.String(25), nullable=False),
        sa.UniqueConstraint("member", "network", "catalogue", "model"),
    )
    op.create_table(
        "synced",
        sa.Column("application", sa.String(20), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("guild", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False, unique=True),
        sa.Column("at", sa.String(5), nullable=False),
        sa.Column("zone", sa.String(60), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("locale", sa.String(20), nullable=False),
        sa.Column("share", sa.Float()),
        sa.Column("quiet_from", sa.String(5)),
        sa.Column("quiet_until", sa.String(5)),
        sa.Column("since", sa.String(25), nullable=False),
    )
    op.create_index("ix_subscriptions_guild", "subscriptions", ["guild"])
