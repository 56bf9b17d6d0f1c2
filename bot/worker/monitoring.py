"""What /health and /metrics of the worker show: one small query each, without secrets.

An age counts from the end of the newest digest's period, as on the pages of `bot.web`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot import ledger, pipeline
from bot import schedule_times as times
from bot.archive import newest_periods
from bot.config import ScheduleEntry
from bot.ledger import CLOSES_WITHIN
from bot.records import PeriodName, start_of_day
from bot.sources import EventSource
from bot.store import StoreError
from bot.worker.cycle import WorkerContext
from bot.worker.state import WorkerState

STILL = timedelta(minutes=30)
"""A worker without a cycle for this long is unhealthy: a first collection takes minutes, not this long."""
_OPEN = ("planned", "sending", "unknown")


@dataclass(frozen=True, slots=True)
class DbStatus:
    """The database's facts about the worker's work."""

    deliveries: dict[tuple[str, str], int]
    last_sent: dict[str, datetime]
    paused: tuple[str, ...]
    refused: dict[str, datetime]
    ready: dict[str, bool]
    free: dict[str, int]
    ages: dict[tuple[str, PeriodName], float]
    behind: dict[str, float]
    held: dict[tuple[str, str], int]
    """Held days, by network and catalogue."""


def read_db_status(bench: WorkerContext, began: datetime | None = None) -> DbStatus:
    """Read the facts, for a worker that began at `began`. Raises `StoreError`."""
    now, outbox = bench.clock(), bench.desk.outbox
    began = min(began or now, now)
    open_ = {plan.network for plan, _source in bench.networks if not plan.closed}
    ends: dict[tuple[str, PeriodName], datetime] = {(network, "day"): began for network in open_}
    newest = newest_periods(bench.desk.archive.digest_counts())
    ends |= {key: period.ends_at for key, period in newest.items() if key[0] in open_}
    outlets = {outlet for targets in bench.targets.values() for outlet in targets}
    catalogues = [c for plan, _ in bench.networks for c in plan.catalogues]
    return DbStatus(
        outbox.state_counts(),
        bench.desk.archive.last_sent(),
        tuple(pause.outlet for pause in outbox.paused_outlets()),
        outbox.last_refused(),
        {**dict.fromkeys(outlets, True), **dict.fromkeys(bench.unready, False)},
        {name: shutil.disk_usage(folder).free for name, folder in bench.folders.items() if folder.exists()},
        {key: (now - end).total_seconds() for key, end in ends.items()},
        {entry.name: seconds for entry, seconds in _schedule_lag(bench, now, began)},
        {(c.network, c.key): len(ledger.held_days(bench.store, c)) for c in catalogues},
    )


def _schedule_lag(bench: WorkerContext, now: datetime, began: datetime) -> Iterator[tuple[ScheduleEntry, float]]:
    """Each entry with the seconds since its last run, if part of that run is not decided or sent yet. If nothing was
    ever planned, the seconds count from `began`."""
    outbox = bench.desk.outbox
    open_ = {
        (delivery.network, delivery.day, delivery.outlet, delivery.destination)
        for delivery in outbox.list_deliveries(_OPEN)
    }
    for entry in bench.entries:
        at = times.latest_run(entry, now)
        wanted = times.completed_period(entry, at).first
        late, since = False, began
        for plan, outlet, place in _network_targets(bench, entry):
            _, newest = outbox.planned_days(plan.network, entry.period, outlet, place)
            missing = newest is None or newest < wanted or (plan.network, wanted, outlet, place) in open_
            since = at if missing and newest is not None else since
            late = late or missing
        yield entry, (now - max(at, min(since, now))).total_seconds() if late else 0.0


def _network_targets(bench: WorkerContext, entry: ScheduleEntry) -> Iterator[tuple[pipeline.NetworkPlan, str, str]]:
    """Each network that an entry publishes, with each outlet and destination."""
    for plan, _source in bench.networks:
        if not plan.closed and (not entry.networks or plan.network in entry.networks):
            for outlet, places in bench.targets[entry.name].items():
                yield from ((plan, outlet, place) for place in places)


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """The worker's state for /health and /metrics. `bench` is `None` until the database was first opened."""

    state: WorkerState
    bench: Callable[[], WorkerContext | None]
    clock: Callable[[], datetime]

    def read_status(self) -> DbStatus | None:
        """The database's facts; `None` if it cannot be read."""
        bench = self.bench()
        try:
            return read_db_status(bench, self.state.began) if bench and not self.state.database else None
        except StoreError:
            return None

    def health_report(self) -> tuple[bool, dict[str, object]]:
        """Whether the worker is healthy enough not to be restarted, and the facts."""
        seen, beat = self.read_status(), self.state.beat
        age = abs((self.clock() - beat).total_seconds()) if beat else None  # the clock may have been put back
        moving = age is not None and age < STILL.total_seconds()
        facts: dict[str, object] = {
            "ok": moving and seen is not None,
            "database": "readable" if seen else self.state.database or "cannot be read",
            "heartbeat_age_seconds": age,
            "leads": self.state.leads,
            "sources": {name: _source_facts(*known) for name, known in self.state.source_status.items()},
        }
        if seen:
            facts["outlets"] = {name: at.isoformat() for name, at in seen.last_sent.items()}
            facts["paused"] = list(seen.paused)
            facts["deliveries"] = {" ".join(key): count for key, count in seen.deliveries.items()}
            facts["newest_digest_age_seconds"] = {" ".join(key): age for key, age in seen.ages.items()}
            facts["behind_schedule_seconds"] = seen.behind
            facts["held_days"] = {" ".join(key): days for key, days in seen.held.items()}
        return bool(facts["ok"]), facts


def _source_facts(at: datetime | None, error: str) -> dict[str, str | None]:
    return {"last_success": at.isoformat() if at else None, "error": error or None}


class WorkerCollector(Collector):
    """The same facts for Prometheus."""

    def __init__(self, worked: WorkerHealth) -> None:
        self._worked = worked

    def collect(self) -> Iterable[Metric]:
        state, seen = self._worked.state, self._worked.read_status()
        if state.began:
            yield _gauge("start_timestamp_seconds", "When this worker began.", state.began.timestamp())
        if state.beat:
            yield _gauge("heartbeat_timestamp_seconds", "When the worker last came round.", state.beat.timestamp())
        yield _gauge("database_up", "1 when the database can be read.", float(seen is not None))
        yield _gauge("leader", "1 when this worker is the one that works.", float(bool(state.leads)))
        yield from self._source_metrics()
        failures, restarts = state.failure_counts, state.restart_counts
        yield _counters("round_failures", "Failures that the worker got over, by step.", "step", failures)
        yield _counters("side_restarts", "Sides that ended by themselves and were started again.", "side", restarts)
        if bench := self._worked.bench():
            offsets = {name: offset.total_seconds() for name, offset in bench.clock_offsets().items()}
            ahead = "Seconds that this machine's clock is ahead of a platform's, by its last answer."
            yield _gauges("clock_offset_seconds", ahead, ["outlet"], offsets)
        if seen:
            yield from _status_metrics(seen)
        if (growth := state.lake_growth) is not None:
            yield _gauge("lake_growth_bytes", "What a typical day adds to the lake on this machine.", growth)
            if seen and growth and "data" in seen.free:
                left = "Days until the data folder's disk is full at that growth."
                yield _gauge("disk_days_left", left, seen.free["data"] / growth)

    def _source_metrics(self) -> Iterator[Metric]:
        # A standby worker has read no source lately, so its old results are not shown.
        known = self._worked.state.source_status if self._worked.state.leads else {}
        up = {name: not error for name, (_, error) in known.items()}
        last = {name: at.timestamp() for name, (at, _) in known.items() if at}
        yield _gauges("source_up", "1 when a source answered the last time.", ["network"], up)
        yield _gauges("source_last_success_timestamp_seconds", "When a source last answered.", ["network"], last)
        text = "Until when the day under way, or the one that is over and missing, can be read."
        yield _gauges("day_deadline_timestamp_seconds", text, ["network"], self._deadlines())

    def _deadlines(self) -> dict[str, float]:
        """The time by which the last day must be read, for networks that only report the present."""
        bench, now = self._worked.bench(), self._worked.clock()
        ends = start_of_day(now.date()) + CLOSES_WITHIN
        deadline = (ends if now < ends else ends + timedelta(days=1)).timestamp()
        plans = [(plan, source) for plan, source in (bench.networks if bench else ()) if not plan.closed]
        return {plan.network: deadline for plan, source in plans if not isinstance(source, EventSource)}


def _status_metrics(seen: DbStatus) -> Iterator[Metric]:
    yield _gauges("deliveries", "Deliveries by state.", ["outlet", "state"], seen.deliveries)
    sent = "When something was last sent there."
    yield _gauges("outlet_last_success_timestamp_seconds", sent, ["outlet"], _timestamps(seen.last_sent))
    refused = "When something that still is was last refused."
    yield _gauges("newest_refusal_timestamp_seconds", refused, ["outlet"], _timestamps(seen.refused))
    yield _gauges("outlet_ready", "1 when an outlet has its keys.", ["outlet"], seen.ready)
    yield _gauges("disk_free_bytes", "Left on the disk of a folder.", ["folder"], seen.free)
    outlets = {outlet for outlet, _state in seen.deliveries} | set(seen.paused)
    paused = {outlet: outlet in seen.paused for outlet in outlets}
    yield _gauges("outlet_paused", "1 while an outlet's account is refused.", ["outlet"], paused)
    age = "Seconds since the end of what the newest digest is about; without any, since the worker began."
    yield _gauges("newest_digest_age_seconds", age, ["network", "period"], seen.ages)
    behind = "Seconds since a run that is not settled; 0: none."
    yield _gauges("behind_schedule_seconds", behind, ["entry"], seen.behind)
    held = "Days whose list is held as implausible, until readings or an operator confirm it."
    yield _gauges("held_days", held, ["network", "catalogue"], seen.held)


def _timestamps(instants: Mapping[str, datetime]) -> dict[str, float]:
    return {name: at.timestamp() for name, at in instants.items()}


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"footfall_{name}", text, value=value)


def _gauges(name: str, text: str, labels: Sequence[str], values: Mapping[Any, float]) -> Metric:
    """A gauge with a value for each label, or for each tuple of labels."""
    gauge = GaugeMetricFamily(f"footfall_{name}", text, labels=labels)
    for key, value in values.items():
        gauge.add_metric([key] if isinstance(key, str) else key, float(value))
    return gauge


def _counters(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily(f"footfall_{name}", text, labels=[label])
    for key, count in counts.items():
        counter.add_metric([key], count)
    return counter
