"""Sentences of documents in another language. A document keeps its words in English; here they are recognised again.

Recognised is by the patterns of `_sentences` and by metrics' labels and definitions. What is not recognised stays as it
is, so nothing is lost, and nothing is put into a sentence that the document did not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType

from bot import numbers, words
from bot.metrics import METRICS
from bot.render import _sentences
from bot.words import Speech


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of a translated sentence."""

    text: str
    foreign: bool
    """Whether it came out of the document as it is: a name, an address, somebody else's words."""


Saying = tuple[Said, ...]

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
        **dict.fromkeys(("place", "word"), "|".join(map(re.escape, (*_sentences.WORDS, "Base")))),
        **dict.fromkeys(("name", "other"), r"\S(?:.*?\S)?"),
        **dict.fromkeys(("rest", "reason"), r".+"),
    }
)
"""What each of the braces may hold."""
_BRACES = re.compile(r"\{(\w+)\}")


def translated(text: str, locale: str) -> Saying | None:
    """A sentence of a document in another language; `None` where it is none of ours, or the language is English."""
    speech = words.speech(locale)
    return None if speech.language == "en" else _translated(text, speech)


@lru_cache(maxsize=4096)
def with_separators(text: str) -> str:
    """A sentence of a document in English with separators in its counts, which documents of earlier versions lack.
    Years, names and what is none of ours stay as they are."""
    whole = _separated(text)
    return whole if whole is not None else "; ".join(_separated(part) or part for part in text.split("; "))


def _separated(text: str) -> str | None:
    match = next((match for _, pattern in _patterns() if (match := pattern.fullmatch(text))), None)
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


def plain(text: str, locale: str) -> str:
    """The same as one text, itself where it is none of ours. Foreign stretches are in it as they were."""
    found = translated(text, locale)
    return "".join(one.text for one in found) if found else text


def word(text: str, locale: str) -> str | None:
    """A unit, a title, a period or a state in another language; `None` where it is none of ours."""
    speech = words.speech(locale)
    return speech.word("word", text) if speech.language != "en" and speech.knows(text, "word") else None


@lru_cache(maxsize=4096)
def _translated(text: str, speech: Speech) -> Saying | None:
    # Errors and gaps may be several sentences in one.
    parts = [_sentence(part, speech) for part in text.split("; ")]
    if not all(parts) and (whole := _sentence(text, speech)):
        return whole
    if not any(parts):
        return None
    said: list[Said] = []
    for part, found in zip(text.split("; "), parts, strict=True):
        said += [Said(_SEMICOLON.get(speech.language, "; "), False)] if said else []
        said += found or [Said(part, True)]
    return tuple(said)


_SEMICOLON = MappingProxyType({"ar": "؛ ", "zh-CN": "；"})


def _sentence(text: str, speech: Speech) -> Saying | None:
    if speech.knows(text):
        return (Said(speech.text(text), False),) if not _BRACES.search(text) else None
    if speech.knows(text, "word"):
        return (Said(speech.word("word", text), False),)
    for message, pattern in _patterns():
        if (found := pattern.fullmatch(text)) and speech.knows(message):
            return tuple(_filled(speech.text(message), found.groupdict(), speech))
    # Documents of earlier versions have gaps without a full stop.
    return _sentence(f"{text}.", speech) if text[-1:].isalpha() else None


def _filled(message: str, held: Mapping[str, str], speech: Speech) -> Iterator[Said]:
    place = 0
    for brace in _BRACES.finditer(message):
        yield Said(message[place : brace.start()], False)
        yield from _part(brace[1], held[brace[1]], speech)
        place = brace.end()
    yield Said(message[place:], False)


def _part(kind: str, text: str, speech: Speech) -> Saying:
    if kind in _SHOWN:
        return (Said(_SHOWN[kind](text, speech.language), False),)
    if kind == "reason":
        return _translated(text, speech) or (Said(text, True),)
    if kind in ("unit", "place", "word"):
        known = speech.knows(text, "word")
        return (Said(speech.word("word", text) if known else text, not known),)
    return (Said(text, True),)


def _day(text: str, locale: str) -> str:
    if re.fullmatch(_ISO, text):
        return words.isolated(text, words.is_rtl(locale))
    spoken = _spoken(text)
    return numbers.day(spoken, locale) if spoken else text


def _spoken(text: str) -> date | None:
    """The day that `records.spoken` wrote."""
    try:
        return datetime.strptime(text, "%d %b %Y").date()  # noqa: DTZ007  a day has no zone
    except ValueError:
        return None


def _number(text: str, locale: str) -> str:
    return numbers.count(int(text.replace(",", "")), locale)


def _counted(unit: str) -> Callable[[str, str], str]:
    return lambda text, locale: numbers.counted(int(text.split()[0].replace(",", "")), unit, locale)


_SHOWN: Mapping[str, Callable[[str, str], str]] = MappingProxyType(
    {
        **dict.fromkeys(("day", "first", "last", "date", "until"), _day),
        **dict.fromkeys(("n", "m"), _number),
        "time": lambda text, locale: words.isolated(text, words.is_rtl(locale)),
        "percent": lambda text, locale: numbers.share(int(text[:-1]) / 100, locale),
        "models": _counted("models"),
        "settlements": _counted("settlements"),
        "leaves": _counted("leaves"),
        "transfers": _counted("transfers"),
    }
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Every sentence with braces, those with most words of their own first."""
    labels = [metric.label for metric in METRICS.values()]
    held = dict.fromkeys(one for one in (*_sentences.SENTENCES, *labels) if _BRACES.search(one))
    return tuple((one, _pattern(one)) for one in sorted(held, key=lambda one: -len(_BRACES.sub("", one))))


def _pattern(message: str) -> re.Pattern[str]:
    parts, seen = [], set[str]()
    for at, part in enumerate(_BRACES.split(message)):
        if at % 2 == 0:
            parts.append(re.escape(part))
        else:
            parts.append(f"(?P={part})" if part in seen else f"(?P<{part}>{_KINDS[part]})")
            seen.add(part)
    return re.compile("".join(parts))


def messages() -> Iterator[tuple[str, str]]:
    """Every sentence and word that documents may hold, with its context, for `python -m locales`."""
    for metric in METRICS.values():
        if _BRACES.sub("", metric.label).strip():
            yield metric.label, ""
        yield metric.definition, ""
    yield from ((one, "word") for one in _sentences.WORDS)
