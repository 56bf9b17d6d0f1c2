"""A digest as a thread of several parts.

A block that opens a paragraph may start a part; the others follow the sentence before them. Blocks that do not fit into
the allowed parts are dropped whole, the least important first, as in a single post.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.render.text_blocks import PARAGRAPH, TextBlock, TooLongError, fit_blocks

Head = Callable[..., str]
"""What a part begins with: its number, how many there are, and whether there is nothing left to say in it."""

PARTS = range(1, 6)
"""How many parts a thread has: each costs what a post costs."""


def build_thread(
    parts: Sequence[TextBlock], head: Head, wanted: range, size: Callable[[str], int], limit: int
) -> tuple[str, ...]:
    """The parts of a thread, each within the limit; from the second on with their head, the first with its number at
    its end where there are more. Raises `TooLongError` if the required text does not fit `wanted`."""
    most = wanted[-1]
    # Of pieces with the same title, which are ways to say the same, the first.
    titles = [part.title for part in parts]
    kept = [part for n, part in enumerate(parts) if not part.title or part.title not in titles[:n]]
    room = limit - max(size(head(number, most)) for number in range(1, most + 1)) - 1
    while len(texts := _pack_parts(kept, size, room)) > most:
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


def _pack_parts(parts: Sequence[TextBlock], size: Callable[[str], int], room: int) -> list[str]:
    texts: list[str] = []
    for paragraph in _group_paragraphs(parts):
        text = fit_blocks(paragraph, size, room)
        longer = f"{texts[-1]}\n\n{text}" if texts else ""
        if longer and size(longer) <= room:
            texts[-1] = longer
        elif text:
            texts.append(text)
    return texts


def _group_paragraphs(parts: Sequence[TextBlock]) -> list[list[TextBlock]]:
    paragraphs: list[list[TextBlock]] = []
    for piece in parts:
        if not paragraphs or piece.text.lstrip().startswith(PARAGRAPH):
            paragraphs.append([])
        paragraphs[-1].append(piece)
    return paragraphs
