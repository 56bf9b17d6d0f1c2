"""Publishing: determines which periods are due and where, composes them, checks the publish gate and plans deliveries.

No outlet is called here: `deliveries.flush_outbox` sends what was planned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection

from bot import deliveries, digest, findings, ledger, outlets, render
from bot.archive import Archive, add_receipt
from bot.config import PublishConfig
from bot.deliveries import EditionKey, Outbox, PostShape
from bot.pipeline.composition import build_digest, compose_digest, compose_outdated, periods_to_recompose
from bot.pipeline.digest_content import DEFAULT_OPTIONS, render_post
from bot.pipeline.network_plan import NetworkPlan
from bot.pipeline.post_options import PostOptions
from bot.records import Document, Period, PeriodName, Receipt, start_of_day
from bot.store import Store
from bot.subscriptions import ChannelSubscriptions, Subscription, stillness_reason

Targets = Mapping[str, Sequence[str]]
"""Outlet to the destinations that get a post."""
Subscribed = Mapping[str, Subscription]
"""Destination to its subscription; destinations of the configuration have none."""

_CORRECTED_FOR = timedelta(days=62)
"""How long after a period's start its new editions are still sent automatically."""


@dataclass(frozen=True, slots=True)
class PublishDecision:
    """The decision about one period of one network."""

    network: str
    period: Period
    verdict: Literal["planned", "waiting", "silent", "missed", "closed"]
    reason: str = ""
    edition: int = 0


@dataclass(frozen=True, slots=True)
class PublishContext:
    """Everything that publishing needs."""

    store: Store
    archive: Archive
    outbox: Outbox
    rules: PublishConfig
    threshold: float
    """Share by which a headline must change for a separate correction."""
    habits: PostOptions = DEFAULT_OPTIONS
    """The operator's settings of threads and polls."""
    locales: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Outlet and destination to the language there; the default is English."""


def make_outbox(store: Store, own: Collection[str] = ()) -> Outbox:
    """The outbox of a database whose receipts go into its archive. Pages show the addresses of receipts, so the receipt
    of a post in a subscribed server, which is private, stays with its delivery. `own`: channels of the configuration,
    which are the operator's even if they are subscribed."""

    def keep(connection: Connection, edition: EditionKey, receipt: Receipt) -> None:
        if receipt.destination not in own and ChannelSubscriptions.is_subscribed(connection, receipt.destination):
            receipt = replace(receipt, url="")
        add_receipt(connection, edition.network, edition.period, edition.day, edition.number, receipt)

    return Outbox(store, keep)


def plan_deliveries(
    desk: PublishContext,
    plan: NetworkPlan,
    name: PeriodName,
    targets: Targets,
    now: datetime,
    day: date | None = None,
    subscribed: Subscribed = MappingProxyType({}),
) -> list[PublishDecision]:
    """Plan the due deliveries of one network and kind of period, or those of the period that holds `day`, however old.
    Planning twice changes nothing."""
    planning = _Planning(desk, plan, now, subscribed)
    if day:
        return [planning.plan_period(Period.for_day(day, name), targets, None)]
    compose_outdated(desk.store, desk.archive, plan, name, now)
    missed, due = planning.missed_and_due(name, targets)
    if plan.closed:
        reason = "its record is closed, so nothing of it is ever due; --day posts one all the same"
        return [PublishDecision(plan.network, period, "closed", reason) for period in due]
    decisions = [planning.record_missed(period, missed[period]) for period in sorted(missed)]
    for period in sorted(due):
        until = deliveries.expiry_time(period, desk.rules.max_age)
        decisions.append(planning.plan_period(period, due[period], until))
    settled = {decision.period.first for decision in decisions}
    for period in periods_to_recompose(desk.archive, plan, name, now):
        if period.first not in settled:
            compose_digest(desk.store, desk.archive, plan, period, now)
    return decisions + planning.plan_corrections(name, targets, settled)


_LAPSED = timedelta(days=2)
_Wanted = dict[Period, dict[str, list[str]]]
"""Period to the destinations that should get it."""


@dataclass(frozen=True, slots=True)
class _Planning:
    """One network during planning."""

    desk: PublishContext
    plan: NetworkPlan
    now: datetime
    subscribed: Subscribed

    def missed_and_due(self, name: PeriodName, targets: Targets) -> tuple[_Wanted, _Wanted]:
        """The periods that each destination has missed, and those that are due there. Periods before the first one ever
        planned for it are excluded: a new destination does not start with old news."""
        desk, network, rules = self.desk, self.plan.network, self.desk.rules
        spans = [s for c in self.plan.catalogues if (s := ledger.closed_span(desk.store, c)) is not None]
        begins = min((s.first for s in spans), default=None)
        always = deliveries.periods_due(name, self.now, begins, None, rules.max_age)
        missed: _Wanted = {}
        due: _Wanted = {period: {} for period in always.periods}
        for outlet, destination in _target_pairs(targets):
            oldest, newest = desk.outbox.planned_days(network, name, outlet, destination)
            subscription = self.subscribed.get(destination)
            if newest and subscription and start_of_day(newest + _LAPSED) < subscription.since:
                oldest = newest = None  # a former subscription began again; the time between is not missed
            since = max(begins, oldest) if begins and oldest else begins
            due_periods = deliveries.periods_due(name, self.now, since, newest, rules.max_age)
            for wanted, periods in ((missed, due_periods.missed), (due, due_periods.periods)):
                for period in periods:
                    wanted.setdefault(period, {}).setdefault(outlet, []).append(destination)
        return missed, due

    def plan_period(self, period: Period, targets: Targets, until: datetime | None) -> PublishDecision:
        """Compose and plan a period, or record why it is not published."""
        desk, network = self.desk, self.plan.network
        document = compose_digest(desk.store, desk.archive, self.plan, period, self.now)
        edition = EditionKey(network, period.name, period.first, document["edition"])
        if held := held_back(desk.store, self.plan, period):
            return PublishDecision(network, period, "waiting", held, edition.number)
        gate = deliveries.publish_gate(document, self.now, desk.rules.deadline)
        if gate.publish and findings.is_unknown_day(document):
            gate = replace(gate, publish=False, final=True, reason=f"{gate.reason}; the next known day tells of it")
        if not gate.publish:
            if gate.final:
                self._skip(edition, targets, until, gate.reason)
            return PublishDecision(network, period, "silent" if gate.final else "waiting", gate.reason, edition.number)
        shape_of, before = self._post_shapes(document), cache(partial(self._previous_digest, document, period))
        for outlet, destination in _target_pairs(targets):
            subscription, still = self.subscribed.get(destination), ""
            if subscription and subscription.terms.share is not None:
                still = stillness_reason(document, before(), subscription.terms.share)
            if still:
                desk.outbox.record_skip(edition, outlet, destination, self.now, until, still)
            else:
                self._plan_destination(document, edition, outlet, destination, until, shape_of)
        return PublishDecision(network, period, "planned", gate.reason, edition.number)

    def record_missed(self, period: Period, targets: Targets) -> PublishDecision:
        """Compose a period that is too old to be posted, and record that it was missed."""
        held = held_back(self.desk.store, self.plan, period)
        why = f"missed: it was over for longer than publish.max_age before it could be published{held and f'; {held}'}"
        number = compose_digest(self.desk.store, self.desk.archive, self.plan, period, self.now)["edition"]
        self._skip(EditionKey(self.plan.network, period.name, period.first, number), targets, self.now, why)
        return PublishDecision(self.plan.network, period, "missed", why, number)

    def plan_corrections(self, name: PeriodName, targets: Targets, settled: Collection[date]) -> list[PublishDecision]:
        """Plan new editions of periods that are no longer due, for destinations that got an earlier one."""
        desk, network, decisions = self.desk, self.plan.network, []
        for entry in desk.archive.list_digests(network, name):
            past = entry.day in settled or self.now - start_of_day(entry.day) > _CORRECTED_FOR
            if past or entry.edition == 1 or entry.status != "draft":
                continue
            document = desk.archive.find_digest(network, name, entry.day, entry.edition)
            assert document is not None
            edition = EditionKey(network, name, entry.day, entry.edition)
            until = datetime.fromisoformat(document["composed_at"]) + desk.rules.max_age
            pairs = [
                pair for pair in _target_pairs(targets) if desk.outbox.last_sent_edition(edition, *pair) is not None
            ]
            if not pairs or self.now >= until:
                continue
            shape_of = self._post_shapes(document)
            for outlet, destination in pairs:
                self._plan_destination(document, edition, outlet, destination, until, shape_of)
            period = Period.for_day(entry.day, name)
            decisions.append(PublishDecision(network, period, "planned", "corrected", entry.edition))
        return decisions

    def _skip(self, edition: EditionKey, targets: Targets, until: datetime | None, reason: str) -> None:
        for outlet, destination in _target_pairs(targets):
            self.desk.outbox.record_skip(edition, outlet, destination, self.now, until, reason)

    def _plan_destination(
        self,
        document: Document,
        edition: EditionKey,
        outlet: str,
        destination: str,
        until: datetime | None,
        shape_of: Callable[[str, str], PostShape],
    ) -> None:
        subscription = self.subscribed.get(destination)
        locale = subscription.terms.locale if subscription else self.desk.locales.get((outlet, destination), "en")
        shape = shape_of(outlet, locale)
        corrected = self.desk.outbox.last_sent_edition(edition, outlet, destination)
        otherwise: Literal["refuse", "post", "skip"] = "refuse"
        if corrected is not None and outlets.corrects_by_post(outlet):
            before = self.desk.archive.find_digest(edition.network, edition.period, edition.day, corrected)
            moved = before is None or _headline_change(before, document) > self.desk.threshold
            otherwise = "post" if moved else "skip"
        self.desk.outbox.plan(edition, outlet, destination, shape, self.now, until, otherwise)

    def _previous_digest(self, document: Document, period: Period) -> Document:
        """The digest of the previous period, as published or as it would be."""
        before, at = period.previous_period, datetime.fromisoformat(document["composed_at"])
        published = self.desk.archive.find_digest(self.plan.network, period.name, before.first)
        return published or build_digest(self.desk.store, self.plan, before, at)

    def _post_shapes(self, document: Document) -> Callable[[str, str], PostShape]:
        """The shape of a digest's post, by outlet and language."""

        @cache
        def shape_in(outlet: str, locale: str) -> PostShape:
            """The number of text parts, and whether there is a poll."""
            habits = self.desk.habits
            if habits.thread_range(outlet) is None and habits.poll_for(document, outlet) is None:
                return PostShape()
            try:
                post = render_post(document, outlet, self.plan.hidden, locale, habits)
            except (render.LintError, render.TooLongError):
                return PostShape()  # sending the first part will report the error
            poll = post.poll is not None and len(post.parts) > 1
            return PostShape(len(post.parts) - poll, poll)

        return shape_in


def held_back(store: Store, plan: NetworkPlan, period: Period) -> str:
    """Why nothing is posted about a period whose list is held in the network's lead catalogue: its figures are unknown
    until it is confirmed. Empty if it is not held."""
    for catalogue in plan.catalogues:
        held = ledger.hold_reason(store, catalogue, period) if catalogue.key == plan.headline.get("catalogue") else None
        if held:
            cure = f"python -m bot confirm --network {plan.network} --day {period.last}"
            return f"{held.reason}; waiting for the next readings, or for: {cure}"
    return ""


def _headline_change(before: Document, after: Document) -> float:
    """The relative change of the headline; infinite if it became known or unknown."""
    old, new = ((digest.headline_figure(document) or {}).get("value") for document in (before, after))
    if old == new:
        return 0.0
    return abs(new - old) / abs(old) if old and new is not None else float("inf")


def _target_pairs(targets: Targets) -> list[tuple[str, str]]:
    return [(outlet, destination) for outlet, destinations in targets.items() for destination in destinations]
