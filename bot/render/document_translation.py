"""Sentences of documents in another language: messages by their code and parameters, words by themselves.

A document that was read from JSON has its messages again (`records.restore_messages`). Any other text stays as it is,
so nothing is lost, and nothing is put into a sentence that the document did not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from bot import i18n, number_format
from bot.i18n import N_, Translator
from bot.metrics import METRICS
from bot.records.messages import MESSAGES, NOUNS, Message


@dataclass(frozen=True, slots=True)
class TranslatedSpan:
    """A part of a translated sentence."""

    text: str
    foreign: bool
    """Whether it is text of the document: a name, an address, foreign words."""


Saying = tuple[TranslatedSpan, ...]

_BRACES = re.compile(r"\{(\w+)\}")
_SEMICOLON = MappingProxyType({"ar": "؛ ", "zh-CN": "；"})


def translate_sentence(text: str, locale: str) -> Saying | None:
    """A sentence of a document in another language; `None` if it is not ours, or the language is English."""
    speech = i18n.translator_for(locale)
    if speech.language == "en":
        return None
    if isinstance(text, Message) and (message := tuple(_translate_message(text, speech))):
        return message
    if text in _labels():
        label, unit = _labels()[text]
        return tuple(_fill_braces(label, {"unit": unit}, speech))
    contexts = (context for context in ("", "word") if speech.has_translation(text, context))
    if (context := next(contexts, None)) is None or _BRACES.search(text):
        return None
    return (TranslatedSpan(speech.translate_word(context, text) if context else speech.translate_text(text), False),)


def translate_to_text(text: str, locale: str) -> str:
    """The same as one text, unchanged if it is not ours. Foreign parts stay as they were."""
    spans = translate_sentence(text, locale)
    return "".join(span.text for span in spans) if spans else text


def translate_word(text: str, locale: str) -> str | None:
    """A unit, title, period or state in another language; `None` if it is not ours."""
    speech = i18n.translator_for(locale)
    known = speech.language != "en" and speech.has_translation(text, "word")
    return speech.translate_word("word", text) if known else None


def _translate_message(text: Message, speech: Translator) -> Iterator[TranslatedSpan]:
    if text.code == "joined":
        for place, part in enumerate(text.params["parts"]):
            if place:
                yield TranslatedSpan(_SEMICOLON.get(speech.language, "; "), False)
            yield from _translate_param("reason", part, speech)
        return
    template = MESSAGES.get(text.code, text.code)
    # A document of another version may have a code or parameters that this one does not know.
    if speech.has_translation(template) and text.params.keys() >= set(_BRACES.findall(template)):
        yield from _fill_braces(template, text.params, speech)


def _fill_braces(template: str, params: Mapping[str, Any], speech: Translator) -> Iterator[TranslatedSpan]:
    words = _BRACES.split(speech.translate_text(template))
    for place, part in enumerate(words):
        if place % 2:
            yield from _translate_param(part, params[part], speech)
        else:
            yield TranslatedSpan(part, False)


def _translate_param(name: str, value: Any, speech: Translator) -> Saying:
    if name == "time":
        return (TranslatedSpan(i18n.isolate_text(value, speech.right_to_left), False),)
    if isinstance(value, str):
        known = name in ("unit", "place", "word", "reason")
        return (known and translate_sentence(value, speech.language)) or (TranslatedSpan(value, True),)
    if isinstance(value, date):
        shown = number_format.format_day(value, speech.language)
    elif name in NOUNS:
        shown = number_format.format_with_noun(value, name, speech.language)
    elif name == "percent":
        shown = number_format.format_share(value / 100, speech.language)
    else:
        shown = number_format.format_count(value, speech.language)
    return (TranslatedSpan(shown, False),)


@lru_cache(maxsize=1)
def _labels() -> Mapping[str, tuple[str, str]]:
    """Every label of a figure that names a unit, with the label and unit it is made of."""
    labels = (SHARE_OF_ALL, *(metric.label for metric in METRICS.values() if "{unit}" in metric.label))
    return {label.replace("{unit}", unit): (label, unit) for label in labels for unit in WORDS if label != "{unit}"}


def document_messages() -> Iterator[tuple[str, str]]:
    """The labels, definitions and words of documents, each with its context, for `python -m locales`."""
    for metric in METRICS.values():
        if _BRACES.sub("", metric.label).strip():
            yield metric.label, ""
        yield metric.definition, ""
        if metric.unlisted_label:
            yield metric.unlisted_label, ""
    yield from ((word, "word") for word in WORDS)


SHARE_OF_ALL = N_("share of all {unit}")
"""A label of a figure that is no metric's."""
_UNITS = (
    *("models", "authors", "uses", "runs", "inferences", "tokens", "downloads", "addresses", "registrations"),
    *("enclaves", "machines", "owners", "sessions", "requests", "payments", "pulls", "paid deliveries"),
)
WORDS = (
    # units
    *(*_UNITS, "proven answers", "token", "ratio", "share", "points", "index"),
    # catalogues and panels
    *("public models", "LLMs in enclaves", "LLMs served in enclaves", "Model Hub models"),
    *("public chutes", "all requests", "models on offer for inference", "mechs", "requests on chain"),
    # the title of a comparison
    "Networks side by side",
    # where settlements are read
    *("the settlement chain", "the chain of Hub models", "the enclave registries"),
    *(
        "the public count of Chutes",
        "the rankings of OpenRouter",
        "the list's own count",
        "the Mech Marketplace on Gnosis",
    ),
    # periods, evidence, states, directions
    *("day", "week", "month", "reported", "claimed", "backed", "verified", "rose", "fell"),
    *("not posted yet", "posted"),
    # deliveries
    *("planned", "sending", "sent", "refused", "unknown", "skipped"),
    # what is asked of readers
    *("votes", "poll of readers, not a measurement"),
    # catalogues by their keys
    *("hub", "llm", "tee", "traffic", "demand"),
)
"""Single words of documents, translated in the context "word"."""
STATUSES = {"draft": "not posted yet", "issued": "posted"}
"""A digest's status as readers see it."""
COUNTED = (
    *(*_UNITS, "days", "seconds", "settlements", "leaves"),
    *("characters", "transfers", "votes", "watches", "subscriptions", "records", "deliveries", "attempts"),
)
"""What is shown with a number; in the context "unit", as "{n} model" and "{n} models"."""
