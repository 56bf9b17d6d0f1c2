"""Every finding in every language, with the numbers that choose a plural form: faults of grammar that rules find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from bot import i18n, number_format
from bot.i18n.translator import FIRST_STRONG, POP
from bot.render import finding_text
from bot.render.document_translation import COUNTED
from tests.render import documents

NUMBERS = (0, 1, 2, 3, 5, 11, 100, 10**6)
LANGUAGES = tuple(i18n.LANGUAGES)
CONSTANT_DAYS = ("new_models_used", "new_unused", "gone_quiet")
"""Findings that always look at the same number of days."""
CASED = ("es-ES", "tr", "vi")


def finding_variants(key: str) -> Iterator[Mapping[str, Any]]:
    """The values typed by hand, with each of the numbers in the place of every count."""
    for values in documents.FINDINGS[key]:
        counts = [name for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)]
        counts = [name for name in counts if name != "days" or key not in CONSTANT_DAYS]
        for number in NUMBERS:
            yield {**values, **dict.fromkeys(counts, number)}


@cache
def texts(key: str, language: str) -> tuple[str, ...]:
    catalogue = documents.recorded("day-2025-01-12")["catalogues"][0]
    findings = ({"key": key, "values": values, "score": 1.0, "text": ""} for values in finding_variants(key))
    shown = (finding_text(finding, catalogue, language) for finding in findings)
    return tuple(text.replace(FIRST_STRONG, "").replace(POP, "") for text in shown)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", documents.FINDINGS)
def test_every_finding_is_well_formed_with_every_number(key: str, language: str) -> None:
    for text in texts(key, language):
        assert text and not re.search(r"%\(|\{n\}|  |\(\)", text), text
        assert not re.search(r" [.,;:!?،؛。，；：、）]|[。，；：、（] ", text), text
        assert not re.search(r"\b(\w+): [\d.,]+ \1\b", text, re.IGNORECASE), f"a unit twice: {text}"


@pytest.mark.parametrize("key", documents.FINDINGS)
def test_no_spanish_sentence_begins_with_a_digit(key: str) -> None:
    assert [text for text in texts(key, "es-ES") if re.search(r"(^|[.] )\d", text)] == []


@pytest.mark.parametrize("language", CASED)
@pytest.mark.parametrize("key", documents.FINDINGS)
def test_a_unit_has_a_capital_only_at_the_start_of_a_sentence(key: str, language: str) -> None:
    unit = i18n.translator_for(language).translate_word("word", "runs")
    capital = i18n.translator_for(language).capitalize_first(unit)
    assert [text for text in texts(key, language) if re.search(rf"(?<![.:] )(?<!^){capital}", text)] == []


@pytest.mark.parametrize("key", documents.FINDINGS)
def test_an_arabic_noun_agrees_with_the_number_before_it(key: str) -> None:
    nouns = {unit: {n: noun_after(n, unit) for n in NUMBERS if noun_after(n, unit)} for unit in COUNTED}
    for text in texts(key, "ar"):
        for number in NUMBERS:
            shown = number_format.format_count(number, "ar")
            for forms in nouns.values():
                others = {form for form in forms.values() if form != forms.get(number)}
                for form in others:
                    assert not re.search(rf"(?<![\d,.]){shown} {form}(?![\w\u064b-\u0652])", text), (number, form, text)


def noun_after(number: int, unit: str) -> str:
    """The noun that follows a number in Arabic; empty where the number is part of the noun."""
    shown, _, noun = number_format.format_with_noun(number, unit, "ar").partition(" ")
    return noun if shown == number_format.format_count(number, "ar") else ""
