"""Work that makes thousands of objects and no garbage in cycles, without a collector that looks at them in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause the search for garbage in cycles; also a decorator. Only who paused it resumes it, so that it may be nested
    and used in several threads."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect_young_garbage() -> None:
    """Collect what was made lately, while the search is paused. What was there before is not looked at again."""
    gc.collect(1)
