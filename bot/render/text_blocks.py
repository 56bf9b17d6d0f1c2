"""Posts in pieces: which sentences stay when not all of them fit.

A template wraps each in `{% filter piece("kind", rank=n) %}`. Pieces are dropped whole, the least important first, so
that nothing is cut in the middle of a number or a name. The separators are private-use characters, as in `lint`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bot.render.number_lint import LintError, lint_text, strip_private_use

_START, _BETWEEN, _END = "\ue010", "\ue011", "\ue012"
_RANKS = 0xE100
_PIECE = re.compile(f"{_START}([^{_BETWEEN}]*){_BETWEEN}([^{_BETWEEN}]*){_BETWEEN}(.){_BETWEEN}([^{_END}]*){_END}")
_SPACES = re.compile(r"\s+")
_AT_BREAK = re.compile(" *(\n+) *")
_MANY_BREAKS = re.compile("\n{3,}")
_AFTER_WIDE_MARK = re.compile(r"(?<=[。，；：！？]) +")
_BEFORE_MARK = re.compile(r" +(?=[.,;:)?](?:\s|$))")

LINE = Markup("\ue020")
"""A line break of a post. Line breaks of the template itself are spaces, so that it can be laid out for reading."""
PARAGRAPH = LINE + LINE


class TooLongError(Exception):
    """What must be said does not fit the platform's limit."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A part of a post with how much it matters: rank 0 always stays, the highest rank is dropped first."""

    kind: str
    title: str
    rank: int
    text: str


def mark_block(text: str, kind: str = "text", title: str = "", rank: int = 0) -> Markup:
    """The filter: a block of a template as a piece."""
    return Markup(f"{_START}{kind}{_BETWEEN}{title}{_BETWEEN}{chr(_RANKS + rank)}{_BETWEEN}{text}{_END}")  # noqa: S704


def parse_blocks(raw: str, template: str) -> tuple[TextBlock, ...]:
    """The pieces of a rendered template in order, each linted. Raises `LintError`, also for words outside them."""
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
    """The pieces in their order as one text within `limit`. Goes by rank and keeps what still fits, so that one long
    sentence does not take the shorter ones with it; of pieces with the same title, which are ways to say the same, one
    stays. Raises `TooLongError` when rank 0 alone is too long."""
    kept = {i for i, part in enumerate(parts) if part.rank == 0}
    text = _join_blocks(parts, kept)
    if size(text) > limit:
        raise TooLongError(f"found {size(text)} characters in what must be said, wanted at most {limit}: {text[:80]!r}")
    for i in sorted(set(range(len(parts))) - kept, key=lambda i: (parts[i].rank, i)):
        if parts[i].title and parts[i].title in {parts[k].title for k in kept}:
            continue
        longer = _join_blocks(parts, kept | {i})
        if size(longer) <= limit:
            kept, text = kept | {i}, longer
    return text


def whole_lines(text: str, size: Callable[[str], int], limit: int) -> str:
    """As many whole lines from the top as fit."""
    lines = text.split("\n")
    while lines and size("\n".join(lines)) > limit:
        lines.pop()
    return "\n".join(lines).rstrip()


def _join_blocks(parts: Sequence[TextBlock], kept: set[int]) -> str:
    return tidy_text("".join(part.text for i, part in enumerate(parts) if i in kept))
