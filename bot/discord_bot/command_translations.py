"""Command names and descriptions in every language, as Discord wants them told.

discord.py translates for the locales that its `discord.Locale` lists. Discord knows more of them (Arabic is in its
OpenAPI description and missing there); those are put into the payload afterwards, from the same catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Where

from bot import i18n

# Discord has two Spanish locales; we have words for both in one.
LOCALES: Mapping[str, str] = MappingProxyType(
    {**{one: one for one in i18n.LANGUAGES if one != "en"}, "es-419": "es-ES"}
)
"""Every locale of Discord's that commands are told in, and the language of its words."""

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
"""Types of options that are commands of their own (interactions/application-commands, Option Type)."""


class CommandTranslator(app_commands.Translator):
    """Asks the catalogues. What has no translation there is left to Discord, which shows the English one."""

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
    """Add the locales that discord.py has no name for to the commands of a payload, in place."""
    missing = [locale for locale in LOCALES if locale not in {one.value for one in discord.Locale}]
    for node, context in _payload_nodes(payload, "command"):
        for locale in missing:
            for key, of in (("name", context), ("description", "")):
                if node.get(key) and (found := translate_text(node[key], locale, of)):
                    node[f"{key}_localizations"] = {**(node.get(f"{key}_localizations") or {}), locale: found}


def _payload_nodes(
    held: Iterable[MutableMapping[str, Any]], context: str
) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """Every command, option and choice of a payload, with the context of its name."""
    for node in held:
        yield node, context
        for key, inside in _CHOICES_AND_OPTIONS:
            for one in node.get(key) or ():
                yield from _payload_nodes(
                    [one], "command" if one.get("type") in _SUBCOMMANDS and key == "options" else inside
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
