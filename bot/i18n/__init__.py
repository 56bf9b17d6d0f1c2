"""Translations: gettext catalogues from `locales/`, and English if a translation is missing.

`speech(locale)` speaks one language. Words are marked where they stand: `say` and `N_` in Python, `{% trans %}` and
`_()` in templates; `python -m locales` collects them. Numbers and dates are `bot.number_format`' business.
"""

from bot.i18n.translator import (
    LANGUAGES,
    N_,
    Translator,
    babel_locale,
    is_rtl,
    isolate_text,
    nearest_language,
    translator_for,
)
