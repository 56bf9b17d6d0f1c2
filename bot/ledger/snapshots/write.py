"""Stores snapshots as they were read, and the roll-ups of usage made from them.

The rule: the difference of two readings belongs to the days between them together, and to a single day only if they are
one day apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.ledger.catalogue_query import ONE, catalogue_filter, in_chunks
from bot.ledger.snapshots import counter_falls
from bot.ledger.snapshots.verdicts import Judged, judge_new
from bot.plausibility import ClosingSnapshot
from bot.records import Listing, PeriodName, SafeName, Snapshot, SourceRef
from bot.store import Store, catalogues, cursors, models, readings, refs, snapshots, stretches, tallies, usage, verdicts

CLOSES_WITHIN = timedelta(hours=1)
"""A snapshot taken this soon after midnight UTC closes the day before; a later one is stored but closes none."""

NEVER_SEEN = date.max
"""The first day of a model that appeared only in held or rejected lists."""

CHANGES = "changes"
"""The cursor that counts how often a network's records changed."""


@dataclass(frozen=True, slots=True)
class SnapshotResult:
    """The result of adding a snapshot."""

    new: bool
    """False: it was already stored and nothing changed."""
    closes: date | None
    """The day that it closes."""
    models: int
    held: bool = False
    """It is implausible; it closes its day once it is confirmed."""
    closed_at: datetime | None = None
    """When the snapshot that already closes its day was taken."""


def closed_day(at: datetime) -> date | None:
    """The day that a snapshot taken at `at` (UTC) closes."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.date() - ONE if at - midnight <= CLOSES_WITHIN else None


def add_snapshot(store: Store, snapshot: Snapshot) -> SnapshotResult:
    """Store a snapshot completely or not at all. Storing it twice changes nothing; the first one of an instant
    stays."""
    with store.write_transaction() as connection:
        catalogue = catalogue_id(connection, snapshot.network, snapshot.catalogue)
        connection.execute(sa.select(catalogues.c.id).where(catalogues.c.id == catalogue).with_for_update())
        known = snapshots.c.catalogue == catalogue
        day = snapshot.closes or closed_day(snapshot.at)
        closed = sa.select(snapshots.c.at).where(known, snapshots.c.day == day, snapshots.c.at != snapshot.at)
        closed_at = connection.scalar(closed) if day else None
        day = None if closed_at else day
        if connection.scalar(sa.select(snapshots.c.id).where(known, snapshots.c.at == snapshot.at)):
            return SnapshotResult(False, day, len(snapshot.listings), closed_at=closed_at)
        row = {
            "catalogue": catalogue,
            "at": snapshot.at,
            "day": None,
            "ref": ref_id(connection, snapshot.ref),
            "listed": len(snapshot.listings),
            "unplaced": snapshot.unplaced,
            "uncounted": snapshot.uncounted,
            "note": snapshot.note,
        }
        key = connection.execute(snapshots.insert().values(row).returning(snapshots.c.id)).scalar_one()
        _keep_readings(connection, catalogue, key, snapshot, day or snapshot.at.date())
        held = False
        if day:
            judged = judge_new(connection, catalogue, ClosingSnapshot(key, day), snapshot.at)
            apply_verdicts(connection, snapshot.network, catalogue, judged, key)
            held = key not in dict(judged.moved)
            if held:
                _restate_sight(connection, key, day)
            state = sa.select(verdicts.c.state).where(verdicts.c.snapshot == key)
            day = day if not held or connection.scalar(state) else None
        record_change(connection, snapshot.network)
        return SnapshotResult(True, day, len(snapshot.listings), held and day is not None, closed_at)


def catalogue_id(connection: sa.Connection, network: str, name: str) -> int:
    found = sa.select(catalogues.c.id).where(*catalogue_filter(network, name))
    key = connection.scalar(found)
    if key is None:
        insert_new(connection, catalogues, [{"network": network, "name": name}])
        key = connection.execute(found).scalar_one()
    return int(key)


def record_change(connection: sa.Connection, network: str) -> None:
    """Count a change of a network's records in the data version. Call it last in a transaction, because it locks a row
    that every other write needs."""
    insert_new(connection, cursors, [{"network": network, "name": CHANGES, "text": "0"}])
    counted = sa.cast(sa.cast(cursors.c.text, sa.BigInteger) + 1, sa.Text)
    mine = (cursors.c.network == network, cursors.c.name == CHANGES)
    connection.execute(cursors.update().where(*mine).values(text=counted))


def ref_id(connection: sa.Connection, ref: SourceRef) -> int:
    same = (refs.c.url == ref.url, refs.c.at == ref.at, refs.c.sha256 == ref.sha256)
    found = sa.select(refs.c.id).where(*same)
    key = connection.scalar(found)
    if key is None:
        insert_new(connection, refs, [{"url": ref.url, "at": ref.at, "sha256": ref.sha256}])
        key = connection.execute(found).scalar_one()
    return int(key)


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert rows, skipping those whose key already exists. Returns how many were inserted."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if not rows:
        return 0
    insert = dialect.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(insert, list(rows)).rowcount


def _keep_readings(connection: sa.Connection, catalogue: int, key: int, snapshot: Snapshot, seen: date) -> None:
    counts = {reading.model: reading.count for reading in snapshot.readings}
    listed = {listing.model: listing for listing in snapshot.listings}
    ids = model_ids(connection, catalogue)
    fresh = [_model_row(catalogue, listing, seen, counts) for name, listing in listed.items() if name not in ids]
    insert_new(connection, models, fresh)
    if fresh:
        ids = model_ids(connection, catalogue)
    rows = [(key, ids[name], counts.get(name)) for name in listed]
    _move_first_back(connection, catalogue, seen, rows)
    if rows:
        # Pass thousands of integer rows directly to the driver, at a third of the cost.
        mark = "%s" if connection.dialect.name == "postgresql" else "?"
        line = f"INSERT INTO readings (snapshot, model, counter) VALUES ({mark}, {mark}, {mark})"  # noqa: S608
        connection.exec_driver_sql(line, rows)


def model_ids(connection: sa.Connection, catalogue: int) -> dict[str, int]:
    found = sa.select(models.c.name, models.c.id).where(models.c.catalogue == catalogue)
    return dict(connection.execute(found).all())


def _model_row(catalogue: int, listing: Listing, seen: date, counts: Mapping[SafeName, int]) -> dict[str, object]:
    return {
        "catalogue": catalogue,
        "name": listing.model,
        "author": listing.author,
        "category": listing.category,
        "created_at": listing.created_at,
        "first_seen": seen,
        "first_counter": counts.get(listing.model),
    }


def _move_first_back(
    connection: sa.Connection, catalogue: int, seen: date, rows: Sequence[tuple[int, int, int | None]]
) -> None:
    """Move a model's first sight back if a snapshot is older than what was known. `rows`: snapshot, model and
    counter."""
    later = sa.select(models.c.id).where(models.c.catalogue == catalogue, models.c.first_seen > seen)
    moved = set(connection.scalars(later).all())
    for _, model, count in rows if moved else ():
        if model in moved:
            change = {"first_seen": seen, "first_counter": count}
            connection.execute(models.update().where(models.c.id == model).values(change))


def _touched_days(connection: sa.Connection, catalogue: int, key: int, day: date) -> list[date]:
    """Days after `day` whose roll-up depends on this snapshot: the next one, and the days with the next reading of a
    model that the next one misses."""
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


COMPOSE_AGAIN = "compose again"
"""The cursor with the first day whose verdict changed since its digests were composed, by period name."""


def apply_verdicts(
    connection: sa.Connection, network: str, catalogue: int, judged: Judged, new: int | None = None
) -> None:
    """Recompute the roll-ups that depend on snapshots which now close a day or no longer do, and record since when
    digests are out of date. `new`: the snapshot that was just added."""
    days = {later for key, day in judged.moved for later in (day, *_touched_days(connection, catalogue, key, day))}
    within = (usage.c.catalogue == catalogue, usage.c.last_day.in_(days))
    before = connection.scalars(sa.select(usage.c.model).where(*within).distinct()).all() if days else ()
    for key, day in judged.moved:
        if key != new:
            _restate_sight(connection, key, day)
    fell = [_roll_up(connection, catalogue, day) for day in sorted(days)]
    restate_use(connection, before)
    since = min(filter(None, (judged.since, *fell)), default=None)
    if since is not None:
        compose_again(connection, network, since)


def compose_again(connection: sa.Connection, network: str, since: date) -> None:
    """Record that digests from a day on are out of date."""
    for name in get_args(PeriodName):
        row = {"network": network, "name": f"{COMPOSE_AGAIN}: {name}", "text": since.isoformat()}
        insert_new(connection, cursors, [row])
        mine = (cursors.c.network == network, cursors.c.name == row["name"], cursors.c.text > row["text"])
        connection.execute(cursors.update().where(*mine).values(text=row["text"]))


def _restate_sight(connection: sa.Connection, key: int, day: date) -> None:
    """Update when the models of a snapshot were first listed and with which counter, after its verdict changed."""
    mine = sa.select(readings.c.model).where(readings.c.snapshot == key)
    changed = sa.select(models.c.id).where(models.c.id.in_(mine), models.c.first_seen >= day)
    chosen = (
        sa.select(snapshots.c.day, snapshots.c.at, readings.c.counter)
        .join(readings, readings.c.snapshot == snapshots.c.id)
        .outerjoin(verdicts, verdicts.c.snapshot == snapshots.c.id)
        .where(sa.or_(snapshots.c.day.is_not(None), verdicts.c.snapshot.is_(None)))
    )
    for model in connection.scalars(changed).all():
        rows = connection.execute(chosen.where(readings.c.model == model)).all()
        sights = ((row.day or row.at.date(), row.counter) for row in rows)
        seen, counter = min(sights, key=lambda sight: sight[0], default=(NEVER_SEEN, None))
        values = {"first_seen": seen, "first_counter": counter}
        connection.execute(models.update().where(models.c.id == model).values(values))


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


NOW, THEN = readings.alias("now"), readings.alias("earlier")
"""The readings of two consecutive snapshots."""
STEP = NOW.c.counter - THEN.c.counter
"""A model's use between them; null if either has no counter."""


def _roll_up(connection: sa.Connection, catalogue: int, day: date) -> date | None:
    """Replace the stretch that ends with `day` and its usage by model. The database computes it, so that no readings
    are loaded. Returns the first day before the stretch whose use changed."""
    # Do not replace use that was read event by event.
    told = sa.exists().where(tallies.c.catalogue == catalogue, tallies.c.day == day)
    connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == day, ~told))
    connection.execute(stretches.delete().where(stretches.c.catalogue == catalogue, stretches.c.last_day == day))
    upto = sa.select(snapshots.c.id, snapshots.c.day).where(snapshots.c.catalogue == catalogue, snapshots.c.day <= day)
    ends = connection.execute(upto.order_by(snapshots.c.day.desc()).limit(2)).all()
    if len(ends) < 2 or ends[0].day != day:
        return None
    (here, _), (there, before) = ends
    span = {"catalogue": catalogue, "first_day": before + ONE, "last_day": day}
    connection.execute(stretches.insert().values(**span, **_stretch_totals(connection, here, there)))
    spans = [sa.literal(value) for value in span.values()]
    steps = _select_steps(here, there, NOW.c.model, STEP, sa.false(), *spans).where(STEP > 0)
    connection.execute(usage.insert().from_select(["model", "uses", "hole", *span], steps))
    holes = list(_find_holes(connection, here, there, before))
    rows = [{**span, "model": m, "first_day": first, "uses": n, "hole": True} for m, first, n in holes if n > 0]
    if rows:
        connection.execute(usage.insert(), rows)
    fell = {model for model, _, uses in holes if uses < 0} | _fallen_models(connection, here, there)
    since = counter_falls.update_falls(connection, catalogue, here, before + ONE, day, fell)
    move_use(connection, catalogue, day)
    return since if since and since <= before else None


def _fallen_models(connection: sa.Connection, here: int, there: int) -> set[int]:
    """Models whose counter is lower than in the snapshot before."""
    return set(connection.scalars(_select_steps(here, there, NOW.c.model).where(STEP < 0)))


def _select_steps(here: int, there: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """One row per model of a snapshot, with its reading in the snapshot before."""
    same = sa.and_(THEN.c.model == NOW.c.model, THEN.c.snapshot == there)
    return sa.select(*columns).select_from(NOW.outerjoin(THEN, same)).where(NOW.c.snapshot == here)


def _stretch_totals(connection: sa.Connection, here: int, there: int) -> dict[str, int]:
    used = sa.case((STEP > 0, STEP))
    new = sa.and_(NOW.c.counter > 0, THEN.c.counter.is_(None))
    counted = {
        "uses": sa.func.coalesce(sa.func.sum(used), 0),
        "models_used": sa.func.count(used),
        "top_uses": sa.func.coalesce(sa.func.max(used), 0),
        "newcomers": sa.func.count(sa.case((new, 1))),
        "resets": sa.func.count(sa.case((STEP < 0, 1))),
        "added": sa.func.count() - sa.func.count(THEN.c.model),
        "removed": _listed_count(there) - sa.func.count(THEN.c.model),
    }
    row = connection.execute(_select_steps(here, there, *counted.values())).one()
    return {key: int(value) for key, value in zip(counted, row, strict=True)}


def _listed_count(snapshot: int) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(readings).where(readings.c.snapshot == snapshot).scalar_subquery()


def _find_holes(connection: sa.Connection, here: int, there: int, before: date) -> Iterator[tuple[int, date, int]]:
    """Use of models that have a reading now and none in the snapshot before, but an older one: model, first day, uses.
    Negative where the counter fell."""
    gone = (THEN.c.counter.is_(None), NOW.c.counter.is_not(None))
    older = (models.c.first_seen < before, models.c.id == NOW.c.model)
    absent = _select_steps(here, there, NOW.c.model, NOW.c.counter).where(*gone, *older).order_by(NOW.c.model)
    for model, count in connection.execute(absent).all():
        last = (
            sa.select(snapshots.c.day, readings.c.counter)
            .join(readings, readings.c.snapshot == snapshots.c.id)
            .where(readings.c.model == model, snapshots.c.day < before, readings.c.counter.is_not(None))
            .order_by(snapshots.c.day.desc())
            .limit(1)
        )
        found = connection.execute(last).first()
        if found and count != found.counter:
            yield model, found.day + ONE, count - found.counter


def move_use(connection: sa.Connection, catalogue: int, last: date) -> None:
    """Update the first and last use of the models used in the stretch that ends with `last`."""
    used = sa.select(usage.c.model).where(usage.c.catalogue == catalogue, usage.c.last_day == last, usage.c.uses > 0)
    mine = models.update().where(models.c.id.in_(used))
    first = sa.or_(models.c.first_used.is_(None), models.c.first_used > last)
    connection.execute(mine.where(first).values(first_used=last))
    began = sa.select(usage.c.first_day).where(usage.c.model == models.c.id, usage.c.last_day == last).scalar_subquery()
    newer = sa.or_(models.c.last_used.is_(None), models.c.last_used <= last)
    connection.execute(mine.where(newer).values(last_used=last, last_used_from=began))
