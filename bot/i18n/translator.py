"""The translator of one language."""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from functools import lru_cache

from bot.i18n.bidi import is_rtl, isolate_text
from bot.i18n.gettext_catalogs import load_translations
from bot.i18n.locales import SOURCE, nearest_language

FRACTION = 100
"""Replaces a fractional number when choosing a plural form: in every language both are "other"."""


def N_(message: str) -> str:
    """Mark a sentence for translation at a later time; gettext's usual name for this."""
    return message


@dataclass(frozen=True, slots=True)
class Translator:
    """Translates into one language. Sentences have `{names}` for inserted parts."""

    language: str
    _words: gettext.NullTranslations

    @property
    def right_to_left(self) -> bool:
        """Whether the language is written from right to left."""
        return is_rtl(self.language)

    def say(self, message: str, **parts: object) -> str:
        """Translate a sentence. Parts are inserted as they are (escape foreign text first), and isolated if they run
        the other way."""
        return self._fill_in(self._words.gettext(message), parts)

    def translate_word(self, context: str, message: str) -> str:
        """Translate a word with a context: "command", "option", "choice", or "word" for units, titles and states."""
        return self._words.pgettext(context, message)

    def translate_text(self, message: str) -> str:
        """Translate a sentence without parts."""
        return self._words.gettext(message) if message else ""  # gettext's "" is the catalogue's head

    def translate_plural(self, singular: str, many: str, number: float) -> str:
        """The form of a sentence for a number, without parts."""
        return self._words.ngettext(singular, many, plural_number(number))

    def translate_plural_word(self, context: str, singular: str, many: str, number: float) -> str:
        """The form of a word for a number."""
        return self._words.npgettext(context, singular, many, plural_number(number))

    def capitalize_first(self, text: str) -> str:
        """A text with a capital, to start a sentence."""
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
    """The number by which gettext chooses a plural form."""
    return abs(int(number)) if number == int(number) else FRACTION


@lru_cache(maxsize=64)
def translator_for(locale: str | None = None) -> Translator:
    """The translator for the nearest language of a locale; English if there is none."""
    language = nearest_language(locale)
    return Translator(language, load_translations(language))
