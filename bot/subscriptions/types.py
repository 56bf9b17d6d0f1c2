"""A subscription and a watch as values, and how many of them there may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from bot.config import ScheduleEntry
from bot.records import FootfallError, SafeName

MISSES = 7
"""UTC days on which nothing got through, with no delivery between them, after which a subscription or the watches of a
member end: a permission that was withdrawn by mistake is given back within a week, and an outage is over."""


class SubscriptionError(FootfallError):
    """Something that a subscription or a watch cannot be; one sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class SubscriptionLimits:
    """How many there may be at most."""

    per_server: int = 5
    subscriptions: int = 1000
    per_member: int = 10
    watches: int = 10_000


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """When, what and how a channel wants to be told."""

    at: time
    zone: str
    """IANA time zone of `at` and of the quiet hours."""
    networks: tuple[str, ...] = ()
    """Empty: every one."""
    locale: str = "en"
    share: float | None = None
    """Share by which something must have moved for a post; `None`: everything is posted."""
    quiet: tuple[time, time] | None = None
    """From and until; may go over midnight."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel that gets the daily posts."""

    id: int
    guild: str
    channel: str
    terms: SubscriptionOptions
    since: datetime
    """When the channel was subscribed (UTC); what was to be out before is not posted there."""

    @property
    def schedule_entry(self) -> ScheduleEntry:
        """When it posts, as an entry of `schedule:` would say it."""
        terms = self.terms
        keys = {"at": terms.at, "zone": terms.zone, "networks": terms.networks}
        return ScheduleEntry.model_validate({"name": f"subscription {self.id}", **keys})


@dataclass(frozen=True, slots=True)
class ModelWatch:
    """A model that a member wants to hear of."""

    id: int
    member: str
    """A key without meaning, which deliveries carry as their destination."""
    network: str
    catalogue: str
    model: SafeName
    share: float
    """Moves by more than this share of the day before are told."""
    since: datetime
    """Days that were over before this instant are not told."""
    locale: str
