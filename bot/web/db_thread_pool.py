"""A few threads for database work. Work that takes too long is abandoned, never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class DbThreadPool:
    """Fewer threads than the database has connections, so that no thread waits for one."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="footfall-web")

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`. Raises `TimeoutError` after the time limit of a response."""
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        return await asyncio.wait_for(running, self._seconds)

    async def close(self, _app: object) -> None:
        """Accept no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
