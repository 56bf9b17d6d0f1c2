"""The number lint: every digit of a rendered text comes from a figure, a date, a declared constant or a name.

Filters wrap their output in two private-use characters, which foreign text never holds (`records.SafeName` drops them,
`strip_private_use` again). Text outside those marks must not contain digits of any script.
"""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

OPEN, CLOSE = "\ue000", "\ue001"
_PRIVATE = "Co"
_DIGITS = frozenset({"Nd", "Nl", "No"})
_SPOKEN_ATTRIBUTES = frozenset({"alt", "title", "aria-label", "aria-description", "content", "placeholder"})
_UNSPOKEN_ELEMENTS = frozenset({"script", "style"})


class LintError(Exception):
    """A template would publish a number that no figure backs. Names the template and the number."""


def strip_private_use(text: str) -> str:
    """Text without private-use characters, so that no mark can be forged."""
    return "".join(c for c in text if unicodedata.category(c) != _PRIVATE)


def mark_text(text: str) -> str:
    """Text that may hold digits, marked for `lint_text`. Marks inside are removed."""
    return f"{OPEN}{strip_private_use(text)}{CLOSE}"


def lint_text(text: str, template: str, *, html: bool = False) -> str:
    """The text in NFC without its marks. Raises `LintError` for a digit outside marks; with `html`, markup (tags, most
    attributes, styles) is skipped."""
    prose = _outside_marks(text, template)
    if html:
        reader = _Prose()
        reader.feed(prose)
        reader.close()
        prose = "\n".join(reader.texts)
    stray = sorted({c for c in prose if unicodedata.category(c) in _DIGITS})
    if stray:
        where = next(line for line in prose.splitlines() if any(c in line for c in stray)).strip()
        raise LintError(
            f"{template}: found {' '.join(stray)} in {where[:80]!r}, wanted digits only from a figure, a date, a "
            "constant or a name; use their filters"
        )
    return unicodedata.normalize("NFC", text.replace(OPEN, "").replace(CLOSE, ""))


def _outside_marks(text: str, template: str) -> str:
    """The text outside the marks. Raises `LintError` if marks do not match, because a filter cut a marked text."""
    kept: list[str] = []
    inside = False
    for c in text:
        if c in (OPEN, CLOSE):
            if inside == (c == OPEN):
                raise LintError(
                    f"{template}: a filter cut or doubled a marked text; shorten names with their own filter"
                )
            inside = c == OPEN
        elif not inside:
            kept.append(c)
    if inside:
        raise LintError(f"{template}: a filter cut a marked text; shorten names with their own filter")
    return "".join(kept)


class _Prose(HTMLParser):
    """Collects the text of a page that a reader sees or hears."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._hidden_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden_depth += tag in _UNSPOKEN_ELEMENTS
        if tag != "meta":
            self.texts += [v for k, v in attrs if v and k in _SPOKEN_ATTRIBUTES]
        elif dict(attrs).get("name") == "description":
            self.texts.append(dict(attrs).get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden_depth -= tag in _UNSPOKEN_ELEMENTS

    def handle_data(self, data: str) -> None:
        if not self._hidden_depth:
            self.texts.append(data)
