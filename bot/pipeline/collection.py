"""Collecting: stores what sources return in the ledger. A network's failure is a value, not an exception."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot import ledger
from bot.dask_executor import ClusterError
from bot.lake import LakeError
from bot.number_format import english_noun
from bot.records import CompleteWindow, EventBatch, Period, Snapshot, SourceError, start_of_day
from bot.redaction import redact
from bot.sources import EventSource, Source
from bot.store import Store

ADDED_UP_EVERY = 16
"""Batches to store before their days are rolled up: several, so that they can be rolled up in parallel."""
TOGETHER = 64
"""Snapshots that are stored in one transaction."""
FEW = 3
"""Batches of a backfill before there is an estimate."""
LATELY = 50
"""Latest batches that the estimate uses, because the speed changes over a year."""
RESTS = 0.02
"""Least seconds of pause after each commit; the pause is as long as the commit."""

Tell = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(slots=True)
class BackfillThrottle:
    """The progress of a backfill, its estimated end, and its pauses for other writers. The estimate comes from the days
    of one catalogue read in this run; for a catalogue that has not begun there is none."""

    wanted: Period
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _paces: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    """By catalogue: seconds per batch and days that it covered."""
    _last: float | None = None

    def rest_and_report(self, batch: EventBatch, commit: float) -> str:
        """Pause after a commit that took so many seconds, so that other writers get a turn. Returns the progress as
        text, empty if this batch has none."""
        self.sleep(max(RESTS, commit))
        now = self.monotonic()
        took, self._last = now - (now if self._last is None else self._last), now
        if batch.window is None:
            return ""
        first, end = start_of_day(self.wanted.first), self.wanted.ends_at
        paces = self._paces.setdefault(batch.catalogue, deque(maxlen=LATELY))
        paces.append((took, _days_between(batch.window.begins, batch.window.ends)))
        read, whole = _days_between(first, min(batch.window.ends, end)), _days_between(first, end)
        return f"{read:.1f} of {whole:.0f} days read, {self._time_left(paces, whole - read)}"

    @staticmethod
    def _time_left(paces: deque[tuple[float, float]], days: float) -> str:
        seconds, covered = sum(took for took, _ in paces), sum(each for _, each in paces)
        if days <= 0:
            return "none left"
        if len(paces) < FEW or covered <= 0:
            return "no estimate of the rest yet"
        each = sorted(took / of for took, of in paces if of > 0)
        low, high = each[len(each) // 4] * days, each[len(each) * 3 // 4] * days
        mean = seconds / covered * days
        return f"{_format_duration(min(low, mean))} to {_format_duration(max(high, mean))} left at this pace"


def _days_between(begins: datetime, ends: datetime) -> float:
    return max(0.0, (ends - begins) / timedelta(days=1))


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True, slots=True)
class CollectResult:
    """The result of reading one source."""

    network: str
    new: int
    """Snapshots and event batches that were new to the ledger."""
    known: int
    last_day: date | None
    error: str = ""
    """Why it ended early; what was stored before stays."""
    left_out: int = 0
    """Snapshots of a record that are not newer than the newest one from elsewhere."""


def collect(
    store: Store,
    network: str,
    source: Source | EventSource,
    wanted: Period | None,
    tell: Tell,
    executor: Executor | None = None,
    backfill: BackfillThrottle | None = None,
    reread: bool = False,
) -> CollectResult:
    """Read one source and store what it returns. Days of events are rolled up in parallel if there is an executor; a
    `backfill` pauses for other writers and reports progress; `reread` reads known days again."""
    run = _CollectRun(store, network, tell, executor, backfill)
    finished, wrong = False, ""
    try:
        if isinstance(source, EventSource):
            for piece in source.event_batches(wanted, ledger.SourceState(store, network, reread)):
                run.store_piece(piece)
        else:
            for group in _grouped_snapshots(source.snapshots(wanted)):
                run.store_snapshots(group)
    except SourceError as error:
        finished, wrong = True, str(error)
    except (LakeError, ClusterError) as error:
        wrong = str(error)
    except OSError as error:  # a full or read-only disk must not stop the other networks and the sending
        wrong = f"{network}: what it said cannot be kept: {error.filename or 'disk'}: {error.strerror or error}"
    else:
        finished = True
    if finished and isinstance(source, EventSource):
        run.late = _add_up_days(store, network, executor, wanted if reread else None)
    return run.result(wrong)


@dataclass(slots=True)
class _CollectRun:
    """Stores what one source returns, and counts it."""

    store: Store
    network: str
    tell: Tell
    executor: Executor | None
    backfill: BackfillThrottle | None
    late: Sequence[str] = ()
    """The errors of the last roll-up."""
    _counts: Counter[str] = field(default_factory=Counter)
    _batches: int = 0
    _last: date | None = None
    _windows: dict[str, list[CompleteWindow]] = field(default_factory=dict)
    """The stretches read so far, by catalogue."""
    _broken: dict[tuple[str, date], str] = field(default_factory=dict)
    """The faults of damaged days, by catalogue and day."""

    def store_piece(self, piece: Snapshot | EventBatch) -> None:
        """Store one piece of an event source. After every few batches, the complete days are rolled up."""
        if isinstance(piece, Snapshot):
            self.store_snapshots([piece])
            return
        before = self._windows.setdefault(piece.catalogue, [])
        kept = _store_batch(self.store, piece, self.tell, self.backfill, before)
        _extend_windows(before, piece)
        self._counts["new" if kept.new > 0 else "known"] += 1
        for day in kept.days:  # if a day was read again in several batches, the last batch alone is not the whole day
            self._broken.pop((piece.catalogue, day), None)
        self._broken |= {(piece.catalogue, day): why for day, why in kept.broken.items()}
        self._batches += 1
        if self._batches % ADDED_UP_EVERY == 0:
            self.late = _add_up_days(self.store, self.network, self.executor)

    def store_snapshots(self, group: Sequence[Snapshot]) -> None:
        """Store snapshots in one transaction."""
        for snapshot, added in zip(group, ledger.add_snapshots(self.store, group), strict=True):
            self._last = max(filter(None, (self._last, added.closes)), default=None)
            self._counts[_outcome(added)] += 1
            if not added.left_out:
                self.tell(_snapshot_line(snapshot, added))

    def result(self, wrong: str) -> CollectResult:
        """What was read; `wrong` says why it ended early."""
        lines = [*self._broken.values(), *([wrong] if wrong else []), *self.late]
        # A network's text may hold anything, even our own keys, so it is redacted before it is shown, logged or stored.
        error, counts = redact("\n".join(dict.fromkeys(lines))), self._counts
        return CollectResult(self.network, counts["new"], counts["known"], self._last, error, counts["left_out"])


def _grouped_snapshots(taken: Iterable[Snapshot]) -> Iterator[list[Snapshot]]:
    """Snapshots in groups that are stored in one transaction each; also the snapshots before an error."""
    group: list[Snapshot] = []
    try:
        for snapshot in taken:
            group.append(snapshot)
            if len(group) == TOGETHER:
                yield group
                group = []
    except SourceError:
        if group:
            yield group
        raise
    if group:
        yield group


def _outcome(added: ledger.SnapshotResult) -> str:
    if added.left_out:
        return "left_out"
    return "new" if added.new else "known"


def _extend_windows(windows: list[CompleteWindow], batch: EventBatch) -> None:
    """Add a batch's window to those read so far; after a fork these are not certain."""
    if batch.forget_from is not None:
        windows.clear()
    if batch.window is None:
        return
    if windows and windows[-1].begins <= batch.window.begins <= windows[-1].ends:
        windows[-1] = CompleteWindow(windows[-1].begins, max(windows[-1].ends, batch.window.ends))
    else:
        windows.append(batch.window)


def _add_up_days(
    store: Store, network: str, executor: Executor | None, reread_period: Period | None = None
) -> list[str]:
    """Roll up complete days, and those of a period once more; returns the errors. Also rolls up what a killed process
    left."""
    try:
        ledger.add_up(store, network, executor, reread_period)
    except (LakeError, ClusterError) as error:
        return str(error).splitlines()
    return []


def _store_batch(
    store: Store, batch: EventBatch, tell: Tell, backfill: BackfillThrottle | None, before: Sequence[CompleteWindow]
) -> ledger.IngestResult:
    began = time.perf_counter()
    kept = ledger.keep_event_batch(store, batch, before)
    far = backfill.rest_and_report(batch, time.perf_counter() - began) if backfill else ""
    tell(f"{batch.network}: {batch.catalogue}: read {batch.read}{f'; {far}' if far else ''}")
    if batch.alarm:
        tell(f"{batch.network}: ALARM: {batch.alarm}")
    return kept


def _snapshot_line(snapshot: Snapshot, added: ledger.SnapshotResult) -> str:
    late = "taken too late after midnight UTC to close a day"
    if added.closed_at:
        late = f"closes no day: the snapshot of {added.closed_at:%Y-%m-%d %H:%M} UTC closed that day before"
    closes = f"closes {added.closes}" if added.closes else late
    if added.held:
        closes = f"held, closes {added.closes} once it is confirmed; see: python -m bot confirm"
    verb = "kept" if added.new else "had"
    models = f"{added.models} {english_noun('models', added.models)}"
    return f"{snapshot.network}: {verb} {snapshot.at:%Y-%m-%d %H:%M} UTC, {models}, {closes}"
