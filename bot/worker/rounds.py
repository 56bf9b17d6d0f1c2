"""One look at what there is to do, and doing it: collect, publish, send. No threads, and no time but the clock's.

A round may be cut off anywhere and started again: what is due is asked of the ledger, the archive and the outbox, and
nothing that matters is remembered here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bot import daily, deliveries, leases, ledger
from bot import schedule as times
from bot.config import ScheduleEntry
from bot.records import FootfallError, Period, PeriodName
from bot.sources import EventSource, Source
from bot.store import Store, StoreError
from bot.worker.state import State

log = structlog.get_logger(__name__)

LEASE = "walk"
LEASE_LASTS = timedelta(minutes=10)
"""A worker that dies keeps the others waiting this long; one that stops gives its lease back."""
PLAN_EVERY = timedelta(minutes=10)
"""Between two looks at what is due when nothing new was collected: the gate may have opened, a figure come to light."""
CONFIRM_EVERY = timedelta(hours=12)
"""Between two looks where all was decided and nothing new was collected here; somebody may have collected by hand."""
PATIENT_TRIES = 4
"""Asked in vain this often, a source is asked at ever longer intervals until the next day."""
MOST_PATIENT = timedelta(hours=6)


class StoppingError(FootfallError):
    """The worker was told to stop while it collected. What was kept stays; the rest is asked for again."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker works with."""

    store: Store
    desk: daily.Desk
    networks: Sequence[tuple[daily.Plan, Source | EventSource]]
    entries: Sequence[ScheduleEntry]
    targets: Mapping[str, daily.Targets]
    """Where each entry, by its name, posts."""
    outbox_run: Callable[[], deliveries.Run]
    """One pass over the outbox; its `worker` names this process."""
    clock: Callable[[], datetime]
    collect_every: timedelta
    executor: Executor | None = None
    """What adds days of events up side by side; `None`: one after the other."""


@dataclass(slots=True)
class Round:
    """Looks at what there is to do, as often as it is told to."""

    bench: Bench
    state: State
    name: str
    """Names this process among all that share the database."""
    stopping: Callable[[], bool] = lambda: False
    _asked: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    """Network to when it was last asked in vain, and how often that day."""
    _plan_at: dict[tuple[str, PeriodName], datetime] = field(default_factory=dict)
    _said: dict[tuple[str, Period], str] = field(default_factory=dict)

    def once(self) -> None:
        """Everything there is to do now. Raises `StoreError` where the database is away, and `StoppingError`."""
        leads = self._hold()
        if leads != self.state.leads:
            log.info("this worker does the work" if leads else "another worker does the work; standing by")
        self.state.leads = leads
        if not leads:
            return
        news = {
            plan.network for plan, source in self.bench.networks if self._to_ask(plan) and self._collect(plan, source)
        }
        now = self.bench.clock()
        for plan, name, targets in self._timely(now):
            at = self._plan_at.get((plan.network, name))
            if at is None or now >= at or plan.network in news:
                self._publish(plan, name, targets, now)
        if not self.stopping() and self._hold():
            deliveries.flush(replace(self.bench.outbox_run(), stopping=self.stopping))

    def end(self) -> None:
        """Let another worker go on at once."""
        leases.release(self.bench.store, LEASE, self.name)

    def _hold(self) -> bool:
        return leases.hold(self.bench.store, LEASE, self.name, self.bench.clock(), LEASE_LASTS)

    # --- collecting -----------------------------------------------------------------------------------------------

    def _to_ask(self, plan: daily.Plan) -> bool:
        """Whether the day that is over is missing, and its source was not asked just now."""
        now = self.bench.clock()
        if plan.closed or self.stopping():
            return False
        spans = [ledger.span(self.bench.store, catalogue) for catalogue in plan.catalogues]
        yesterday = now.date() - timedelta(days=1)
        if all(span is not None and span.last >= yesterday for span in spans):
            self._asked.pop(plan.network, None)
            return False
        asked, tries = self._asked.get(plan.network, (None, 0))
        return asked is None or asked.date() < now.date() or now >= asked + self._patience(tries)

    def _collect(self, plan: daily.Plan, source: Source | EventSource) -> bool:
        """Ask one source; whether it had anything new."""

        def tell(line: str) -> None:
            log.info("collected", kept=line)
            if self.stopping() or not self._hold():
                raise StoppingError("told to stop while collecting")

        done = daily.collect(self.bench.store, plan.network, source, None, tell, self.bench.executor)
        now = self.bench.clock()
        self.state.collected(plan.network, now, done.error)
        if done.error:
            log.error("source failed", network=plan.network, error=done.error)
        asked, tries = self._asked.get(plan.network, (now, 0))
        self._asked[plan.network] = (now, tries + 1 if asked.date() == now.date() else 1)
        return done.new > 0

    def _patience(self, tries: int) -> timedelta:
        longer: timedelta = self.bench.collect_every * 2 ** min(max(0, tries - PATIENT_TRIES), 16)
        return min(longer, MOST_PATIENT)

    # --- publishing -----------------------------------------------------------------------------------------------

    def _publish(self, plan: daily.Plan, name: PeriodName, targets: daily.Targets, now: datetime) -> None:
        if self.stopping():
            return
        wait = PLAN_EVERY
        try:
            decided = daily.publish(self.bench.desk, plan, name, targets, now)
        except StoreError:
            raise
        except FootfallError as error:
            self.state.failed("publish")
            log.error("publishing failed", network=plan.network, period=name, error=str(error))
        else:
            for one in decided:
                self._say(one)
            if not any(one.verdict == "waiting" for one in decided):
                wait = CONFIRM_EVERY
        self._plan_at[plan.network, name] = min([now + wait, *self._next_runs(name, now)])

    def _next_runs(self, name: PeriodName, now: datetime) -> list[datetime]:
        return [times.upcoming(entry, now, 1)[0] for entry in self.bench.entries if entry.period == name]

    def _timely(self, now: datetime) -> Iterator[tuple[daily.Plan, PeriodName, daily.Targets]]:
        """Each network and kind of period whose newest one is to be out by now, and where."""
        timely = [e for e in self.bench.entries if times.period(e, times.latest(e, now)) == newest(e.period, now)]
        for plan, _source in self.bench.networks:
            for name in dict.fromkeys(entry.period for entry in timely):
                mine = [e for e in timely if e.period == name and (not e.networks or plan.network in e.networks)]
                if mine:
                    yield plan, name, _united([self.bench.targets[entry.name] for entry in mine])

    def _say(self, one: daily.Announced) -> None:
        """Log a decision, unless it is the one of the last time."""
        key, words = (one.network, one.period), f"{one.verdict} {one.edition} {one.reason}"
        if self._said.get(key) != words:
            self._said[key] = words
            told = {"network": one.network, "period": one.period.name, "day": one.period.first.isoformat()}
            log.info("decided", **told, verdict=one.verdict, edition=one.edition, reason=one.reason)


def newest(name: PeriodName, now: datetime) -> Period:
    """The newest period of a kind that is over."""
    return Period.holding(now.date(), name).before


def _united(targets: Sequence[daily.Targets]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for outlet, place in ((o, p) for one in targets for o, places in one.items() for p in places):
        found.setdefault(outlet, [])
        if place not in found[outlet]:
            found[outlet].append(place)
    return found
