"""Days, weeks and months, all UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

PeriodName = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A UTC day, an ISO week or a calendar month, as its first and last day."""

    first: date
    last: date
    name: PeriodName = "day"

    @classmethod
    def for_day(cls, day: date, name: PeriodName = "day") -> Period:
        """The period of this name that holds a day."""
        if name == "day":
            return cls(day, day)
        if name == "week":
            first = day - timedelta(days=day.weekday())
            return cls(first, first + timedelta(days=6), "week")
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), "month")

    @property
    def day_count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def previous_period(self) -> Period:
        """The period of the same name just before this one."""
        return Period.for_day(self.first - timedelta(days=1), self.name)

    @property
    def ends_at(self) -> datetime:
        """The instant at which the period is over (UTC)."""
        return start_of_day(self.last + timedelta(days=1))


def start_of_day(day: date) -> datetime:
    """00:00 UTC at the start of a day."""
    return datetime.combine(day, time(), UTC)


def each_day(first: date, last: date) -> tuple[date, ...]:
    """All days from `first` to `last`, both included, oldest first."""
    return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def short_date(day: date) -> str:
    """A day as reasons and gaps name it: 14 Jan 2025."""
    return f"{day.day} {day:%b %Y}"
