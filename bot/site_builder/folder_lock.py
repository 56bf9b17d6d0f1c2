"""Only one process at a time changes the site's folder. The lock ends with its holder.

It is a file beside the folder that other users cannot open, so that none of them can hold it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.outlets import OutletError


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Wait for the lock and hold it. Raises `OSError`, and `OutletError` if the file is not ours."""
    path, above = folder.with_name(f".{folder.name}.lock"), folder.parent.stat()
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        here = os.fstat(held)
        if not stat.S_ISREG(here.st_mode) or here.st_uid not in (os.geteuid(), above.st_uid):
            raise OutletError(f"{path}: belongs to another user, who could hold it for ever; delete it")
        if os.geteuid() == 0:
            os.fchown(held, above.st_uid, above.st_gid)  # the user whose folder it is must be able to open it
        if os.geteuid() in (0, here.st_uid):
            os.fchmod(held, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
