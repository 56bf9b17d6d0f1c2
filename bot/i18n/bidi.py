"""Left-to-right text inside right-to-left sentences, and the other way round.

Foreign names lose all their direction marks (`records.SafeName`). The isolates around them are ours, always in pairs
and added last, so that foreign text can neither open nor close one.
"""

from __future__ import annotations

import re
import unicodedata

FIRST_STRONG, POP = "\u2068", "\u2069"
"""FSI and PDI (Unicode Standard Annex 9, explicit directional isolates)."""

_RTL_LANGUAGES = frozenset({"ar"})
_LEFT = frozenset({"L"})
_RIGHT = frozenset({"R", "AL", "AN"})
# Keeps its order inside Arabic: digits with their separators, Arabic letters between them (a date in words).
_BARE_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)*")


def is_rtl(locale: str) -> bool:
    """Whether a language is written from right to left."""
    return locale.partition("-")[0] in _RTL_LANGUAGES


def isolate_text(text: str, rtl: bool) -> str:
    """Text to insert into a sentence, isolated if it could reorder the text beside it."""
    if not text or (text[0] == FIRST_STRONG and text[-1] == POP and text.count(FIRST_STRONG) == 1):
        return text
    return f"{FIRST_STRONG}{text}{POP}" if _needs_isolation(text, rtl) else text


def _needs_isolation(text: str, rtl: bool) -> bool:
    kinds = {unicodedata.bidirectional(c) for c in text}
    if not rtl:
        return bool(kinds & _RIGHT)
    if kinds & _LEFT:
        return True
    # Signs, per cent and hyphens change sides beside Arabic letters: "-4.1%" would read as "4.1%-".
    has_digits = bool(kinds & {"EN", "AN"})
    return has_digits and not (kinds & _RIGHT) and not _BARE_NUMBER.fullmatch(text)
