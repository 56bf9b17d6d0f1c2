"""Finds a unit that is said twice: in a label and again after the number that the label is for ("runs: 7,908,211
runs")."""

from __future__ import annotations

import re
from functools import cache

from bot import i18n, number_format
from bot.render.document_translation import COUNTED

NUMBERS = (1, 2, 3, 5, 11, 100, 1_000_000)
_NUMBER = r"\d(?:[\d.,]*\d)?(?:\s?(?:million|millones?|de|milyon|triệu|万|亿|مليون|ملايين))*"
_MARKS = " \\t*~+\u2212\u2066-\u2069-"


def unit_forms(unit: str, locale: str) -> frozenset[str]:
    """The words for a unit, alone and after numbers."""
    speech = i18n.translator_for(locale)
    forms = {speech.translate_word("word", unit)}
    for number in NUMBERS:
        shown = number_format.format_with_noun(number, unit, locale)
        forms.add(shown.replace(number_format.format_count(number, locale), ""))
    return frozenset(form.strip(" \u2066\u2067\u2068\u2069").casefold() for form in forms if form.strip())


@cache
def _patterns(locale: str) -> tuple[re.Pattern[str], ...]:
    """Of each unit: the unit, a colon or no more than a space, a number, and the unit again. A unit behind a number, as
    in "7 days", is no label."""
    patterns = []
    for unit in COUNTED:
        forms = "|".join(map(re.escape, sorted(unit_forms(unit, locale), key=len, reverse=True)))
        label = rf"(?<![^\W\d_\u4e00-\u9fff])(?<!\d )(?:{forms})(?:[^\n:：.。;；,،，(（]{{0,40}}[:：])?"
        patterns.append(re.compile(rf"{label}[{_MARKS}]*{_NUMBER}[{_MARKS}]*(?:{forms})", re.IGNORECASE))
    return tuple(patterns)


def repeated_units(text: str, locale: str) -> list[str]:
    """Each place where the label of a number names the unit that follows the number again."""
    return [match[0] for pattern in _patterns(locale) for match in pattern.finditer(text)]
