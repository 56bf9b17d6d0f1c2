"""The roll-ups of a stretch: its totals, the usage of each model, and when models were first and last used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, LAST, ONE, in_chunks
from bot.ledger.snapshots import counter_falls
from bot.ledger.snapshots.comparison import Counters, ListChanges, RecentLists
from bot.store import models, readings, snapshots, stretches, tallies, usage

FEW = 3
"""Days for which it is faster to look at the usage of each day than at all usage of each model."""

# Statements are built once, because building one takes longer than the database does.
_FROM_EVENTS = sa.exists().where(tallies.c.catalogue == CATALOGUE, tallies.c.day == LAST)
_FORGET_USAGE = usage.delete().where(usage.c.catalogue == CATALOGUE, usage.c.last_day == LAST, ~_FROM_EVENTS)
_FORGET_STRETCH = stretches.delete().where(stretches.c.catalogue == CATALOGUE, stretches.c.last_day == LAST)
_TWO_ENDS = (
    sa.select(snapshots.c.id, snapshots.c.day)
    .where(snapshots.c.catalogue == CATALOGUE, snapshots.c.day <= LAST)
    .order_by(snapshots.c.day.desc())
    .limit(2)
)
_LAST_COUNTER = (
    sa.select(snapshots.c.day, readings.c.counter)
    .join(readings, readings.c.snapshot == snapshots.c.id)
    .where(readings.c.model == sa.bindparam("model"), snapshots.c.day < sa.bindparam("before"))
    .where(readings.c.counter.is_not(None))
    .order_by(snapshots.c.day.desc())
    .limit(1)
)
_OWN = (usage.c.model == models.c.id, usage.c.uses > 0)
_NEWEST = sa.select(usage.c.first_day).where(*_OWN).order_by(usage.c.last_day.desc()).limit(1)
_RESTATE_USE = (
    models.update()
    .where(models.c.id.in_(sa.bindparam("some", expanding=True)))
    .values(
        first_used=sa.select(sa.func.min(usage.c.last_day)).where(*_OWN).scalar_subquery(),
        last_used=sa.select(sa.func.max(usage.c.last_day)).where(*_OWN).scalar_subquery(),
        last_used_from=_NEWEST.scalar_subquery(),
    )
)
# An update's parameters may not have the names of its columns.
_MINE: sa.BindParameter[int] = sa.bindparam("mine")
_USED = sa.select(usage.c.model).where(usage.c.catalogue == _MINE, usage.c.last_day == LAST, usage.c.uses > 0)
_BEGAN = sa.select(usage.c.first_day).where(usage.c.model == models.c.id, usage.c.last_day == LAST).scalar_subquery()
_MOVE_USE = (
    models.update()
    .where(models.c.id.in_(_USED), sa.or_(models.c.first_used.is_(None), models.c.first_used > LAST))
    .values(first_used=LAST),
    models.update()
    .where(models.c.id.in_(_USED), sa.or_(models.c.last_used.is_(None), models.c.last_used <= LAST))
    .values(last_used=LAST, last_used_from=_BEGAN),
)


def roll_up(connection: sa.Connection, catalogue: int, day: date, lists: RecentLists) -> date | None:
    """Replace the stretch that ends with `day` and its usage by model. Returns the first day before the stretch whose
    use changed."""
    # Do not replace use that was read event by event.
    this = {"catalogue": catalogue, "last": day}
    connection.execute(_FORGET_USAGE, this)
    connection.execute(_FORGET_STRETCH, this)
    ends = connection.execute(_TWO_ENDS, this).all()
    if len(ends) < 2 or ends[0].day != day:
        return None
    (here, _), (there, before) = ends
    now, then = lists.counters(here), lists.counters(there)
    changes = lists.changes(there, here)
    first = before + ONE
    totals = {"catalogue": catalogue, "first_day": first, "last_day": day, **_totals(changes, then, now)}
    connection.execute(stretches.insert(), totals)
    holes = list(_find_holes(connection, changes.absent, now, before))
    used = [(model, first, uses, False) for model, uses in changes.steps.items() if uses > 0]
    used += [(model, since, uses, True) for model, since, uses in holes if uses > 0]
    _insert_usage(connection, catalogue, day, sorted(used))
    fell = {model for model, uses in changes.steps.items() if uses < 0} | {
        model for model, _, uses in holes if uses < 0
    }
    since = counter_falls.update_falls(connection, catalogue, here, first, day, fell)
    return since if since and since <= before else None


def _totals(changes: ListChanges, then: Counters, now: Counters) -> dict[str, int]:
    """The totals of a stretch."""
    used = [uses for uses in changes.steps.values() if uses > 0]
    return {
        "uses": sum(used),
        "models_used": len(used),
        "top_uses": max(used, default=0),
        "newcomers": changes.newcomers,
        "resets": len(changes.steps) - len(used),
        "added": changes.added,
        "removed": len(then) - (len(now) - changes.added),
    }


def _insert_usage(
    connection: sa.Connection, catalogue: int, day: date, used: Sequence[tuple[int, date, int, bool]]
) -> None:
    if not used:
        return
    as_text = connection.dialect.name == "sqlite"  # which stores dates as text
    ends = day.isoformat() if as_text else day
    rows = [
        (model, ends, first.isoformat() if as_text else first, catalogue, uses, hole)
        for model, first, uses, hole in used
    ]
    insert_rows(connection, usage, ("model", "last_day", "first_day", "catalogue", "uses", "hole"), rows)


def insert_rows(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Pass thousands of rows, as the driver wants them, directly to it, at a third of the cost."""
    marks = ", ".join(["%s" if connection.dialect.name == "postgresql" else "?"] * len(columns))
    line = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our own names
    connection.exec_driver_sql(line, list(rows))


def _find_holes(
    connection: sa.Connection, absent: Sequence[int], now: Counters, before: date
) -> Iterator[tuple[int, date, int]]:
    """Use of models that have a counter now and none in the snapshot before, but an older one: model, first day, uses.
    Negative where the counter fell."""
    older: list[int] = []
    for some in in_chunks(absent, 10_000):
        older += connection.scalars(sa.select(models.c.id).where(models.c.id.in_(some), models.c.first_seen < before))
    for model in sorted(older):
        row = connection.execute(_LAST_COUNTER, {"model": model, "before": before}).first()
        count = now[model]
        if row and count is not None and count != row.counter:
            yield model, row.day + ONE, count - row.counter


def move_use(connection: sa.Connection, catalogue: int, last: date) -> None:
    """Update the first and last use of the models used in the stretch that ends with `last`."""
    for moved in _MOVE_USE:
        connection.execute(moved, {"mine": catalogue, "last": last})


def restate_use(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Update when models were first and last used, after stored use was replaced."""
    for some in in_chunks(ids, 10_000):
        connection.execute(_RESTATE_USE, {"some": some})


def date_models(connection: sa.Connection, catalogue: int, days: Collection[date]) -> None:
    """Update when models were first and last used, after the stretches that end with these days were rolled up."""
    if len(days) > FEW:
        used = (usage.c.catalogue == catalogue, usage.c.last_day.in_(days))
        restate_use(connection, connection.scalars(sa.select(usage.c.model).where(*used).distinct()).all())
        return
    for day in sorted(days):
        move_use(connection, catalogue, day)
