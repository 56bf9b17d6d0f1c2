"""Limits the rate of requests: evenly spread, never more than a maximum in any second by their actual times, and with
lost time made up for."""

from __future__ import annotations

import asyncio
from collections import deque

SECOND = 1.02
"""A second as counted here: requests sent within a second may arrive within a little less."""
FASTER = 2.0
"""Speed-up factor while lost time is made up for."""


class RateLimiter:
    """Turns on one event loop, in order of arrival."""

    def __init__(self, per_second: int) -> None:
        self._gap = SECOND / per_second
        self._left: deque[float] = deque(maxlen=per_second)
        """Times of the last requests."""
        self._due = 0.0
        self._lock = asyncio.Lock()

    async def wait_turn(self) -> None:
        """Wait for the next turn. Turns assigned in advance would not work: after a delay of the loop, all that are due
        would leave at once, right before those of the next second."""
        now = asyncio.get_running_loop().time
        async with self._lock:
            while (wait := self._next_time() - now()) > 0:
                await asyncio.sleep(wait)
            left = now()
            earliest = left - SECOND if self._left else left  # older turns are lost
            self._due = max(self._due, earliest) + self._gap
            self._left.append(left)

    def _next_time(self) -> float:
        """The earliest time of the next request."""
        if not self._left:
            return 0.0
        full = len(self._left) == self._left.maxlen
        return max(self._due, self._left[-1] + self._gap / FASTER, self._left[0] + SECOND if full else 0.0)
