"""Folders and files that the first of a run's processes builds and the others find: building takes seconds."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path


def build_once(path: Path, build: Callable[[Path], object]) -> Path:
    """`path`, after one process has called `build` with it. The others wait; a build that failed is tried again."""
    ready = path.with_name(f"{path.name}.ready")
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            build(path)
            ready.touch()
    return path
