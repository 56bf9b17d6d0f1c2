"""The hand-written pages are wrapped at 100 characters."""

from __future__ import annotations

import re
from pathlib import Path

from docs.generate import NOTE

ROOT = Path(__file__).parents[1]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "tests/README.md")), *(ROOT / "docs").rglob("*.md")]
UNWRAPPED = re.compile(r" *\||>|#|!\[|    ")
"""Beginnings of lines that may be longer: tables, quotations, headings, pictures, code."""


def test_lines_are_wrapped() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()
        long = [line for line in prose if len(line) > 100 and not UNWRAPPED.match(line)]
        assert text.startswith(NOTE) or not long, f"{page.name}: wrap at 100: {long[0]}"
