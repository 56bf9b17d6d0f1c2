"""One language, ready to speak."""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from functools import lru_cache

from bot.i18n.bidi import is_rtl, isolate_text
from bot.i18n.gettext_catalogs import load_translations
from bot.i18n.locales import SOURCE, nearest_language

FRACTION = 100
"""Stands for a number that is not whole where a plural form is chosen: every language puts both into "other"."""


def N_(message: str) -> str:
    """Gettext's own name for what marks a sentence for translation that is said later."""
    return message


@dataclass(frozen=True, slots=True)
class Translator:
    """What is said in one language. Sentences hold `{names}` for what is set into them."""

    language: str
    _words: gettext.NullTranslations

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return is_rtl(self.language)

    def say(self, message: str, **parts: object) -> str:
        """A sentence. Its parts are put in as they are (escape foreign text before), isolated where they run the other
        way."""
        return self._fill_in(self._words.gettext(message), parts)

    def translate_word(self, context: str, message: str) -> str:
        """A word that needs a context: "command", "option", "choice", or "word" for units, titles and states."""
        return self._words.pgettext(context, message)

    def translate_text(self, message: str) -> str:
        """A sentence without anything set in."""
        return self._words.gettext(message) if message else ""  # gettext's "" is the catalogue's head

    def translate_plural(self, singular: str, many: str, number: float) -> str:
        """The form of a sentence that goes with a number, nothing set in."""
        return self._words.ngettext(singular, many, plural_number(number))

    def translate_plural_word(self, context: str, singular: str, many: str, number: float) -> str:
        """The form of a word that goes with a number."""
        return self._words.npgettext(context, singular, many, plural_number(number))

    def capitalize_first(self, text: str) -> str:
        """A text as it opens a sentence."""
        first = text[:1]
        return ("İ" if first == "i" and self.language == "tr" else first.upper()) + text[1:]

    def has_translation(self, message: str, context: str = "") -> bool:
        """Whether there is a translation; English knows every word."""
        if message and isinstance(self._words, gettext.GNUTranslations):
            key = f"{context}\x04{message}" if context else message
            catalogue: dict[object, str] = self._words._catalog  # type: ignore[attr-defined]
            return key in catalogue or (key, 0) in catalogue
        return bool(message) and self.language == SOURCE

    def _fill_in(self, text: str, parts: dict[str, object]) -> str:
        return text.format(**{key: isolate_text(str(part), self.right_to_left) for key, part in parts.items()})


def plural_number(number: float) -> int:
    """A number as gettext chooses a form by it."""
    return abs(int(number)) if number == int(number) else FRACTION


@lru_cache(maxsize=64)
def translator_for(locale: str | None = None) -> Translator:
    """The language for a locale, the nearest there is; English otherwise."""
    language = nearest_language(locale)
    return Translator(language, load_translations(language))
