"""What was looked up lately, kept for as long as nothing changed in what it was looked up from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

KEPT = 12
"""Values; the largest is the list of a day, about 4 MB at 10,000 models."""


class Recent:
    """Values by key, each good for one mark. Two who ask for the same at once have it looked up once."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._values = kept, OrderedDict[Hashable, tuple[Hashable, Any]]()
        self._one, self._looking = threading.Lock(), dict[Hashable, threading.Lock]()

    def of(self, key: Hashable, mark: Hashable, look: Callable[[], T]) -> T:
        """The value of a key, looked up if that was not done under this mark. The mark must be read before."""
        with self._one:
            turn = self._looking.setdefault(key, threading.Lock())
        with turn:
            if (found := self._found(key, mark)) is not None:
                value: T = found[0]
                return value
            try:
                value = look()
                self._keep(key, mark, value)
            finally:
                with self._one:
                    self._looking.pop(key, None)
            return value

    def _found(self, key: Hashable, mark: Hashable) -> tuple[Any] | None:
        with self._one:
            known = self._values.get(key)
            if known is None or known[0] != mark:
                return None
            self._values.move_to_end(key)
            self._looking.pop(key, None)
            return (known[1],)

    def _keep(self, key: Hashable, mark: Hashable, value: object) -> None:
        with self._one:
            self._values[key] = (mark, value)
            self._values.move_to_end(key)
            while len(self._values) > self._kept:
                self._values.popitem(last=False)
