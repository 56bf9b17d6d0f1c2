"""Whether two texts are the same post on X. Pure; what X counts and links is in `bot.x_text`."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

_MAYBE_LINK = re.compile(r"://|\w\.\w")
_SHORT_LINK = re.compile(r"https?://t\.co/\w+")


def words(text: str) -> list[str]:
    """A text as words to be compared: NFC, X's HTML escapes undone, invisible signs dropped."""
    text = unicodedata.normalize("NFC", unescape(text))
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf").split()


def same_post(ours: str, shown: str) -> bool:
    """Whether what a timeline shows is the text that was sent. X shows each link as a t.co one and appends one for
    pictures; all other words must agree, and at least one must be there to agree."""
    wanted, found = words(ours), words(shown)
    if len(found) < len(wanted) or not all(_SHORT_LINK.fullmatch(word) for word in found[len(wanted) :]):
        return False
    pairs = list(zip(wanted, found, strict=False))
    alike = sum(want == have for want, have in pairs)
    linked = sum(want != have and bool(_MAYBE_LINK.search(want)) and "//t.co/" in have for want, have in pairs)
    return alike > 0 and alike + linked == len(pairs)


def findable(text: str) -> bool:
    """Whether a look-back could know it again: it holds a word that is no link."""
    return any(not _MAYBE_LINK.search(word) for word in words(text))
