"""Requests keep their rate, and no second has more of them than allowed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from bot.outlets.discord.rest_client import SECOND, RateLimiter


class Clocked(asyncio.SelectorEventLoop):
    """An event loop whose clock stops while it works and jumps to the next event."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, *args: object, **more: object) -> asyncio.TimerHandle:  # type: ignore[override]
        handle = super().call_at(when, *args, **more)  # type: ignore[arg-type]
        self.now = max(self.now, when)
        return handle


def left(count: int, per_second: int, held_up: Callable[[int], float] = lambda n: 0.0) -> list[float]:
    """The time of each request; `held_up`: seconds that the machine pauses after each."""
    loop = Clocked()
    numbers = []

    async def all_of_them() -> None:
        pace = RateLimiter(per_second)
        for n in range(count):
            await pace.wait_turn()
            numbers.append(loop.time())
            loop.now += held_up(n)

    loop.run_until_complete(all_of_them())
    loop.close()
    return numbers


def most_in_a_second(times: list[float]) -> int:
    return max(sum(begins <= at < begins + 1.0 for at in times) for begins in times)


def test_requests_are_spread_evenly_over_the_second() -> None:
    times = left(120, 50)
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) == pytest.approx(SECOND / 50) == max(gaps)


def test_what_a_short_stall_delayed_is_made_up_for() -> None:
    times = left(500, 50, lambda n: 0.4 if n % 100 == 50 else 0.0)
    assert times[-1] - times[0] <= 1.01 * 499 * SECOND / 50
    assert most_in_a_second(times) <= 50


@pytest.mark.parametrize("stall", [0.3, 0.9, 1.1, 5.0])
def test_no_second_has_more_requests_than_allowed_however_long_the_stalls(stall: float) -> None:
    times = left(400, 50, lambda n: stall if n % 37 == 0 else 0.0)
    assert most_in_a_second(times) <= 50


def test_time_that_nobody_wanted_to_send_in_is_not_saved_up() -> None:
    times = left(300, 50, lambda n: 3600.0 if n == 99 else 0.0)
    assert times[-1] - times[100] >= 198 * SECOND / 50 - 1.1 * SECOND


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    order: list[int] = []

    async def one(pace: RateLimiter, n: int) -> None:
        await pace.wait_turn()
        order.append(n)

    async def all_of_them() -> None:
        pace = RateLimiter(1000)
        turns: list[Awaitable[None]] = [one(pace, n) for n in range(20)]
        await asyncio.gather(*turns)

    began = time.monotonic()
    asyncio.run(all_of_them())
    assert order == list(range(20)) and time.monotonic() - began >= 19 * SECOND / 1000
