"""Translates sentences of documents. A document is stored in English; its sentences are recognised here.

They are recognised by the patterns of `_translatable_messages` and by metrics' labels and definitions. Anything else
stays as it is, so nothing is lost, and nothing is added to a sentence that the document did not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType

from bot import i18n, number_format
from bot.i18n import Translator
from bot.metrics import METRICS
from bot.render import _translatable_messages


@dataclass(frozen=True, slots=True)
class TranslatedSpan:
    """A part of a translated sentence."""

    text: str
    foreign: bool
    """Whether it is text of the document: a name, an address, foreign words."""


Saying = tuple[TranslatedSpan, ...]

_DAY = r"[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_NUMBER = r"[0-9][0-9,]*"
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("day", "first", "last"), _DAY),
        **dict.fromkeys(("date", "until"), f"{_DAY}|{_ISO}"),
        **dict.fromkeys(("n", "m"), _NUMBER),
        "time": r"[0-9]{2}:[0-9]{2}",
        "percent": r"[0-9]+%",
        "models": f"{_NUMBER} models?",
        "settlements": f"{_NUMBER} settlements?",
        "leaves": f"{_NUMBER} (?:leaf|leaves)",
        "transfers": f"{_NUMBER} transfers?",
        "unit": r"[a-z]+",
        **dict.fromkeys(("place", "word"), "|".join(map(re.escape, (*_translatable_messages.WORDS, "Base")))),
        **dict.fromkeys(("name", "other"), r"\S(?:.*?\S)?"),
        **dict.fromkeys(("rest", "reason"), r".+"),
    }
)
"""The possible values of each placeholder."""
_BRACES = re.compile(r"\{(\w+)\}")


def translate_sentence(text: str, locale: str) -> Saying | None:
    """A sentence of a document in another language; `None` if it is not ours, or the language is English."""
    speech = i18n.translator_for(locale)
    return None if speech.language == "en" else _translate_parts(text, speech)


@lru_cache(maxsize=4096)
def with_separators(text: str) -> str:
    """An English sentence of a document with separators in its counts, which documents of earlier versions lack. Years,
    names and foreign sentences stay as they are."""
    whole = _add_separators(text)
    return whole if whole is not None else "; ".join(_add_separators(part) or part for part in text.split("; "))


def _add_separators(text: str) -> str | None:
    match = next((match for _, pattern in _sentence_patterns() if (match := pattern.fullmatch(text))), None)
    if match is None:
        return None
    for kind in sorted(match.groupdict(), key=match.start, reverse=True):
        begin, end = match.span(kind)
        held = match[kind]
        if kind == "reason":
            held = with_separators(held)
        elif kind in _COUNTED:
            held = re.sub(r"^[0-9]+", lambda digits: f"{int(digits[0]):,}", held)
        text = text[:begin] + held + text[end:]
    return text


_COUNTED = frozenset({"n", "m", "models", "settlements", "leaves", "transfers"})


def translate_to_text(text: str, locale: str) -> str:
    """The same as one text, unchanged if it is not ours. Foreign parts stay as they were."""
    found = translate_sentence(text, locale)
    return "".join(one.text for one in found) if found else text


def translate_word(text: str, locale: str) -> str | None:
    """A unit, title, period or state in another language; `None` if it is not ours."""
    speech = i18n.translator_for(locale)
    return (
        speech.translate_word("word", text)
        if speech.language != "en" and speech.has_translation(text, "word")
        else None
    )


@lru_cache(maxsize=4096)
def _translate_parts(text: str, speech: Translator) -> Saying | None:
    # Errors and gaps may consist of several sentences.
    parts = [_match_sentence(part, speech) for part in text.split("; ")]
    if not all(parts) and (whole := _match_sentence(text, speech)):
        return whole
    if not any(parts):
        return None
    said: list[TranslatedSpan] = []
    for part, found in zip(text.split("; "), parts, strict=True):
        said += [TranslatedSpan(_SEMICOLON.get(speech.language, "; "), False)] if said else []
        said += found or [TranslatedSpan(part, True)]
    return tuple(said)


_SEMICOLON = MappingProxyType({"ar": "؛ ", "zh-CN": "；"})


def _match_sentence(text: str, speech: Translator) -> Saying | None:
    if speech.has_translation(text):
        return (TranslatedSpan(speech.translate_text(text), False),) if not _BRACES.search(text) else None
    if speech.has_translation(text, "word"):
        return (TranslatedSpan(speech.translate_word("word", text), False),)
    for message, pattern in _sentence_patterns():
        if (found := pattern.fullmatch(text)) and speech.has_translation(message):
            return tuple(_fill_braces(speech.translate_text(message), found.groupdict(), speech))
    # Documents of earlier versions have gaps without a full stop.
    return _match_sentence(f"{text}.", speech) if text[-1:].isalpha() else None


def _fill_braces(message: str, held: Mapping[str, str], speech: Translator) -> Iterator[TranslatedSpan]:
    place = 0
    for brace in _BRACES.finditer(message):
        yield TranslatedSpan(message[place : brace.start()], False)
        yield from _translate_part(brace[1], held[brace[1]], speech)
        place = brace.end()
    yield TranslatedSpan(message[place:], False)


def _translate_part(kind: str, text: str, speech: Translator) -> Saying:
    if kind in _SHOWN:
        return (TranslatedSpan(_SHOWN[kind](text, speech.language), False),)
    if kind == "reason":
        return _translate_parts(text, speech) or (TranslatedSpan(text, True),)
    if kind in ("unit", "place", "word"):
        known = speech.has_translation(text, "word")
        return (TranslatedSpan(speech.translate_word("word", text) if known else text, not known),)
    return (TranslatedSpan(text, True),)


def _translate_day(text: str, locale: str) -> str:
    if re.fullmatch(_ISO, text):
        return i18n.isolate_text(text, i18n.is_rtl(locale))
    spoken = _parse_short_date(text)
    return number_format.format_day(spoken, locale) if spoken else text


def _parse_short_date(text: str) -> date | None:
    """The day that `records.short_date` wrote."""
    try:
        return datetime.strptime(text, "%d %b %Y").date()  # noqa: DTZ007  a day has no zone
    except ValueError:
        return None


def _translate_number(text: str, locale: str) -> str:
    return number_format.format_count(int(text.replace(",", "")), locale)


def _count_translator(unit: str) -> Callable[[str, str], str]:
    return lambda text, locale: number_format.format_with_noun(int(text.split()[0].replace(",", "")), unit, locale)


_SHOWN: Mapping[str, Callable[[str, str], str]] = MappingProxyType(
    {
        **dict.fromkeys(("day", "first", "last", "date", "until"), _translate_day),
        **dict.fromkeys(("n", "m"), _translate_number),
        "time": lambda text, locale: i18n.isolate_text(text, i18n.is_rtl(locale)),
        "percent": lambda text, locale: number_format.format_share(int(text[:-1]) / 100, locale),
        "models": _count_translator("models"),
        "settlements": _count_translator("settlements"),
        "leaves": _count_translator("leaves"),
        "transfers": _count_translator("transfers"),
    }
)


@lru_cache(maxsize=1)
def _sentence_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Every sentence with placeholders, those with the most fixed words first."""
    labels = [metric.label for metric in METRICS.values()]
    held = dict.fromkeys(one for one in (*_translatable_messages.SENTENCES, *labels) if _BRACES.search(one))
    return tuple((one, _sentence_pattern(one)) for one in sorted(held, key=lambda one: -len(_BRACES.sub("", one))))


def _sentence_pattern(message: str) -> re.Pattern[str]:
    parts, seen = [], set[str]()
    for at, part in enumerate(_BRACES.split(message)):
        if at % 2 == 0:
            parts.append(re.escape(part))
        else:
            parts.append(f"(?P={part})" if part in seen else f"(?P<{part}>{_KINDS[part]})")
            seen.add(part)
    return re.compile("".join(parts))


def document_messages() -> Iterator[tuple[str, str]]:
    """Every sentence and word that documents may hold, with its context, for `python -m locales`."""
    for metric in METRICS.values():
        if _BRACES.sub("", metric.label).strip():
            yield metric.label, ""
        yield metric.definition, ""
    yield from ((one, "word") for one in _translatable_messages.WORDS)
