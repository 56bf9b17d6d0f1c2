"""A real pgbouncer before the tests' PostgreSQL: it assigns a server connection per transaction, like hosted databases.
On a Unix socket only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.patience import PATIENCE

CURE = "install pgbouncer (Debian: apt-get install pgbouncer); `make test` does it as root"
CONFIG = """
[databases]
* = host={server} port=5432
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
pool_mode = transaction
default_pool_size = 2
auth_type = trust
auth_file = {folder}/users
"""
"""Two server connections in total, so that a session's second transaction soon gets another one."""
NO_PREPARED_STATEMENTS = "max_prepared_statements = 0\n"
"""Like all versions before 1.21, which do not have this setting."""


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The URL of a PostgreSQL database through a pool of transactions."""
    command = shutil.which("pgbouncer") or ("/usr/sbin/pgbouncer" if Path("/usr/sbin/pgbouncer").exists() else "")
    if not command:
        raise RuntimeError(f"no pgbouncer on this machine: {CURE}")
    parts = urlsplit(url)
    server, user, root = parse_qs(parts.query)["host"][0], str(parts.username), os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="footfall-pool-") as name:
        folder = Path(name)
        (folder / "users").write_text(f'"{user}" ""\n')
        more = NO_PREPARED_STATEMENTS if _version(command) >= (1, 21) else ""
        (folder / "pgbouncer.ini").write_text(CONFIG.format(server=server, folder=folder) + more)
        if root:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "postgres")
        arguments = [command, *(["-u", "postgres"] if root else []), str(folder / "pgbouncer.ini")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            address = parts._replace(query=f"host={folder}&port=6432").geturl()
            _answers(address, process, folder / "log")
            yield address
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _version(command: str) -> tuple[int, ...]:
    shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"PgBouncer (\d+)\.(\d+)", shown)
    assert match, shown
    return tuple(map(int, match.groups()))


def _answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text()
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            continue
