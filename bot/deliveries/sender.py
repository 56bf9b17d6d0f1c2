"""Sends what is planned and asks after what is unknown. Between two commits it does one thing to the world."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.deliveries.outbox import Outbox
from bot.deliveries.rows import Delivery
from bot.outlets import CannotTell, Found, Outcome, Outlet, Part, Refused, Unsure
from bot.records import Document, FootfallError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """An outlet that is ready to post, with what sending there takes."""

    outlet: Outlet
    settle: timedelta
    """How long after an attempt "not found" is to be trusted."""
    cost: Callable[[Part], Decimal]
    budget: Decimal | None = None
    """US dollars a calendar month."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a delivery says, and the digest it says it of."""

    document: Document
    part: Part
    """Its `marker`, `since` and `reply_to` are filled in here."""


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the outbox."""

    outbox: Outbox
    outlets: Mapping[str, Ready]
    """In the order in which they are served."""
    content: Callable[[Delivery], Content]
    """Raises `FootfallError` for what cannot be said."""
    clock: Callable[[], datetime]
    worker: str
    """Names this process among all that share the database."""
    lease: timedelta
    stopping: Callable[[], bool] = lambda: False
    """Once true, nothing new is begun."""
    gone: Callable[[Delivery, str], None] = lambda one, reason: None
    """Told of a destination that is no more, with the reason."""


def flush(run: Run) -> tuple[int, ...]:
    """Send all that may be sent now and ask after all that is to be asked after; the ids of what was touched. Each
    delivery is sent at most once and asked after at most twice in a pass. One destination's failure spares the
    others."""
    _lift(run)
    sent: set[tuple[int, str | None]] = set()  # what could not be edited in place may go out on its own at once
    asked: dict[int, int] = {}
    order = list(run.outlets)
    while not run.stopping():
        run.outbox.expire(run.clock())
        doubtful = [one for one in run.outbox.doubtful(run.clock(), run.outlets) if asked.get(one.id, 0) < 2]
        ready = [one for one in run.outbox.ready(run.clock(), run.outlets) if (one.id, one.edits) not in sent]
        if not doubtful and not ready:
            break
        for one in doubtful:
            asked[one.id] = asked.get(one.id, 0) + 1
            _ask(run, one)
        for one in sorted(ready, key=lambda one: order.index(one.outlet)):
            if not run.stopping():
                sent.add((one.id, one.edits))
                _send(run, one)
    return tuple(sorted({id for id, _ in sent} | asked.keys()))


def _lift(run: Run) -> None:
    """Ask paused outlets, now and then, whether they work again."""
    for pause in run.outbox.paused():
        ready = run.outlets.get(pause.outlet)
        if ready is None or not run.outbox.may_check(pause.outlet, run.clock()):
            continue
        found = ready.outlet.check()
        if any(check.ok for check in found) and not any(check.ok is False for check in found):
            run.outbox.lift(pause.outlet)
            log.info("%s works again; it is no longer paused", pause.outlet)


def _send(run: Run, one: Delivery) -> None:
    ready = run.outlets[one.outlet]
    try:
        content = run.content(one)
    except FootfallError as error:
        run.outbox.refuse(one, str(error), run.clock())
        log.error("%s: %s", one.said, error)
        return
    parent = run.outbox.before(one) if one.part else None
    part = replace(
        content.part, marker=one.marker, since=one.planned_at, reply_to=parent.platform_id if parent else None
    )
    key = (content.document, part.text, ready.cost(part), ready.budget, run.worker, run.clock(), run.lease)
    claimed = run.outbox.claim(one, *key)
    if claimed is None:
        return
    outcome = _sending(ready.outlet, claimed, part)
    run.outbox.settle(claimed, outcome, run.clock())
    log.info("%s: %s", one.said, type(outcome).__name__.lower())
    if isinstance(outcome, Refused) and outcome.gone:
        run.gone(claimed, outcome.reason)


def _sending(outlet: Outlet, one: Delivery, part: Part) -> Outcome:
    try:
        if one.edits:
            return outlet.edit(part, one.destination, one.edits)
        return outlet.post(part, one.destination)
    except Exception as error:  # noqa: BLE001  a bug in an outlet must cost neither the other destinations nor a second post
        # Its words may hold anything, secrets too: only its kind is kept.
        return Unsure(f"{one.outlet}: failed with {type(error).__name__}; it may be out")


def _ask(run: Run, one: Delivery) -> None:
    ready = run.outlets[one.outlet]
    parent = run.outbox.before(one) if one.part else None
    text = one.text or ""
    part = Part(
        text,
        one.marker,
        embed=None if text else {},
        reply_to=parent.platform_id if parent else None,
        since=one.planned_at,
    )
    asked_at = run.clock()
    found: Found
    try:
        found = ready.outlet.find(part, one.destination)
    except Exception as error:  # noqa: BLE001  see _sending
        found = CannotTell(f"{one.outlet}: asking failed with {type(error).__name__}", asked_at + ready.settle)
    run.outbox.asked(one, found, asked_at, ready.settle)
