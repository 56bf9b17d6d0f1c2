"""The worker's main loop (`python -m bot run`): work cycles on a tick, background services, and a clean stop. Each
background service has its own thread and is restarted, with back-off, when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime

import schedule as ticking
import structlog

from bot.records import FootfallError
from bot.store import StoreError
from bot.worker.cycle import StoppingError, WorkCycle, WorkerContext
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


LONGEST_PAUSE = 60.0
"""Most seconds between two failed cycles."""

Opened = Callable[[], AbstractContextManager[WorkerContext]]
"""Opens database and outlets; raises `StoreError` if the database is unavailable."""


class WorkerError(FootfallError):
    """The worker cannot go on."""


class Worker:
    """Cycles on a tick in their own thread, so that a hanging step cannot stop the process from ending."""

    def __init__(self, opened: Opened, clock: Callable[[], datetime], name: str, tick: int) -> None:
        self.state = WorkerState()
        self.stop = threading.Event()
        self.bench: WorkerContext | None = None
        self._opened, self._clock, self._name, self._tick = opened, clock, name, tick
        self.until = 0.0
        """End of the grace period (monotonic), once the worker was stopped."""
        self._round: WorkCycle | None = None
        self._pause = self._not_before = 0.0

    def run(self, sides: Sequence[BackgroundService], grace: float) -> bool:
        """Work until `stop` is set. Returns whether the current step ended within `grace` seconds. Raises
        `WorkerError` if the cycles end by themselves."""
        self.state.began = self._clock()
        beside = [start_service(side, self.stop, self.state) for side in sides]
        work = threading.Thread(target=self._run_ticks, name="rounds", daemon=True)
        work.start()
        while not self.stop.wait(1.0):
            if not work.is_alive():
                raise WorkerError("the worker's cycles ended unexpectedly; see the log")
        log.info("stopping", grace=grace)
        self.until = time.monotonic() + grace
        for thread in (work, *beside):
            thread.join(max(0.0, self.until - time.monotonic()))
        return not work.is_alive()

    def _run_ticks(self) -> None:
        with ExitStack() as held:
            ticks = ticking.Scheduler()
            ticks.every(self._tick).seconds.do(self._run_tick, held)
            ticks.run_all()
            while not self.stop.wait(min(1.0, max(0.0, ticks.idle_seconds or 0.0))):
                # `schedule` reads the local clock; if that is put back an hour, an hour passes without a tick.
                if (ticks.idle_seconds or 0.0) > self._tick:
                    ticks.run_all()
                else:
                    ticks.run_pending()
            self._release_lease()

    def _run_tick(self, held: ExitStack) -> None:
        if time.monotonic() < self._not_before:
            return
        self._round = self._round or self._start_cycle(held)
        going = self._round is not None and self._run_round(self._round)
        self._pause = 0.0 if going else min(max(self._pause * 2, float(self._tick)), LONGEST_PAUSE)
        self._not_before = time.monotonic() + self._pause
        self.state.beat = self._clock()

    def _start_cycle(self, held: ExitStack) -> WorkCycle | None:
        try:
            self.bench = held.enter_context(self._opened())
        except StoreError as error:
            self._on_db_unavailable(error)
            return None
        return WorkCycle(self.bench, self.state, self._name, self.stop.is_set)

    def _run_round(self, step: WorkCycle) -> bool:
        """Run one cycle; returns whether the next may follow at the usual time."""
        try:
            step.run_cycle()
        except StoreError as error:
            self._on_db_unavailable(error)
            return False
        except StoppingError:
            return True
        except Exception:
            # The top of the daily run: no error may prevent tomorrow's post.
            self.state.record_failure("round")
            log.exception("a cycle failed")
            return False
        if self.state.database:
            log.info("the database is available")
        self.state.database = ""
        return True

    def _on_db_unavailable(self, error: StoreError) -> None:
        if self.state.database != str(error):
            log.error("the database is unavailable", error=str(error))
        self.state.database = str(error)
        self.state.record_failure("database")

    def _release_lease(self) -> None:
        try:
            if self._round:
                self._round.release_lease()
        except StoreError as error:
            log.warning("the lease could not be released; it will expire", error=str(error))
