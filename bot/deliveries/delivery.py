"""A delivery as a value: one row of the outbox."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

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
        """The key as text."""
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
        """The key as text."""
        more = f", part {self.part + 1}" if self.part else ""
        return f"{self.edition_key.label} to {self.outlet} {self.destination}{more}"


class DeliveryError(FootfallError):
    """An operation that the delivery's state does not allow."""


_NAMES = tuple(field.name for field in fields(Delivery))


def delivery_from_row(row: Any) -> Delivery:
    """A row of the table as a value."""
    values = {name: getattr(row, name) for name in _NAMES}
    return Delivery(**{**values, "cost": Decimal(row.cost) if row.cost else None})
