"""When posts are due, through the clock changes of all time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot import schedule_times
from bot.config import ConfigError, ScheduleEntry, load
from bot.records import Period

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LONGEST_CHANGE = timedelta(hours=26)
"""Longer than any change of a clock: Pacific/Apia left out a day."""
ZONES = sorted(zone for zone in available_timezones() if zone != "localtime")
EVENTFUL = (
    "UTC",
    "Europe/Zurich",
    "America/New_York",
    "America/St_Johns",  # fell back at 00:01, to the day before, until 2011
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",  # had no 30 December 2011
    "Pacific/Kiritimati",  # had no 1 January 1995
    "Africa/Cairo",  # skips midnight
    "Asia/Kathmandu",
    "America/Asuncion",
)


def entry(**keys: object) -> ScheduleEntry:
    return ScheduleEntry.model_validate({"name": "post", **keys})


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def wanted(chosen: ScheduleEntry, day: date) -> bool:
    """Whether a post is due on a local day, from the configuration."""
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if chosen.period == "week":
        return names[day.weekday()] == (chosen.weekday or "monday")
    return chosen.period == "day" or day.day == (chosen.day or 1)


def watched(chosen: ScheduleEntry, start: datetime, days: int) -> list[datetime]:
    """Every run in a range, by a check of the zone's clock each minute, or each hour if none can be due: a local
    day's run is the first minute whose clock has reached its time."""
    zone = ZoneInfo(chosen.zone)
    first = start.astimezone(zone).date()
    open_days = [first + timedelta(days=n) for n in range(-3, days + 3)]
    open_walls = [datetime.combine(day, chosen.at) for day in open_days if wanted(chosen, day)]
    runs: list[datetime] = []
    at, furthest = start - timedelta(days=3), datetime.min
    while open_walls and at < start + timedelta(days=days):
        shown = at.astimezone(zone).replace(tzinfo=None)
        furthest = max(furthest, shown)
        while open_walls and open_walls[0] <= furthest:
            open_walls.pop(0)
            if at > start and runs[-1:] != [at]:
                runs.append(at)
        at += HOUR if open_walls and open_walls[0] - max(shown, furthest) > LONGEST_CHANGE else MINUTE
    return runs


@st.composite
def entries(draw: st.DrawFn) -> ScheduleEntry:
    period = draw(st.sampled_from(["day", "day", "week", "month"]))
    keys: dict[str, object] = {"period": period, "zone": draw(st.sampled_from(EVENTFUL) | st.sampled_from(ZONES))}
    hour = draw(st.sampled_from([0, 1, 2, 3, 23]) | st.integers(0, 23))
    keys["at"] = f"{hour:02}:{draw(st.sampled_from([0, 1, 30, 59])):02}"
    if period == "week":
        keys["weekday"] = draw(st.sampled_from(["monday", "saturday", "sunday"]))
    if period == "month":
        keys["day"] = draw(st.integers(1, 28))
    return entry(**keys)


@cache
def changes(zone: str, year: int) -> list[datetime]:
    """The hours of a year in which a zone's clock changes."""
    hours = (utc(year, 1, 1) + timedelta(hours=n) for n in range(366 * 24))
    offsets = [(hour, hour.astimezone(ZoneInfo(zone)).utcoffset()) for hour in hours]
    return [hour for (hour, was), (_, now) in pairwise(offsets) if was != now]


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Any minute of forty years, most often a little before a clock change."""
    year = draw(st.integers(1990, 2036))
    near = changes(zone, year)
    start = draw(st.sampled_from(near)) if near and draw(st.integers(0, 3)) else utc(year, 1, 1)
    span = 3 * 1440 if near else 365 * 1440
    return start - timedelta(days=2) + draw(st.integers(0, span)) * MINUTE


@settings(max_examples=80)
@given(st.data())
def test_the_next_runs_are_those_that_a_watcher_of_the_clock_would_note(data: st.DataObject) -> None:
    chosen = data.draw(entries())
    now = data.draw(moments(chosen.zone))
    days = {"day": 5, "week": 15, "month": 33}[chosen.period]
    noted = watched(chosen, now, days)
    assert noted
    assert list(schedule_times.next_runs(chosen, now, len(noted))) == noted


@settings(max_examples=150)
@given(st.data())
def test_the_latest_run_is_the_one_before_the_next(data: st.DataObject) -> None:
    chosen = data.draw(entries())
    now = data.draw(moments(chosen.zone))
    last = schedule_times.latest_run(chosen, now)
    assert last <= now
    assert schedule_times.next_runs(chosen, last, 1)[0] > now


@settings(max_examples=150)
@given(st.data())
def test_no_period_is_left_out_from_one_run_to_the_next(data: st.DataObject) -> None:
    chosen = data.draw(entries())
    runs = schedule_times.next_runs(chosen, data.draw(moments(chosen.zone)), 4)
    periods = [schedule_times.completed_period(chosen, run) for run in runs]
    assert all(period.ends_at <= run for period, run in zip(periods, runs, strict=True))
    if chosen.period == "day":
        gaps = [later.first - earlier.first for earlier, later in pairwise(periods)]
        # Near midnight UTC a clock change can move a run over it, and the archive then has one day to catch up.
        assert all(gap in (timedelta(0), timedelta(days=1), timedelta(days=2)) for gap in gaps)


def test_a_time_that_does_not_exist_runs_at_the_next_instant_that_does() -> None:
    chosen = entry(at="02:30", zone="Europe/Zurich")
    assert schedule_times.next_runs(chosen, utc(2026, 3, 28, 12), 3) == (
        utc(2026, 3, 29, 1, 0),  # 03:00 summer time; 02:30 was skipped
        utc(2026, 3, 30, 0, 30),
        utc(2026, 3, 31, 0, 30),
    )


def test_a_time_that_comes_twice_runs_the_first_time_only() -> None:
    chosen = entry(at="02:30", zone="Europe/Zurich")
    assert schedule_times.next_runs(chosen, utc(2026, 10, 24, 12), 2) == (
        utc(2026, 10, 25, 0, 30),
        utc(2026, 10, 26, 1, 30),
    )
    between = utc(2026, 10, 25, 1, 0)
    assert schedule_times.next_runs(chosen, between, 1) == (utc(2026, 10, 26, 1, 30),)
    assert schedule_times.latest_run(chosen, between) == utc(2026, 10, 25, 0, 30)


def test_a_midnight_that_comes_twice_runs_once_though_the_date_goes_back() -> None:
    chosen = entry(at="00:00", zone="America/St_Johns")  # 2010-11-07 00:01 became 2010-11-06 23:01
    assert schedule_times.next_runs(chosen, utc(2010, 11, 6, 12), 2) == (
        utc(2010, 11, 7, 2, 30),
        utc(2010, 11, 8, 3, 30),
    )
    assert schedule_times.latest_run(chosen, utc(2010, 11, 7, 3, 0)) == utc(2010, 11, 7, 2, 30)


def test_a_day_that_a_zone_skips_whole_is_one_run_with_the_day_after() -> None:
    chosen = entry(at="00:00", zone="Pacific/Apia")  # after 29 December 2011 came 31 December
    assert schedule_times.next_runs(chosen, utc(2011, 12, 29, 12), 2) == (utc(2011, 12, 30, 10), utc(2011, 12, 31, 10))


@example(2024)
@given(st.integers(1990, 2036))
def test_a_utc_entry_publishes_each_day_of_a_year_once(year: int) -> None:
    chosen = entry()
    runs = schedule_times.next_runs(chosen, utc(year, 1, 1), 370)
    days = [schedule_times.completed_period(chosen, run).first for run in runs if run.year == year]
    length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    assert days == [date(year - 1, 12, 31) + timedelta(days=n) for n in range(length)]


def test_a_week_and_a_month_are_published_when_they_are_over() -> None:
    weekly = entry(period="week", weekday="tuesday", at="09:00")
    run = schedule_times.next_runs(weekly, utc(2026, 11, 22), 1)[0]
    assert run == utc(2026, 11, 24, 9)
    assert schedule_times.completed_period(weekly, run) == Period(date(2026, 11, 16), date(2026, 11, 22), "week")
    monthly = entry(period="month", at="00:00")
    run = schedule_times.next_runs(monthly, utc(2024, 2, 10), 1)[0]
    assert schedule_times.completed_period(monthly, run) == Period(date(2024, 2, 1), date(2024, 2, 29), "month")


def configured(folder: Path, text: str) -> tuple[ScheduleEntry, ...]:
    path = folder / "config.yaml"
    path.write_text(text)
    return load(path, {}, {}).config.schedule


def test_by_default_every_day_is_published_at_half_past_two_utc_and_every_week_on_monday(tmp_path: Path) -> None:
    daily, weekly = configured(tmp_path, "")
    assert (daily.period, daily.at, daily.zone) == ("day", time(2, 30), "UTC")
    assert (weekly.name, weekly.period, weekly.isoweekday, weekly.at) == ("weekly", "week", 1, time(9))


def test_a_channel_id_may_stand_without_quotes(tmp_path: Path) -> None:
    (chosen,) = configured(tmp_path, "schedule: [{name: a, destinations: [123456789012345678]}]")
    assert chosen.destinations == ("123456789012345678",)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("{name: a, at: 12:30}", "schedule.0.at: found 750"),
        ("{name: a, at: '24:00'}", 'wanted a time of day as "HH:MM"'),
        ("{name: a, at: '02:30:15'}", 'wanted a time of day as "HH:MM"'),
        ("{name: a, zone: Mars/Phobos}", "found 'Mars/Phobos'"),
        ("{name: a, zone: ../../etc/passwd}", "wanted an IANA time zone"),
        ("{name: a, weekday: friday}", "weekday is for period: week"),
        ("{name: a, period: week, day: 3}", "day is for period: month"),
        ("{name: a, period: month, day: 31}", "schedule.0.day: found 31"),
        ("{name: a, networks: [nowhere]}", "nowhere: no such network"),
        ("{name: a, outlets: [fax]}", "fax: no such outlet"),
        ("{name: a}, {name: a}", "found 'a' twice"),
        ("{at: '02:30'}", "schedule.0.name"),
        ("{name: a, every: 5}", "no such key"),
    ],
)
def test_a_mistake_in_the_schedule_is_named(tmp_path: Path, written: str, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        configured(tmp_path, f"schedule: [{written}]")
    assert text in str(error.value)


# --- quiet hours ---------------------------------------------------------------------------------------------------


NIGHT = (time(22), time(7))


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "until"),
    [
        (NIGHT, "UTC", utc(2025, 1, 1, 21, 59), None),
        (NIGHT, "UTC", utc(2025, 1, 1, 22), utc(2025, 1, 2, 7)),
        (NIGHT, "UTC", utc(2025, 1, 2, 6, 59), utc(2025, 1, 2, 7)),
        (NIGHT, "UTC", utc(2025, 1, 2, 7), None),
        ((time(9), time(17)), "Asia/Tokyo", utc(2025, 1, 1, 3), utc(2025, 1, 1, 8)),
        (NIGHT, "Europe/Zurich", utc(2025, 3, 30, 0, 30), utc(2025, 3, 30, 5)),  # an hour shorter
        (NIGHT, "Europe/Zurich", utc(2025, 10, 26, 0, 30), utc(2025, 10, 26, 6)),  # an hour longer
        ((time(2, 10), time(2, 50)), "Europe/Zurich", utc(2025, 3, 30, 1, 5), None),  # skipped as a whole
        ((time(2, 30), time(4)), "Europe/Zurich", utc(2025, 3, 30, 1, 0), utc(2025, 3, 30, 2)),  # begins at 03:00
    ],
)
def test_quiet_hours_end_when_the_clock_of_their_zone_says_so(
    quiet: tuple[time, time], zone: str, now: datetime, until: datetime | None
) -> None:
    assert schedule_times.quiet_until(quiet, zone, now) == until


@settings(max_examples=60)
@given(
    st.sampled_from(EVENTFUL),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.datetimes(datetime(2024, 1, 1), datetime(2025, 12, 31)),
)
def test_quiet_hours_hold_until_their_end_and_not_at_it(zone: str, begins: time, ends: time, at: datetime) -> None:
    now = at.replace(tzinfo=UTC)
    until = schedule_times.quiet_until((begins, ends), zone, now)
    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        assert until.astimezone(ZoneInfo(zone)).time() >= ends
        assert schedule_times.quiet_until((begins, ends), zone, until) is None
