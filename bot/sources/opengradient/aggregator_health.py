"""Which Walrus aggregators answer, and how fast: the fastest is asked first, and one that does not answer rests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from bot.clients.http import HttpBody, HttpFailure

DEAD_AFTER = 3
"""Failures in a row after which an aggregator rests."""
FIRST_REST = 60.0
LONGEST_REST = 1800.0
"""Seconds until one that rests is asked again, by one request; doubled each time."""
_WEIGHT = 0.3
"""Of the newest answer in an aggregator's usual time."""


@dataclass(slots=True)
class _Record:
    seconds: float = 0.0
    """Usual time of an answer; 0 before the first."""
    failures: int = 0
    rest_until: float = 0.0


@dataclass(slots=True)
class AggregatorHealth:
    """What is known of each aggregator. Safe for several threads."""

    unreachable: Collection[str] = ()
    """Those that did not answer just now; they begin with a rest."""
    monotonic: Callable[[], float] = time.monotonic
    _records: dict[str, _Record] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def usable(self, bases: Sequence[str]) -> list[str]:
        """Those to ask now: the fastest first, in the given order while nothing is known. One whose rest is over comes
        last, and to one caller only."""
        now = self.monotonic()
        with self._lock:
            sound, probed = [], []
            for base in bases:
                record = self._record(base, now)
                if record.failures < DEAD_AFTER:
                    sound.append((record.seconds, base))
                elif record.rest_until <= now:
                    record.rest_until = now + FIRST_REST
                    probed.append(base)
            return [base for _, base in sorted(sound, key=lambda pair: pair[0])] + probed

    def record_answer(self, base: str, seconds: float, answer: HttpBody | HttpFailure) -> None:
        """An aggregator was asked, and answered after so many seconds or not at all."""
        with self._lock:
            record = self._record(base, self.monotonic())
            record.seconds += (seconds - record.seconds) * (_WEIGHT if record.seconds else 1.0)
            if is_answer(answer):
                record.failures = 0
                return
            record.failures += 1
            rest = FIRST_REST * 2.0 ** max(0, record.failures - DEAD_AFTER)
            record.rest_until = self.monotonic() + min(LONGEST_REST, rest)

    def _record(self, base: str, now: float) -> _Record:
        if base not in self._records:
            dead = base in self.unreachable
            self._records[base] = _Record(0.0, DEAD_AFTER if dead else 0, now + FIRST_REST if dead else 0.0)
        return self._records[base]


def is_answer(answer: HttpBody | HttpFailure) -> bool:
    """Whether an aggregator works, whatever it says of the blob: 503 is its word for one that is not readable now."""
    return isinstance(answer, HttpBody) or answer.oversize or answer.status in (404, 503)
