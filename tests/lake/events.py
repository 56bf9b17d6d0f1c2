"""Events for tests of the lake."""

from __future__ import annotations

from datetime import date, timedelta

from bot.lake import DayRef, LakeSettings
from bot.records import Payment, SafeName, Use, start_of_day

DAY = date(2026, 10, 5)
HUGE = 2**256 - 1


def day_in(url: str, day: date = DAY, **limits: int) -> DayRef:
    return DayRef(LakeSettings(url, **limits), "og", "hub", day)


def used(count: int, first: int = 0, callers: int = 7, day: date = DAY, models: int = 5) -> list[Use]:
    """Uses of one block each, from block 100 on; every sixth has no known model."""
    at = start_of_day(day)
    return [
        Use(
            f"0x{n:064x}:0",
            100 + n,
            at + timedelta(seconds=n % 86400),
            1 + n % 3,
            None if n % 6 == 5 else SafeName(f"a/m{n % models}"),
            f"0x{n % callers:040x}",
            f"cid{n % 10}",
        )
        for n in range(first, first + count)
    ]


def paid(count: int, amount: int = HUGE, day: date = DAY) -> list[Payment]:
    at = start_of_day(day)
    return [Payment(f"0x{n:064x}:1", 100 + n, at, f"0x{n % 4:040x}", amount - n, n % 5 != 0) for n in range(count)]
