"""When posts are due: each entry of `schedule:` as instants. Pure; the worker has the timer.

The rule for clock changes: an entry runs at the first instant at which its zone's clock has reached its time. So a time
that a change skips runs at the next instant that exists, and a time that occurs twice runs once, the first time. An
instant only names the newest period that is over; the archive says whether it was published.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.config import ScheduleEntry
from bot.records import Period

ONE = timedelta(days=1)


def next_runs(entry: ScheduleEntry, now: datetime, n: int = 5) -> tuple[datetime, ...]:
    """The next `n` instants (UTC) after `now` at which an entry runs, in order."""
    next_runs: list[datetime] = []
    day = now.astimezone(ZoneInfo(entry.zone)).date()
    while len(next_runs) < n:
        # A zone that skips a whole day sends two days' runs to one instant: that is one run.
        if _runs_on(entry, day) and (at := _run_instant(entry, day)) > now and at not in next_runs[-1:]:
            next_runs.append(at)
        day += ONE
    return tuple(next_runs)


def latest_run(entry: ScheduleEntry, now: datetime) -> datetime:
    """The last instant (UTC) at or before `now` at which an entry was due."""
    return next(at for at in _runs_backwards(entry, now) if at <= now)


def completed_period(entry: ScheduleEntry, at: datetime) -> Period:
    """The newest period of the entry's kind that is over at an instant (UTC)."""
    return Period.for_day(at.astimezone(UTC).date(), entry.period).previous_period


def quiet_until(quiet: tuple[time, time], zone: str, now: datetime) -> datetime | None:
    """The end (UTC) of the quiet hours (from, until, by the zone's clock) that contain an instant; `None` outside of
    them. Both ends follow the rule for clock changes, so that skipped hours are not quiet."""
    begins, ends = (ScheduleEntry.model_construct(name="quiet", period="day", at=at, zone=zone) for at in quiet)
    if latest_run(begins, now) <= latest_run(ends, now):
        return None
    return next_runs(ends, now, 1)[0]


def _runs_backwards(entry: ScheduleEntry, now: datetime) -> Iterator[datetime]:
    day = now.astimezone(ZoneInfo(entry.zone)).date() + ONE
    while True:
        if _runs_on(entry, day):
            yield _run_instant(entry, day)
        day -= ONE


def _runs_on(entry: ScheduleEntry, day: date) -> bool:
    if entry.period == "week":
        return day.isoweekday() == entry.isoweekday
    return entry.period == "day" or day.day == (entry.day or 1)


def _run_instant(entry: ScheduleEntry, day: date) -> datetime:
    """The first instant (UTC) at which the zone's clock shows the entry's time of this day, or later."""
    zone, wall = ZoneInfo(entry.zone), datetime.combine(day, entry.at)
    readings = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    before, after = sorted(readings)
    if _clock_reached(before, zone, wall):
        return before
    # The clock skips this time: the change is between the two readings.
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (before, middle) if _clock_reached(middle, zone, wall) else (middle, after)
    return after


def _clock_reached(at: datetime, zone: ZoneInfo, wall: datetime) -> bool:
    return at.astimezone(zone).replace(tzinfo=None) >= wall
