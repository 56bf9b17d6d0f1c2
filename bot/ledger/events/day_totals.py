"""Stores complete totals of closed days, for networks that report their use by day and model.

The rule: a day is replaced as a whole when it is read again with other numbers, and the digests that rest on it are
composed again. A day that is unknown now never replaces one that was known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.snapshots.first_sight import NEVER_SEEN
from bot.ledger.snapshots.rollups import restate_use
from bot.ledger.snapshots.write import compose_again, insert_new, model_ids
from bot.records import DayTotals, Listing
from bot.store import catalogues, models, tallies, usage

EVIDENCE = "reported"
UNREAD = "unread"
"""In the place of an evidence: why a day that no window covers could not be read."""


def lock_catalogue(connection: sa.Connection, catalogue: int) -> None:
    """Let others that replace days of a catalogue wait until this transaction ends: two that insert the same row would
    fail on PostgreSQL."""
    connection.execute(sa.select(catalogues.c.id).where(catalogues.c.id == catalogue).with_for_update())


def replace_totals(connection: sa.Connection, network: str, catalogue: int, totals: Sequence[DayTotals]) -> set[date]:
    """Store the totals of days. Returns the days that changed."""
    if not totals:
        return set()
    _add_models(connection, catalogue, {one for total in totals for one in total.uses})
    ids = model_ids(connection, catalogue)
    changed: set[date] = set()
    moved: set[int] = set()
    for total in totals:
        by_model = {ids[listing.model]: count for listing, count in total.uses.items() if count}
        before = _stored_use(connection, catalogue, total.day)
        if _replace_day(connection, catalogue, total, by_model, before):
            changed.add(total.day)
            moved |= {*by_model, *before}
    restate_use(connection, sorted(moved))
    if changed:
        compose_again(connection, network, min(changed))
    return changed


def note_unread_days(connection: sa.Connection, catalogue: int, unread: Mapping[date, str]) -> None:
    """Store why days could not be read completely."""
    mine = (tallies.c.catalogue == catalogue, tallies.c.evidence == UNREAD)
    connection.execute(tallies.delete().where(*mine, tallies.c.day.in_(list(unread))))
    rest = {"uses": None, "unattributed": 0, "models_used": 0, "top_uses": 0}
    rows = [
        {"catalogue": catalogue, "evidence": UNREAD, "day": day, "unknown": why, **rest} for day, why in unread.items()
    ]
    if rows:
        connection.execute(tallies.insert(), rows)


def _add_models(connection: sa.Connection, catalogue: int, named: Iterable[Listing]) -> None:
    """Add the models that only their use names; no list has shown them yet."""
    known = model_ids(connection, catalogue)
    rows: list[dict[str, object]] = [
        {
            "catalogue": catalogue,
            "name": one.model,
            "author": one.author,
            "category": one.category,
            "created_at": one.created_at,
            "first_seen": NEVER_SEEN,
        }
        for one in sorted(named, key=lambda listing: listing.model)
        if one.model not in known
    ]
    insert_new(connection, models, rows)


def _stored_use(connection: sa.Connection, catalogue: int, day: date) -> Mapping[int, int]:
    mine = (usage.c.catalogue == catalogue, usage.c.last_day == day)
    return {row.model: int(row.uses) for row in connection.execute(sa.select(usage.c.model, usage.c.uses).where(*mine))}


def _replace_day(
    connection: sa.Connection, catalogue: int, total: DayTotals, by_model: Mapping[int, int], before: Mapping[int, int]
) -> bool:
    """Replace the totals of one day; false if nothing changes."""
    mine = (tallies.c.catalogue == catalogue, tallies.c.day == total.day)
    stored: Any = connection.execute(sa.select(tallies).where(*mine)).first()
    uses = None if total.unknown else sum(by_model.values()) + total.unnamed
    if stored is not None and total.unknown and (stored.uses is not None or stored.unknown == total.unknown):
        return False
    if stored is not None and not total.unknown and (stored.uses, before) == (uses, by_model):
        return False
    connection.execute(tallies.delete().where(*mine))
    row = {
        "catalogue": catalogue,
        "evidence": EVIDENCE,
        "day": total.day,
        "uses": uses,
        "unknown": total.unknown,
        "unattributed": total.unnamed,
        "models_used": len(by_model),
        "top_uses": max(by_model.values(), default=0),
    }
    connection.execute(tallies.insert().values(**row))
    connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == total.day))
    span = {"catalogue": catalogue, "first_day": total.day, "last_day": total.day, "hole": False}
    insert_new(connection, usage, [{**span, "model": model, "uses": count} for model, count in by_model.items()])
    return True
