"""The client of `tests.peers.killable`: starts it, and runs commands in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class ForkServer:
    """`with ForkServer() as server:` has one prepared process; `server.run(...)` runs commands in forks of it."""

    def __enter__(self) -> ForkServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.killable"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(120)
        self._process.stdout.close()

    def here(self, *argv: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a command in the prepared process itself, so that forks inherit its pictures."""
        self._ask({"here": argv, "environ": dict(environ or {})})

    def run(self, *runs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run commands at the same time: `argv`, `environ`, `shift`, `kill`. Each returns `status`, `points`,
        `output`."""
        done: list[dict[str, Any]] = self._ask({"runs": list(runs)})["runs"]
        return done

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the fork server died; its standard error says why"
        answer: dict[str, Any] = json.loads(line)
        return answer
