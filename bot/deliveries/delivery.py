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
"""In the place of a network: what is said is a notice to one member, not a digest, and leaves no receipt."""


@dataclass(frozen=True, slots=True)
class EditionKey:
    """One digest as it was issued."""

    network: str
    period: PeriodName
    day: date
    """The period's first."""
    number: int

    @property
    def label(self) -> str:
        """The key in words."""
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
    """Names it at its destination for ever; see `outlets.marker`."""
    state: State
    since: datetime
    """When it came into its state (UTC, to the second)."""
    reason: str
    planned_at: datetime
    platform_at: datetime | None
    """The platform's own time at its first claim: it cannot have been posted before; `None`: not known."""
    not_before: datetime | None
    """The next attempt where planned, the next look-back where unknown; `None` there: a human must say."""
    until: datetime | None
    """From then on it is no longer due; `None`: an operator asked for it."""
    claimed_by: str | None
    lease_until: datetime | None
    attempts: int
    accepted: bool
    """The platform says that it has these words: sent again only where a human says that it is not out."""
    resent: int
    """How often it was planned again because its outlet did not show it."""
    tried_at: datetime | None
    text: str | None
    """As sent at the last attempt."""
    cost: Decimal | None
    """US dollars of the last attempt, as estimated."""
    edits: str | None
    """Platform id of what it is put in the place of."""
    otherwise: Otherwise
    """What becomes of it where that cannot be edited."""
    platform_id: str | None
    url: str | None
    passed: bool | None
    """Whether it was passed on to its destination's followers; `None`: there are none."""
    pass_at: datetime | None
    """When to try that again."""

    @property
    def edition_key(self) -> EditionKey:
        return EditionKey(self.network, self.period, self.day, self.edition)

    @property
    def label(self) -> str:
        """The key in words."""
        more = f", part {self.part + 1}" if self.part else ""
        return f"{self.edition_key.label} to {self.outlet} {self.destination}{more}"


class DeliveryError(FootfallError):
    """Something was asked of a delivery that cannot be."""


_NAMES = tuple(field.name for field in fields(Delivery))


def delivery_from_row(row: Any) -> Delivery:
    """A row of the table as a value."""
    values = {name: getattr(row, name) for name in _NAMES}
    return Delivery(**{**values, "cost": Decimal(row.cost) if row.cost else None})
