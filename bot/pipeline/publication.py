"""What goes out, and where: asks which periods are due, composes them, lets pass what may go out, and plans it.

Nothing here talks to an outlet: `deliveries.flush` sends what was planned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache, partial
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection

from bot import deliveries, ledger, render
from bot.archive import Archive, add_receipt
from bot.config import PublishConfig
from bot.deliveries import EditionKey, Outbox, PostShape
from bot.pipeline.collection import (
    NetworkPlan,
    build_digest,
    compose_digest,
    compose_outdated,
    periods_to_recompose,
    render_post,
)
from bot.pipeline.polls import NO_HABITS, PostOptions
from bot.records import Document, Period, PeriodName, Receipt, start_of_day
from bot.store import Store
from bot.subscriptions import ChannelSubscriptions, Subscription, stillness_reason

Targets = Mapping[str, Sequence[str]]
"""Outlet to the destinations that get a post."""
Subscribed = Mapping[str, Subscription]
"""Destination to the subscription that put it there; those of the configuration have none."""

_CORRECTS_ALONE = frozenset({"x"})
"""Outlets where a post that cannot be edited any more is corrected by a second one. Elsewhere it is edited or left."""
_CORRECTED_FOR = timedelta(days=62)
"""How long after a period's start its new editions still go out by themselves."""


@dataclass(frozen=True, slots=True)
class PublishDecision:
    """What was decided about one period of one network."""

    network: str
    period: Period
    verdict: Literal["planned", "waiting", "silent", "missed", "closed"]
    reason: str = ""
    edition: int = 0


@dataclass(frozen=True, slots=True)
class PublishContext:
    """What publishing works with."""

    store: Store
    archive: Archive
    outbox: Outbox
    rules: PublishConfig
    threshold: float
    """Share by which a headline must move for a correction of its own."""
    habits: PostOptions = NO_HABITS
    """What the operator wants of posts beside words: threads, polls."""
    locales: Mapping[str, str] = field(default_factory=dict)
    """Destination to its language; English for any other."""


def make_outbox(store: Store, own: Collection[str] = ()) -> Outbox:
    """The outbox of a database whose receipts go into its archive. Pages show receipts by their address, so that of a
    post in a server that subscribed, which is nobody else's business, stands with its delivery only. `own`: channels of
    the configuration, which are the operator's whoever subscribed there."""

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
    """Plan the deliveries of what is due of one network and kind of period, or of the period that holds `day` however
    old it is. Doing it twice plans nothing twice."""
    desk = replace(desk, locales={**desk.locales, **{place: one.terms.locale for place, one in subscribed.items()}})
    if day:
        return [_plan_period(desk, plan, Period.for_day(day, name), targets, now, until=None, subscribed=subscribed)]
    compose_outdated(desk.store, desk.archive, plan, name, now)
    missed, due = _missed_and_due(desk, plan, name, targets, now, subscribed)
    if plan.closed:
        reason = "its record is closed, so nothing of it is ever due; --day posts one all the same"
        return [PublishDecision(plan.network, period, "closed", reason) for period in due]
    done = [_record_missed(desk, plan, period, missed[period], now) for period in sorted(missed)]
    for period in sorted(due):
        until = deliveries.expiry_time(period, desk.rules.max_age)
        done.append(_plan_period(desk, plan, period, due[period], now, until, subscribed))
    seen = {one.period.first for one in done}
    for period in periods_to_recompose(desk.archive, plan, name, now):
        if period.first not in seen:
            compose_digest(desk.store, desk.archive, plan, period, now)
    return done + _plan_corrections(desk, plan, name, targets, now, seen)


_LAPSED = timedelta(days=2)
_Wanted = dict[Period, dict[str, list[str]]]
"""Period to the destinations that are to get it."""


def _missed_and_due(
    desk: PublishContext, plan: NetworkPlan, name: PeriodName, targets: Targets, now: datetime, subscribed: Subscribed
) -> tuple[_Wanted, _Wanted]:
    """What each destination has missed, and what is due there. Of what was before the first period ever planned for it
    nothing is: a new destination does not begin with yesterday's news."""
    spans = [s for c in plan.catalogues if (s := ledger.closed_span(desk.store, c)) is not None]
    begins = min((s.first for s in spans), default=None)
    always = deliveries.periods_due(name, now, begins, None, desk.rules.max_age)
    missed: _Wanted = {}
    due: _Wanted = {period: {} for period in always.periods}
    for outlet, destination in _target_pairs(targets):
        oldest, newest = desk.outbox.planned_days(plan.network, name, outlet, destination)
        if newest and destination in subscribed and start_of_day(newest + _LAPSED) < subscribed[destination].since:
            oldest = newest = None  # it was subscribed before, and ended: what was in between is not missed
        since = max(begins, oldest) if begins and oldest else begins
        found = deliveries.periods_due(name, now, since, newest, desk.rules.max_age)
        for wanted, periods in ((missed, found.missed), (due, found.periods)):
            for period in periods:
                wanted.setdefault(period, {}).setdefault(outlet, []).append(destination)
    return missed, due


def _plan_period(
    desk: PublishContext,
    plan: NetworkPlan,
    period: Period,
    targets: Targets,
    now: datetime,
    until: datetime | None,
    subscribed: Subscribed,
) -> PublishDecision:
    document = compose_digest(desk.store, desk.archive, plan, period, now)
    edition = EditionKey(plan.network, period.name, period.first, document["edition"])
    if held := held_back(desk.store, plan, period):
        return PublishDecision(plan.network, period, "waiting", held, edition.number)
    found = deliveries.publish_gate(document, now, desk.rules.deadline)
    if not found.publish:
        for outlet, destination in _target_pairs(targets) if found.final else ():
            desk.outbox.record_skip(edition, outlet, destination, now, until, found.reason)
        return PublishDecision(
            plan.network, period, "silent" if found.final else "waiting", found.reason, edition.number
        )
    shapes = _post_shapes(desk, plan, document)
    before = cache(partial(_previous_digest, desk, plan, document, period))
    for outlet, destination in _target_pairs(targets):
        if still := _unchanged_reason(document, before, subscribed.get(destination)):
            desk.outbox.record_skip(edition, outlet, destination, now, until, still)
        else:
            _plan_destination(desk, document, edition, outlet, destination, now, until, shapes(outlet, destination))
    return PublishDecision(plan.network, period, "planned", found.reason, edition.number)


def held_back(store: Store, plan: NetworkPlan, period: Period) -> str:
    """Why nothing is posted about a period whose list is held in the catalogue that the network opens with: its figures
    are unknown until it is confirmed. Empty where it is not."""
    for catalogue in plan.catalogues:
        held = ledger.hold_reason(store, catalogue, period) if catalogue.key == plan.headline["catalogue"] else None
        if held:
            cure = f"python -m bot confirm --network {plan.network} --day {period.last}"
            return f"{held.reason}; waiting for the next readings, or for: {cure}"
    return ""


def _unchanged_reason(document: Document, before: Callable[[], Document], subscription: Subscription | None) -> str:
    """Why a digest is not for a subscription that wants to hear of moves only; empty where it is."""
    if subscription is None or subscription.terms.share is None:
        return ""
    return stillness_reason(document, before(), subscription.terms.share)


def _previous_digest(desk: PublishContext, plan: NetworkPlan, document: Document, period: Period) -> Document:
    """The digest of the period before, as published or as it would be."""
    before = desk.archive.find_digest(plan.network, period.name, period.previous_period.first)
    return before or build_digest(
        desk.store, plan, period.previous_period, datetime.fromisoformat(document["composed_at"])
    )


def _record_missed(
    desk: PublishContext, plan: NetworkPlan, period: Period, targets: Targets, now: datetime
) -> PublishDecision:
    held = held_back(desk.store, plan, period)
    reason = f"missed: it was over for longer than publish.max_age before it could be published{held and f'; {held}'}"
    number = compose_digest(desk.store, desk.archive, plan, period, now)["edition"]
    edition = EditionKey(plan.network, period.name, period.first, number)
    for outlet, destination in _target_pairs(targets):
        desk.outbox.record_skip(edition, outlet, destination, now, now, reason)
    return PublishDecision(plan.network, period, "missed", reason, number)


def _plan_corrections(
    desk: PublishContext, plan: NetworkPlan, name: PeriodName, targets: Targets, now: datetime, seen: Collection[date]
) -> list[PublishDecision]:
    """New editions of periods that are no longer due, for the destinations that an earlier one went to."""
    done = []
    for entry in desk.archive.list_digests(plan.network, name):
        past = entry.day in seen or now - start_of_day(entry.day) > _CORRECTED_FOR
        if past or entry.edition == 1 or entry.status != "draft":
            continue
        document = desk.archive.find_digest(plan.network, name, entry.day, entry.edition)
        assert document is not None
        edition = EditionKey(plan.network, name, entry.day, entry.edition)
        until = datetime.fromisoformat(document["composed_at"]) + desk.rules.max_age
        places = [
            place for place in _target_pairs(targets) if desk.outbox.last_sent_edition(edition, *place) is not None
        ]
        if not places or now >= until:
            continue
        shapes = _post_shapes(desk, plan, document)
        for outlet, destination in places:
            _plan_destination(desk, document, edition, outlet, destination, now, until, shapes(outlet, destination))
        done.append(
            PublishDecision(plan.network, Period.for_day(entry.day, name), "planned", "corrected", entry.edition)
        )
    return done


def _plan_destination(
    desk: PublishContext,
    document: Document,
    edition: EditionKey,
    outlet: str,
    destination: str,
    now: datetime,
    until: datetime | None,
    shape: PostShape,
) -> None:
    told = desk.outbox.last_sent_edition(edition, outlet, destination)
    otherwise: Literal["refuse", "post", "skip"] = "refuse"
    if told is not None and outlet in _CORRECTS_ALONE:
        before = desk.archive.find_digest(edition.network, edition.period, edition.day, told)
        otherwise = "post" if before is None or _headline_change(before, document) > desk.threshold else "skip"
    desk.outbox.plan(edition, outlet, destination, shape, now, until, otherwise)


def _post_shapes(desk: PublishContext, plan: NetworkPlan, document: Document) -> Callable[[str, str], PostShape]:
    """The shape of a digest's post by outlet and destination; found once for all that speak one language."""
    found = lru_cache(partial(_post_shape, desk, tuple(plan.hidden), document))
    return lambda outlet, destination: found(outlet, desk.locales.get(destination, "en"))


def _post_shape(desk: PublishContext, hidden: Sequence[str], document: Document, outlet: str, locale: str) -> PostShape:
    """Of how many parts a digest's post is, and whether one more asks a poll."""
    if desk.habits.thread_range(outlet) is None and desk.habits.poll_for(document, outlet) is None:
        return PostShape()
    try:
        made = render_post(document, outlet, hidden, locale, desk.habits)
    except (render.LintError, render.TooLongError):
        return PostShape()  # sending the first will say what is wrong
    poll = made.poll is not None and len(made.parts) > 1
    return PostShape(len(made.parts) - poll, poll)


def _headline_change(before: Document, after: Document) -> float:
    """By which share of itself the headline moved; infinite where it became known or unknown."""
    old, new = _headline_value(before), _headline_value(after)
    if old == new:
        return 0.0
    return abs(new - old) / abs(old) if old and new is not None else float("inf")


def _headline_value(document: Document) -> float | None:
    named = document["headline"]
    for block in document["catalogues"]:
        if block["catalogue"] == named["catalogue"]:
            value: float | None = block["figures"][named["figure"]]["value"]
            return value
    return None


def _target_pairs(targets: Targets) -> list[tuple[str, str]]:
    return [(outlet, destination) for outlet, destinations in targets.items() for destination in destinations]


__all__ = ["PublishContext", "PublishDecision", "Targets", "make_outbox", "plan_deliveries"]
