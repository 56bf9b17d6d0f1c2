"""How long a text is to each platform, what a post would cost, and which sentences stay when not all of them fit.

Sentences are dropped whole, the least important first: nothing is cut in the middle of a number or a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from twitter_text import extract_urls, parse_tweet  # type: ignore[import-untyped]

from bot.records import Post

X_LIMIT = 280
"""Weighted characters; docs.x.com, counting-characters."""
X_ALT_LIMIT = 1000
"""docs.x.com, POST /2/media/metadata."""

# docs.x.com, pricing, August 2026 (pay-per-use, US dollars)
X_POST = Decimal("0.015")
X_POST_WITH_URL = Decimal("0.200")
X_MEDIA_METADATA = Decimal("0.005")

# docs.discord.com, resources/message, "Embed limits"; characters after trimming
EMBED_TITLE, EMBED_DESCRIPTION, EMBED_FIELDS = 256, 4096, 25
EMBED_FIELD_NAME, EMBED_FIELD_VALUE, EMBED_FOOTER, EMBED_TOTAL = 256, 1024, 2048, 6000
DISCORD_ALT_LIMIT = 1024

_SPACES = re.compile(r"[ \t]+")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


class TooLongError(Exception):
    """What must be said does not fit the platform's limit."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a post with how much it matters: rank 0 always stays, the highest rank is dropped first."""

    kind: str
    title: str
    rank: int
    text: str


def weight(text: str) -> int:
    """Weighted length on X, by its own counting rules."""
    return int(parse_tweet(text).weightedLength)


def cost(post: Post) -> Decimal:
    """What the post would cost in US dollars: an estimate from the published prices. Only X charges."""
    if post.outlet != "x":
        return Decimal(0)
    posts = sum((X_POST_WITH_URL if extract_urls(part) else X_POST for part in post.parts), Decimal(0))
    return posts + X_MEDIA_METADATA * len(post.pictures)


def tidy(text: str) -> str:
    """Single spaces, at most one empty line in a row, nothing at the ends."""
    lines = "\n".join(_SPACES.sub(" ", line).strip() for line in text.strip().split("\n"))
    return _BLANK_LINES.sub("\n\n", lines)


def fitted(pieces: Sequence[Piece], size: Callable[[str], int], limit: int) -> str:
    """The pieces in their order as one text within `limit`. Goes by rank and keeps what still fits, so that one long
    sentence does not take the shorter ones with it. Raises `TooLongError` when rank 0 alone is too long."""
    kept = {i for i, piece in enumerate(pieces) if piece.rank == 0}
    text = _together(pieces, kept)
    if size(text) > limit:
        raise TooLongError(f"found {size(text)} characters in what must be said, wanted at most {limit}: {text[:80]!r}")
    for i in sorted((i for i in range(len(pieces)) if i not in kept), key=lambda i: (pieces[i].rank, i)):
        longer = _together(pieces, kept | {i})
        if size(longer) <= limit:
            kept, text = kept | {i}, longer
    return text


def whole_lines(text: str, limit: int) -> str:
    """As many whole lines from the top as fit."""
    lines = text.split("\n")
    while lines and len("\n".join(lines)) > limit:
        lines.pop()
    return "\n".join(lines).rstrip()


def _together(pieces: Sequence[Piece], kept: set[int]) -> str:
    return tidy("".join(piece.text for i, piece in enumerate(pieces) if i in kept))
