"""Command names and descriptions in every language, in Discord's format.

discord.py translates for the locales in its `discord.Locale`. Discord has more of them (Arabic is in its OpenAPI
description and missing there); those are added to the payload afterwards, from the same catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Where

from bot import i18n

# Discord has two Spanish locales; we have one translation for both.
LOCALES: Mapping[str, str] = MappingProxyType(
    {**{language: language for language in i18n.LANGUAGES if language != "en"}, "es-419": "es-ES"}
)
"""Every Discord locale with translated commands, and our language for it."""

_CONTEXTS: Mapping[Where, str] = MappingProxyType(
    {
        Where.command_name: "command",
        Where.group_name: "command",
        Where.parameter_name: "option",
        Where.choice_name: "choice",
    }
)
_CHOICES_AND_OPTIONS = (("options", "option"), ("choices", "choice"))
_SUBCOMMANDS = (1, 2)
"""Option types that are commands (interactions/application-commands, Option Type)."""


class CommandTranslator(app_commands.Translator):
    """Translates from the catalogues. Without a translation, Discord shows the English text."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """A name or a description in one language."""
        return translate_text(string.message, locale.value, _CONTEXTS.get(context.location, ""))


def translate_text(message: str, locale: str, context: str) -> str | None:
    """A name ("command", "option", "choice") or, without a context, a description; `None` where there is none."""
    if locale not in LOCALES:
        return None
    speech = i18n.translator_for(LOCALES[locale])
    if not speech.has_translation(message, context):
        return None
    return speech.translate_word(context, message) if context else speech.translate_text(message)


def add_missing_locales(payload: Iterable[MutableMapping[str, Any]]) -> None:
    """Add the locales that discord.py lacks to the commands of a payload, in place."""
    missing = [locale for locale in LOCALES if locale not in {locale.value for locale in discord.Locale}]
    for node, context in _payload_nodes(payload, "command"):
        for locale in missing:
            for key, of in (("name", context), ("description", "")):
                if node.get(key) and (translation := translate_text(node[key], locale, of)):
                    node[f"{key}_localizations"] = {**(node.get(f"{key}_localizations") or {}), locale: translation}


def _payload_nodes(
    held: Iterable[MutableMapping[str, Any]], context: str
) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """Every command, option and choice of a payload, with the context of its name."""
    for node in held:
        yield node, context
        for key, inside in _CHOICES_AND_OPTIONS:
            for child in node.get(key) or ():
                yield from _payload_nodes(
                    [child], "command" if child.get("type") in _SUBCOMMANDS and key == "options" else inside
                )


def command_messages(
    commands: Iterable[app_commands.Command[Any, ..., Any] | app_commands.Group],
) -> Iterator[tuple[str, str]]:
    """Every name and description of commands, with its context, for `python -m locales`."""
    for command in commands:
        yield command.name, "command"
        yield command.description, ""
        if isinstance(command, app_commands.Group):
            yield from command_messages(command.commands)
            continue
        for option in command.parameters:
            yield option.name, "option"
            yield str(option.description), ""
            yield from ((choice.name, "choice") for choice in option.choices)
