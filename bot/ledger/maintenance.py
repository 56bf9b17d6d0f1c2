"""Maintenance of the lake while others write: compacts days, verifies them and prunes old events.

The rule: a day changes only by replacing the manifest that was read; if another process was faster, start again. Files
that no day names are removed only when nobody can still be writing or reading them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot import lake
from bot.lake import DayRef, LakeError
from bot.ledger.events import day_repair, lake_days
from bot.ledger.events.lake_days import ConcurrentDayChange
from bot.records import SourceRef, start_of_day
from bot.store import Store, catalogues, cursors, event_refs, refs, snapshots
from bot.store import event_days as rows

STRAY = timedelta(hours=2)
"""Keep a file that no day names for this long: a process may be about to name it, or still read it."""
STRAYS = "lake strays"
"""The cursor, of no network, that lists those files."""
LEAST = timedelta(days=35)
"""Younger events are never pruned: 30-day figures and re-reading the last days need them."""
Change = dict[str, Any]
"""The new values of a day's row, by column, including `bytes`."""


@dataclass(frozen=True, slots=True)
class MaintenanceResult:
    """The result for one day."""

    network: str
    catalogue: str
    day: date
    events: int
    bytes: int
    """Before."""
    bytes_now: int
    problem: str = ""
    """Why nothing was done, or what is wrong with the day."""


def stored_days(store: Store, until: date | None = None) -> list[tuple[int, DayRef, Any]]:
    """Every day in the lake up to a given one, with its catalogue and its row."""
    chosen = (
        sa.select(rows, catalogues.c.network, catalogues.c.name)
        .join(catalogues, catalogues.c.id == rows.c.catalogue)
        .where(rows.c.manifest != "")
        .order_by(catalogues.c.network, catalogues.c.name, rows.c.day)
    )
    if until is not None:
        chosen = chosen.where(rows.c.day <= until)
    with store.read_transaction() as connection:
        day_rows = connection.execute(chosen).all()
    return [(row.catalogue, DayRef(store.lake, row.network, row.name, row.day, row.manifest), row) for row in day_rows]


def stored_refs(store: Store, since: date) -> list[tuple[str, SourceRef]]:
    """Each network with the refs of what was read of it since a day, those without a hash left out."""
    chosen = [
        sa.select(catalogues.c.network, refs.c.url, refs.c.at, refs.c.sha256)
        .join(table, table.c.catalogue == catalogues.c.id)
        .join(refs, refs.c.id == table.c.ref)
        .where(refs.c.at >= start_of_day(since), refs.c.sha256 != "")
        for table in (snapshots, event_refs)
    ]
    with store.read_transaction() as connection:
        rows = connection.execute(sa.union(*chosen).order_by("network", "at", "url")).all()
    return [(row.network, SourceRef(row.url, row.at, row.sha256)) for row in rows]


def compact_days(store: Store, before: date) -> Iterator[MaintenanceResult]:
    """Merge the files of each day before a given one into one file per kind. A day that changes meanwhile is left for
    the next run."""
    for catalogue, day, row in stored_days(store, before - timedelta(days=1)):
        done = _replace_day(store, catalogue, day, row, _compact_day)
        if done is not None:
            yield done


def _compact_day(day: DayRef) -> Change | None:
    compacted = lake.compact_day(day)
    return None if compacted == day else {"manifest": compacted.manifest, "bytes": lake.read_manifest(compacted).size}


def _replace_day(
    store: Store, catalogue: int, day: DayRef, row: Any, make_change: Callable[[DayRef], Change | None]
) -> MaintenanceResult | None:
    """The compacted day, or why it is not; `None` if there was nothing to do."""
    try:
        change = make_change(day)
        if change is None:
            return None
        with store.write_transaction() as connection:
            lake_days.update_day_row(connection, catalogue, day.day, day.manifest, change)
    except ConcurrentDayChange:
        return _maintenance_result(day, row, row.bytes, "somebody else changed it meanwhile; run it again")
    except LakeError as error:
        return _maintenance_result(day, row, row.bytes, str(error))
    return _maintenance_result(day, row, change["bytes"])


def verify_days(store: Store) -> Iterator[MaintenanceResult]:
    """Check that each day's manifest and files are unchanged, and that its roll-up gives the stored totals."""
    for catalogue, day, row in stored_days(store):
        problem = ""
        try:
            totals = lake.roll_up_day(day)
            if not row.stale and not row.pruned:
                differs = _find_differences(row, totals)
                problem = f"{differs}; {_repair_hint(day, row)}" if differs else ""
        except LakeError as error:
            problem = "" if _has_changed(store, catalogue, day) else f"{error}; {_repair_hint(day, row)}"
        yield _maintenance_result(day, row, row.bytes, problem)


def _find_differences(row: Any, rollup: lake.DayRollup) -> str:
    """The totals of a day that differ from the stored ones; empty if none does."""
    who = rollup.callers
    now = {
        "nameless": rollup.nameless,
        "others": rollup.others,
        "sessions": rollup.sessions,
        "callers": who.callers,
        "called": who.called,
        "paid": who.paid,
    }
    wrong = {name: count for name, count in now.items() if int(getattr(row, name)) != count}
    text = "; ".join(f"{name} {getattr(row, name)}, the lake says {count}" for name, count in wrong.items())
    return f"the database says {text}" if wrong else ""


def _repair_hint(day: DayRef, row: Any) -> str:
    """The command that repairs a damaged day."""
    if row.pruned:
        return "its events were let go, so only a copy of the file mends it"
    of = f"--network {day.network} --since {day.day} --until {day.day} --again"
    return f"what mends it: python -m bot collect {of}"


def _has_changed(store: Store, catalogue: int, day: DayRef) -> bool:
    """Whether a day has another manifest by now, so that what was read from the old one no longer counts."""
    with store.read_transaction() as connection:
        mine = (rows.c.catalogue == catalogue, rows.c.day == day.day)
        return bool(connection.scalar(sa.select(rows.c.manifest).where(*mine)) != day.manifest)


def prune_days(store: Store, today: date, older: timedelta) -> Iterator[MaintenanceResult]:
    """Delete the events of days older than this. Totals stay, and so does everything else:
    settlements, digests, receipts. Days that are not whole and added up are kept."""
    for catalogue, day, row in stored_days(store, today - older - timedelta(days=1)):
        if row.pruned:
            continue
        if row.stale:
            yield _maintenance_result(day, row, row.bytes, "kept: it was not read whole, so it is not added up")
            continue
        done = _replace_day(store, catalogue, day, row, _prune_day)
        if done is not None:
            yield done


def _prune_day(day: DayRef) -> Change:
    return {"manifest": lake.prune_day(day).manifest, "bytes": 0, "pruned": True}


def sweep_files(store: Store, now: datetime) -> tuple[int, int]:
    """Remove the files of the lake that no day names, if an earlier run already saw them unnamed, long enough ago.
    Returns their number and bytes."""
    place = lake.open_storage(store.lake.url)
    # List before the days are read, so that files written in between are not in the list.
    sizes = {file.name: file.size for file in place.list_files("events")}
    kept = [*(day for _, day, _ in stored_days(store)), *(repair.day for repair in day_repair.all_repairs(store))]
    named = {name for day in kept for name in _file_names(day, sizes)}
    known = _known_strays(store)
    seen = {name: min(known.get(name, now.isoformat()), now.isoformat()) for name in sizes.keys() - named}
    gone = [name for name, since in seen.items() if datetime.fromisoformat(since) <= now - STRAY]
    for name in gone:
        place.remove(name)
    left = {name: since for name, since in seen.items() if name not in gone}
    mine = {"network": "", "name": STRAYS}
    with store.write_transaction() as connection:
        connection.execute(cursors.delete().where(cursors.c.network == "", cursors.c.name == STRAYS))
        if left:
            connection.execute(cursors.insert().values(**mine, text=json.dumps(left)))
    return len(gone), sum(sizes[name] for name in gone)


def _known_strays(store: Store) -> dict[str, str]:
    """Files that no day named at the last sweep, each with the time when that was first seen."""
    with store.read_transaction() as connection:
        mine = (cursors.c.network == "", cursors.c.name == STRAYS)
        text = connection.scalar(sa.select(cursors.c.text).where(*mine))
    strays: dict[str, str] = json.loads(text) if text else {}
    return strays


def _file_names(day: DayRef, there: Iterable[str]) -> Iterator[str]:
    """The files of a day; all files in its folder if its manifest cannot be read."""
    yield f"{day.folder}/{day.manifest}"
    try:
        parts = lake.read_manifest(day).parts
    except LakeError:
        yield from (name for name in there if name.startswith(f"{day.folder}/"))
        return
    for part in parts:
        yield f"{day.folder}/{part.name}"


def _maintenance_result(day: DayRef, row: Any, now: int, problem: str = "") -> MaintenanceResult:
    return MaintenanceResult(day.network, day.catalogue, day.day, row.events, row.bytes, now, problem)
