"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("network", "name"),
    )
    op.create_table(
        "digests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.Column("period", sa.String(length=5), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=6), nullable=False),
        sa.Column("composed_at", sa.String(25), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("network", "period", "day", "edition"),
    )
    op.create_table(
        "refs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("at", sa.String(25), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("url", "at", "sha256"),
    )
    op.create_table(
        "figures",
        sa.Column("digest", sa.Integer(), nullable=False),
        sa.Column("catalogue", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("unknown", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["digests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", "catalogue", "key"),
    )
    op.create_index("figures_by_key", "figures", ["catalogue", "key", "digest"], unique=False)
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("created_at", sa.String(25), nullable=True),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("first_counter", sa.BigInteger(), nullable=True),
        sa.Column("first_used", sa.Date(), nullable=True),
        sa.Column("last_used", sa.Date(), nullable=True),
        sa.Column("last_used_from", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["catalogue"],
            ["catalogues.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("catalogue", "name"),
    )
    op.create_index("models_by_first_seen", "models", ["catalogue", "first_seen"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("digest", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(length=60), nullable=False),
        sa.Column("destination", sa.String(length=200), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("at", sa.String(25), nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"],
            ["digests.id"],
        ),
        sa.PrimaryKeyConstraint("digest", "outlet", "destination", "part"),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(25), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("ref", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("unplaced", sa.Integer(), nullable=False),
        sa.Column("uncounted", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalogue"],
            ["catalogues.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ref"],
            ["refs.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("catalogue", "at"),
    )
    op.create_index("snapshots_by_day", "snapshots", ["catalogue", "day"], unique=True)
    op.create_table(
        "stretches",
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("models_used", sa.Integer(), nullable=False),
        sa.Column("top_uses", sa.BigInteger(), nullable=False),
        sa.Column("newcomers", sa.Integer(), nullable=False),
        sa.Column("resets", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalogue"],
            ["catalogues.id"],
        ),
        sa.PrimaryKeyConstraint("catalogue", "last_day"),
    )
    op.create_table(
        "readings",
        sa.Column("snapshot", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model"],
            ["models.id"],
        ),
        sa.ForeignKeyConstraint(
            ["snapshot"],
            ["snapshots.id"],
        ),
        sa.PrimaryKeyConstraint("snapshot", "model"),
        sqlite_with_rowid=False,
    )
    op.create_index("readings_by_model", "readings", ["model", "snapshot"], unique=False)
    op.create_table(
        "usage",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("hole", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"],
            ["models.id"],
        ),
        sa.PrimaryKeyConstraint("model", "last_day"),
        sqlite_with_rowid=False,
    )
    op.create_index("usage_by_day", "usage", ["catalogue", "last_day", "first_day", "model", "uses"], unique=False)
    op.create_index(
        "usage_holes",
        "usage",
        ["catalogue", "last_day"],
        unique=False,
        sqlite_where=sa.text("hole"),
        postgresql_where=sa.text("hole"),
    )
