"""Collecting: what sources say, into the ledger. One network's failure is a value, not an exception."""

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
from bot.records import CompleteWindow, EventBatch, Period, Snapshot, SourceError, start_of_day
from bot.redaction import redact
from bot.sources import EventSource, Source
from bot.store import Store

ADDED_UP_EVERY = 16
"""Batches kept until their days are added up: several at a time, so that they can be done side by side."""
TOGETHER = 64
"""Snapshots that are stored in one transaction."""
FEW = 3
"""Batches of a backfill before its pace says anything."""
LATELY = 50
"""Batches whose pace counts: a year is not read at the same speed from end to end."""
RESTS = 0.02
"""Seconds of rest after each commit, at least; it rests as long as the commit took."""

Tell = Callable[[str], None]
"""Takes one line about work that is going on."""


@dataclass(slots=True)
class BackfillThrottle:
    """Reading many days at once: how far it is, when it may end, and the rest that it leaves to others. The estimate is
    what the days read in this run have cost, of one catalogue: how long one that has not begun will take is not known
    and not guessed."""

    wanted: Period
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _paces: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    """By catalogue: seconds each batch took and days that it covered."""
    _last: float | None = None

    def rest_and_report(self, batch: EventBatch, commit: float) -> str:
        """Rest after a commit that took so many seconds, so that who else writes gets a turn; how far it is, in words,
        empty where this batch does not say."""
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
            return "no telling yet how long the rest takes"
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
    """What came of asking one source."""

    network: str
    new: int
    """Snapshots and hauls that brought the ledger something."""
    known: int
    last_day: date | None
    error: str = ""
    """Why it ended early; what was added before stays."""
    left_out: int = 0
    """Nights of a record up to the newest one that the ledger has from elsewhere."""


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
    """Read one source and keep what it says. Days of events are added up side by side where there is an executor; a
    `backfill` leaves room to other writers and says how far it is; `reread` reads days again that were read before."""
    counts: Counter[str] = Counter()
    waiting = 0
    last: date | None = None
    wrong: list[str] = []
    windows: dict[str, list[CompleteWindow]] = {}
    broken: dict[tuple[str, date], str] = {}
    late: list[str] = []
    finished = False
    batches: Iterable[list[Snapshot] | EventBatch]
    try:
        if isinstance(source, EventSource):
            pieces = source.event_batches(wanted, ledger.SourceState(store, network, reread))
            batches = ([piece] if isinstance(piece, Snapshot) else piece for piece in pieces)
        else:
            batches = _grouped_snapshots(source.snapshots(wanted))
        for batch in batches:
            if isinstance(batch, EventBatch):
                before = windows.setdefault(batch.catalogue, [])
                kept = _store_batch(store, batch, tell, backfill, before)
                _extend_windows(before, batch)
                counts["new" if kept.new > 0 else "known"] += 1
                # Of a day that was read again in several batches the last one says nothing any more.
                broken = {
                    key: why for key, why in broken.items() if key[0] != batch.catalogue or key[1] not in kept.days
                }
                broken |= {(batch.catalogue, day): why for day, why in kept.broken.items()}
                waiting += 1
                if waiting % ADDED_UP_EVERY == 0:
                    late = _add_up_days(store, network, executor)
            else:
                for snapshot, added in zip(batch, ledger.add_snapshots(store, batch), strict=True):
                    last = max(filter(None, (last, added.closes)), default=None)
                    counts[_outcome(added)] += 1
                    if not added.left_out:
                        tell(_snapshot_line(snapshot, added))
    except SourceError as error:
        wrong.append(str(error))
        finished = True
    except (LakeError, ClusterError) as error:
        wrong.append(str(error))
    except OSError as error:  # a full or read-only disk: the other networks and what is to be sent do not wait for it
        wrong.append(f"{network}: what it said cannot be kept: {error.filename or 'disk'}: {error.strerror or error}")
    else:
        finished = True
    if finished and isinstance(source, EventSource):
        late = _add_up_days(store, network, executor, wanted if reread else None)
    # A network may say anything, our own keys too: nothing of it is shown, logged or kept as it came.
    text = redact("\n".join(dict.fromkeys([*broken.values(), *wrong, *late])))
    return CollectResult(network, counts["new"], counts["known"], last, text, counts["left_out"])


def _grouped_snapshots(taken: Iterable[Snapshot]) -> Iterator[list[Snapshot]]:
    """Snapshots in groups that are stored in one transaction each; what came before an error too."""
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
    """Add what a batch covers to the windows that were read so far; after a fork those are not sure."""
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
    """Add up what is whole, and the days of a period once more; returns what went wrong. What a process that was killed
    left is added up here as well."""
    try:
        ledger.add_up(store, network, executor, reread_period)
    except (LakeError, ClusterError) as error:
        return str(error).splitlines()
    return []


def _store_batch(
    store: Store, batch: EventBatch, tell: Tell, backfill: BackfillThrottle | None, before: Sequence[CompleteWindow]
) -> ledger.IngestResult:
    """Keep a batch and tell of it."""
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
    return f"{snapshot.network}: {verb} {snapshot.at:%Y-%m-%d %H:%M} UTC, {added.models} models, {closes}"
