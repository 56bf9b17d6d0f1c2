"""Brings the catalogues in step with the code: `python -m locales`; `--check` only says what is not in step.

A sentence that changed loses its translation, since it may not be true any more; it is asked for again.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from bot import i18n
from bot.i18n import translator
from locales.collect import messages

FORMS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
    "zh-CN": "nplurals=1; plural=0;",
    "es-ES": "nplurals=2; plural=(n != 1);",
    "vi": "nplurals=1; plural=0;",
    "tr": "nplurals=1; plural=0;",
}
"""Unicode CLDR, Language Plural Rules; Turkish puts no plural after a number."""
TARGETS = tuple(language for language in i18n.LANGUAGES if language != "en")


def updated(language: str, wanted: Catalog) -> Catalog:
    """A language's catalogue with exactly the wanted messages, translated where they were before."""
    path = translator.po_path(language)
    before = translator.read_catalog(language) if path.is_file() else Catalog()
    made = Catalog(locale=i18n.LANGUAGES[language], project="Footfall", charset="utf-8")
    for message in wanted:
        if message.id:
            known = before.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
            same = known is not None and known.id == message.id
            said = known.string if known is not None and same else None
            made.add(message.id, said, locations=message.locations, context=message.context)
    return made


def written(language: str, catalogue: Catalog) -> bytes:
    """A catalogue as its file holds it: no dates, so that it only changes when a sentence does."""
    body = BytesIO()
    write_po(body, catalogue, omit_header=True, width=120, include_lineno=False)
    head = (
        f'# Footfall in {language}.\nmsgid ""\nmsgstr ""\n"Language: {i18n.LANGUAGES[language]}\\n"\n'
        f'"Plural-Forms: {FORMS[language]}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return head.encode() + body.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """Sentences without a translation, or without one of its forms."""
    found = []
    for message in catalogue:
        forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
        if message.id and not (forms and all(forms)):
            found.append(message.id if isinstance(message.id, str) else message.id[0])
    return found


def main(arguments: list[str]) -> int:
    """Write, or check. Ends with 1 where something is not in step."""
    wanted, wrong = messages(), 0
    for language in TARGETS:
        path: Path = translator.po_path(language)
        catalogue = updated(language, wanted)
        made = written(language, catalogue)
        stale = not path.is_file() or path.read_bytes() != made
        if "--check" in arguments:
            wrong += stale
            print(f"{path}: is not in step with the code; run: python -m locales") if stale else None
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made)
        for sentence in missing(catalogue):
            print(f"{language}: not translated: {sentence[:100]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
