"""The roll-ups of a stretch: its totals, the usage of each model, and when models were first and last used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, DAY, ONE, in_chunks
from bot.ledger.snapshots import counter_falls
from bot.ledger.snapshots.comparison import Counters, ListChanges, RecentLists
from bot.store import models, readings, snapshots, stretches, tallies, usage

FEW = 3
"""Days for which it is faster to look at the usage of each day than at all usage of each model."""


# Use that was read event by event is not replaced.
_FROM_EVENTS = sa.exists().where(tallies.c.catalogue == CATALOGUE, tallies.c.day == DAY)
_FORGET = (
    usage.delete().where(usage.c.catalogue == CATALOGUE, usage.c.last_day == DAY, ~_FROM_EVENTS),
    stretches.delete().where(stretches.c.catalogue == CATALOGUE, stretches.c.last_day == DAY),
)
_LAST_TWO = (
    sa.select(snapshots.c.id, snapshots.c.day)
    .where(snapshots.c.catalogue == CATALOGUE, snapshots.c.day <= DAY)
    .order_by(snapshots.c.day.desc())
    .limit(2)
)
_NEW_STRETCH = stretches.insert()


def roll_up(connection: sa.Connection, catalogue: int, day: date, lists: RecentLists) -> date | None:
    """Replace the stretch that ends with `day` and its usage by model. Returns the first day before the stretch whose
    use changed."""
    for forget in _FORGET:
        connection.execute(forget, {"catalogue": catalogue, "day": day})
    ends = connection.execute(_LAST_TWO, {"catalogue": catalogue, "day": day}).all()
    if len(ends) < 2 or ends[0].day != day:
        return None
    (here, _), (there, before) = ends
    now, then = lists.counters(here), lists.counters(there)
    changes = lists.changes(there, here)
    first = before + ONE
    totals = {"catalogue": catalogue, "first_day": first, "last_day": day, **_totals(changes, then, now)}
    connection.execute(_NEW_STRETCH, totals)
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


_LAST_READING = (
    sa.select(snapshots.c.day, readings.c.counter)
    .join(readings, readings.c.snapshot == snapshots.c.id)
    .where(readings.c.model == sa.bindparam("model"), snapshots.c.day < DAY, readings.c.counter.is_not(None))
    .order_by(snapshots.c.day.desc())
    .limit(1)
)


def _find_holes(
    connection: sa.Connection, absent: Sequence[int], now: Counters, before: date
) -> Iterator[tuple[int, date, int]]:
    """Use of models that have a counter now and none in the snapshot before, but an older one: model, first day, uses.
    Negative where the counter fell."""
    older: list[int] = []
    for some in in_chunks(absent, 10_000):
        older += connection.scalars(sa.select(models.c.id).where(models.c.id.in_(some), models.c.first_seen < before))
    for model in sorted(older):
        row = connection.execute(_LAST_READING, {"model": model, "day": before}).first()
        count = now[model]
        if row and count is not None and count != row.counter:
            yield model, row.day + ONE, count - row.counter


def move_use(connection: sa.Connection, catalogue: int, last: date) -> None:
    """Update the first and last use of the models used in the stretch that ends with `last`."""
    used = sa.select(usage.c.model).where(usage.c.catalogue == catalogue, usage.c.last_day == last, usage.c.uses > 0)
    mine = models.update().where(models.c.id.in_(used))
    first = sa.or_(models.c.first_used.is_(None), models.c.first_used > last)
    connection.execute(mine.where(first).values(first_used=last))
    began = sa.select(usage.c.first_day).where(usage.c.model == models.c.id, usage.c.last_day == last).scalar_subquery()
    newer = sa.or_(models.c.last_used.is_(None), models.c.last_used <= last)
    connection.execute(mine.where(newer).values(last_used=last, last_used_from=began))


def restate_use(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Update when models were first and last used, after stored use was replaced."""
    mine = (usage.c.model == models.c.id, usage.c.uses > 0)
    newest = sa.select(usage.c.first_day).where(*mine).order_by(usage.c.last_day.desc()).limit(1)
    change = {
        "first_used": sa.select(sa.func.min(usage.c.last_day)).where(*mine).scalar_subquery(),
        "last_used": sa.select(sa.func.max(usage.c.last_day)).where(*mine).scalar_subquery(),
        "last_used_from": newest.scalar_subquery(),
    }
    for some in in_chunks(ids, 10_000):
        connection.execute(models.update().where(models.c.id.in_(some)).values(change))


def date_models(connection: sa.Connection, catalogue: int, days: Collection[date]) -> None:
    """Update when models were first and last used, after the stretches that end with these days were rolled up."""
    if len(days) > FEW:
        used = (usage.c.catalogue == catalogue, usage.c.last_day.in_(days))
        restate_use(connection, connection.scalars(sa.select(usage.c.model).where(*used).distinct()).all())
        return
    for day in sorted(days):
        move_use(connection, catalogue, day)
