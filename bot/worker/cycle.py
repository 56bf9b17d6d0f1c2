"""One look at what there is to do, and doing it: collect, publish, send. No threads, and no time but the clock's.

A round may be cut off anywhere and started again: what is due is asked of the ledger, the archive and the outbox, and
nothing that matters is remembered here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot import deliveries, leases, ledger, pipeline, subscriptions
from bot import schedule_times as times
from bot.config import ScheduleEntry
from bot.records import FootfallError, Period, PeriodName, start_of_day
from bot.sources import EventSource, Source
from bot.store import Store, StoreError
from bot.subscriptions import Subscription
from bot.worker.state import WorkerState

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
DISCORD = "discord"
"""The outlet of subscriptions."""
PROBE_EVERY = timedelta(hours=1)
"""Between two looks at whether a source that has nothing to tell now could tell anything: one that is out in the
afternoon is known to be out before its day is over, while somebody can still mend it."""
RECHECK_EVERY = timedelta(hours=2)
"""Between two looks at days that are in and may still change (`Source.settles_for`): a proof that comes late is seen
within that time, and twelve times a day is polite."""


class StoppingError(FootfallError):
    """The worker was told to stop while it collected. What was kept stays; the rest is asked for again."""


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker works with."""

    store: Store
    desk: pipeline.PublishContext
    networks: Sequence[tuple[pipeline.NetworkPlan, Source | EventSource]]
    entries: Sequence[ScheduleEntry]
    targets: Mapping[str, pipeline.Targets]
    """Where each entry, by its name, posts."""
    outbox_run: Callable[[], deliveries.OutboxPass]
    """One pass over the outbox; its `worker` names this process."""
    clock: Callable[[], datetime]
    collect_every: timedelta
    subscribed: Callable[[], Sequence[Subscription]] = lambda: ()
    """The subscriptions there are now, where their outlet is ready."""
    notify: Callable[[datetime], bool] = lambda now: True
    """Plans the messages to members who watch a model; whether that is settled for the day that is over."""
    probe: Callable[[str], str] = lambda network: ""
    """Looks whether a network's source can be reached at all; why not, or an empty text."""
    unready: Sequence[str] = ()
    """Outlets of the configuration that cannot post, as their keys are missing."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """What the worker writes to, by name."""
    clock_offsets: Callable[[], Mapping[str, timedelta]] = dict
    """How far this machine's clock is ahead of each platform's that has answered."""
    executor: Executor | None = None
    """What adds days of events up side by side; `None`: one after the other."""


@dataclass(slots=True)
class WorkCycle:
    """Looks at what there is to do, as often as it is told to."""

    bench: WorkerContext
    state: WorkerState
    name: str
    """Names this process among all that share the database."""
    stopping: Callable[[], bool] = lambda: False
    _failed_polls: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    """Network to when it was last asked in vain, and how often that day."""
    _last_polled: dict[str, datetime] = field(default_factory=dict)
    """Network to when it was last asked at all."""
    _probed: dict[str, datetime] = field(default_factory=dict)
    """Network to when it was last probed, for those that were probed since they were last asked."""
    _plan_at: dict[tuple[str, PeriodName], datetime] = field(default_factory=dict)
    _planned_for: dict[tuple[str, PeriodName], tuple[Period, frozenset[str]]] = field(default_factory=dict)
    """The newest period at the last planning, and the destinations that were timely then."""
    _notify_at: datetime | None = None
    _logged_decisions: dict[tuple[str, Period], str] = field(default_factory=dict)
    _skipped_subscriptions: set[int] = field(default_factory=set)
    """Subscriptions that were said to be skipped."""
    _last: datetime | None = None
    """When it last looked."""

    def run_cycle(self) -> None:
        """Everything there is to do now. Raises `StoreError` where the database is away, and `StoppingError`."""
        leads = self._acquire_lease()
        if leads != self.state.leads:
            log.info("this worker is working" if leads else "another worker is working; standing by")
        self.state.leads = leads
        if not leads:
            return
        self._follow_clock()
        news = {
            plan.network
            for plan, source in self.bench.networks
            if self._should_poll_source(plan, source) and self._collect_source(plan, source)
        }
        self._probe()
        now, subscribed = self.bench.clock(), self._valid_subscriptions()
        deliveries.follow_up(replace(self.bench.outbox_run(), stopping=self.stopping))
        for plan, name, targets in self._due_targets(now, subscribed):
            at = self._plan_at.get((plan.network, name))
            period, planned = self._planned_for.get((plan.network, name), (None, frozenset[str]()))
            # The time of a destination may have come since the last planning, as that of a subscription does.
            fresh = period != newest_period(name, now) or not _target_keys(targets) <= planned
            if at is None or now >= at or plan.network in news or fresh:
                self._publish_network(plan, name, targets, now, subscribed)
        self._notify_members(now, bool(news))
        self._defer_quiet_hours(subscribed)
        if not self.stopping() and self._acquire_lease():
            deliveries.flush_outbox(replace(self.bench.outbox_run(), stopping=self.stopping))

    def _follow_clock(self) -> None:
        """Where the clock was put back, forget what was to be done at instants that it had: it may be years to them."""
        now = self.bench.clock()
        if self._last is None or now < self._last:
            for times_ahead in (self._failed_polls, self._last_polled, self._probed, self._plan_at, self._planned_for):
                times_ahead.clear()
            self._notify_at = None
            subscriptions.correct_since(self.bench.store, now)
        self._last = now

    def release_lease(self) -> None:
        """Let another worker go on at once."""
        leases.release_lease(self.bench.store, LEASE, self.name)

    def _acquire_lease(self) -> bool:
        return leases.acquire_lease(self.bench.store, LEASE, self.name, self.bench.clock(), LEASE_LASTS)

    def _should_poll_source(self, plan: pipeline.NetworkPlan, source: Source | EventSource) -> bool:
        """Whether the day that is over is missing or may still change, and its source was not asked just now."""
        now = self.bench.clock()
        if plan.closed or self.stopping():
            return False
        # What a list says of its models' day is not what a chain says of their use: both are to be in.
        ways = (ledger.closed_span, ledger.read_span)
        spans = [way(self.bench.store, catalogue) for catalogue in plan.catalogues for way in ways]
        yesterday = now.date() - timedelta(days=1)
        # A day that is not here yet was read by a clock that was ahead: the day that is over is missing all the same.
        if all(span is not None and yesterday <= span.last <= now.date() for span in spans):
            self._failed_polls.pop(plan.network, None)
            looked = self._last_polled.get(plan.network)
            open_ = now < start_of_day(now.date()) + source.settles_for
            return open_ and (looked is None or now >= looked + RECHECK_EVERY)
        polled, tries = self._failed_polls.get(plan.network, (None, 0))
        longer = self.bench.collect_every * 2 ** min(max(0, tries - PATIENT_TRIES), 16)
        return polled is None or polled.date() < now.date() or now >= polled + min(longer, MOST_PATIENT)

    def _collect_source(self, plan: pipeline.NetworkPlan, source: Source | EventSource) -> bool:
        """Ask one source; whether it had anything new."""

        def tell(line: str) -> None:
            log.info("collected", kept=line)
            if self.stopping() or not self._acquire_lease():
                raise StoppingError("stopped while collecting")

        done = pipeline.collect(self.bench.store, plan.network, source, None, tell, self.bench.executor)
        now = self.bench.clock()
        self.state.record_collection(plan.network, now, done.error)
        self._last_polled[plan.network] = now
        self._probed.pop(plan.network, None)
        if done.error:
            log.error("source failed", network=plan.network, error=done.error)
        polled, tries = self._failed_polls.get(plan.network, (now, 0))
        self._failed_polls[plan.network] = (now, tries + 1 if polled.date() == now.date() else 1)
        return done.new > 0

    def _probe(self) -> None:
        """Look after sources that are not to be asked now. One that failed when it was asked is asked again anyway."""
        for plan, _source in self.bench.networks:
            now, network = self.bench.clock(), plan.network
            probed = self._probed.get(network)
            last = probed or self._last_polled.get(network)
            _, error = self.state.source_status.get(network, (None, ""))
            if plan.closed or self.stopping() or (error and not probed) or (last and now < last + PROBE_EVERY):
                continue
            why = self.bench.probe(network)
            self._probed[network] = now
            self.state.record_collection(network, now, why)
            if why:
                log.warning("source cannot be reached", network=network, error=why)

    def _valid_subscriptions(self) -> list[Subscription]:
        """The subscriptions that this machine can keep. One whose zone it has lost costs the others nothing."""
        kept = []
        for subscription in self.bench.subscribed():
            try:
                subscription.schedule_entry  # noqa: B018  reading it is the test
            except ValueError:
                if subscription.id not in self._skipped_subscriptions:
                    zone = subscription.terms.zone
                    log.error("subscription skipped", channel=subscription.channel, zone=zone, cure="install tzdata")
                self._skipped_subscriptions.add(subscription.id)
            else:
                self._skipped_subscriptions.discard(subscription.id)
                kept.append(subscription)
        return kept

    def _publish_network(
        self,
        plan: pipeline.NetworkPlan,
        name: PeriodName,
        targets: pipeline.Targets,
        now: datetime,
        subscribed: Sequence[Subscription],
    ) -> None:
        if self.stopping():
            return
        wait, theirs = PLAN_EVERY, {one.channel: one for one in subscribed}
        self._planned_for[plan.network, name] = newest_period(name, now), _target_keys(targets)
        try:
            decided = pipeline.plan_deliveries(self.bench.desk, plan, name, targets, now, subscribed=theirs)
        except StoreError:
            raise
        except FootfallError as error:
            self.state.record_failure("publish")
            log.error("publishing failed", network=plan.network, period=name, error=str(error))
        else:
            for one in decided:
                self._log_decision(one)
            if not any(one.verdict == "waiting" for one in decided):
                wait = CONFIRM_EVERY
        runs = [times.next_runs(entry, now, 1)[0] for entry in self.bench.entries if entry.period == name]
        self._plan_at[plan.network, name] = min([now + wait, *runs])

    def _notify_members(self, now: datetime, news: bool) -> None:
        """Look after members who watch a model, until all is settled that can be of the day that is over."""
        if self.stopping() or (self._notify_at and now < self._notify_at and not news):
            return
        settled = False
        try:
            settled = self.bench.notify(now)
        except StoreError:
            raise
        except FootfallError as error:
            self.state.record_failure("notify")
            log.error("members could not be notified", error=str(error))
        tomorrow = start_of_day(now.date() + timedelta(days=1))
        self._notify_at = tomorrow if settled else now + PLAN_EVERY

    def _defer_quiet_hours(self, subscribed: Sequence[Subscription]) -> None:
        """Let posts wait for the end of their channel's quiet hours."""
        outbox, now = self.bench.desk.outbox, self.bench.clock()
        quiet = {one.channel: (one.terms.quiet, one.terms.zone) for one in subscribed if one.terms.quiet}
        waiting = {one.destination for one in outbox.claimable_deliveries(now, (DISCORD,))} if quiet else set()
        for channel in waiting & quiet.keys():
            hours, zone = quiet[channel]
            assert hours is not None
            if until := times.quiet_until(hours, zone, now):
                outbox.postpone(DISCORD, channel, until, f"quiet hours until {hours[1]:%H:%M} {zone}", now)

    def _due_targets(
        self, now: datetime, subscribed: Sequence[Subscription]
    ) -> Iterator[tuple[pipeline.NetworkPlan, PeriodName, pipeline.Targets]]:
        """Each network and kind of period whose newest one is to be out by now, and where."""
        wanted = [(entry, self.bench.targets[entry.name], None) for entry in self.bench.entries]
        theirs = [(each.schedule_entry, {DISCORD: (each.channel,)}, each.since) for each in subscribed]
        timely = [(entry, targets) for entry, targets, since in [*wanted, *theirs] if _is_timely(entry, since, now)]
        for plan, _source in self.bench.networks:
            for name in dict.fromkeys(entry.period for entry, _ in timely):
                due = [t for e, t in timely if e.period == name and (not e.networks or plan.network in e.networks)]
                if due:
                    yield plan, name, _merge_targets(due)

    def _log_decision(self, decision: pipeline.PublishDecision) -> None:
        """Log a decision, unless it is the one of the last time."""
        key, words = (decision.network, decision.period), f"{decision.verdict} {decision.edition} {decision.reason}"
        if self._logged_decisions.get(key) != words:
            self._logged_decisions[key] = words
            period = {"period": decision.period.name, "day": decision.period.first.isoformat()}
            outcome = {"verdict": decision.verdict, "edition": decision.edition, "reason": decision.reason}
            log.info("decided", network=decision.network, **period, **outcome)


def newest_period(name: PeriodName, now: datetime) -> Period:
    """The newest period of a kind that is over."""
    return Period.for_day(now.date(), name).previous_period


def _is_timely(entry: ScheduleEntry, since: datetime | None, now: datetime) -> bool:
    """Whether the newest period of an entry's kind is to be out by now; a new one waits for its first run."""
    run = times.latest_run(entry, now)
    return times.completed_period(entry, run) == newest_period(entry.period, now) and (since is None or run >= since)


def _target_keys(targets: pipeline.Targets) -> frozenset[str]:
    return frozenset(f"{outlet} {place}" for outlet, places in targets.items() for place in places)


def _merge_targets(targets: Sequence[pipeline.Targets]) -> dict[str, list[str]]:
    merged: dict[str, dict[str, None]] = {}
    for outlet, places in (pair for each in targets for pair in each.items()):
        merged.setdefault(outlet, {}).update(dict.fromkeys(places))
    return {outlet: list(places) for outlet, places in merged.items()}
