"""The end of a process that was asked to stop. Threads and child processes that still work get the rest of the grace
and no more. Python itself would wait for every pool thread, and so for the process that draws charts, however long."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import process, thread
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

LOOK = 0.05
"""Seconds between two checks for remaining threads."""


def leave(until: float) -> None:
    """Return when no thread is left that Python would wait for. At the instant `until` (monotonic), end the process and
    the processes that it started."""
    while left := working():
        if time.monotonic() >= until:
            abandon(left[0].name)
        left[0].join(LOOK)


def working() -> list[threading.Thread]:
    """The threads that Python waits for when it exits: those that are not daemons, and all threads of pools, daemons
    or not."""
    pools = {*getattr(thread, "_threads_queues", ()), *getattr(process, "_threads_wakeups", ())}
    others = [worker for worker in threading.enumerate() if worker is not threading.main_thread()]
    return [worker for worker in others if not worker.daemon or worker in pools]


def abandon(what: str) -> None:
    """End the process now. Nothing is lost: see `bot.worker`."""
    log.warning("%s was abandoned; the next start resumes it", what)
    for child in children():
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    logging.shutdown()
    os._exit(0)


def children() -> Iterator[int]:
    """The running processes that this process started, on systems that list them."""
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())
