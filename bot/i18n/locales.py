"""The languages with translations, by Discord's names (reference, Locales)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale

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
