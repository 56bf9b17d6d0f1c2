"""What time it is on a platform. Its posts bear its own time, so a look-back asks by that and never by ours: two clocks
are never compared, only their distance is measured and shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.records import CheckResult

LEEWAY = timedelta(minutes=1)
"""A platform has many machines: how far the time in an answer and that of a post may be apart."""
TOLERATED = timedelta(minutes=2)
"""A clock this far off a platform's closes days too early or too late, and gets signatures refused sooner or later (X
allows some 5 minutes)."""


def instant_of(date: str | None) -> datetime | None:
    """The instant of a `Date` header; `None` where it is missing or not a date."""
    try:
        at = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def running_seconds() -> float:
    """A stopwatch that also runs while the machine sleeps, where there is one (Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class PlatformClock:
    """A platform's clock as its last answer showed it, carried on by this machine's stopwatch: setting this machine's
    clock changes nothing here."""

    def __init__(self, stopwatch: Callable[[], float] = running_seconds) -> None:
        self._stopwatch = stopwatch
        self._last: tuple[datetime, float] | None = None

    def observe(self, date: str | None) -> None:
        """Take over the `Date` of an answer."""
        if (at := instant_of(date)) is not None:
            self._last = at, self._stopwatch()

    def now(self) -> datetime | None:
        """The platform's time now (UTC); `None` before its first answer."""
        if self._last is None:
            return None
        at, seen = self._last
        return at + timedelta(seconds=self._stopwatch() - seen)

    def offset(self, ours: datetime) -> timedelta | None:
        """How far our time is ahead of the platform's; `None` before its first answer."""
        theirs = self.now()
        return ours - theirs if theirs else None


def clock_check(name: str, platform: str, offset: timedelta | None) -> CheckResult:
    """What `doctor` says of this machine's clock."""
    if offset is None:
        return CheckResult(name, None, f"{platform} sent no Date to compare with", "look again later")
    side = "ahead of" if offset > timedelta() else "behind"
    text = f"this machine's clock is {abs(offset).total_seconds():.0f} s {side} {platform}'s"
    return CheckResult(
        name, abs(offset) <= TOLERATED, text, "set the clock (NTP): days are closed and requests signed by it"
    )
