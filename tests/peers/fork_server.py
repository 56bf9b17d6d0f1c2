"""The client of `tests.peers.killable`: starts it, and runs commands in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.peers.line_process import LineProcess


class ForkServer(LineProcess):
    """`with ForkServer() as server:` has one prepared process; `server.run(...)` runs commands in forks of it."""

    module = "tests.peers.killable"

    def __enter__(self) -> ForkServer:
        super().__enter__()
        self.read()
        return self

    def here(self, *argv: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a command in the prepared process itself, so that forks inherit its pictures."""
        self.ask({"here": argv, "environ": dict(environ or {})})

    def run(self, *runs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run commands at the same time: `argv`, `environ`, `shift`, `kill`. Each returns `status`, `points`,
        `output`."""
        done: list[dict[str, Any]] = self.ask({"runs": list(runs)})["runs"]
        return done
