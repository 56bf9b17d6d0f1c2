"""`docs/discord.md`: every command has its picture, and every picture exists and is small."""

from __future__ import annotations

import re
from pathlib import Path

from discord import app_commands

from bot import discord_bot
from bot.discord_bot.presenter import query_options
from bot.outlets.discord.permissions import PERMISSIONS
from docs import pictures

PAGE = Path("docs/discord.md").read_text(encoding="utf-8")


def test_every_question_stands_there_with_its_options_and_a_picture() -> None:
    for command in discord_bot.COMMANDS:
        section = re.search(rf"^### /{command.name}\b(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
        assert section, f"/{command.name}: no section"
        heading = section[1].splitlines()[0]
        assert re.findall(r"`(\w+)`", heading) == list(query_options(command.name)), command.name
        assert f"pictures/discord/{command.name}" in section[1], f"/{command.name}: no picture"


def test_every_command_of_servers_members_and_the_operator_stands_there_with_its_options_and_a_picture() -> None:
    for command in (*discord_bot.SERVER, *discord_bot.MEMBER, *discord_bot.OWNER):
        section = re.search(rf"^### /{command.name}\b(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
        assert section, f"/{command.name}: no section"
        assert f"pictures/discord/{command.name}.png" in section[1], f"/{command.name}: no picture"
        if isinstance(command, app_commands.Group):
            assert all(f"`{command.name}`" in section[1] for command in command.commands), command.name
            continue
        heading = section[1].splitlines()[0]
        assert re.findall(r"`(\w+)`", heading) == [parameter.name for parameter in command.parameters], command.name
        required = [parameter.name for parameter in command.parameters if parameter.required]
        assert re.findall(r"\*\*`(\w+)`\*\*", heading) == required, command.name


def test_answers_in_other_scripts_are_shown() -> None:
    shown = {shot.name for shot in pictures.SHOTS if shot.locale != "en-US"}
    assert {f"{name}.png" for name in shown} <= set(re.findall(r"pictures/discord/([\w-]+\.png)", PAGE))
    assert {shot.locale for shot in pictures.SHOTS} == {"en-US", "ar", "zh-CN"}


def test_every_picture_shown_is_there_is_small_and_is_made_by_the_script() -> None:
    shown = re.findall(r"!\[[^\]]+\]\((pictures/discord/[\w-]+\.png)\)", PAGE)
    assert len(shown) >= len(discord_bot.COMMANDS)
    for name in shown:
        path = Path("docs") / name
        assert path.stat().st_size <= pictures.LARGEST, name
        assert path.stem.removesuffix("-phone") in {shot.name for shot in pictures.SHOTS}, name


def test_the_invite_asks_for_the_permissions_that_posting_needs_and_no_other() -> None:
    bits = [int(bit) for bit in re.findall(r"^\| [A-Z][\w ]+ \| (\d+) \|", PAGE, re.M)]
    (result,) = set(re.findall(r"permissions=(\d+)", PAGE))
    assert sum(bits) == int(result) and len(bits) == len(PERMISSIONS)
    assert all(f"| {shown} |" in PAGE for shown in PERMISSIONS.values())
