"""/help: every command that whoever asks may use, by topic, with its name and description in their language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from discord import app_commands

from bot.discord_bot.commands import _options
from bot.discord_bot.commands.member import WATCHES
from bot.discord_bot.commands.operator import OWNER
from bot.discord_bot.commands.queries import COMMANDS
from bot.discord_bot.commands.server import SERVER
from bot.discord_bot.context import Interaction, translator_for
from bot.i18n import N_, Translator
from bot.records import Document

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.Group

TOPICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        N_("How much is used"): ("usage", "top", "why", "trend", "records"),
        N_("What is on offer"): ("inventory", "new", "idle"),
        N_("One model, author or category"): ("model", "author", "category", "compare"),
        N_("Networks and posts"): ("networks", "digest", "status", "health", "method", "about"),
    }
)
"""The queries by topic; every query has one."""


@app_commands.command(name="help", description="What you can ask, and what else this bot does for you")
async def help_command(interaction: Interaction) -> None:
    speech = translator_for(interaction)
    answer = {"question": "help", "topics": list(_help_topics(interaction, speech))}
    await _options.run_and_reply(interaction, "help", lambda: answer)


def _help_topics(interaction: Interaction, speech: Translator) -> Iterator[Document]:
    """The topics with their commands; those that whoever asks may not use are left out."""
    queries = {command.name: command for command in COMMANDS}
    for title, names in TOPICS.items():
        yield _topic(title, [queries[name] for name in names], speech)
    yield _topic(N_("For you"), WATCHES, speech)
    if interaction.guild_id is not None and interaction.permissions.manage_guild:
        yield _topic(N_("For this server"), SERVER, speech)
    if interaction.user.id in interaction.client.bot_settings.owners:
        yield _topic(N_("For the operator"), OWNER, speech)


def _topic(title: str, commands: Any, speech: Translator) -> Document:
    described = [
        {
            "name": f"/{speech.translate_word('command', command.name)}",
            "summary": speech.translate_text(command.description),
        }
        for command in commands
    ]
    return {"title": speech.translate_text(title), "commands": described}


MEMBER: tuple[app_commands.Command[Any, ..., None], ...] = (help_command, *WATCHES)
"""The commands of members, usable everywhere."""
