"""A post as a thread: all its blocks, in as many parts as needed. Pure.

A block that opens a paragraph may start a part; the others follow the sentence before them. Blocks that do not fit into
the allowed parts are dropped whole, the least important first, as in a single post.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot import platform_limits
from bot.render.text_blocks import PARAGRAPH, TextBlock, TooLongError, fit_blocks
from bot.x_text import weighted_length

Head = Callable[..., str]
"""The start of a part: from its number, the number of parts, and whether it has no other text left."""

PARTS = range(1, 6)
"""How many parts a thread has: each costs as much as a post."""


def build_thread(parts: Sequence[TextBlock], head: Head, wanted: range) -> tuple[str, ...]:
    """The parts of a thread, each within X's limit; later parts start with their head, the first ends with its number
    if there are more. Raises `TooLongError` if the required text does not fit `wanted`."""
    most = wanted[-1]
    # Of blocks with the same title, which are alternatives, the first.
    titles = [part.title for part in parts]
    kept = [part for n, part in enumerate(parts) if not part.title or part.title not in titles[:n]]
    room = platform_limits.X_TEXT - max(weighted_length(head(number, most)) for number in range(1, most + 1)) - 1
    while len(texts := _pack_parts(kept, room)) > most:
        least = max((piece for piece in kept if piece.rank), key=lambda piece: piece.rank, default=None)
        if least is None:
            raise TooLongError(f"found {len(texts)} parts in the required text, wanted at most {most}")
        kept.remove(least)
    of = max(len(texts), wanted[0])
    if of == 1:
        return tuple(texts)
    later = [f"{head(number, of)}\n{text}" for number, text in enumerate(texts[1:], 2)]
    empty = [head(number, of, taken_back=True) for number in range(len(texts) + 1, of + 1)]
    return (f"{texts[0]}\n{head(1, of)}", *later, *empty)


def _pack_parts(parts: Sequence[TextBlock], room: int) -> list[str]:
    texts: list[str] = []
    for paragraph in _group_paragraphs(parts):
        text = fit_blocks(paragraph, weighted_length, room)
        longer = f"{texts[-1]}\n\n{text}" if texts else ""
        if longer and weighted_length(longer) <= room:
            texts[-1] = longer
        elif text:
            texts.append(text)
    return texts


def _group_paragraphs(parts: Sequence[TextBlock]) -> list[list[TextBlock]]:
    made: list[list[TextBlock]] = []
    for piece in parts:
        if not made or piece.text.lstrip().startswith(PARAGRAPH):
            made.append([])
        made[-1].append(piece)
    return made
