"""Answers as wide as the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from bot.cli.line_wrap import table_lines, wrap_lines

ROOT = Path(__file__).parents[2]


def test_a_long_line_goes_on_with_a_deeper_indent() -> None:
    assert wrap_lines("  bytedance: 14 listed, 9 used\nshort", 18) == "  bytedance: 14\n    listed, 9 used\nshort"


def test_a_paragraph_without_indent_goes_on_without_one() -> None:
    assert wrap_lines("one two three", 8) == "one two\nthree"


def test_a_name_that_is_too_long_stays_whole_and_columns_keep_their_spaces() -> None:
    name = "black-forest-labs/flux-1.1-pro-ultra"
    assert name in wrap_lines(f"  1. {name}: 204,897 runs", 20).splitlines()[1]
    assert wrap_lines("    2025-03-01  187,061", 40) == "    2025-03-01  187,061"


def test_a_table_wraps_its_last_column() -> None:
    rows = [("models_used", "count", "How many models were used in the period")]
    assert list(table_lines(("metric", "unit", "meaning"), rows, 44)) == [
        "metric       unit   meaning",
        "models_used  count  How many models were",
        "                    used in the period",
    ]


def _about(folder: Path, columns: int) -> list[str]:
    """The lines of `about` in a terminal of this width."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("COLUMNS", None)
    with subprocess.Popen([sys.executable, "-m", "bot", "about"], cwd=folder, env=environment, stdout=terminal) as bot:
        os.close(terminal)
        shown = b""
        try:
            while read := os.read(main, 65536):
                shown += read
        except OSError:  # Linux reports the closed terminal as an error.
            pass
    os.close(main)
    assert bot.returncode == 0
    return shown.decode().splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("columns", [60, 140])
def test_an_answer_is_as_wide_as_the_terminal(folder: Path, columns: int) -> None:
    lines = _about(folder, columns)
    assert columns - 20 < max(map(len, lines)) <= columns
    assert not any("**" in line or "`" in line for line in lines)


def test_in_a_pipe_a_line_has_at_most_100_characters(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "60"}
    command = [sys.executable, "-m", "bot", "about"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert 80 < max(map(len, ran.stdout.splitlines())) <= 100
