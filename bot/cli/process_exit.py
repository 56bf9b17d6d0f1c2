"""The end of a process that was told to stop. What still works in it or for it gets the rest of the grace and no more:
at its end Python would wait for every thread of a pool, however long that takes, and so for the process that draws."""

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
"""Seconds between two looks at what is left."""


def leave(until: float) -> None:
    """Returns once no thread is left that Python would wait for. At the instant `until` (monotonic) the process ends
    as it is, with the processes that it started."""
    while left := working():
        if time.monotonic() >= until:
            abandon(left[0].name)
        left[0].join(LOOK)


def working() -> list[threading.Thread]:
    """The threads that Python waits for at its end: those that are no daemons, and those of pools, which inherit that
    from whoever began them and are waited for all the same."""
    pools = {*getattr(thread, "_threads_queues", ()), *getattr(process, "_threads_wakeups", ())}
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    return [one for one in others if not one.daemon or one in pools]


def abandon(what: str) -> None:
    """End the process now. Nothing is lost by that: see `bot.worker`."""
    log.warning("%s was abandoned; it is taken up again at the next start", what)
    for child in children():
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    logging.shutdown()
    os._exit(0)


def children() -> Iterator[int]:
    """The processes that this one started and that still run, where the system tells."""
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())
