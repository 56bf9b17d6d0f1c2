"""Posts in blocks: which sentences stay when not all of them fit.

A template wraps each in `{% filter piece("kind", rank=n) %}`. Pieces are dropped whole, the least important first, so
that nothing is cut in the middle of a number or a name.

The number lint: every digit of a rendered text comes from a figure, a date, a declared constant or a name. The filters
wrap what they emit in two private-use characters, which foreign text never holds (`records.SafeName` drops them,
`strip_private_use` again). What is left outside those marks must be free of digits of any script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from markupsafe import Markup

OPEN, CLOSE = "\ue000", "\ue001"
_MARKS = re.compile(f"([{OPEN}{CLOSE}])")
_PRIVATE = "Co"
_DIGITS = frozenset({"Nd", "Nl", "No"})
_SPOKEN_ATTRIBUTES = frozenset({"alt", "title", "aria-label", "aria-description", "content", "placeholder"})
_UNSPOKEN_ELEMENTS = frozenset({"script", "style"})


class LintError(Exception):
    """A template would publish what no figure backs. Names the template and what was found."""


def strip_private_use(text: str) -> str:
    """Text without private-use characters, so that no mark can be forged."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c) != _PRIVATE)


def mark_text(text: str) -> str:
    """Text that may hold digits, for `lint_text` to let through. Marks inside are dissolved."""
    return f"{OPEN}{strip_private_use(text)}{CLOSE}"


def lint_text(text: str, template: str, *, html: bool = False) -> str:
    """The text in NFC without its marks. Raises `LintError` for a digit outside marks; with `html`, markup itself
    (tags, most attributes, styles) is not prose and is passed over."""
    prose = _outside_marks(text, template)
    if html and not _may_speak_digits(prose):
        prose = ""
    elif html:
        reader = _Prose()
        reader.feed(prose)
        reader.close()
        prose = "\n".join(reader.texts)
    stray = sorted(c for c in set(prose) if unicodedata.category(c) in _DIGITS)
    if stray:
        where = next(line for line in prose.splitlines() if any(c in line for c in stray)).strip()
        raise LintError(
            f"{template}: found {' '.join(stray)} in {where[:80]!r}, wanted digits only from a figure, a date, a "
            "constant or a name; use their filters"
        )
    return unicodedata.normalize("NFC", text.replace(OPEN, "").replace(CLOSE, ""))


def _outside_marks(text: str, template: str) -> str:
    """What stands outside the marks. Raises `LintError` where they do not match: a filter cut a marked text."""
    kept: list[str] = []
    inside = False
    for part in _MARKS.split(text):
        if part in (OPEN, CLOSE):
            if inside == (part == OPEN):
                raise LintError(
                    f"{template}: a filter cut or doubled a marked text; shorten names with their own filter"
                )
            inside = part == OPEN
        elif not inside:
            kept.append(part)
    if inside:
        raise LintError(f"{template}: a filter cut a marked text; shorten names with their own filter")
    return "".join(kept)


_PLAIN_TAG = re.compile(r"""<!--[a-zA-Z_ -]*-->|</?[a-zA-Z][a-zA-Z0-9]*(?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*\s*/?>""")
_SPOKEN_VALUE = re.compile(rf"""\s(?:{"|".join(sorted(_SPOKEN_ATTRIBUTES))})=("[^"]*")""", re.IGNORECASE)
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_PLAIN_REFERENCE = re.compile("&(?:amp|lt|gt|quot|#34|#39);")


def _may_speak_digits(html: str) -> bool:
    """Whether a reader might see or hear a digit of a page. Passes over what is certainly markup; the parser, which
    takes ten times as long, decides the rest."""
    html = html.replace(_VIEWPORT, " ", 1)
    spoken = [_PLAIN_TAG.sub(" ", html), *_SPOKEN_VALUE.findall(html)]
    rest = _PLAIN_REFERENCE.sub(" ", "\n".join(spoken))
    return "&" in rest or any(unicodedata.category(c) in _DIGITS for c in set(rest))


class _Prose(HTMLParser):
    """Collects what a reader sees or hears of a page."""

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


_START, _BETWEEN, _END = "\ue010", "\ue011", "\ue012"
_RANKS = 0xE100
_PIECE = re.compile(f"{_START}([^{_BETWEEN}]*){_BETWEEN}([^{_BETWEEN}]*){_BETWEEN}(.){_BETWEEN}([^{_END}]*){_END}")
_SPACES = re.compile(r"\s+")
_AT_BREAK = re.compile(" *(\n+) *")
_MANY_BREAKS = re.compile("\n{3,}")
_AFTER_WIDE_MARK = re.compile(r"(?<=[。，；：！？、（]) +")
_BEFORE_MARK = re.compile(r" +(?=[.,;:)?،؛؟](?:\s|$))| +(?=[。，；：！？、）])")

LINE = Markup("\ue020")
"""A line break of a post. Line breaks of the template are spaces, so that it can be formatted for reading."""
PARAGRAPH = LINE + LINE


class TooLongError(Exception):
    """The required text exceeds the platform's limit."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A part of a post with its priority: rank 0 always stays, the highest rank is dropped first."""

    kind: str
    title: str
    rank: int
    text: str


def mark_block(text: str, kind: str = "text", title: str = "", rank: int = 0) -> Markup:
    """The filter that makes a block."""
    return Markup(f"{_START}{kind}{_BETWEEN}{title}{_BETWEEN}{chr(_RANKS + rank)}{_BETWEEN}{text}{_END}")  # noqa: S704


def parse_blocks(raw: str, template: str) -> tuple[TextBlock, ...]:
    """The blocks of a rendered template in order, each linted. Raises `LintError`, also for text outside them."""
    if outside := _PIECE.sub("", raw).strip():
        raise LintError(f"{template}: found {strip_private_use(outside)[:60]!r} outside the pieces, wanted it in one")
    return tuple(
        TextBlock(kind, lint_text(title, template), ord(rank) - _RANKS, lint_text(text, template))
        for kind, title, rank, text in _PIECE.findall(raw)
    )


def tidy_text(text: str) -> str:
    """Single spaces, none before a full stop or after a full-width mark, declared line breaks only, none at an end."""
    flowing = _AFTER_WIDE_MARK.sub("", _BEFORE_MARK.sub("", _SPACES.sub(" ", text))).replace(LINE, "\n")
    return _MANY_BREAKS.sub("\n\n", _AT_BREAK.sub(r"\1", flowing)).strip()


def fit_blocks(parts: Sequence[TextBlock], size: Callable[[str], int], limit: int) -> str:
    """The blocks in order as one text within `limit`. Goes by rank and keeps what still fits, so that one long sentence
    does not exclude shorter ones; of blocks with the same title, which are alternatives, one stays. Raises
    `TooLongError` if rank 0 alone is too long."""
    kept = {i for i, part in enumerate(parts) if part.rank == 0}
    text = _join_blocks(parts, kept)
    if size(text) > limit:
        raise TooLongError(f"found {size(text)} characters in the required text, wanted at most {limit}: {text[:80]!r}")
    for i in sorted(set(range(len(parts))) - kept, key=lambda i: (parts[i].rank, i)):
        if parts[i].title and parts[i].title in {parts[k].title for k in kept}:
            continue
        longer = _join_blocks(parts, kept | {i})
        if size(longer) <= limit:
            kept, text = kept | {i}, longer
    return text


def utf16_length(text: str) -> int:
    """Length as Discord counts at most: UTF-16 units, never fewer than characters."""
    return len(text.encode("utf-16-le")) // 2


def whole_lines(text: str, size: Callable[[str], int], limit: int) -> str:
    """As many whole lines from the start as fit."""
    lines = text.split("\n")
    while lines and size("\n".join(lines)) > limit:
        lines.pop()
    return "\n".join(lines).rstrip()


def _join_blocks(parts: Sequence[TextBlock], kept: set[int]) -> str:
    return tidy_text("".join(part.text for i, part in enumerate(parts) if i in kept))
