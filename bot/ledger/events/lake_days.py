"""Days of events in the lake: the manifest of each day, and the roll-up of a day once it is complete.

The rule: the new files of a day are written outside any transaction; the transaction that stores the rest of the event
batch makes them the day. If another process changed the day meanwhile, the work is done again from that version.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot import lake
from bot.dask_executor import WorkersDiedError
from bot.lake import DayRef, DayRollup, DayUpdate, LakeError, Manifest
from bot.ledger.catalogue_query import ONE, catalogue_filter
from bot.ledger.events import day_repair as mending
from bot.ledger.events.day_repair import DayRepair
from bot.ledger.events.day_totals import UNREAD
from bot.ledger.events.usage import is_covered
from bot.ledger.snapshots.rollups import move_use
from bot.ledger.snapshots.write import insert_new, model_ids, record_change
from bot.records import CompleteWindow, EventBatch, Evidence, Period, start_of_day
from bot.store import Store, catalogues, event_days, sketches, tallies, usage, windows

AT_A_TIME = 64
"""Days that an executor gets at a time."""


class ConcurrentDayChange(Exception):
    """Another process changed a day while this one worked on it. Do the work again."""


@dataclass(frozen=True, slots=True)
class DayChange:
    """The new version of a day, already written to the lake."""

    before: str
    """The manifest that it replaces; empty if there is none."""
    day: DayRef
    manifest: Manifest
    new: int
    """Number of new events."""
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DayChanges:
    """The changes of an event batch, written to the lake but not yet part of any day."""

    day_changes: tuple[DayChange, ...] = ()
    broken: Mapping[date, str] = field(default_factory=dict)
    """Damaged days that the batches do not cover completely yet, with the fault. They stay as they are."""
    mending: tuple[DayRepair, ...] = ()
    """The progress of damaged days that are being read again."""


def prepare_changes(store: Store, haul: EventBatch, before: Sequence[CompleteWindow] = ()) -> DayChanges:
    """Write the changes of an event batch to the lake. `before`: the stretches that the same read has already covered.
    Raises `LakeError` if the lake cannot be written."""
    by_day: dict[date, tuple[list[Any], list[Any]]] = {}
    for use in haul.uses:
        by_day.setdefault(use.at.date(), ([], []))[0].append(use)
    for payment in haul.payments:
        by_day.setdefault(payment.at.date(), ([], []))[1].append(payment)
    mends = mending.repairs_by_day(store, haul.network, haul.catalogue)
    if not by_day and haul.forget_from is None and not haul.owners and not mends:
        return DayChanges()
    known = _stored_days(store, haul, {*by_day, *mends})
    read = (*before, *((haul.window,) if haul.window else ()))
    day_changes: list[DayChange] = []
    broken: dict[date, str] = {}
    aside: list[DayRepair] = []
    for day in sorted(by_day.keys() | known.keys()):
        row = known.get(day)
        if row is not None and row.pruned:
            continue
        uses, payments = by_day.get(day, ((), ()))
        old = DayRef(store.lake, haul.network, haul.catalogue, day, row.manifest if row else "")
        owners = haul.owners if day in haul.days else None
        update, mend = DayUpdate(uses, payments, haul.blocks, haul.forget_from, owners, haul.renames), mends.get(day)
        evidence = row.evidence if row and not uses else haul.evidence
        try:
            day_ref, new = _updated_day(old, update, haul.window, mend is not None)
        except _BrokenError as error:
            mend = (mend or mending.start_repair(old)).with_update(update, read)
            aside.append(mend)
            if mend.is_complete and mend.day.manifest:
                manifest = lake.read_manifest(mend.day)
                day_changes.append(DayChange(old.manifest, mend.day, manifest, manifest.rows, evidence))
            else:
                broken[day] = str(error)
            continue
        aside += [mend.without_reads] if mend else []
        if day_ref != old:
            day_changes.append(DayChange(old.manifest, day_ref, lake.read_manifest(day_ref), new, evidence))
    return DayChanges(tuple(day_changes), broken, tuple(aside))


class _BrokenError(Exception):
    """A day in the lake is damaged, and the event batch alone does not cover it."""


def _updated_day(old: DayRef, update: DayUpdate, window: CompleteWindow | None, doubtful: bool) -> tuple[DayRef, int]:
    """A day after an event batch. A damaged day is replaced if the batch covers it completely. A doubtful day is first
    read completely, because its fault may be where this batch changes nothing."""
    try:
        if doubtful:
            lake.check_files(old)
        return lake.update_day(old, update)
    except LakeError as error:
        if not old.manifest:
            raise
        if window is None or window.begins > start_of_day(old.day) or window.ends < start_of_day(old.day + ONE):
            raise _BrokenError(f"{error}; collect {old.day} whole, with --again") from error
    return lake.update_day(replace(old, manifest=""), replace(update, forget_from=None))


def _stored_days(store: Store, haul: EventBatch, by_day: Iterable[date]) -> dict[date, Any]:
    """The stored rows of the days that an event batch may change."""
    wanted: list[sa.ColumnElement[bool]] = [event_days.c.day.in_(list(by_day))]
    if haul.forget_from is not None:
        wanted.append(event_days.c.last_block >= haul.forget_from)
    if haul.owners:
        some = sa.true() if haul.renames else event_days.c.nameless > 0
        wanted.append(sa.and_(event_days.c.day.in_(haul.days), some))
    mine = catalogue_filter(haul.network, haul.catalogue)
    chosen = sa.select(event_days).join(catalogues, catalogues.c.id == event_days.c.catalogue).where(*mine)
    with store.read_transaction() as connection:
        return {row.day: row for row in connection.execute(chosen.where(sa.or_(*wanted)))}


def days_since_block(connection: sa.Connection, catalogue: int, block: int) -> set[date]:
    """The days with events in this block or later."""
    mine = (event_days.c.catalogue == catalogue, event_days.c.last_block >= block)
    return set(connection.scalars(sa.select(event_days.c.day).where(*mine)))


def store_change(connection: sa.Connection, catalogue: int, change: DayChange) -> None:
    """Apply a change to its day. Raises `ConcurrentDayChange`."""
    manifest = change.manifest
    row = {
        "manifest": change.day.manifest,
        "evidence": change.evidence,
        "stale": True,
        "events": manifest.rows,
        "bytes": manifest.size,
        "first_block": manifest.first_block,
        "last_block": manifest.last_block,
        "nameless": sum(part.nameless for part in manifest.parts),
        "others": sum(part.others for part in manifest.parts),
    }
    if change.before:
        update_day_row(connection, catalogue, change.day.day, change.before, row)
        return
    sums = {"sessions": 0, "callers": 0, "called": "0", "top_called": "0", "paid": "0", "top_paid": "0"}
    row |= {"catalogue": catalogue, "day": change.day.day, "pruned": False, "unsigned": False, "other_payers": "{}"}
    insert_new(connection, event_days, [{**row, **sums}])
    stmt = sa.select(event_days.c.manifest).where(_day_filter(catalogue, change.day.day))
    if connection.scalar(stmt) != change.day.manifest:
        raise ConcurrentDayChange


def update_day_row(connection: sa.Connection, catalogue: int, day: date, before: str, row: dict[str, Any]) -> None:
    """Update a day's row if it still has this manifest. Raises `ConcurrentDayChange`."""
    same = event_days.c.manifest == before
    if not connection.execute(event_days.update().where(_day_filter(catalogue, day), same).values(row)).rowcount:
        raise ConcurrentDayChange


def _day_filter(catalogue: int, day: date) -> sa.ColumnElement[bool]:
    return sa.and_(event_days.c.catalogue == catalogue, event_days.c.day == day)


def add_up(
    store: Store, network: str, executor: Executor | None = None, recompute: Period | None = None
) -> tuple[date, ...]:
    """Add up each day of a network that changed and of which nothing is missing, side by side where there is an
    executor, and those of a period once more whether they changed or not. Returns these days. Raises `LakeError` for
    days that cannot be read, once all others are added up."""
    done: list[date] = []
    failed: dict[tuple[int, DayRef], str] = {}
    tried: set[tuple[int, DayRef]] = set()
    while waiting := [day for day in _days_to_add_up(store, network, recompute) if day not in tried][:AT_A_TIME]:
        tried.update(waiting)
        days = [day for _, day in waiting]
        for key, totals in zip(waiting, _roll_up_days(days, executor), strict=True):
            if isinstance(totals, str):
                failed[key] = totals
            else:
                done += _store_rollup(store, key[0], totals, network)
    # If another process changed the day and removed its old files meanwhile, nothing is wrong.
    wrong = [failed[day] for day in _days_to_add_up(store, network, recompute) if day in failed] if failed else []
    if wrong:
        raise LakeError("\n".join(wrong))
    return tuple(done)


def _roll_up_days(days: Sequence[DayRef], executor: Executor | None) -> Iterator[DayRollup | str]:
    if executor is None:
        yield from map(lake.try_roll_up, days)
        return
    futures = [executor.submit(lake.try_roll_up, day) for day in days]
    try:
        for day, future in zip(days, futures, strict=True):
            try:
                yield future.result()
            except WorkersDiedError as error:
                yield f"{day.folder}: {error}"
    finally:
        for future in futures:
            future.cancel()


def _days_to_add_up(store: Store, network: str, recompute: Period | None) -> list[tuple[int, DayRef]]:
    """Days to roll up, each with its catalogue."""
    wanted: list[sa.ColumnElement[bool]] = [event_days.c.stale.is_(True)]
    if recompute is not None:
        within = event_days.c.day.between(recompute.first, recompute.last)
        wanted.append(sa.and_(within, ~event_days.c.pruned, event_days.c.manifest != ""))
    chosen = (
        sa.select(event_days.c.catalogue, catalogues.c.name, event_days.c.day, event_days.c.manifest)
        .join(catalogues, catalogues.c.id == event_days.c.catalogue)
        .where(catalogues.c.network == network, sa.or_(*wanted))
        .order_by(event_days.c.day)
    )
    with store.read_transaction() as connection:
        stale = connection.execute(chosen).all()
        whole = {row.catalogue: _complete_windows(connection, row.catalogue) for row in stale}
    complete = [row for row in stale if is_covered(row.day, whole[row.catalogue])]
    return [(row.catalogue, DayRef(store.lake, network, row.name, row.day, row.manifest)) for row in complete]


def _complete_windows(connection: sa.Connection, catalogue: int) -> Sequence[Any]:
    chosen = sa.select(windows.c.begins, windows.c.ends).where(windows.c.catalogue == catalogue)
    return connection.execute(chosen).all()


def _store_rollup(store: Store, catalogue: int, rollup: DayRollup, network: str) -> Iterator[date]:
    """Store the roll-up of a day, unless the day has changed since."""
    who, day = rollup.callers, rollup.day.day
    row = {
        "stale": False,
        "nameless": rollup.nameless,
        "others": rollup.others,
        "other_payers": json.dumps(rollup.other_payers),
        "sessions": rollup.sessions,
        "callers": who.callers,
        "called": str(who.called),
        "top_called": str(who.top_called),
        "paid": str(who.paid),
        "top_paid": str(who.top_paid),
        "unsigned": who.unsigned,
    }
    try:
        with store.write_transaction() as connection:
            update_day_row(connection, catalogue, day, rollup.day.manifest, row)
            kept = sa.select(event_days.c.evidence).where(_day_filter(catalogue, day))
            evidence = connection.execute(kept).scalar_one()
            _replace_tally(connection, catalogue, rollup, evidence)
            mine = (sketches.c.catalogue == catalogue, sketches.c.day == day)
            connection.execute(sketches.delete().where(*mine))
            if who.sketch:
                connection.execute(sketches.insert().values(catalogue=catalogue, day=day, state=who.sketch))
            record_change(connection, network)
    except ConcurrentDayChange:
        return
    yield day


def _replace_tally(connection: sa.Connection, catalogue: int, rollup: DayRollup, evidence: Evidence) -> None:
    """Replace the stored uses of the day, in total and by model."""
    day = rollup.day.day
    mine = (tallies.c.catalogue == catalogue, tallies.c.day == day, tallies.c.evidence.in_([evidence, UNREAD]))
    connection.execute(tallies.delete().where(*mine))
    if rollup.uses:
        store_tally(connection, catalogue, day, evidence, rollup.uses, "", Counter(rollup.by_model))
    elif not connection.scalar(sa.select(tallies.c.day).where(tallies.c.catalogue == catalogue, tallies.c.day == day)):
        connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == day))


def store_tally(
    connection: sa.Connection,
    catalogue: int,
    day: date,
    evidence: Evidence,
    uses: int | None,
    unknown: str,
    by_model: Counter[str] | None,
) -> None:
    """Store a day's uses of one evidence; `uses` is `None` if unknown, with the reason. With a reason beside a number,
    that is a lower bound. Only the evidence that names models also stores usage by model."""
    ids = model_ids(connection, catalogue) if by_model else {}
    known = {ids[m]: n for m, n in (by_model or {}).items() if m in ids}
    row = {
        "catalogue": catalogue,
        "evidence": evidence,
        "day": day,
        "uses": uses,
        "unknown": unknown,
        "unattributed": (uses or 0) - sum(known.values()),
        "models_used": len(known),
        "top_uses": max(known.values(), default=0),
    }
    connection.execute(tallies.insert().values(**row))
    if uses is not None and by_model is not None:
        connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == day))
        span = {"catalogue": catalogue, "first_day": day, "last_day": day, "hole": False}
        insert_new(connection, usage, [{**span, "model": model, "uses": n} for model, n in known.items()])
        move_use(connection, catalogue, day)
