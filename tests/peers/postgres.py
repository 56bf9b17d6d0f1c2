"""A real PostgreSQL for the tests: a cluster in a temporary folder, on a Unix socket only."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

import psycopg

from bot import store
from tests.patience import PATIENCE

CURE = "install PostgreSQL (Debian: apt-get install postgresql); `make test` does it as root"

SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "max_connections=50",
)
"""Nothing has to survive a crash. Autovacuum would visit hundreds of small databases without end."""


class Postgres:
    """One cluster; `database()` creates a database in it."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="footfall-pg-"))
        self._count = 0
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        options = f"-c listen_addresses='' -k {self._folder} " + " ".join(f"-c {setting}" for setting in SETTINGS)
        self._run("initdb", "-D", str(self._folder / "d"), "-U", "footfall", "-A", "trust", "-E", "UTF8", "--no-sync")
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._folder / "d"), "-l", log, "-o", options, "-w", "start")

    def database(self) -> str:
        """The URL of a new empty database with this version's tables."""
        return self._made(self._with_tables)

    def bare(self, encoding: str = "") -> str:
        """The URL of a new database without tables, optionally in another encoding."""
        return self._made(f"template0 ENCODING '{encoding}' LOCALE 'C'" if encoding else "template1")

    def drop(self, url: str) -> None:
        """Drop a database, even with open connections."""
        self._say(f"DROP DATABASE {_name(url)} WITH (FORCE)")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "d"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _with_tables(self) -> str:
        """The database that others are copied from: migrating each takes many times as long."""
        url = self.bare()
        store.open_store(url).close()
        return _name(url)

    def _made(self, template: str) -> str:
        self._count += 1
        name = f"t{self._count}"
        # By default the copy goes page by page through the write-ahead log, which takes five times as long.
        self._say(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return f"postgresql://footfall@/{name}?host={self._folder}"

    def _say(self, statement: str) -> None:
        with psycopg.connect(host=str(self._folder), user="footfall", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, command: str, *arguments: str) -> None:
        who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*who, str(self._bin / command), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace').strip()}")


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _binaries() -> Path:
    paths = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [shutil.which("initdb") or ""]
    if not paths[-1]:
        raise RuntimeError(f"no initdb on this machine: {CURE}")
    return Path(paths[-1]).parent
