"""Runs `python -m` in any folder, in forks of a process that has imported the libraries: most of a short command's time
is spent on imports. Nothing of Footfall is loaded before the fork, so a command finds what its own folder holds.

As a process, it reads one JSON object per line from standard input: `{"argv", "folder", "environ"}`, the module first.
The response is `{"status", "output", "errors"}`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.peers.line_process import LineProcess

LIBRARIES = (
    "alembic.command",
    "aiohttp.web",
    "babel.dates",
    "click.testing",
    "cryptography.hazmat.primitives.serialization",
    "discord",
    "eth_abi",
    "httpx",
    "jinja2",
    "matplotlib.backends.backend_agg",
    "openapi_core",
    "playwright.sync_api",
    "psycopg",
    "pydantic",
    "pytest",
    "sqlalchemy.dialects.sqlite",
    "stamina",
    "structlog",
    "tweepy",
    "yaml",
)
OWN = ("bot", "docs", "locales", "tests")


class PreparedPython(LineProcess):
    """`with PreparedPython() as python:` has one prepared process; `python.run(...)` is like `subprocess.run`."""

    module = "tests.peers.prepared_python"

    def run(self, *argv: str, folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a module in a folder, with these variables only."""
        done = self.ask({"argv": argv, "folder": str(folder), "environ": dict(environ)})
        return subprocess.CompletedProcess(argv, done["status"], done["output"], done["errors"])


def run_module(argv: list[str]) -> int:
    """Run a module as `python -m` does; returns the exit code."""
    sys.argv, sys.path[0] = argv, os.getcwd()
    try:
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001  a traceback is part of what it says
        traceback.print_exc()
        return 1
    return 0


def fork(order: dict[str, Any], output: IO[str], errors: IO[str]) -> int:
    """Run a command in a fork; returns its exit code."""
    pid = os.fork()
    if pid == 0:
        for stream, number in ((output, 1), (errors, 2)):
            os.dup2(stream.fileno(), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environ"])
        status = run_module(order["argv"])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    gc.freeze()  # collecting garbage in a fork would copy every page that was inherited
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            status = fork(json.loads(line), output, errors)
            output.seek(0)
            errors.seek(0)
            print(json.dumps({"status": status, "output": output.read(), "errors": errors.read()}), flush=True)
    gc.unfreeze()  # libraries report what is left at the end of a process


if __name__ == "__main__":
    main()
