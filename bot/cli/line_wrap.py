"""Answers as wide as the terminal. In a pipe or a file, a line always has at most 100 characters, whatever runs it."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

PIPED = 100
NARROWEST = 40
"""Narrower than this, words alone would not fit."""


def line_width() -> int:
    """The width of the terminal that standard output is, or `PIPED`."""
    return max(NARROWEST, shutil.get_terminal_size((PIPED, 24)).columns) if sys.stdout.isatty() else PIPED


def wrap_lines(text: str, width: int) -> str:
    """The text with lines of at most so many characters. What is left of a line is indented deeper; a word that is too
    long stays whole, so that it can be copied."""
    return "\n".join(part for line in text.splitlines() for part in _wrap_line(line, width))


def _wrap_line(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    words = line.lstrip(" ")
    indent = " " * (len(line) - len(words))
    hanging = indent and f"{indent}  "
    return textwrap.wrap(
        words,
        width,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table_lines(heads: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> Iterator[str]:
    """A table with aligned columns, of which the last one is wrapped."""
    lines = [heads, *rows]
    widths = [max(map(len, column)) + 2 for column in zip(*lines, strict=True)][:-1]
    indent = " " * min(sum(widths), width // 2)
    for line in lines:
        start = "".join(cell.ljust(size) for cell, size in zip(line[:-1], widths, strict=True))
        yield from textwrap.wrap(
            start + line[-1], width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
