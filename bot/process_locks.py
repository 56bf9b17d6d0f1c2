"""Which processes that share one SQLite file are alive: each locks its own file beside the database.

The kernel releases a lock when its process ends, however it ends. This also works if a process id is reused, if two
containers have the same host name and process ids, and after a restart of the machine, where a comparison of host
names, process ids and start times would fail (a container cannot see the processes of another). Processes without a
file, such as those of an older version, and all processes on PostgreSQL, whose workers are on many machines, are never
known to have ended: their leases expire.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.store import Store

KEPT = 7 * 24 * 3600.0
"""Seconds to keep the file of a killed process: longer than anything refers to the process."""


@contextmanager
def announced(store: Store, name: str) -> Iterator[None]:
    """Show other processes that this one is alive, until the end of the block. Does nothing on PostgreSQL, and on a
    disk without locks."""
    path = _path(store, name)
    held = _locked(path, os.O_CREAT) if path else None
    if path is None or held is None:
        yield
        return
    try:
        _remove_old(path.parent)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(held)


def has_ended(store: Store, name: str) -> bool:
    """Whether a process is known to have ended without releasing its leases. False if unknown."""
    path = _path(store, name)
    held = _locked(path) if path else None
    if held is None:
        return False
    os.close(held)
    return True


def _path(store: Store, name: str) -> Path | None:
    """The file of a process."""
    url = store.engine.url
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(f"{url.database}-processes") / name.replace("/", "_")


def _locked(path: Path, more: int = 0) -> int | None:
    """The open file, locked; `None` if it does not exist, another process has it, or the disk has no locks."""
    try:
        if more:
            path.parent.mkdir(exist_ok=True)
        opened = os.open(path, os.O_RDWR | more, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened


def _remove_old(folder: Path) -> None:
    for path in folder.iterdir():
        try:
            old = time.time() - path.stat().st_mtime > KEPT
        except FileNotFoundError:
            continue
        if old and (held := _locked(path)) is not None:
            path.unlink(missing_ok=True)
            os.close(held)
