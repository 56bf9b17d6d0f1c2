"""Posts in blocks: which sentences stay when not all of them fit.

A template wraps each in `{% filter piece("kind", rank=n) %}`. Blocks are dropped whole, the least important first, so
that no number or name is cut. The separators are private-use characters, as in `number_lint`.
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
_BEFORE_MARK = re.compile(r" +(?=[.,;:)?](?:\s|$))")

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
    """Single spaces, none before a full stop or a question mark, only declared line breaks, none at the ends."""
    flowing = _BEFORE_MARK.sub("", _SPACES.sub(" ", text)).replace(LINE, "\n")
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


def whole_lines(text: str, size: Callable[[str], int], limit: int) -> str:
    """As many whole lines from the start as fit."""
    lines = text.split("\n")
    while lines and size("\n".join(lines)) > limit:
        lines.pop()
    return "\n".join(lines).rstrip()


def _join_blocks(parts: Sequence[TextBlock], kept: set[int]) -> str:
    return tidy_text("".join(part.text for i, part in enumerate(parts) if i in kept))
