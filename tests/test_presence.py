"""Which processes of one SQLite file are alive."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import leases, process_locks, store
from tests import databases

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LASTS = timedelta(minutes=10)
ROOT = Path(__file__).parents[1]
HOLDS = """
import sys
from datetime import datetime, timedelta
from bot import leases, process_locks, store
opened = store.open_store(sys.argv[1])
with process_locks.announced(opened, sys.argv[2]):
    assert leases.acquire_lease(opened, "walk", sys.argv[2], datetime.fromisoformat(sys.argv[3]), timedelta(minutes=10))
    print("holds", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(url: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """A separate process that holds the lease."""
    argv = [sys.executable, "-c", HOLDS, url, name, NOW.isoformat()]
    with subprocess.Popen(
        argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=-1, stdout=-1, text=True
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "holds\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    yield opened
    opened.close()


def test_after_a_kill_the_next_worker_goes_on_at_once(files: store.Store) -> None:
    url = f"sqlite:///{files.engine.url.database}"
    with holder(url, "host:1:aaaa") as process:
        assert not leases.acquire_lease(files, "walk", "host:1:bbbb", NOW, LASTS), "the first one lives"
        process.kill()
        process.wait()
        # The same host and the same number, as in a container that was started again: another process all the same.
        with process_locks.announced(files, "host:1:bbbb"):
            assert leases.acquire_lease(files, "walk", "host:1:bbbb", NOW, LASTS)
            assert not leases.acquire_lease(files, "walk", "host:1:cccc", NOW, LASTS)


def test_one_of_whom_nothing_is_known_is_waited_for(db: store.Store) -> None:
    """A worker of an older version, or on another machine with the same PostgreSQL."""
    assert leases.acquire_lease(db, "walk", "old", NOW, LASTS)
    assert not leases.acquire_lease(db, "walk", "new", NOW + LASTS - timedelta(seconds=1), LASTS)
    assert leases.acquire_lease(db, "walk", "new", NOW + LASTS, LASTS)


def test_a_process_is_alive_from_the_beginning_of_its_block_to_the_end(files: store.Store) -> None:
    folder = Path(f"{files.engine.url.database}-processes")
    with process_locks.announced(files, "a/b"):
        assert not process_locks.has_ended(files, "a/b") and len(list(folder.iterdir())) == 1
    assert not process_locks.has_ended(files, "a/b") and not list(folder.iterdir())


def test_files_of_killed_processes_go_after_a_week(files: store.Store) -> None:
    folder = Path(f"{files.engine.url.database}-processes")
    folder.mkdir()
    for name, age in (("young", 0.0), ("old", process_locks.KEPT + 3600)):
        (folder / name).touch()
        seen = (folder / name).stat().st_mtime - age
        os.utime(folder / name, (seen, seen))
    assert process_locks.has_ended(files, "old") and process_locks.has_ended(files, "young")
    with process_locks.announced(files, "me"):
        assert sorted(path.name for path in folder.iterdir()) == ["me", "young"]


def test_a_disk_where_that_cannot_be_shown_stops_nobody(files: store.Store) -> None:
    Path(f"{files.engine.url.database}-processes").write_text("in the way")
    with process_locks.announced(files, "me"):
        assert leases.acquire_lease(files, "walk", "me", NOW, LASTS)
    assert not process_locks.has_ended(files, "me")
