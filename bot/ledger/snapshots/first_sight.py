"""When the models of a catalogue were first listed, and with which counter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, DAY, in_chunks
from bot.store import models, readings, snapshots, verdicts

NEVER_SEEN = date.max
"""The first day of a model that appeared only in held or rejected lists."""

# Statements are built once, because building one takes longer than the database does.
_SEEN_LATER = sa.select(models.c.id).where(models.c.catalogue == CATALOGUE, models.c.first_seen > DAY)
_LISTED = sa.select(readings.c.model).where(readings.c.snapshot == sa.bindparam("snapshot"))
_CHANGED_SIGHT = sa.select(models.c.id).where(models.c.id.in_(_LISTED), models.c.first_seen >= DAY)
_SIGHTS = (
    sa.select(readings.c.model, snapshots.c.day, snapshots.c.at, readings.c.counter)
    .join(snapshots, readings.c.snapshot == snapshots.c.id)
    .outerjoin(verdicts, verdicts.c.snapshot == snapshots.c.id)
    .where(readings.c.model.in_(sa.bindparam("some", expanding=True)))
    .where(sa.or_(snapshots.c.day.is_not(None), verdicts.c.snapshot.is_(None)))
)
_SIGHT = (
    models.update()
    .where(models.c.id == sa.bindparam("model"))
    .values(first_seen=sa.bindparam("seen"), first_counter=sa.bindparam("counter"))
)


def move_first_back(connection: sa.Connection, catalogue: int, seen: date, counters: Mapping[int, int | None]) -> None:
    """Move a model's first sight back if a snapshot is older than what was known."""
    later = connection.scalars(_SEEN_LATER, {"catalogue": catalogue, "day": seen}).all()
    changes = [{"model": model, "seen": seen, "counter": counters[model]} for model in later if model in counters]
    if changes:
        connection.execute(_SIGHT, changes)


def restate_sight(connection: sa.Connection, key: int, day: date) -> None:
    """Update when the models of a snapshot were first listed and with which counter, after its verdict changed."""
    for some in in_chunks(connection.scalars(_CHANGED_SIGHT, {"snapshot": key, "day": day}).all()):
        sights: dict[int, tuple[date, datetime | None, int | None]] = dict.fromkeys(some, (NEVER_SEEN, None, None))
        for model, closes, at, counter in connection.execute(_SIGHTS, {"some": some}):
            sights[model] = min(sights[model], (closes or at.date(), at, counter), key=lambda sight: sight[:2])
        changes = [{"model": model, "seen": seen, "counter": counter} for model, (seen, _, counter) in sights.items()]
        connection.execute(_SIGHT, changes)
