"""A delivery as a value, that is one row of the outbox, and the effect of an outlet's answer on it. Pure: values in,
changed columns out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from bot.outlets import (
    AccountRefused,
    Found,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Refused,
    RetryLater,
    Sent,
)
from bot.records import FootfallError, PeriodName

State = Literal["planned", "sending", "sent", "refused", "unknown", "skipped"]
Kind = Literal["post", "correction", "poll"]
Otherwise = Literal["refuse", "post", "skip"]
NOTICES = "watches"
"""In place of a network: the delivery is a notice to one member, not a digest, and has no receipt."""


@dataclass(frozen=True, slots=True)
class EditionKey:
    """One edition of a digest."""

    network: str
    period: PeriodName
    day: date
    """The period's first day."""
    number: int

    @property
    def label(self) -> str:
        return f"{self.network} {self.period} {self.day} edition {self.number}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One part on its way to one destination."""

    id: int
    network: str
    period: PeriodName
    day: date
    edition: int
    outlet: str
    destination: str
    part: int
    kind: Kind
    marker: str
    """Identifies it at its destination for ever; see `outlets.marker`."""
    state: State
    since: datetime
    """When it got its state (UTC, to the second)."""
    reason: str
    planned_at: datetime
    platform_at: datetime | None
    """The platform's time at the first claim; it cannot have been posted before. `None`: unknown."""
    not_before: datetime | None
    """Planned: the next attempt. Unknown: the next look-back; `None`: an operator must decide."""
    until: datetime | None
    """No longer due after this; `None`: an operator requested it."""
    claimed_by: str | None
    lease_until: datetime | None
    attempts: int
    accepted: bool
    """The platform says that it has this text; sent again only if an operator says that it is not out."""
    resent: int
    """How often it was planned again because a look-back did not find it."""
    tried_at: datetime | None
    text: str | None
    """As sent at the last attempt."""
    cost: Decimal | None
    """US dollars of the last attempt, as estimated."""
    edits: str | None
    """Platform id of the post that it edits."""
    otherwise: Otherwise
    """What to do if that post cannot be edited."""
    platform_id: str | None
    url: str | None
    passed: bool | None
    """Whether it was crossposted to followers; `None`: there are none."""
    pass_at: datetime | None
    """When to try the crosspost again."""

    @property
    def edition_key(self) -> EditionKey:
        return EditionKey(self.network, self.period, self.day, self.edition)

    @property
    def label(self) -> str:
        more = f", part {self.part + 1}" if self.part else ""
        return f"{self.edition_key.label} to {self.outlet} {self.destination}{more}"


class DeliveryError(FootfallError):
    """An operation that the delivery's state does not allow."""


_NAMES = tuple(field.name for field in fields(Delivery))


def delivery_from_row(row: Any) -> Delivery:
    values = {name: getattr(row, name) for name in _NAMES}
    return Delivery(**{**values, "cost": Decimal(row.cost) if row.cost else None})


RESENDS = 3
"""How often what was not found is sent again by itself; then a human is asked."""
PASS_PAUSE, PASS_FOR = timedelta(minutes=15), timedelta(days=1)
"""Until passing on is tried again where the outlet does not say, and for how long after the post."""
LONGEST_WAIT = timedelta(days=2)
"""No outlet asks for a longer wait and no quiet hours last longer (platforms' waits are taken as a day at most): an
instant further ahead was written by a clock that was wrong, and counts as reached."""
CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two workers may be apart. A state that began later than that was recorded by a wrong clock."""
SECOND = timedelta(seconds=1)
"""Instants are kept to the second: what is waited for gets one more."""

Change = Mapping[str, object]


def after_sending(delivery: Delivery, outcome: Outcome, now: datetime) -> Change:
    """What changes when the sending of a claimed delivery ended so."""
    match outcome:
        case Sent():
            return sent_change(outcome, now)
        case RetryLater(reason, not_before):
            return planned_change(reason, not_before + SECOND, now)
        case AccountRefused(reason):
            return planned_change(reason, now, now)
        case OutcomeUnknown(reason, accepted):
            return {**unknown_change(reason, now), "accepted": accepted}
        case Refused(reason):
            return _refused_change(delivery, reason, now)


def after_asking(delivery: Delivery, result: Found, asked_at: datetime, settle: timedelta) -> Change:
    """What changes when the outlet was asked, at an instant, about a delivery whose fate is unknown."""
    match result:
        case Sent():
            return sent_change(result, asked_at)
        case LookupInconclusive(reason, again):
            since = asked_at if is_ahead(delivery.since, asked_at) else delivery.since
            return {"since": since, "reason": reason, "not_before": again + SECOND if again else None}
        case NotFound():
            trusted_from = delivery.since + settle + SECOND
            if is_ahead(delivery.since, asked_at):
                return {"since": asked_at, "not_before": asked_at + settle + SECOND}
            if asked_at < trusted_from:
                return {"not_before": trusted_from}
            if delivery.accepted or delivery.resent >= RESENDS:
                times = f"sent {delivery.attempts} times and not found each time"
                why = "it was accepted and is not shown" if delivery.accepted else times
                return {"reason": f"{why}: look for it there, then deliveries resolve", "not_before": None}
            again_planned = planned_change(f"not found there; it was: {delivery.reason}", asked_at, asked_at)
            return {**again_planned, "resent": delivery.resent + 1}


def after_passing(delivery: Delivery, outcome: Outcome, now: datetime) -> Change:
    """What changes when a delivery that is out was to be passed on. Given up a day after it went out."""
    match outcome:
        case Sent():
            return {"passed": True, "pass_at": None, "reason": ""}
        case Refused(reason):
            return {"pass_at": None, "reason": f"not passed on to followers: {reason}"}
        case RetryLater(reason, not_before):
            again = not_before + SECOND
        case AccountRefused(reason) | OutcomeUnknown(reason, _):
            again = now + PASS_PAUSE
    since = now if is_ahead(delivery.since, now) else delivery.since
    if again > since + PASS_FOR:
        return {"pass_at": None, "reason": f"not passed on to followers: {reason}; given up"}
    return {"since": since, "pass_at": again, "reason": f"not passed on to followers yet: {reason}"}


def is_ahead(at: datetime, now: datetime) -> bool:
    """Whether an instant that should be past was written by a clock that was ahead of this one."""
    return at > now + CLOCKS_APART


def has_run_out(delivery: Delivery, now: datetime) -> bool:
    """Whether the process that was sending a delivery should have reported back by now."""
    return delivery.lease_until is None or delivery.lease_until <= now or is_ahead(delivery.since, now)


def sent_change(proof: Sent, now: datetime) -> Change:
    return {
        "state": "sent",
        "since": now,
        "reason": "",
        "platform_id": proof.platform_id,
        "url": proof.url,
        "not_before": None,
        "passed": proof.passed,
        "pass_at": proof.pass_at + SECOND if proof.pass_at else None,
        **_UNCLAIMED,
    }


def planned_change(reason: str, not_before: datetime, now: datetime) -> Change:
    return {"state": "planned", "since": now, "reason": reason, "not_before": not_before, **_UNCLAIMED}


def unknown_change(reason: str, now: datetime) -> Change:
    """To be asked about at once: on most outlets what is out shows at once."""
    return {"state": "unknown", "since": now, "reason": reason, "not_before": now, **_UNCLAIMED}


def ended_change(state: str, reason: str, now: datetime) -> Change:
    """Refused or skipped."""
    return {"state": state, "since": now, "reason": reason, "not_before": None, **_UNCLAIMED}


def _refused_change(delivery: Delivery, reason: str, now: datetime) -> Change:
    if delivery.edits and delivery.otherwise == "post":
        return {**planned_change(f"not edited in place: {reason}", now, now), "edits": None}
    if delivery.edits and delivery.otherwise == "skip":
        return ended_change("skipped", f"{reason}; the headline moved too little for a correction of its own", now)
    return ended_change("refused", reason, now)


_UNCLAIMED: Change = {"claimed_by": None, "lease_until": None}
