"""Subscriptions and watches as values, and their limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from bot.config import ScheduleEntry
from bot.records import FootfallError, SafeName

MISSES = 7
"""UTC days without a successful delivery, after which a subscription or the watches of a member end. Within a week, a
permission that was withdrawn by mistake is restored and an outage is over."""


class SubscriptionError(FootfallError):
    """An invalid subscription or watch; one sentence for the user."""


@dataclass(frozen=True, slots=True)
class SubscriptionLimits:
    """The highest numbers of subscriptions and watches."""

    per_server: int = 5
    subscriptions: int = 1000
    per_member: int = 10
    watches: int = 10_000


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """The options of a subscription: when, what and how to post."""

    at: time
    zone: str
    """IANA time zone of `at` and of the quiet hours."""
    networks: tuple[str, ...] = ()
    """Empty: all."""
    locale: str = "en"
    share: float | None = None
    """Share by which something must change for a post; `None`: always post."""
    quiet: tuple[time, time] | None = None
    """Start and end; may cross midnight."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel that gets the daily posts."""

    id: int
    guild: str
    channel: str
    terms: SubscriptionOptions
    since: datetime
    """When the channel was subscribed (UTC); posts that were due before are not sent."""

    @property
    def schedule_entry(self) -> ScheduleEntry:
        terms = self.terms
        keys = {"at": terms.at, "zone": terms.zone, "networks": terms.networks}
        return ScheduleEntry.model_validate({"name": f"subscription {self.id}", **keys})


@dataclass(frozen=True, slots=True)
class ModelWatch:
    """A model that a member watches."""

    id: int
    member: str
    """The member's random key, the destination of deliveries."""
    network: str
    catalogue: str
    model: SafeName
    share: float
    """Notify about changes by more than this share of the day before."""
    since: datetime
    """No notification for days that ended before this instant."""
    locale: str
