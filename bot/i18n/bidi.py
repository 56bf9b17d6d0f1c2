"""Left-to-right pieces inside right-to-left sentences, and the other way round.

Foreign names lose every direction mark of their own (`records.Name`); the isolates that stand around them here are
ours, always in pairs and put on last, so that nothing foreign can open or close one.
"""

from __future__ import annotations

import re
import unicodedata

FIRST_STRONG, POP = "\u2068", "\u2069"
"""FSI and PDI (Unicode Standard Annex 9, explicit directional isolates)."""

_RTL_LANGUAGES = frozenset({"ar"})
_LEFT = frozenset({"L"})
_RIGHT = frozenset({"R", "AL", "AN"})
# Stays in order by itself inside Arabic: digits with their separators, Arabic letters between them (a date in words).
_BARE_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)*")


def is_rtl(locale: str) -> bool:
    """Whether a language is written from right to left."""
    return locale.partition("-")[0] in _RTL_LANGUAGES


def isolate_text(text: str, rtl: bool) -> str:
    """A piece that is set into a sentence, in isolation where it could else reorder what stands beside it."""
    if not text or (text[0] == FIRST_STRONG and text[-1] == POP and text.count(FIRST_STRONG) == 1):
        return text
    return f"{FIRST_STRONG}{text}{POP}" if _needs_isolation(text, rtl) else text


def _needs_isolation(text: str, rtl: bool) -> bool:
    kinds = {unicodedata.bidirectional(c) for c in text}
    if not rtl:
        return bool(kinds & _RIGHT)
    if kinds & _LEFT:
        return True
    # Signs, per cent and hyphens change sides beside Arabic letters: "-4.1%" would be read as "4.1%-".
    has_digits = bool(kinds & {"EN", "AN"})
    return has_digits and not (kinds & _RIGHT) and not _BARE_NUMBER.fullmatch(text)
