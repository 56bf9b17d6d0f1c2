"""Which models a catalogue ever had, and which were the most used: for their pages, and for the links to these.

Nothing here computes a figure: the use counts only for the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, in_chunks, key_of
from bot.ledger.queries.rankings import SEEN
from bot.ledger.snapshots.first_sight import NEVER_SEEN
from bot.records import Catalogue, SafeName
from bot.store import Store, models, snapshots, usage


class NamedModel(NamedTuple):
    """A model with the names of its groups."""

    id: int
    name: SafeName
    author: SafeName
    category: SafeName | None


class KnownModel(NamedTuple):
    """One model ever seen in a catalogue. There may be 100,000."""

    id: int
    name: SafeName
    author: SafeName
    category: SafeName | None
    first_listed: date | None
    last_used: date | None
    uses: int
    """Its known use of the days asked about, for order only."""


def known_models(store: Store, catalogue: Catalogue, last: date, days: int) -> tuple[KnownModel, ...]:
    """Every model ever seen in a catalogue, the most used of the `days` up to `last` first."""
    with store.read_transaction() as connection:
        if (key := key_of(connection, catalogue)) is None:
            return ()
        since = connection.scalar(sa.select(sa.func.min(snapshots.c.day)).where(snapshots.c.catalogue == key))
        recent = (usage.c.catalogue == key, usage.c.last_day.between(last - (days - 1) * ONE, last))
        used = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*recent).group_by(usage.c.model)
        uses = {model: int(count) for model, count in connection.execute(used).all()}
        columns = (models.c.id, models.c.name, models.c.author, models.c.category, models.c.first_seen)
        chosen = sa.select(*columns, models.c.created_at, models.c.last_used).where(models.c.catalogue == key, SEEN)
        rows = [
            KnownModel(
                model, name, author, category, _first_listed(since, seen, created), last_used, uses.get(model, 0)
            )
            for model, name, author, category, seen, created, last_used in connection.execute(chosen).all()
        ]
    return tuple(sorted(rows, key=lambda row: (-row.uses, row.last_used is None, row.name)))


def _first_listed(since: date | None, seen: date, created: datetime | None) -> date | None:
    """As `inventory.first_listed`; a model that only its use has shown was never listed."""
    if since is None or seen == NEVER_SEEN:
        return None
    return seen if seen > since else created.date() if created else None


def most_used(store: Store, catalogue: Catalogue, days: Iterable[date], most: int) -> tuple[NamedModel, ...]:
    """The models that were among the `most` most used of any of these days, by name. Models with equal use beyond the
    last place are left out by their order in the ledger."""
    ids: set[int] = set()
    with store.read_transaction() as connection:
        key = key_of(connection, catalogue)
        single = (usage.c.catalogue == key, usage.c.last_day == sa.bindparam("day"), usage.c.uses > 0)
        ordered = sa.select(usage.c.model).where(*single, usage.c.first_day == sa.bindparam("day"))
        top = ordered.order_by(usage.c.uses.desc(), usage.c.model).limit(most)
        for day in days:
            ids.update(connection.scalars(top, {"day": day}).all())
        columns = sa.select(models.c.id, models.c.name, models.c.author, models.c.category)
        rows = [row for some in in_chunks(ids) for row in connection.execute(columns.where(models.c.id.in_(some)))]
    return tuple(sorted((NamedModel(*row) for row in rows), key=lambda row: row.name))
