"""DuckDB: one in-memory database per process, one cursor per thread, and a memory limit.

A day's work runs on one thread, and days run in parallel, so that cores are shared in one place. Only a very large day
runs on several, in a database of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_lock = threading.Lock()
_databases: dict[int, DuckDBPyConnection] = {}
_own = threading.local()
_sweeping = threading.Lock()
_swept: set[tuple[int, Path]] = set()
"""Folders that this process has already cleaned; it does so before it writes there."""


def thread_cursor(memory: str, spill: str = "") -> DuckDBPyConnection:
    """This thread's cursor. The database is limited to `memory` (such as "400MB"); the rest goes to the folder
    `spill` of the process's first call, see `spill_folder`."""
    own: DuckDBPyConnection | None = getattr(_own, "database", None)
    if own is not None:
        return own
    pid = os.getpid()
    held: tuple[int, DuckDBPyConnection] | None = getattr(_own, "cursor", None)
    if held is None or held[0] != pid:
        held = _own.cursor = (pid, _process_database(pid, spill).cursor())
    if getattr(_own, "memory", None) != memory:
        held[1].execute(f"SET memory_limit='{_memory_limit(memory)}'")
        _own.memory = memory
    return held[1]


@contextmanager
def several_threads(threads: int, memory: str, spill: str = "") -> Iterator[None]:
    """Until the end, the queries of this thread run on so many threads, in a database of their own with its own
    limit of memory. One thread of a process at a time."""
    with _several:
        yield from _with_own_database(threads, memory, spill)


_several = threading.Lock()


def _with_own_database(threads: int, memory: str, spill: str) -> Iterator[None]:
    name = spill_name(f"duckdb-{threading.get_ident()}")
    _own.database = _open_database(threads, spill, name)
    try:
        _own.database.execute(f"SET memory_limit='{_memory_limit(memory)}'")
        yield
    finally:
        _own.database.close()
        _own.database = None


def _memory_limit(memory: str) -> str:
    """Check that an amount of memory has the form that DuckDB reads."""
    if not re.fullmatch(r"[0-9]{1,6} ?(MB|GB)", memory):
        raise ValueError(f"lake.memory: found {memory!r}, wanted an amount such as 400MB or 4GB")
    return memory


def spill_folder(spill: str) -> str:
    """The folder for data that does not fit into memory: `spill` if it can be created, otherwise the folder for
    temporary files, which on many machines is in memory. Removes what killed processes left there."""
    folder = Path(spill)
    try:
        if not spill or not folder.parent.is_dir():  # a worker on another machine may lack the folder
            raise NotADirectoryError
        folder.mkdir(exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    with _sweeping:
        if (os.getpid(), folder) not in _swept:
            _remove_leftovers(folder)
            _swept.add((os.getpid(), folder))
    return str(folder)


def spill_name(what: str) -> str:
    """A name in that folder that identifies its process."""
    return f"footfall-{socket.gethostname()}-{os.getpid()}-{what}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what ended processes of this machine left."""
    mine = re.compile(rf"footfall-{re.escape(socket.gethostname())}-([0-9]+)-.*")
    for path in folder.iterdir():
        match = mine.fullmatch(path.name)
        if match and (int(match[1]) == os.getpid() or not _process_exists(int(match[1]))):
            shutil.rmtree(path, ignore_errors=True)


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _process_database(pid: int, spill: str) -> DuckDBPyConnection:
    with _lock:
        if pid not in _databases:
            _databases[pid] = _open_database(1, spill, spill_name("duckdb"))
        return _databases[pid]


def _open_database(threads: int, spill: str, name: str) -> DuckDBPyConnection:
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "temp_directory": os.path.join(spill_folder(spill), name),
        # A missing column must fail here instead of making DuckDB search the Internet for an extension.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)
