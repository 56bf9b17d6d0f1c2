"""How fast requests may leave: evenly spread, never more than so many in any second by the time at which they really
left, and what a busy machine delayed is made up for."""

from __future__ import annotations

import asyncio
from collections import deque

SECOND = 1.02
"""A second as counted here: what leaves within one may arrive within a little less."""
FASTER = 2.0
"""How much faster than the pace requests follow each other while lost time is made up for."""


class RateLimiter:
    """Turns of one event loop, first come first served."""

    def __init__(self, per_second: int) -> None:
        self._gap = SECOND / per_second
        self._left: deque[float] = deque(maxlen=per_second)
        """When the last ones left."""
        self._due = 0.0
        self._lock = asyncio.Lock()

    async def wait_turn(self) -> None:
        """Wait for the next turn. Turns given out ahead would not do: where the loop was held up, all that came due
        meanwhile would leave at once, right before those of the next second."""
        now = asyncio.get_running_loop().time
        async with self._lock:
            while (wait := self._next_time() - now()) > 0:
                await asyncio.sleep(wait)
            left = now()
            earliest = left - SECOND if self._left else left  # what was due longer ago is lost
            self._due = max(self._due, earliest) + self._gap
            self._left.append(left)

    def _next_time(self) -> float:
        """When the next one may leave."""
        if not self._left:
            return 0.0
        full = len(self._left) == self._left.maxlen
        return max(self._due, self._left[-1] + self._gap / FASTER, self._left[0] + SECOND if full else 0.0)
