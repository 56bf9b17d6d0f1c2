"""What runs beside the rounds, each in a thread of its own: started again with back-off when it ends by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.worker.state import WorkerState

log = structlog.get_logger(__name__)

FIRST_PAUSE = 1.0
LONGEST_RESTART_PAUSE = 300.0
"""Seconds; the pause doubles with each end."""
HEALTHY = 600.0
"""A side that ran this many seconds begins again at the first pause."""


@dataclass(frozen=True, slots=True)
class BackgroundService:
    """Something that runs until it is told to stop. It opens what it needs itself, each time anew."""

    name: str
    run: Callable[[threading.Event], None]
    """Returns soon after the event is set. Returning before, or raising, is its failure and nobody else's."""


def start_service(
    side: BackgroundService, stop: threading.Event, state: WorkerState, first_pause: float = FIRST_PAUSE
) -> threading.Thread:
    """Keep a side running until `stop`. The thread does not keep the process alive."""
    state.begun(side.name)
    thread = threading.Thread(target=_keep_running, args=(side, stop, state, first_pause), name=side.name, daemon=True)
    thread.start()
    return thread


def _keep_running(side: BackgroundService, stop: threading.Event, state: WorkerState, first_pause: float) -> None:
    pause = first_pause
    while not stop.is_set():
        began = time.monotonic()
        _run_once(side, stop)
        if stop.is_set():
            return
        state.record_restart(side.name)
        pause = first_pause if time.monotonic() - began >= HEALTHY else pause
        log.warning("restarting", side=side.name, pause=pause)
        stop.wait(pause)
        pause = min(pause * 2, LONGEST_RESTART_PAUSE)


def _run_once(side: BackgroundService, stop: threading.Event) -> None:
    try:
        side.run(stop)
    except Exception:
        log.exception("service failed", side=side.name)
    else:
        if not stop.is_set():
            log.error("service ended unexpectedly", side=side.name)
