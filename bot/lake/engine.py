"""DuckDB: one database in memory a process, a cursor a thread, and a limit on what it may take.

A day's work runs on one thread: what runs side by side are days, so that a machine's cores are shared in one place.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_lock = threading.Lock()
_databases: dict[int, DuckDBPyConnection] = {}
_own = threading.local()


def cursor(memory: str) -> DuckDBPyConnection:
    """This thread's cursor, its database limited to so much memory (as "400MB")."""
    pid = os.getpid()
    held: tuple[int, DuckDBPyConnection] | None = getattr(_own, "cursor", None)
    if held is None or held[0] != pid:
        held = _own.cursor = (pid, _database(pid).cursor())
    if getattr(_own, "memory", None) != memory:
        held[1].execute(f"SET memory_limit='{_amount(memory)}'")
        _own.memory = memory
    return held[1]


def _amount(memory: str) -> str:
    """As DuckDB reads it, and nothing else."""
    if not re.fullmatch(r"[0-9]{1,6} ?(MB|GB)", memory):
        raise ValueError(f"lake.memory: found {memory!r}, wanted an amount such as 400MB or 4GB")
    return memory


def _database(pid: int) -> DuckDBPyConnection:
    with _lock:
        if pid not in _databases:
            import duckdb

            settings: dict[str, str | bool | int | float | list[str]] = {
                "threads": 1,
                "temp_directory": os.path.join(tempfile.gettempdir(), f"footfall-duckdb-{pid}"),
                # A column that a network lacks must fail here, not be looked for on the Internet as an extension.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
            _databases[pid] = duckdb.connect(":memory:", config=settings)
        return _databases[pid]
