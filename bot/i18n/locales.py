"""The languages there are words in, by the names that Discord gives them (reference, Locales)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale

SOURCE = "en"
"""What the code and the templates are written in."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "en", "ar": "ar", "zh-CN": "zh_Hans_CN", "es-ES": "es_ES", "vi": "vi_VN", "tr": "tr_TR"}
)
"""Every language, and what Babel calls it. All but English have a folder under `locales/`."""

# Who reads one reads the other. Not so zh-TW: its script is another, so it falls back to English.
_ALSO: Mapping[str, str] = MappingProxyType({"zh": "zh-CN", "zh-SG": "zh-CN", "zh-Hans": "zh-CN"})


def nearest_language(locale: str | None) -> str:
    """The language that somebody with this locale is answered in: "es-419" is answered in "es-ES", "sv-SE" in "en"."""
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
    """How numbers and dates are written for a locale, also one that there are no words for; English if unheard of."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(LANGUAGES.get(locale, locale.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(SOURCE)
