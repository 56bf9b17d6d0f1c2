"""Uses and payments leave the database: their records are in the lake, and a row a day says what they add up to.

What the old tables held is on its chain. The days they were read for become unread, so that no day is told by half;
`collect --since` reads them again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    stmt = sa.text("SELECT catalogue FROM uses UNION SELECT catalogue FROM payments")
    for key in op.get_bind().scalars(stmt).all():
        for table in ("windows", "tallies", "usage"):
            op.execute(sa.text(f"DELETE FROM {table} WHERE catalogue = :key").bindparams(key=key))  # noqa: S608
    for table in ("uses", "payments", "callers"):
        op.drop_table(table)
    op.create_table(
        "event_days",
        _catalogue(),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("evidence", sa.String(10), nullable=False),
        sa.Column("manifest", sa.String(90), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("pruned", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("events", "bytes")),
        *(sa.Column(name, sa.BigInteger()) for name in ("first_block", "last_block")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("nameless", "others", "sessions", "callers")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("called", "top_called", "paid", "top_paid")),
        sa.Column("other_payers", sa.Text(), nullable=False),
        sa.Column("unsigned", sa.Boolean(), nullable=False),
    )
    op.create_index("event_days_stale", "event_days", ["catalogue", "stale"])
    op.create_index("event_days_by_block", "event_days", ["catalogue", "last_block"])
    op.create_table(
        "sketches",
        _catalogue(),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("state", sa.LargeBinary(), nullable=False),
    )


def _catalogue() -> sa.Column[int]:
    return sa.Column("catalogue", sa.Integer(), sa.ForeignKey("catalogues.id"), primary_key=True)
