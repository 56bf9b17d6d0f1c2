"""A platform's clock. Posts carry the platform's time, so a look-back uses that and never ours. Two clocks are never
compared; only their difference is measured and shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.records import CheckResult

LEEWAY = timedelta(minutes=1)
"""How far the time in a response and that of a post may differ, because a platform has many machines."""
TOLERATED = timedelta(minutes=2)
"""A clock with a larger error closes days too early or too late, and sooner or later gets signatures refused (X allows
some 5 minutes)."""


def instant_of(date: str | None) -> datetime | None:
    """The instant of a `Date` header; `None` if it is missing or not a date."""
    try:
        at = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def running_seconds() -> float:
    """A monotonic clock that also runs while the machine sleeps, where there is one (Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class PlatformClock:
    """A platform's clock from its last response, advanced by this machine's monotonic clock, so that a change of this
    machine's clock has no effect."""

    def __init__(self, stopwatch: Callable[[], float] = running_seconds) -> None:
        self._stopwatch = stopwatch
        self._last: tuple[datetime, float] | None = None

    def observe(self, date: str | None) -> None:
        """Set the clock from the `Date` of a response."""
        if (at := instant_of(date)) is not None:
            self._last = at, self._stopwatch()

    def now(self) -> datetime | None:
        """The platform's time (UTC); `None` before its first response."""
        if self._last is None:
            return None
        at, seen = self._last
        return at + timedelta(seconds=self._stopwatch() - seen)

    def offset(self, ours: datetime) -> timedelta | None:
        """How far our clock is ahead of the platform's; `None` before its first response."""
        theirs = self.now()
        return ours - theirs if theirs else None


def clock_check(name: str, platform: str, offset: timedelta | None) -> CheckResult:
    """The result of `doctor` for this machine's clock."""
    if offset is None:
        return CheckResult(name, None, f"{platform} sent no Date to compare with", "look again later")
    side = "ahead of" if offset > timedelta() else "behind"
    text = f"this machine's clock is {abs(offset).total_seconds():.0f} s {side} {platform}'s"
    return CheckResult(
        name, abs(offset) <= TOLERATED, text, "set the clock (NTP): days are closed and requests signed by it"
    )
