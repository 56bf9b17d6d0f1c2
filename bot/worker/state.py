"""What the worker knows of itself: when it last moved, what failed. Read by /health and /metrics from other threads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

STEPS = ("round", "database", "publish", "notify")
"""What can fail and be got over. Each is counted from 0 on, so that the first failure is an increase."""


@dataclass(slots=True)
class WorkerState:
    """How the worker is doing. Each attribute is replaced whole."""

    began: datetime | None = None
    """When this process began to work."""
    beat: datetime | None = None
    """When it last came round, whatever came of it."""
    leads: bool | None = None
    """Whether it is the one that works; `None` before the first round."""
    database: str = "not opened yet"
    """Why the database cannot be used; empty when it can."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _succeeded: dict[str, datetime] = field(default_factory=dict)
    _errors: dict[str, str] = field(default_factory=dict)
    _failures: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(STEPS, 0)))
    _restarts: Counter[str] = field(default_factory=Counter)

    def record_collection(self, network: str, at: datetime, error: str) -> None:
        """A source was asked; `error` is empty where it answered."""
        with self._lock:
            self._errors[network] = error
            if not error:
                self._succeeded[network] = at

    def record_failure(self, step: str) -> None:
        """Something went wrong that the worker got over."""
        with self._lock:
            self._failures[step] += 1

    def begun(self, side: str) -> None:
        """A side of the worker begins: its restarts are counted from 0 on."""
        with self._lock:
            self._restarts[side] += 0

    def record_restart(self, side: str) -> None:
        """A side of the worker ended by itself and is started again."""
        with self._lock:
            self._restarts[side] += 1

    @property
    def source_status(self) -> dict[str, tuple[datetime | None, str]]:
        """Each network asked so far: when its source last answered, and the error of the last time."""
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
