"""How often nothing got through to a subscribed channel or to a member; feed ids that stay as they are.

Feeds that were written before have ids made from the site's address: an empty text asks the next writing to keep that.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("subscriptions", "members"):
        op.add_column(table, sa.Column("misses", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("missed_at", sa.String(25)))
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM digests")):
        op.execute(sa.text("INSERT INTO cursors (network, name, text) VALUES ('', 'feed ids', '')"))
