"""Sends planned deliveries, looks up unknown ones, crossposts posts and reads their polls. Between two commits about a
delivery, it makes one external change. A bulk outlet sends several deliveries at once, each claimed before its request
leaves."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from bot.deliveries.delivery import Delivery
from bot.deliveries.outbox import Outbox
from bot.outlets import (
    BulkOutlet,
    CrosspostOutlet,
    Found,
    Job,
    LookupInconclusive,
    Outcome,
    OutcomeUnknown,
    Outlet,
    Part,
    PollOutlet,
    ReceiptShowingOutlet,
    Refused,
    Sent,
    Timed,
    Votes,
)
from bot.records import Document, FootfallError, PeriodName
from bot.redaction import redact
from bot.store import StoreError

log = logging.getLogger(__name__)

T = TypeVar("T")

READ_AGAIN = timedelta(minutes=15)
"""Time to the next read of a poll after a failure."""


@dataclass(frozen=True, slots=True)
class OutletHandle:
    """An outlet that is ready to post, with its settings."""

    outlet: Outlet
    settle: timedelta
    """How long after an attempt "not found" can be trusted."""
    cost: Callable[[Part], Decimal]
    budget: Decimal | None = None
    """US dollars per calendar month."""
    replies: bool = False
    """Whether a correction that is a post of its own replies to the post that it corrects."""


@dataclass(frozen=True, slots=True)
class DeliveryContent:
    """A delivery's content and its digest."""

    document: Document
    part: Part
    """Its `marker`, `since` and `reply_to` are set here."""


@dataclass(frozen=True, slots=True)
class OutboxPass:
    """One pass over the outbox."""

    outbox: Outbox
    outlets: Mapping[str, OutletHandle]
    """In the order in which they are processed."""
    content: Callable[[Delivery], DeliveryContent]
    """Raises `FootfallError` if the content cannot be rendered."""
    clock: Callable[[], datetime]
    worker: str
    """Identifies this process among all that share the database."""
    lease: timedelta
    stopping: Callable[[], bool] = lambda: False
    """Once true, nothing new is started."""
    only: frozenset[tuple[str, PeriodName, date]] | None = None
    """Networks, kinds and first days of the periods to process; `None`: all."""
    gone: Callable[[Delivery, str], None] = lambda delivery, reason: None
    """Called with a delivery whose destination is unreachable, and the reason."""

    def is_selected(self, delivery: Delivery) -> bool:
        """Whether a delivery is to be processed."""
        return self.only is None or (delivery.network, delivery.period, delivery.day) in self.only


def flush_outbox(run: OutboxPass) -> tuple[int, ...]:
    """Send and look up everything that is due; returns the ids of the processed deliveries. In one pass, each delivery
    is sent at most once and looked up at most twice. A failure at one destination does not affect the others."""
    _lift_pauses(run)
    sent: set[tuple[int, str | None]] = set()  # if an edit is impossible, a new post may follow at once
    tries: Counter[int] = Counter()
    while not run.stopping():
        for changed in run.outbox.expire(run.clock()):
            log.warning("%s: %s: %s", changed.label, changed.state, changed.reason)
        unknown = filter(run.is_selected, run.outbox.deliveries_to_look_up(run.clock(), run.outlets))
        doubtful = [delivery for delivery in unknown if tries[delivery.id] < 2]
        claimable = filter(run.is_selected, run.outbox.claimable_deliveries(run.clock(), run.outlets))
        ready = [delivery for delivery in claimable if (delivery.id, delivery.edits) not in sent]
        if not doubtful and not ready:
            break
        for delivery in doubtful:
            tries[delivery.id] += 1
            _look_back(run, delivery)
        for name in run.outlets:
            of_outlet = [delivery for delivery in ready if delivery.outlet == name]
            sent |= {(delivery.id, delivery.edits) for delivery in _send_deliveries(run, of_outlet)}
            outlet = run.outlets[name].outlet
            if of_outlet and isinstance(outlet, ReceiptShowingOutlet) and not run.stopping():
                _refresh_outlet(name, outlet)
    follow_up(run)
    return tuple(sorted({id for id, _ in sent} | tries.keys()))


def _refresh_outlet(name: str, outlet: ReceiptShowingOutlet) -> None:
    """Show the new receipts; a failure is logged, and no other outlet is affected."""
    try:
        outlet.refresh()
    except Exception as error:  # noqa: BLE001  see _guarded
        log.error("%s: the newest receipts are not shown yet: failed with %s", name, type(error).__name__)


def _lift_pauses(run: OutboxPass) -> None:
    """Check now and then whether paused outlets work again. The check is about the account; a problem of one
    destination does not keep the outlet paused."""
    for pause in run.outbox.paused_outlets():
        ready = run.outlets.get(pause.outlet)
        if ready is None or not run.outbox.may_check(pause.outlet, run.clock()):
            continue
        checks = [check for check in ready.outlet.check() if not check.place]
        if any(check.ok for check in checks) and not any(check.ok is False for check in checks):
            run.outbox.lift_pause(pause.outlet)
            log.info("%s works again; it is no longer paused", pause.outlet)


def _send_deliveries(run: OutboxPass, ready: Sequence[Delivery]) -> Iterator[Delivery]:
    """Send one outlet's deliveries, each in its turn."""
    outlet = run.outlets[ready[0].outlet].outlet if ready else None
    new = [delivery for delivery in ready if not delivery.edits]
    if isinstance(outlet, BulkOutlet) and len(new) > 1:
        yield from _send_bulk(run, outlet, new)
        ready = [delivery for delivery in ready if delivery.edits]
    for delivery in ready:
        if run.stopping():
            return
        yield delivery
        if claimed := _claim_delivery(run, delivery):
            _settle_delivery(run, claimed[0], _call_outlet(run.outlets[delivery.outlet].outlet, *claimed))


def _send_bulk(run: OutboxPass, outlet: BulkOutlet, ready: Sequence[Delivery]) -> Sequence[Delivery]:
    """Send many deliveries at once; each is claimed when the outlet is ready for it, and settled when it is done."""
    begun: list[Delivery] = []
    flying: dict[str, Delivery] = {}

    def claimed_jobs() -> Iterator[Job]:
        for delivery in ready:
            if run.stopping():
                return
            begun.append(delivery)
            if claim := _claim_delivery(run, delivery):
                flying[delivery.marker] = claim[0]
                yield claim[1], delivery.destination

    try:
        with closing(outlet.post_many(claimed_jobs(), run.outbox.known_destinations(ready[0].outlet))) as landing:  # type: ignore[type-var]
            for marker, outcome in landing:
                _settle_delivery(run, flying.pop(marker), outcome)
    except FootfallError:
        raise
    except Exception as error:  # noqa: BLE001  see _guarded
        why = f"{ready[0].outlet}: failed with {type(error).__name__}; it may be out"
        for claimed in flying.values():
            _settle_delivery(run, claimed, OutcomeUnknown(why))
    return begun


def _claim_delivery(run: OutboxPass, delivery: Delivery) -> tuple[Delivery, Part] | None:
    """A claimed delivery and its content; `None` if it cannot be rendered or another worker has it."""
    ready = run.outlets[delivery.outlet]
    try:
        content = run.content(delivery)
    except StoreError:
        raise
    except FootfallError as error:
        run.outbox.refuse(delivery, str(error), run.clock())
        log.error("%s: refused: %s", delivery.label, error)
        return None
    except OSError as error:  # no memory or disk space for its picture; the next pass tries again
        log.warning("%s: not sent yet: %s", delivery.label, error.strerror or type(error).__name__)
        return None
    part = replace(content.part, marker=delivery.marker, reply_to=_parent_id(run, delivery))
    part = replace(part, day=delivery.day, attempts=delivery.attempts)
    there = _platform_time(ready.outlet, delivery)
    key = (content.document, part.text, ready.cost(part), ready.budget, run.worker, run.clock(), run.lease, part.poll)
    if claimed := run.outbox.claim(delivery, *key, platform_at=there):
        return claimed, replace(part, since=claimed.platform_at)
    left = run.outbox.get_delivery(delivery.id)
    if left.state in ("refused", "skipped"):
        log.warning("%s: %s: %s", delivery.label, left.state, left.reason)
    return None


def _platform_time(outlet: Outlet, delivery: Delivery) -> datetime | None:
    """The platform's time before a delivery may be out. Later, it is too late to find out."""
    if delivery.platform_at or delivery.resent or not isinstance(outlet, Timed):
        return None

    def failed(kind: str) -> None:
        log.warning("%s: reading the platform's time failed with %s", delivery.outlet, kind)

    return _guarded(outlet.platform_time, failed)


def _parent_id(run: OutboxPass, delivery: Delivery) -> str | None:
    if delivery.kind == "correction" and not delivery.part and not delivery.edits:
        return run.outbox.corrected_post(delivery) if run.outlets[delivery.outlet].replies else None
    parent = run.outbox.parent_part(delivery) if delivery.part else None
    return parent.platform_id if parent else None


def _guarded(call: Callable[[], T], failed: Callable[[str], T]) -> T:
    """An outlet's answer, or the meaning of its failure: a bug in an outlet must not affect other destinations or cause
    a second post. An error's text may hold secrets, so only its type is kept."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001
        return failed(type(error).__name__)


def _call_outlet(outlet: Outlet, delivery: Delivery, part: Part) -> Outcome:
    edits, destination = delivery.edits, delivery.destination
    return _guarded(
        lambda: outlet.edit(part, destination, edits) if edits else outlet.post(part, destination),
        lambda kind: OutcomeUnknown(f"{delivery.outlet}: failed with {kind}; it may be out"),
    )


def _settle_delivery(run: OutboxPass, claimed: Delivery, outcome: Outcome) -> None:
    run.outbox.settle(claimed, outcome, run.clock())
    level = logging.INFO if isinstance(outcome, Sent) else logging.WARNING
    log.log(level, "%s: %s", claimed.label, _described(outcome))
    if isinstance(outcome, Refused) and outcome.gone:
        run.gone(claimed, outcome.reason)


def _described(outcome: Outcome | Found) -> str:
    """An outcome with its reason, in one line without secrets."""
    name, reason = outcome.word, redact(getattr(outcome, "reason", ""))
    return f"{name}: {reason}" if reason else name


def _look_back(run: OutboxPass, delivery: Delivery) -> None:
    ready, text = run.outlets[delivery.outlet], delivery.text or ""
    poll, parent = run.outbox.polls.delivery_poll(delivery.id), _parent_id(run, delivery)
    part = Part(text, delivery.marker, embed=None if text else {}, poll=poll, reply_to=parent, day=delivery.day)
    part = replace(part, since=delivery.platform_at)
    asked_at = run.clock()
    outcome: Found = _guarded(
        lambda: ready.outlet.find(part, delivery.destination),
        lambda kind: LookupInconclusive(f"{delivery.outlet}: look-back failed with {kind}", asked_at + ready.settle),
    )
    run.outbox.record_lookup(delivery, outcome, asked_at, ready.settle)
    log.info("%s: look-back: %s", delivery.label, _described(outcome))


def follow_up(run: OutboxPass) -> None:
    """Retry crossposts, and read the polls that have closed: call it before composing a digest that shows their
    result."""
    for delivery in filter(run.is_selected, run.outbox.deliveries_to_crosspost(run.clock(), run.outlets)):
        if not run.stopping():
            outcome = _crosspost_delivery(run.outlets[delivery.outlet].outlet, delivery)
            run.outbox.record_crosspost(delivery, outcome, run.clock())
            log.info("%s: crosspost: %s", delivery.label, _described(outcome))
    for delivery in filter(run.is_selected, run.outbox.polls.due_polls(run.clock(), run.outlets)):
        if not run.stopping():
            votes = _read_votes(run.outlets[delivery.outlet].outlet, delivery, run.clock())
            run.outbox.polls.record_votes(delivery, votes, run.clock())


def _crosspost_delivery(outlet: Outlet, delivery: Delivery) -> Outcome:
    if not isinstance(outlet, CrosspostOutlet):
        return Refused(f"{delivery.outlet} has no crossposts")
    return _guarded(
        lambda: outlet.crosspost(delivery.destination, delivery.platform_id or ""),
        lambda kind: OutcomeUnknown(f"{delivery.outlet}: crosspost failed with {kind}"),
    )


def _read_votes(outlet: Outlet, delivery: Delivery, now: datetime) -> Votes | LookupInconclusive:
    if not isinstance(outlet, PollOutlet):
        return LookupInconclusive(f"{delivery.outlet}: polls there cannot be read back", None)
    return _guarded(
        lambda: outlet.votes(delivery.destination, delivery.platform_id or ""),
        lambda kind: LookupInconclusive(f"{delivery.outlet}: reading the poll failed with {kind}", now + READ_AGAIN),
    )
