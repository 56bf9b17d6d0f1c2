"""One work cycle: collect, publish, send. No threads, and no time but the clock's.

A cycle may be interrupted anywhere and started again: the ledger, the archive and the outbox say what is due, and
nothing important is in memory only.
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
"""How long other workers wait for one that died; a worker that stops releases its lease."""
PLAN_EVERY = timedelta(minutes=10)
"""Time between two plannings without new data: the gate may have opened, or a figure become known."""
CONFIRM_EVERY = timedelta(hours=12)
"""Time between two plannings when everything was decided and this worker collected nothing; others may have."""
PATIENT_TRIES = 4
"""After this many failures, a source is tried at ever longer intervals until the next day."""
MOST_PATIENT = timedelta(hours=6)
DISCORD = "discord"
"""The outlet of subscriptions."""
PROBE_EVERY = timedelta(hours=1)
"""Time between two probes of a source that is not due. A source that is down is noticed before its day is over, while
it can still be fixed."""
RECHECK_EVERY = timedelta(hours=2)
"""Time between two reads of days that may still change (`Source.settles_for`): late proofs are found within this time,
with only twelve reads a day."""


class StoppingError(FootfallError):
    """The worker was stopped while it worked. What was stored stays; the rest is read again."""


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Everything that a worker needs."""

    store: Store
    desk: pipeline.PublishContext
    networks: Sequence[tuple[pipeline.NetworkPlan, Source | EventSource]]
    entries: Sequence[ScheduleEntry]
    targets: Mapping[str, pipeline.Targets]
    """The destinations of each schedule entry, by its name."""
    outbox_run: Callable[[], deliveries.OutboxPass]
    """One pass over the outbox; its `worker` identifies this process."""
    clock: Callable[[], datetime]
    collect_every: timedelta
    subscribed: Callable[[], Sequence[Subscription]] = lambda: ()
    """The current subscriptions, if their outlet is ready."""
    notify: Callable[[datetime], bool] = lambda now: True
    """Plans the messages to members who watch a model; returns whether that is done for the last day."""
    probe: Callable[[str], str] = lambda network: ""
    """Checks whether a network's source is reachable; the reason if not, otherwise empty."""
    unready: Sequence[str] = ()
    """Configured outlets that cannot post, because their keys are missing."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """The folders that the worker writes to, by name."""
    clock_offsets: Callable[[], Mapping[str, timedelta]] = dict
    """How far this machine's clock is ahead of each platform that has answered."""
    comparison: pipeline.NetworkPlan | None = None
    """The comparison of the networks, posted by the entries that name it."""
    maintain: Callable[[datetime, Callable[[], None]], float | None] = lambda now, go_on: None
    """Packs and prunes raw answers; returns how many bytes the lake grows a day, if known. Calls its second argument
    between two steps, which raises `StoppingError`. Raises `OSError`."""
    executor: Executor | None = None
    """Rolls up days of events in parallel; `None`: one after the other."""


@dataclass(slots=True)
class WorkCycle:
    """Does the due work at each call."""

    bench: WorkerContext
    state: WorkerState
    name: str
    """Identifies this process among all that share the database."""
    stopping: Callable[[], bool] = lambda: False
    _failed_polls: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    """Network to the time of its last failure, and the number of failures that day."""
    _last_polled: dict[str, datetime] = field(default_factory=dict)
    """Network to the time of its last poll."""
    _probed: dict[str, datetime] = field(default_factory=dict)
    """Network to the time of its last probe, if it was probed since its last poll."""
    _plan_at: dict[tuple[str, PeriodName], datetime] = field(default_factory=dict)
    _planned_for: dict[tuple[str, PeriodName], tuple[Period, frozenset[str]]] = field(default_factory=dict)
    """The newest period at the last planning, and the destinations that were due then."""
    _notify_at: datetime | None = None
    _maintain_at: datetime | None = None
    _logged_decisions: dict[tuple[str, Period], str] = field(default_factory=dict)
    _skipped_subscriptions: set[int] = field(default_factory=set)
    """Subscriptions whose skipping was logged."""
    _last: datetime | None = None
    """The time of the last cycle."""

    def run_cycle(self) -> None:
        """Do everything that is due. Raises `StoreError` if the database is unavailable, and `StoppingError`."""
        leads = self._acquire_lease()
        if leads != self.state.leads:
            log.info("this worker is active" if leads else "another worker is active; standing by")
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
            # A destination, such as a subscription, may have become due since the last planning.
            fresh = period != newest_period(name, now) or not _target_keys(targets) <= planned
            if at is None or now >= at or plan.network in news or fresh:
                self._publish_network(plan, name, targets, now, subscribed)
        self._notify_members(now, bool(news))
        self._defer_quiet_hours(subscribed)
        if not self.stopping() and self._acquire_lease():
            deliveries.flush_outbox(replace(self.bench.outbox_run(), stopping=self.stopping))
        self._maintain_lake()

    def _follow_clock(self) -> None:
        """If the clock was put back, forget times in its future, which may be years away."""
        now = self.bench.clock()
        if self._last is None or now < self._last:
            for times_ahead in (self._failed_polls, self._last_polled, self._probed, self._plan_at, self._planned_for):
                times_ahead.clear()
            self._notify_at = self._maintain_at = None
            subscriptions.correct_since(self.bench.store, now)
        self._last = now

    def release_lease(self) -> None:
        """Release the lease, so that another worker can continue at once."""
        leases.release_lease(self.bench.store, LEASE, self.name)

    def _acquire_lease(self) -> bool:
        return leases.acquire_lease(self.bench.store, LEASE, self.name, self.bench.clock(), LEASE_LASTS)

    def _require_lease(self) -> None:
        if self.stopping() or not self._acquire_lease():
            raise StoppingError("stopped while at work")

    def _maintain_lake(self) -> None:
        """Pack and prune raw answers once a day; after a failure again in an hour."""
        now = self.bench.clock()
        if self.stopping() or (self._maintain_at and now < self._maintain_at):
            return
        self._maintain_at = now + PROBE_EVERY
        try:
            self.state.lake_growth = self.bench.maintain(now, self._require_lease)
        except OSError as error:
            self.state.record_failure("maintain")
            log.error("the lake could not be maintained", error=str(error))
        else:
            self._maintain_at = start_of_day(now.date() + timedelta(days=1))

    def _should_poll_source(self, plan: pipeline.NetworkPlan, source: Source | EventSource) -> bool:
        """Whether the last day is missing or may still change, and its source was not read just now."""
        now = self.bench.clock()
        if plan.closed or self.stopping():
            return False
        # A list covers its models' day, a chain its use; both must be there.
        ways = (ledger.listed_span, ledger.read_span)
        spans = [way(self.bench.store, catalogue) for catalogue in plan.catalogues for way in ways]
        yesterday = now.date() - timedelta(days=1)
        # A future day was read while the clock was ahead; the last day is still missing.
        if all(span is not None and yesterday <= span.last <= now.date() for span in spans):
            self._failed_polls.pop(plan.network, None)
            looked = self._last_polled.get(plan.network)
            open_ = now < start_of_day(now.date()) + source.settles_for
            return open_ and (looked is None or now >= looked + RECHECK_EVERY)
        polled, tries = self._failed_polls.get(plan.network, (None, 0))
        longer = self.bench.collect_every * 2 ** min(max(0, tries - PATIENT_TRIES), 16)
        return polled is None or polled.date() < now.date() or now >= polled + min(longer, MOST_PATIENT)

    def _collect_source(self, plan: pipeline.NetworkPlan, source: Source | EventSource) -> bool:
        """Read one source; returns whether it had anything new."""

        def tell(line: str) -> None:
            log.info("collected", kept=line)
            self._require_lease()

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
        """Probe sources that are not due. A source that failed is read again anyway."""
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
        """The subscriptions whose time zone this machine knows. An unknown one does not affect the others."""
        kept = []
        for subscription in self.bench.subscribed():
            try:
                subscription.schedule_entry  # noqa: B018  reading it is the check
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
        wait, theirs = PLAN_EVERY, {subscription.channel: subscription for subscription in subscribed}
        self._planned_for[plan.network, name] = newest_period(name, now), _target_keys(targets)
        try:
            decided = pipeline.plan_deliveries(self.bench.desk, plan, name, targets, now, subscribed=theirs)
        except StoreError:
            raise
        except FootfallError as error:
            self.state.record_failure("publish")
            log.error("publishing failed", network=plan.network, period=name, error=str(error))
        else:
            for publish_decision in decided:
                self._log_decision(publish_decision)
            if not any(publish_decision.verdict == "waiting" for publish_decision in decided):
                wait = CONFIRM_EVERY
        runs = [times.next_runs(entry, now, 1)[0] for entry in self.bench.entries if entry.period == name]
        self._plan_at[plan.network, name] = min([now + wait, *runs])

    def _notify_members(self, now: datetime, news: bool) -> None:
        """Notify members who watch a model, until the last day is done."""
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
        """Postpone posts to the end of their channel's quiet hours."""
        outbox, now = self.bench.desk.outbox, self.bench.clock()
        quiet = {
            subscription.channel: (subscription.terms.quiet, subscription.terms.zone)
            for subscription in subscribed
            if subscription.terms.quiet
        }
        waiting = (
            {delivery.destination for delivery in outbox.claimable_deliveries(now, (DISCORD,))} if quiet else set()
        )
        for channel in waiting & quiet.keys():
            hours, zone = quiet[channel]
            assert hours is not None
            if until := times.quiet_until(hours, zone, now):
                outbox.postpone(DISCORD, channel, until, f"quiet hours until {hours[1]:%H:%M} {zone}", now)

    def _due_targets(
        self, now: datetime, subscribed: Sequence[Subscription]
    ) -> Iterator[tuple[pipeline.NetworkPlan, PeriodName, pipeline.Targets]]:
        """Each network and kind of period whose newest period is due, with its destinations."""
        wanted = [(entry, self.bench.targets[entry.name], None) for entry in self.bench.entries]
        theirs = [(each.schedule_entry, {DISCORD: (each.channel,)}, each.since) for each in subscribed]
        timely = [(entry, targets) for entry, targets, since in [*wanted, *theirs] if _is_timely(entry, since, now)]
        compared = self.bench.comparison
        for plan in [plan for plan, _source in self.bench.networks] + ([compared] if compared else []):
            for name in dict.fromkeys(entry.period for entry, _ in timely):
                due = [t for e, t in timely if e.period == name and _is_wanted(plan, e)]
                if due:
                    yield plan, name, _merge_targets(due)

    def _log_decision(self, decision: pipeline.PublishDecision) -> None:
        """Log a decision, unless it was the last one logged."""
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
    """Whether the newest period of an entry's kind is due; a new entry waits for its first run."""
    run = times.latest_run(entry, now)
    return times.completed_period(entry, run) == newest_period(entry.period, now) and (since is None or run >= since)


def _is_wanted(plan: pipeline.NetworkPlan, entry: ScheduleEntry) -> bool:
    """Whether an entry posts a network. A comparison is posted only where it is named."""
    return plan.network in entry.networks or not (entry.networks or plan.members)


def _target_keys(targets: pipeline.Targets) -> frozenset[str]:
    return frozenset(f"{outlet} {place}" for outlet, places in targets.items() for place in places)


def _merge_targets(targets: Sequence[pipeline.Targets]) -> dict[str, list[str]]:
    merged: dict[str, dict[str, None]] = {}
    for outlet, places in (pair for each in targets for pair in each.items()):
        merged.setdefault(outlet, {}).update(dict.fromkeys(places))
    return {outlet: list(places) for outlet, places in merged.items()}
