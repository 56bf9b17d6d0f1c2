"""Adding snapshots: kept as they were read, with the roll-ups of usage made from them.

One rule holds here: a difference of two readings belongs to the days between them and to no single one of them unless
they are one day apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.records import Listing, Name, Ref, Snapshot
from bot.store import Store, catalogues, models, readings, refs, snapshots, stretches, usage

CLOSES_WITHIN = timedelta(hours=1)
"""A snapshot taken this soon after midnight UTC closes the day before; a later one is kept and closes none."""

ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a snapshot that was offered to the ledger."""

    new: bool
    """False: it was there already and nothing changed."""
    closes: date | None
    """The day that it closes."""
    models: int


def closed_day(at: datetime) -> date | None:
    """The day that a snapshot taken at `at` (UTC) closes."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.date() - ONE if at - midnight <= CLOSES_WITHIN else None


def add(store: Store, snapshot: Snapshot) -> Added:
    """Keep a snapshot, whole or not at all. Offered twice it is kept once; the first one read at an instant stays."""
    with store.writing() as connection:
        catalogue = catalogue_id(connection, snapshot.network, snapshot.catalogue)
        connection.execute(sa.select(catalogues.c.id).where(catalogues.c.id == catalogue).with_for_update())
        known = snapshots.c.catalogue == catalogue
        if connection.scalar(sa.select(snapshots.c.id).where(known, snapshots.c.at == snapshot.at)):
            return Added(False, snapshot.closes or closed_day(snapshot.at), len(snapshot.listings))
        day = snapshot.closes or closed_day(snapshot.at)
        if day and connection.scalar(sa.select(snapshots.c.id).where(known, snapshots.c.day == day)):
            day = None
        row = {
            "catalogue": catalogue,
            "at": snapshot.at,
            "day": day,
            "ref": ref_id(connection, snapshot.ref),
            "listed": len(snapshot.listings),
            "unplaced": snapshot.unplaced,
            "uncounted": snapshot.uncounted,
            "note": snapshot.note,
        }
        key = connection.execute(snapshots.insert().values(row).returning(snapshots.c.id)).scalar_one()
        _keep_readings(connection, catalogue, key, snapshot, day or snapshot.at.date())
        if day:
            for later in [day, *_touched_days(connection, catalogue, key, day)]:
                _roll_up(connection, catalogue, later)
        return Added(True, day, len(snapshot.listings))


def catalogue_id(connection: sa.Connection, network: str, name: str) -> int:
    found = sa.select(catalogues.c.id).where(catalogues.c.network == network, catalogues.c.name == name)
    key = connection.scalar(found)
    if key is None:
        insert_new(connection, catalogues, [{"network": network, "name": name}])
        key = connection.execute(found).scalar_one()
    return int(key)


def ref_id(connection: sa.Connection, ref: Ref) -> int:
    same = (refs.c.url == ref.url, refs.c.at == ref.at, refs.c.sha256 == ref.sha256)
    found = sa.select(refs.c.id).where(*same)
    key = connection.scalar(found)
    if key is None:
        insert_new(connection, refs, [{"url": ref.url, "at": ref.at, "sha256": ref.sha256}])
        key = connection.execute(found).scalar_one()
    return int(key)


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; those whose key another process has just inserted are left alone."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if rows:
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


def _keep_readings(connection: sa.Connection, catalogue: int, key: int, snapshot: Snapshot, seen: date) -> None:
    counts = {reading.model: reading.count for reading in snapshot.readings}
    listed = {listing.model: listing for listing in snapshot.listings}
    ids = model_ids(connection, catalogue)
    fresh = [_model_row(catalogue, listing, seen, counts) for name, listing in listed.items() if name not in ids]
    insert_new(connection, models, fresh)
    if fresh:
        ids = model_ids(connection, catalogue)
    _move_first_back(connection, catalogue, seen, {ids[name]: counts.get(name) for name in listed})
    rows = [{"snapshot": key, "model": ids[name], "counter": counts.get(name)} for name in listed]
    if rows:
        connection.execute(readings.insert(), rows)


def model_ids(connection: sa.Connection, catalogue: int) -> dict[str, int]:
    found = connection.execute(sa.select(models.c.name, models.c.id).where(models.c.catalogue == catalogue))
    return {row.name: row.id for row in found}


def _model_row(catalogue: int, listing: Listing, seen: date, counts: Mapping[Name, int]) -> dict[str, object]:
    return {
        "catalogue": catalogue,
        "name": listing.model,
        "author": listing.author,
        "category": listing.category,
        "created_at": listing.created_at,
        "first_seen": seen,
        "first_counter": counts.get(listing.model),
    }


def _move_first_back(connection: sa.Connection, catalogue: int, seen: date, counts: Mapping[int, int | None]) -> None:
    """A snapshot older than what was known of a model moves the model's first sight back."""
    later = sa.select(models.c.id).where(models.c.catalogue == catalogue, models.c.first_seen > seen)
    for key in connection.scalars(later).all():
        if key in counts:
            change = {"first_seen": seen, "first_counter": counts[key]}
            connection.execute(models.update().where(models.c.id == key).values(change))


def _touched_days(connection: sa.Connection, catalogue: int, key: int, day: date) -> list[date]:
    """Days after `day` whose roll-up rests on this snapshot: the next one, and those that hold the next reading of a
    model which the next one misses."""
    after = (snapshots.c.catalogue == catalogue, snapshots.c.day > day)
    following = connection.execute(sa.select(snapshots).where(*after).order_by(snapshots.c.day).limit(1)).first()
    if following is None:
        return []
    mine = sa.select(readings.c.model).where(readings.c.snapshot == key)
    there = sa.select(readings.c.model).where(readings.c.snapshot == following.id)
    missed = readings.c.model.in_(mine.except_(there))
    nexts = sa.select(sa.func.min(snapshots.c.day)).join(readings, readings.c.snapshot == snapshots.c.id)
    found = connection.scalars(nexts.where(*after, missed).group_by(readings.c.model))
    return sorted({following.day, *found})


# --- roll-ups -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One model's use between two of its readings."""

    model: int
    first: date
    last: date
    uses: int
    hole: bool


def _roll_up(connection: sa.Connection, catalogue: int, day: date) -> None:
    """Make the stretch that ends with `day` and the usage by model in it; both are replaced whole."""
    now = _readings(connection, catalogue, day)
    if any(count is not None for count in now.values()):  # use that is told event by event is not ours to replace
        connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == day))
    connection.execute(stretches.delete().where(stretches.c.catalogue == catalogue, stretches.c.last_day == day))
    before = connection.scalar(
        sa.select(sa.func.max(snapshots.c.day)).where(snapshots.c.catalogue == catalogue, snapshots.c.day < day)
    )
    if before is None:
        return
    then = _readings(connection, catalogue, before)
    steps = [
        Step(model, before + ONE, day, count - (then[model] or 0), False)
        for model, count in now.items()
        if count is not None and then.get(model) is not None
    ]
    whole = [step for step in steps if step.uses > 0]
    holes = list(_holes(connection, catalogue, before, day, {k: v for k, v in now.items() if then.get(k) is None}))
    connection.execute(
        stretches.insert().values(
            catalogue=catalogue,
            first_day=before + ONE,
            last_day=day,
            uses=sum(step.uses for step in whole),
            models_used=len(whole),
            top_uses=max((step.uses for step in whole), default=0),
            newcomers=sum(1 for model, count in now.items() if count and then.get(model) is None),
            resets=sum(1 for step in steps if step.uses < 0),
            added=len(now.keys() - then.keys()),
            removed=len(then.keys() - now.keys()),
        )
    )
    keep_usage(connection, catalogue, [*whole, *(step for step in holes if step.uses)])


def _readings(connection: sa.Connection, catalogue: int, day: date) -> dict[int, int | None]:
    """Every model listed at the end of `day`, with its counter."""
    found = (
        sa.select(readings.c.model, readings.c.counter)
        .join(snapshots, snapshots.c.id == readings.c.snapshot)
        .where(snapshots.c.catalogue == catalogue, snapshots.c.day == day)
    )
    return {row.model: row.counter for row in connection.execute(found)}


def _holes(
    connection: sa.Connection, catalogue: int, before: date, day: date, absent: Mapping[int, int | None]
) -> Iterator[Step]:
    """Use of models that have a reading now and none in the snapshot before, but an older one."""
    older = sa.select(models.c.id).where(models.c.catalogue == catalogue, models.c.first_seen < before)
    for model in sorted(set(connection.scalars(older)) & absent.keys()) if absent else ():
        last = (
            sa.select(snapshots.c.day, readings.c.counter)
            .join(readings, readings.c.snapshot == snapshots.c.id)
            .where(readings.c.model == model, snapshots.c.day < before, readings.c.counter.is_not(None))
            .order_by(snapshots.c.day.desc())
            .limit(1)
        )
        found, count = connection.execute(last).first(), absent[model]
        if found and count is not None:
            yield Step(model, found.day + ONE, day, count - found.counter, True)


def keep_usage(connection: sa.Connection, catalogue: int, steps: Sequence[Step]) -> None:
    if not steps:
        return
    rows = [
        {
            "catalogue": catalogue,
            "model": step.model,
            "first_day": step.first,
            "last_day": step.last,
            "uses": step.uses,
            "hole": step.hole,
        }
        for step in steps
    ]
    connection.execute(usage.insert(), rows)
    last = steps[0].last
    mine_today = (usage.c.catalogue == catalogue, usage.c.last_day == last, usage.c.uses > 0)
    used = sa.select(usage.c.model).where(*mine_today)
    mine = models.update().where(models.c.id.in_(used))
    first = sa.or_(models.c.first_used.is_(None), models.c.first_used > last)
    connection.execute(mine.where(first).values(first_used=last))
    began = sa.select(usage.c.first_day).where(usage.c.model == models.c.id, usage.c.last_day == last).scalar_subquery()
    newer = sa.or_(models.c.last_used.is_(None), models.c.last_used <= last)
    connection.execute(mine.where(newer).values(last_used=last, last_used_from=began))
