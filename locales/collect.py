"""Every sentence and word that is shown to anybody, wherever it stands: templates, code, and what code declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from jinja2.ext import babel_extract

from bot import number_format, sources
from bot.queries.network_queries import opening_paragraph
from bot.records.messages import MESSAGES
from bot.render import TEMPLATES, document_translation

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS: dict[str, Any] = {"say": None, "N_": None, "message": None}
"""Calls in Python that hold a sentence; see `bot.i18n`."""
UNTRANSLATED = frozenset({"{unit}"})

Place = tuple[str, int]
Found = tuple[str | tuple[str, str], str, Place]
"""A message or its two forms, its context, where it stands."""


def messages() -> Catalog:
    """All of them as a template catalogue; each says in which file it is used."""
    made = Catalog(project="Footfall", charset="utf-8")
    for message, context, (file, _line) in sorted(_found(), key=lambda one: (one[2], str(one[0]))):
        if message and message not in UNTRANSLATED:
            known = made.get(message if isinstance(message, str) else message[0], context or None)
            if known is None or isinstance(known.id, str):
                made.add(message, locations=[(file, 0)], context=context or None)
    return made


def _found() -> Iterator[Found]:
    for path in sorted(TEMPLATES.rglob("*.j2")):
        yield from _in_template(path)
    for path in sorted((ROOT / "bot").rglob("*.py")):
        yield from _in_code(path)
    yield from _declared()


def _in_template(path: Path) -> Iterator[Found]:
    options = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}
    keywords = ["_", "gettext", "ngettext", "pgettext", "npgettext"]
    with path.open("rb") as file:
        for line, _, message, _ in babel_extract(file, keywords, [], options):
            yield _forms(message), "", (path.relative_to(ROOT).as_posix(), line)


def _in_code(path: Path) -> Iterator[Found]:
    with path.open("rb") as file:
        for line, message, _, _ in extract("python", file, keywords=KEYWORDS):
            if "_" not in message or " " in message:  # and no code of a message
                yield _forms(message), "", (path.relative_to(ROOT).as_posix(), line)


def _forms(message: Any) -> str | tuple[str, str]:
    if isinstance(message, str):
        return message
    forms = [one for one in message if one]
    return (forms[0], forms[1]) if len(forms) > 1 else forms[0]


def _declared() -> Iterator[Found]:
    """What the code declares as data: metrics, commands and options, units, sentences of documents."""
    from bot.discord_bot import command_translations

    # Of a page of methodology its first paragraph, as answers tell it; the page itself is in English.
    for network in sources.network_names():
        text = sources.methodology_text(sources.load_module(network))
        yield opening_paragraph(text), "", (f"bot/sources/{network}/__init__.py", 0)
    for template in MESSAGES.values():
        yield template, "", ("bot/records/messages.py", 0)
    for message, context in document_translation.document_messages():
        yield message, context, ("bot/metrics" if not context else "bot/render/document_translation.py", 0)
    for unit in document_translation.COUNTED:
        yield (
            (f"{{n}} {number_format.english_noun(unit, 1)}", f"{{n}} {unit}"),
            "unit",
            ("bot/render/document_translation.py", 0),
        )
    for message, context in command_translations.command_messages(_commands()):
        yield message, context, ("bot/discord_bot/commands/queries.py", 0)


def _commands() -> list[Any]:
    """Every command and group that the Discord face names as its own."""
    from discord import app_commands

    from bot import discord_bot

    held = [getattr(discord_bot, name) for name in discord_bot.__all__]
    kinds = (app_commands.Command, app_commands.Group)
    lists = [one if isinstance(one, list | tuple) else [one] for one in held]
    return [command for listed in lists for command in listed if isinstance(command, kinds)]
