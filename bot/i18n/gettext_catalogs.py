"""Reads `locales/<language>/LC_MESSAGES/footfall.po` when a language is first used, and caches it.

A translation whose digits differ from its English sentence is not loaded, so no catalogue can invent a number.
"""

from __future__ import annotations

import gettext
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bot.i18n.locales import LANGUAGES, SOURCE

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

LOCALES = Path(__file__).resolve().parents[2] / "locales"
"""`locales/` at the repository root."""
DOMAIN = "footfall"


def po_path(language: str, folder: Path = LOCALES) -> Path:
    """Path of a language's catalogue."""
    return folder / language.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalog(language: str, folder: Path = LOCALES) -> Catalog:
    """A language's catalogue, as in its file."""
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
    for message in [one for one in catalogue if one.id and not has_same_digits(one)]:
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
