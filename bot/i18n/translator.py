"""The languages with translations, by Discord's names (reference, Locales), and the translator of one language.

Catalogues are `locales/<language>/LC_MESSAGES/footfall.po`, read when a language is first used. A translation whose
digits differ from its English sentence is not loaded, so no catalogue can invent a number.

Foreign names lose all their direction marks (`records.SafeName`). The isolates around them are ours, always in pairs
and added last, so that foreign text can neither open nor close one.
"""

from __future__ import annotations

import gettext
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale
    from babel.messages.catalog import Catalog, Message


SOURCE = "en"
"""The language of the code and the templates."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "en", "ar": "ar", "zh-CN": "zh_Hans_CN", "es-ES": "es_ES", "vi": "vi_VN", "tr": "tr_TR"}
)
"""Every language and its name in Babel. All except English have a folder under `locales/`."""

# Readers of one can read the other. zh-TW uses another script, so it falls back to English.
_ALSO: Mapping[str, str] = MappingProxyType({"zh": "zh-CN", "zh-SG": "zh-CN", "zh-Hans": "zh-CN"})


def nearest_language(locale: str | None) -> str:
    """The language of answers for a locale: "es-ES" for "es-419", "en" for "sv-SE"."""
    if not locale:
        return SOURCE
    language_tag = locale.replace("_", "-")
    if language_tag in LANGUAGES:
        return language_tag
    if language_tag in _ALSO:
        return _ALSO[language_tag]
    if language_tag.startswith("zh"):
        return SOURCE
    return next((known for known in LANGUAGES if known.partition("-")[0] == language_tag.partition("-")[0]), SOURCE)


@lru_cache(maxsize=32)
def babel_locale(locale: str) -> Locale:
    """Babel's locale for numbers and dates, also without translations; English if it is unknown."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(LANGUAGES.get(locale, locale.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(SOURCE)


LOCALES = Path(__file__).resolve().parents[2] / "locales"
"""`locales/` at the repository root."""
DOMAIN = "footfall"


def po_path(language: str, folder: Path = LOCALES) -> Path:
    return folder / language.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalog(language: str, folder: Path = LOCALES) -> Catalog:
    from babel.messages.pofile import read_po

    with po_path(language, folder).open("rb") as file:
        return read_po(file, locale=LANGUAGES[language], ignore_obsolete=True, abort_invalid=True)


@lru_cache(maxsize=len(LANGUAGES))
def load_translations(language: str) -> gettext.NullTranslations:
    """The translations of a language; English for an unknown one."""
    if language == SOURCE or not po_path(language).is_file():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo

    catalogue = read_catalog(language)
    for message in [message for message in catalogue if message.id and not has_same_digits(message)]:
        catalogue.delete(message.id, message.context)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def has_same_digits(message: Message) -> bool:
    """Whether every form of a translation has exactly the digits of its English sentence."""
    wanted = sorted(map(digit_values, _plural_forms(message.id)))
    return all(digit_values(form) in wanted for form in _plural_forms(message.string) if form)


def digit_values(text: str) -> tuple[float, ...]:
    """The digits of a text in any script, by value."""
    return tuple(sorted(unicodedata.numeric(c) for c in text if unicodedata.category(c)[0] == "N"))


def _plural_forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


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
