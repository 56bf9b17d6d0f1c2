"""Stores snapshots as they were read; the roll-ups of usage follow from them.

The rule: the difference of two readings belongs to the days between them together, and to a single day only if they are
one day apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import import_module
from typing import get_args

import sqlalchemy as sa

from bot.gc_pause import garbage_collection_paused
from bot.ledger.catalogue_query import CATALOGUE, DAY, ONE, in_chunks
from bot.ledger.snapshots.comparison import RecentLists
from bot.ledger.snapshots.first_sight import move_first_back, restate_sight
from bot.ledger.snapshots.rollups import date_models, insert_rows, restate_use, roll_up
from bot.ledger.snapshots.verdicts import Judged, judge_new
from bot.plausibility import ClosingSnapshot
from bot.records import Listing, PeriodName, SafeName, Snapshot, SourceRef
from bot.store import Store, catalogues, cursors, models, readings, refs, snapshots, usage, verdicts

CLOSES_WITHIN = timedelta(hours=1)
"""A snapshot taken this soon after midnight UTC closes the day before; a later one is stored but closes none."""

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
    left_out: bool = False
    """It is of a record, and the ledger has later snapshots from elsewhere."""


def closed_day(at: datetime) -> date | None:
    """The day that a snapshot taken at `at` (UTC) closes."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.date() - ONE if at - midnight <= CLOSES_WITHIN else None


def add_snapshot(store: Store, snapshot: Snapshot) -> SnapshotResult:
    """Store a snapshot completely or not at all. Storing it twice changes nothing; the first one of an instant
    stays."""
    (result,) = add_snapshots(store, [snapshot])
    return result


@garbage_collection_paused()
def add_snapshots(store: Store, several: Sequence[Snapshot]) -> list[SnapshotResult]:
    """Store several snapshots in one transaction. The result is the same as if they were stored one by one."""
    with store.write_transaction() as connection:
        writers: dict[tuple[str, str], _CatalogueWriter] = {}
        results = []
        for snapshot in several:
            key = (snapshot.network, snapshot.catalogue)
            if key not in writers:
                writers[key] = _CatalogueWriter(connection, *key, several=len(several) > 1)
            results.append(writers[key].add(snapshot))
        for writer in writers.values():
            writer.finish()
    return results


_AT: sa.BindParameter[datetime] = sa.bindparam("at", type_=snapshots.c.at.type)
_TAKEN_AT = sa.select(snapshots.c.id).where(snapshots.c.catalogue == CATALOGUE, snapshots.c.at == _AT)
_CLOSED_AT = sa.select(snapshots.c.at).where(
    snapshots.c.catalogue == CATALOGUE, snapshots.c.day == DAY, snapshots.c.at != _AT
)
_NEW_SNAPSHOT = snapshots.insert().returning(snapshots.c.id)


class _CatalogueWriter:
    """Stores snapshots of one catalogue in one transaction, and remembers what it has read."""

    def __init__(self, connection: sa.Connection, network: str, name: str, several: bool) -> None:
        self._connection, self._network = connection, network
        self._catalogue = catalogue_id(connection, network, name)
        connection.execute(sa.select(catalogues.c.id).where(catalogues.c.id == self._catalogue).with_for_update())
        self._ids = model_ids(connection, self._catalogue)
        self._lists = RecentLists(connection, several)
        self._days: set[date] = set()
        self._changed = False
        self._elsewhere: date | None = None

    def add(self, snapshot: Snapshot) -> SnapshotResult:
        known = {"catalogue": self._catalogue, "at": snapshot.at}
        models_listed = len(snapshot.listings)
        if snapshot.record and snapshot.at.date() <= self._last_from_elsewhere(snapshot.record):
            return SnapshotResult(False, None, models_listed, left_out=True)
        day = snapshot.closes or closed_day(snapshot.at)
        closed_at = self._connection.scalar(_CLOSED_AT, {**known, "day": day}) if day else None
        day = None if closed_at else day
        if self._connection.scalar(_TAKEN_AT, known):
            return SnapshotResult(False, day, models_listed, closed_at=closed_at)
        key = self._insert(snapshot, day or snapshot.at.date())
        self._changed = True
        if day is None:
            return SnapshotResult(True, None, models_listed, closed_at=closed_at)
        held, day = self._judge(key, day, snapshot.at)
        return SnapshotResult(True, day, models_listed, held and day is not None)

    def finish(self) -> None:
        """Do what is done once for all snapshots of the transaction."""
        date_models(self._connection, self._catalogue, self._days)
        if self._changed:
            record_change(self._connection, self._network)

    def _last_from_elsewhere(self, record: str) -> date:
        """The date of the newest snapshot whose ref is not of this record."""
        if self._elsewhere is None:
            mine = (snapshots.c.catalogue == self._catalogue, refs.c.url.not_like(f"{record}%"))
            newest = sa.select(sa.func.max(snapshots.c.at)).join(refs, refs.c.id == snapshots.c.ref).where(*mine)
            at = self._connection.scalar(newest)
            self._elsewhere = at.date() if at else date.min
        return self._elsewhere

    def _insert(self, snapshot: Snapshot, seen: date) -> int:
        row = {
            "catalogue": self._catalogue,
            "at": snapshot.at,
            "day": None,
            "ref": ref_id(self._connection, snapshot.ref),
            "listed": len(snapshot.listings),
            "unplaced": snapshot.unplaced,
            "uncounted": snapshot.uncounted,
            "note": snapshot.note,
        }
        key: int = self._connection.execute(_NEW_SNAPSHOT, row).scalar_one()
        counts = {reading.model: reading.count for reading in snapshot.readings}
        self._insert_models(snapshot.listings, seen, counts)
        listed = [listing.model for listing in snapshot.listings]
        counters = dict(zip(map(self._ids.__getitem__, listed), map(counts.get, listed), strict=True))
        move_first_back(self._connection, self._catalogue, seen, counters)
        if counters:
            rows = [(key, model, counters[model]) for model in sorted(counters)]
            insert_rows(self._connection, readings, ("snapshot", "model", "counter"), rows)
        self._lists.keep(key, counters)
        return key

    def _insert_models(self, listings: Sequence[Listing], seen: date, counts: Mapping[SafeName, int]) -> None:
        listed = {listing.model: listing for listing in listings if listing.model not in self._ids}
        if listed:
            given = ("author", "category", "created_at")
            rows = [
                {"catalogue": self._catalogue, "name": name, **{key: getattr(listing, key) for key in given}}
                | {"first_seen": seen, "first_counter": counts.get(name)}
                for name, listing in listed.items()
            ]
            insert_new(self._connection, models, rows)
            self._ids |= model_ids(self._connection, self._catalogue, [row["name"] for row in rows])

    def _judge(self, key: int, day: date, at: datetime) -> tuple[bool, date | None]:
        """Judge a new snapshot and apply what follows. Returns whether it is held, and the day that it closes or would
        close."""
        reading = ClosingSnapshot(key, day)
        judged = judge_new(self._connection, self._catalogue, reading, at, self._lists)
        self._days |= apply_verdicts(self._connection, self._network, self._catalogue, judged, self._lists, key)
        held = key not in dict(judged.moved)
        if not held:
            return False, day
        restate_sight(self._connection, key, day)
        state = sa.select(verdicts.c.state).where(verdicts.c.snapshot == key)
        return True, day if self._connection.scalar(state) else None


def catalogue_id(connection: sa.Connection, network: str, name: str) -> int:
    return _row_id(connection, catalogues, network=network, name=name)


_ONE_MORE_CHANGE = (
    cursors.update()
    .where(cursors.c.network == sa.bindparam("changed"), cursors.c.name == CHANGES)
    .values(text=sa.cast(sa.cast(cursors.c.text, sa.BigInteger) + 1, sa.Text))
)


def record_change(connection: sa.Connection, network: str) -> None:
    """Count a change of a network's records in the data version. Call it last in a transaction, because it locks a row
    that every other write needs."""
    insert_new(connection, cursors, [{"network": network, "name": CHANGES, "text": "0"}])
    connection.execute(_ONE_MORE_CHANGE, {"changed": network})


def ref_id(connection: sa.Connection, ref: SourceRef) -> int:
    return _row_id(connection, refs, url=ref.url, at=ref.at, sha256=ref.sha256)


def _row_id(connection: sa.Connection, table: sa.Table, **row: object) -> int:
    """The id of a row, which is inserted if it is not there."""
    stmt = _id_statement(table, tuple(row))
    key = connection.scalar(stmt, row)
    if key is None:
        insert_new(connection, table, [row])
        key = connection.execute(stmt, row).scalar_one()
    return int(key)


@cache
def _id_statement(table: sa.Table, names: tuple[str, ...]) -> sa.Select[int]:
    return sa.select(table.c.id).where(*(table.c[name] == sa.bindparam(name) for name in names))


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert rows, skipping those whose key already exists. Returns how many were inserted."""
    if not rows:
        return 0
    return connection.execute(_insert_statement(connection.dialect.name, table), list(rows)).rowcount


@cache
def _insert_statement(dialect: str, table: sa.Table) -> sa.Insert:
    insert: sa.Insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(table).on_conflict_do_nothing()
    return insert.execution_options(preserve_rowcount=True)


def model_ids(connection: sa.Connection, catalogue: int, names: Sequence[object] | None = None) -> dict[str, int]:
    """The ids of a catalogue's models by name; of some of them."""
    stored = sa.select(models.c.name, models.c.id).where(models.c.catalogue == catalogue)
    if names is None:
        return dict(connection.execute(stored).all())
    ids: dict[str, int] = {}
    for some in in_chunks(names):
        ids |= dict(connection.execute(stored.where(models.c.name.in_(some))).all())
    return ids


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
    days = connection.scalars(nexts.where(*after, missed).group_by(readings.c.model))
    return sorted({following.day, *days})


COMPOSE_AGAIN = "compose again"
"""The cursor with the first day whose verdict changed since its digests were composed, by period name."""


def apply_verdicts(
    connection: sa.Connection,
    network: str,
    catalogue: int,
    judged: Judged,
    lists: RecentLists,
    new: int | None = None,
) -> set[date]:
    """Recompute the roll-ups that depend on snapshots which now close a day or no longer do, and record since when
    digests are out of date. `new`: the snapshot that was just added. Returns the days whose use `date_models` must be
    given."""
    days = {later for key, day in judged.moved for later in (day, *_touched_days(connection, catalogue, key, day))}
    within = (usage.c.catalogue == catalogue, usage.c.last_day.in_(days))
    before = connection.scalars(sa.select(usage.c.model).where(*within).distinct()).all() if days else ()
    for key, day in judged.moved:
        if key != new:
            restate_sight(connection, key, day)
    fell = [roll_up(connection, catalogue, day, lists) for day in sorted(days)]
    restate_use(connection, before)
    since = min(filter(None, (judged.since, *fell)), default=None)
    if since is not None:
        compose_again(connection, network, since)
    return days


def compose_again(connection: sa.Connection, network: str, since: date) -> None:
    """Record that digests from a day on are out of date."""
    for name in get_args(PeriodName):
        row = {"network": network, "name": f"{COMPOSE_AGAIN}: {name}", "text": since.isoformat()}
        insert_new(connection, cursors, [row])
        mine = (cursors.c.network == network, cursors.c.name == row["name"], cursors.c.text > row["text"])
        connection.execute(cursors.update().where(*mine).values(text=row["text"]))
