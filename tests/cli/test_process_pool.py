"""Which digests one process composes: each after the one whose lead it must not repeat."""

from __future__ import annotations

from datetime import date

from bot.cli.process_pool import consecutive_periods
from bot.records import Period


def test_a_run_of_periods_ends_where_one_is_missing_or_another_kind_begins() -> None:
    days = [Period.for_day(date(2025, 1, number)) for number in (1, 2, 3, 6, 7)]
    weeks = [Period.for_day(date(2025, 1, number), "week") for number in (6, 13)]
    months = [Period.for_day(date(2025, number, 1), "month") for number in (1, 2)]
    assert consecutive_periods([*days, *weeks, *months]) == [days[:3], days[3:], weeks, months]
