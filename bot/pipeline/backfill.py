"""Reading many days at once: how far it is, when it may end, and the rest that it leaves to others.

The estimate is what the days read in this run have cost, for the reading in hand alone: how long one that has not begun
will take is not known and not guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.records import EventBatch, Period, start_of_day

FEW = 3
"""Hauls of a reading before its pace says anything."""
LATELY = 50
"""Hauls whose pace counts: a year is not read at the same speed from end to end."""
RESTS = 0.02
"""Seconds of rest after each commit, at least; it rests as long as the commit took."""

ONE = timedelta(days=1)


@dataclass(slots=True)
class BackfillThrottle:
    """A long reading, as it goes on."""

    wanted: Period
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _paces: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    """By catalogue: seconds each haul took and days that it covered."""
    _last: float | None = None

    def rest_and_report(self, haul: EventBatch, commit: float) -> str:
        """Rest after a commit that took so many seconds, so that who else writes gets a turn; how far it is, in words,
        empty where this haul does not say."""
        self.sleep(max(RESTS, commit))
        now = self.monotonic()
        took, self._last = now - (now if self._last is None else self._last), now
        if haul.window is None:
            return ""
        first, end = start_of_day(self.wanted.first), self.wanted.ends_at
        paces = self._paces.setdefault(haul.catalogue, deque(maxlen=LATELY))
        paces.append((took, _days_between(haul.window.begins, haul.window.ends)))
        read, whole = _days_between(first, min(haul.window.ends, end)), _days_between(first, end)
        return f"{read:.1f} of {whole:.0f} days read, {self._time_left(paces, whole - read)}"

    @staticmethod
    def _time_left(paces: deque[tuple[float, float]], days: float) -> str:
        seconds, covered = sum(took for took, _ in paces), sum(each for _, each in paces)
        if days <= 0:
            return "none left"
        if len(paces) < FEW or covered <= 0:
            return "no telling yet how long the rest takes"
        each = sorted(took / of for took, of in paces if of > 0)
        low, high = each[len(each) // 4] * days, each[len(each) * 3 // 4] * days
        mean = seconds / covered * days
        return f"{_format_duration(min(low, mean))} to {_format_duration(max(high, mean))} left at this pace"


def _days_between(begins: datetime, ends: datetime) -> float:
    return max(0.0, (ends - begins) / ONE)


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
