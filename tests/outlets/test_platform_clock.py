"""A platform's clock, from its responses."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.clients.http import retry_after
from bot.outlets.http_calls import limit_reset
from bot.outlets.types import TOLERATED, PlatformClock, clock_check, instant_of

DATE = "Wed, 14 Jan 2026 07:00:00 GMT"
AT = datetime(2026, 1, 14, 7, tzinfo=UTC)


def test_the_platforms_time_goes_on_by_the_stopwatch_and_not_by_our_clock() -> None:
    seconds = [100.0]
    clock = PlatformClock(lambda: seconds[0])
    assert clock.now() is None and clock.offset(AT) is None
    clock.observe(DATE)
    seconds[0] += 90
    assert clock.now() == AT + timedelta(seconds=90)
    assert clock.offset(AT) == timedelta(seconds=-90)
    assert clock.offset(AT + timedelta(hours=1)) == timedelta(minutes=58, seconds=30)


IMPOSSIBLE = [
    "Wed, 14 Jan 99999999999999999999 07:00:00 GMT",
    "Wed, 14 Jan 2026 99999999999999999999:00:00 GMT",
    "Wed, 14 Jan 2026 07:00:00 +99999999999999",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
]
"""Dates of a server that overflow where they are read, or where a second is added."""


@pytest.mark.parametrize("date", [None, "", "soon", "Wed, 99 Jan 2026 07:00:00 GMT", "\x00", "9" * 500, *IMPOSSIBLE])
def test_what_is_no_date_changes_nothing(date: str | None) -> None:
    clock = PlatformClock(lambda: 0.0)
    clock.observe(DATE)
    clock.observe(date)
    assert clock.now() == AT and instant_of(date) is None


@pytest.mark.parametrize("date", IMPOSSIBLE)
def test_an_impossible_date_of_a_server_is_no_reason_to_fail(date: str) -> None:
    headers = httpx.Headers({"Retry-After": date, "Date": date})
    assert retry_after(headers) in (None, 0.0)
    assert limit_reset(headers, AT) > AT


def test_a_date_without_a_zone_is_utc() -> None:
    assert instant_of("Wed, 14 Jan 2026 07:00:00") == instant_of("Wed, 14 Jan 2026 08:00:00 +0100") == AT


@pytest.mark.parametrize(
    ("offset", "ok", "text"),
    [
        (None, None, "sent no Date"),
        (TOLERATED, True, "120 s ahead of X's"),
        (-TOLERATED, True, "120 s behind X's"),
        (timedelta(minutes=6), False, "360 s ahead of X's"),
    ],
)
def test_doctor_says_which_side_of_the_platforms_clock_ours_is(
    offset: timedelta | None, ok: bool | None, text: str
) -> None:
    check = clock_check("x clock", "X", offset)
    assert check.ok is ok and text in check.text and check.fix


def test_the_stopwatch_runs_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {time.CLOCK_MONOTONIC: 100.0, time.CLOCK_BOOTTIME: 100.0}
    monkeypatch.setattr(time, "clock_gettime", seconds.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: seconds[time.CLOCK_MONOTONIC])
    clock = PlatformClock()
    clock.observe("Sun, 01 Mar 2026 12:00:00 GMT")
    seconds[time.CLOCK_BOOTTIME] += 3600.0
    assert clock.now() == datetime(2026, 3, 1, 13, tzinfo=UTC)
