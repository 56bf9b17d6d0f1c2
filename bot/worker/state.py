"""The worker's state: last cycle and failures. /health and /metrics read it from other threads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

STEPS = ("round", "database", "publish", "notify", "maintain")
"""Steps that may fail without ending the worker. Each is counted from 0, so that the first failure is an increase."""


@dataclass(slots=True)
class WorkerState:
    """The worker's state. Each attribute is replaced as a whole."""

    began: datetime | None = None
    """When this process started work."""
    beat: datetime | None = None
    """When the last cycle ended, with or without success."""
    leads: bool | None = None
    """Whether this worker holds the lease; `None` before the first cycle."""
    lake_growth: float | None = None
    """Bytes that a typical day adds to the lake; `None` if unknown."""
    database: str = "not opened yet"
    """Why the database cannot be used; empty if it can."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _succeeded: dict[str, datetime] = field(default_factory=dict)
    _errors: dict[str, str] = field(default_factory=dict)
    _failures: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(STEPS, 0)))
    _restarts: Counter[str] = field(default_factory=Counter)

    def record_collection(self, network: str, at: datetime, error: str) -> None:
        """Record that a source was read; `error` is empty on success."""
        with self._lock:
            self._errors[network] = error
            if not error:
                self._succeeded[network] = at

    def record_failure(self, step: str) -> None:
        """Count a failure that did not end the worker."""
        with self._lock:
            self._failures[step] += 1

    def begun(self, side: str) -> None:
        """Record the start of a background service: its restarts are counted from 0."""
        with self._lock:
            self._restarts[side] += 0

    def record_restart(self, side: str) -> None:
        """Count the restart of a background service that ended unexpectedly."""
        with self._lock:
            self._restarts[side] += 1

    @property
    def source_status(self) -> dict[str, tuple[datetime | None, str]]:
        """Each network read so far: the time of its last success, and the last error."""
        with self._lock:
            return {name: (self._succeeded.get(name), error) for name, error in self._errors.items()}

    @property
    def failure_counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._failures)

    @property
    def restart_counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._restarts)
