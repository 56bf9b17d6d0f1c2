"""A Python process that answers each line of JSON with another one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

Self = TypeVar("Self", bound="LineProcess")


class LineProcess:
    """A context manager that has one such process."""

    module: ClassVar[str]

    def __enter__(self: Self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(120)
        self._process.stdout.close()

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Send an order, and return the answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"{self.module} died; its standard error says why"
        answer: dict[str, Any] = json.loads(line)
        return answer
