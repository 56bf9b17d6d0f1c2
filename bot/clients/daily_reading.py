"""What sources share that read a network once a day: parts that fail alone, lists that are "on offer now", and which
days are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from bot.clients.daily_api import UnreachableError
from bot.records import CompleteWindow, EventBatch, Period, Snapshot, SourceError, join_messages, message, start_of_day

T = TypeVar("T")

EARLY = timedelta(hours=6)
"""A list read this soon after midnight UTC closes the day before."""


def read_parts(parts: Iterable[Iterator[T]]) -> Iterator[T]:
    """Everything that the parts yield. A failure does not stop the parts after it, unless a host is silent. Raises
    `SourceError` at the end, with one line per failure."""
    errors: list[str] = []
    for part in parts:
        try:
            yield from part
        except UnreachableError as error:
            errors.append(str(error))
            break
        except SourceError as error:
            errors += str(error).splitlines()
    if errors:
        raise SourceError("\n".join(dict.fromkeys(errors)))


def listed_snapshot(read: Snapshot, now: datetime, is_first: bool) -> Snapshot:
    """A list that was read now. It closes yesterday if it is early, or if it is the first list ever; a late one says
    when it was read."""
    early = now - start_of_day(now.date()) <= EARLY
    note = "" if early else message("list_read_at", time=f"{now:%H:%M}", day=now.date())
    closes = now.date() - timedelta(days=1) if early or is_first else None
    return replace(read, note=join_messages([read.note, note], "\n"), closes=closes)


def is_read(windows: Iterable[CompleteWindow], day: date) -> bool:
    """Whether a day lies whole in one of the windows that were read."""
    begins = start_of_day(day)
    return any(window.begins <= begins and begins + timedelta(days=1) <= window.ends for window in windows)


def months_between(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The first and last day of each month, or part of one, from `first` to `last`."""
    while first <= last:
        end = min(Period.for_day(first, "month").last, last)
        yield first, end
        first = end + timedelta(days=1)


def read_counted_list(
    read: Callable[[], Snapshot], last_read: str | None, wanted: Period | None, now: datetime
) -> Iterator[Snapshot | EventBatch]:
    """A list with counters, at most once a day; `last_read` is the text of the cursor `listed`. A counter speaks of the
    instant at which it was read, so a list closes a day only soon after midnight. Raises `SourceError`."""
    today = now.date()
    if last_read == today.isoformat() or (wanted is not None and wanted.last < today - timedelta(days=1)):
        return
    snapshot = read()
    yield snapshot
    models = len(snapshot.listings)
    text = f"a list of {models} {'model' if models == 1 else 'models'}"
    yield EventBatch(snapshot.network, snapshot.catalogue, text, cursors={"listed": today.isoformat()})
