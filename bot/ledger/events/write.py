"""Stores event batches with their cursors and windows in one transaction, then rolls up each complete day.

The rule: a log is stored once, as it is on the chain; the verdict on it is stored beside it and may change. Uses and
payments are in the lake, and the transaction says which files belong to a day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from bot.lake import LakeError
from bot.ledger.catalogue_query import ONE
from bot.ledger.events import day_repair, day_totals, lake_days, settlements
from bot.ledger.events.lake_days import ConcurrentDayChange, DayChanges
from bot.ledger.events.unrecognised import UNREAD_LOGS
from bot.ledger.snapshots.write import catalogue_id, insert_new, record_change, ref_id
from bot.records import CompleteWindow, EventBatch, start_of_day
from bot.store import Store, StoreError, cursors, event_refs, gauges, strangers, windows

TRIES = 8
"""How often storing a batch is repeated because another process changed one of its days meanwhile."""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of storing an event batch."""

    new: int
    """Number of records that were new."""
    days: tuple[date, ...]
    """The days that changed."""
    broken: Mapping[date, str] = field(default_factory=dict)
    """The faults of damaged days that could not be replaced yet. They stay as they were and count as unread."""


def add_event_batch(store: Store, haul: EventBatch, executor: Executor | None = None) -> IngestResult:
    """Store an event batch completely or not at all, and roll up the days that are now complete. Storing it twice
    changes nothing. Raises `LakeError` for damaged days after everything else is stored."""
    kept = keep_event_batch(store, haul)
    lake_days.add_up(store, haul.network, executor)
    if kept.broken:
        raise LakeError("\n".join(kept.broken.values()))
    return kept


def keep_event_batch(store: Store, haul: EventBatch, before: Sequence[CompleteWindow] = ()) -> IngestResult:
    """Store an event batch completely or not at all. Exception: for damaged days of the lake, the events are put aside
    until further batches complete the day; until then these days count as unread and no cursor moves past them.
    `before`: the stretches that the same read has already covered. A day is known only after `add_up`."""
    for _ in range(TRIES):
        changes = lake_days.prepare_changes(store, haul, before)
        try:
            with store.write_transaction() as connection:
                return _store_batch(connection, haul, changes)
        except ConcurrentDayChange:
            continue
    raise StoreError(
        f"database {store.shown}: other processes changed the days of {haul.network} {haul.catalogue} {TRIES} times "
        "while this one did; collect again with one process"
    )


def _store_batch(connection: sa.Connection, haul: EventBatch, changes: DayChanges) -> IngestResult:
    catalogue = catalogue_id(connection, haul.network, haul.catalogue)
    if haul.totals or haul.unread:
        day_totals.lock_catalogue(connection, catalogue)
    new, touched = _store_settlements(connection, catalogue, haul)
    for change in changes.day_changes:
        lake_days.store_change(connection, catalogue, change)
    for mend in changes.mending:
        if not day_repair.save_repair(connection, mend):
            raise ConcurrentDayChange
        for window in mend.read if mend.is_complete else ():
            _add_window(connection, catalogue, window)
    _keep_strangers(connection, catalogue, haul)
    replaced = _store_day_totals(connection, catalogue, haul)
    for window in _readable_windows(haul.window, changes.broken):
        _add_window(connection, catalogue, window)
    _keep_refs(connection, catalogue, haul)
    for name, text in haul.cursors.items() if not changes.broken else ():
        _move_cursor(connection, haul.network, name, text)
    for day in sorted(touched):
        settlements.roll_up(connection, catalogue, day)
    record_change(connection, haul.network)
    changed = {change.day.day for change in changes.day_changes} | replaced
    new += sum(change.new for change in changes.day_changes) + len(replaced)
    return IngestResult(new, tuple(sorted(touched | changed)), dict(changes.broken))


def _store_settlements(connection: sa.Connection, catalogue: int, haul: EventBatch) -> tuple[int, set[date]]:
    """Store settlements, their verdicts and gauges; returns the number of new rows and the days to roll up again."""
    touched: set[date] = set()
    if haul.forget_from is not None:
        gone = settlements.forget_from_block(connection, catalogue, haul.forget_from)
        days = gone | lake_days.days_since_block(connection, catalogue, haul.forget_from)
        _cut_windows(connection, catalogue, haul, days)
        touched |= gone
    new = settlements.insert_settlements(connection, catalogue, haul.settlements)
    new += _keep_gauges(connection, catalogue, haul)
    touched |= {settlement.at.date() for settlement in haul.settlements}
    touched |= settlements.store_verdicts(connection, catalogue, haul.judgements)
    touched |= {gauge.day for gauge in haul.gauges if gauge.key == UNREAD_LOGS}
    touched |= set(haul.days) if haul.strangers is not None else set()
    return new, touched


def _store_day_totals(connection: sa.Connection, catalogue: int, haul: EventBatch) -> set[date]:
    """Store the days that a network reports completely, and note those that it does not; returns the changed days."""
    replaced = day_totals.replace_totals(connection, haul.network, catalogue, haul.totals)
    for total in haul.totals:
        if not total.unknown:
            _add_window(connection, catalogue, CompleteWindow(start_of_day(total.day), start_of_day(total.day + ONE)))
    day_totals.note_unread_days(connection, catalogue, haul.unread)
    return replaced


def _readable_windows(window: CompleteWindow | None, broken: Collection[date]) -> Iterator[CompleteWindow]:
    """A window without the days that could not be stored."""
    if window is None:
        return
    begins = window.begins
    for day in (day for day in sorted(broken) if start_of_day(day) < window.ends):
        if start_of_day(day) > begins:
            yield CompleteWindow(begins, start_of_day(day))
        begins = max(begins, start_of_day(day + ONE))
    if begins < window.ends or not broken:
        yield CompleteWindow(begins, window.ends)


def _keep_gauges(connection: sa.Connection, catalogue: int, haul: EventBatch) -> int:
    rows: list[dict[str, object]] = [
        {"catalogue": catalogue, "key": gauge.key, "day": gauge.day, "at": gauge.at, "value": str(gauge.value)}
        for gauge in haul.gauges
    ]
    return insert_new(connection, gauges, rows)


def _keep_strangers(connection: sa.Connection, catalogue: int, haul: EventBatch) -> None:
    if haul.strangers is None:
        return
    (day,) = haul.days
    connection.execute(strangers.delete().where(strangers.c.catalogue == catalogue, strangers.c.day == day))
    rows = [{"catalogue": catalogue, "day": day, "address": a, "logs": n} for a, n in haul.strangers.items()]
    if rows:
        connection.execute(strangers.insert(), rows)


def _add_window(connection: sa.Connection, catalogue: int, window: CompleteWindow) -> None:
    """Add a window, merged with those it touches."""
    mine = (windows.c.catalogue == catalogue, windows.c.begins <= window.ends, windows.c.ends >= window.begins)
    touching = connection.execute(sa.select(windows.c.begins, windows.c.ends).where(*mine)).all()
    connection.execute(windows.delete().where(*mine))
    begins = min([window.begins, *(row.begins for row in touching)])
    ends = max([window.ends, *(row.ends for row in touching)])
    connection.execute(windows.insert().values(catalogue=catalogue, begins=begins, ends=ends))


def _cut_windows(connection: sa.Connection, catalogue: int, haul: EventBatch, days: Collection[date]) -> None:
    """After a reorganisation, nothing from the start of the batch on counts as read, because the process may end
    before it was read again. If earlier days lose records too, or the start is unknown, from the first such day on."""
    cuts = [haul.window.begins] if haul.window else []
    cuts += [start_of_day(day) for day in days if not haul.window or start_of_day(day + ONE) <= haul.window.begins]
    if not cuts:
        return
    mine = (windows.c.catalogue == catalogue, windows.c.ends > min(cuts))
    connection.execute(windows.delete().where(*mine, windows.c.begins >= min(cuts)))
    connection.execute(windows.update().where(*mine).values(ends=min(cuts)))


def _keep_refs(connection: sa.Connection, catalogue: int, haul: EventBatch) -> None:
    ids = [ref_id(connection, ref) for ref in haul.refs]
    rows = [{"catalogue": catalogue, "day": day, "ref": key} for day in haul.days for key in ids]
    insert_new(connection, event_refs, rows)


def _move_cursor(connection: sa.Connection, network: str, name: str, text: str) -> None:
    mine = (cursors.c.network == network, cursors.c.name == name)
    connection.execute(cursors.delete().where(*mine))
    connection.execute(cursors.insert().values(network=network, name=name, text=text))
