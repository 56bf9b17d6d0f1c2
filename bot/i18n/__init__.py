"""Translations: gettext catalogues from `locales/`, and English if a translation is missing.

`translator_for(locale)` returns the translator of one language. Sentences are marked in place: `say`, `say_n` and
`N_` in Python, `{% trans %}` and `_()` in templates; `python -m locales` collects them. `bot.number_format` writes
numbers and dates.
"""

from bot.i18n.bidi import is_rtl, isolate_text
from bot.i18n.locales import LANGUAGES, babel_locale, nearest_language
from bot.i18n.translator import N_, Translator, translator_for

__all__ = [
    "LANGUAGES",
    "N_",
    "Translator",
    "babel_locale",
    "is_rtl",
    "isolate_text",
    "nearest_language",
    "translator_for",
]
