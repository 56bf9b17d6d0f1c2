"""What a post on an outlet is. Each outlet declares it once, as `FORMAT`; previews, dry runs, pictures, polls,
corrections and docs follow from the declaration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import regex

_GRAPHEME = regex.compile(r"\X")


def grapheme_length(text: str) -> int:
    """The number of characters as readers see them (Unicode's extended grapheme clusters)."""
    return len(text) if text.isascii() and "\r" not in text else len(_GRAPHEME.findall(text))


def no_links(text: str) -> Sequence[str]:
    """A platform that links nothing by itself."""
    return ()


@dataclass(frozen=True, slots=True)
class PollFormat:
    """The limits of a poll."""

    question: int
    """Most characters, as the outlet counts."""
    answer: int
    """Most characters."""


@dataclass(frozen=True, slots=True)
class PostFormat:
    """The form and the limits of a post. The default is a text without a picture, which is corrected by editing it."""

    limit: int
    """The longest text, as `size` counts."""
    size: Callable[[str], int] = len
    counted: str = "length"
    """What `size` counts, as `preview` names it."""
    form: Literal["text", "embed", "data"] = "text"
    """A text; an embed with fields; a text beside the figures as data."""
    escape: Callable[[str], str] = str
    """Makes foreign text harmless on the platform."""
    linked: Callable[[str], Sequence[str]] = no_links
    """The parts of a text that the platform turns into links, mentions or tags. Posts have none but the page's link."""
    links: Literal["none", "address", "words"] = "none"
    """How a post links to the digest's page: not at all, by its address, or by words that carry the address."""
    pictures: bool = False
    """Whether a post carries the digest's picture."""
    poll: PollFormat | None = None
    """`None`: there are no polls."""
    correction: Literal["edit", "post", "reply"] = "edit"
    """Where a post cannot be edited: it stays, a second post corrects it, or a reply to it does."""
    exactly_once: bool = True
    """False: a part may arrive more than once, each time with the same id."""
    sample: tuple[str, int] | None = None
    """A text and its length, by which `doctor` sees that it is counted rightly on this machine."""
    example: bool = False
    """Shown by `preview`, `demo` and dry runs while no outlet is configured."""
