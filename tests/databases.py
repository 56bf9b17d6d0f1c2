"""SQLite files with this version's tables and nothing in them, as copies of one: migrating each takes many times as
long."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot import store


@cache
def tables() -> bytes:
    """Such a file's content; migrated once a process."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "footfall.db")
        store.opened(f"sqlite:///{path}").close()
        return path.read_bytes()


def sqlite(path: Path) -> str:
    """The address of a new file."""
    path.write_bytes(tables())
    return f"sqlite:///{path}"
