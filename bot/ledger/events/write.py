"""Adding hauls: what an event source told, its cursors and windows, in one transaction; then each whole day added up.

One rule holds here: a log is kept once and as it stands; what the rules made of it is kept beside it and may be made
again. Uses and payments lie in the lake, and the transaction says which of its files are a day's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from bot.lake import LakeError
from bot.ledger.catalogue_query import ONE
from bot.ledger.events import day_repair, lake_days, settlements
from bot.ledger.events.lake_days import ConcurrentDayChange, DayChanges
from bot.ledger.snapshots.write import catalogue_id, insert_new, record_change, ref_id
from bot.records import CompleteWindow, EventBatch, start_of_day
from bot.store import Store, StoreError, cursors, event_refs, gauges, strangers, windows

TRIES = 8
"""How often a haul is kept anew because another process changed one of its days meanwhile."""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a haul."""

    new: int
    """Records that the ledger did not have."""
    days: tuple[date, ...]
    """Days that it changed."""
    broken: Mapping[date, str] = field(default_factory=dict)
    """What is wrong with days of which nothing could be kept, or not all yet: they stay as they were, and unread."""


def add_event_batch(store: Store, haul: EventBatch, executor: Executor | None = None) -> IngestResult:
    """Keep a haul, whole or not at all, and add up the days that are whole by now. Offered twice it is kept once.
    Raises `LakeError` for days that do not read, once everything else is kept."""
    kept = keep_event_batch(store, haul)
    lake_days.add_up(store, haul.network, executor)
    if kept.broken:
        raise LakeError("\n".join(kept.broken.values()))
    return kept


def keep_event_batch(store: Store, haul: EventBatch, before: Sequence[CompleteWindow] = ()) -> IngestResult:
    """Keep a haul, whole or not at all, but for days of the lake that do not read: what it says of those is put aside
    until, with what other hauls say, it is the whole day; till then they do not count as read, and no cursor moves past
    them. `before`: the stretches that the same reading brought already. No day is known until `add_up` has added it
    up."""
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
    touched: set[date] = set()
    if haul.forget_from is not None:
        gone = settlements.forget_from_block(connection, catalogue, haul.forget_from)
        days = gone | lake_days.days_since_block(connection, catalogue, haul.forget_from)
        _cut_windows(connection, catalogue, haul, days)
        touched |= gone
    new = settlements.insert_settlements(connection, catalogue, haul.settlements)
    new += _keep_gauges(connection, catalogue, haul)
    touched |= {one.at.date() for one in haul.settlements}
    touched |= settlements.store_verdicts(connection, catalogue, haul.judgements)
    for change in changes.day_changes:
        lake_days.store_change(connection, catalogue, change)
    for mend in changes.mending:
        if not day_repair.save_repair(connection, mend):
            raise ConcurrentDayChange
        for window in mend.read if mend.is_complete else ():
            _add_window(connection, catalogue, window)
    _keep_strangers(connection, catalogue, haul)
    for window in _readable_windows(haul.window, changes.broken):
        _add_window(connection, catalogue, window)
    _keep_refs(connection, catalogue, haul)
    for name, text in haul.cursors.items() if not changes.broken else ():
        _move_cursor(connection, haul.network, name, text)
    for day in sorted(touched):
        settlements.roll_up(connection, catalogue, day)
    record_change(connection, haul.network)
    changed = {change.day.day for change in changes.day_changes}
    new += sum(change.new for change in changes.day_changes)
    return IngestResult(new, tuple(sorted(touched | changed)), dict(changes.broken))


def _readable_windows(window: CompleteWindow | None, broken: Collection[date]) -> Iterator[CompleteWindow]:
    """A window without the days of which nothing could be kept."""
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
        {"catalogue": catalogue, "key": one.key, "day": one.day, "at": one.at, "value": str(one.value)}
        for one in haul.gauges
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
    """Add a window, joined with those it touches."""
    mine = (windows.c.catalogue == catalogue, windows.c.begins <= window.ends, windows.c.ends >= window.begins)
    touching = connection.execute(sa.select(windows.c.begins, windows.c.ends).where(*mine)).all()
    connection.execute(windows.delete().where(*mine))
    begins = min([window.begins, *(row.begins for row in touching)])
    ends = max([window.ends, *(row.ends for row in touching)])
    connection.execute(windows.insert().values(catalogue=catalogue, begins=begins, ends=ends))


def _cut_windows(connection: sa.Connection, catalogue: int, haul: EventBatch, days: Collection[date]) -> None:
    """After a re-organisation nothing counts as read from where the haul begins: a process may end before the rest was
    read again. Where days before that lose records too, or nobody says where it begins, from the first such day on."""
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
