"""A cache whose entries are valid until the data version changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

KEPT = 12
"""Entries; the largest is the list of a day, about 4 MB for 10,000 models."""


class VersionedCache:
    """Values by key, each valid for one mark. Concurrent requests for the same key compute it once."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._values = kept, OrderedDict[Hashable, tuple[Hashable, Any]]()
        self._lock, self._key_locks = threading.Lock(), dict[Hashable, threading.Lock]()

    def get_or_compute(self, key: Hashable, mark: Hashable, look: Callable[[], T]) -> T:
        """The value of a key, computed unless it was under this mark. Read the mark before calling."""
        with self._lock:
            turn = self._key_locks.setdefault(key, threading.Lock())
        with turn:
            if (found := self._cached_value(key, mark)) is not None:
                value: T = found[0]
                return value
            try:
                value = look()
                self._store_value(key, mark, value)
            finally:
                with self._lock:
                    self._key_locks.pop(key, None)
            return value

    def _cached_value(self, key: Hashable, mark: Hashable) -> tuple[Any] | None:
        with self._lock:
            known = self._values.get(key)
            if known is None or known[0] != mark:
                return None
            self._values.move_to_end(key)
            self._key_locks.pop(key, None)
            return (known[1],)

    def _store_value(self, key: Hashable, mark: Hashable, value: object) -> None:
        with self._lock:
            self._values[key] = (mark, value)
            self._values.move_to_end(key)
            while len(self._values) > self._kept:
                self._values.popitem(last=False)
