"""Buttons for period and page. Each holds its whole question, so that it works as long as its message stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_bot.presenter import ButtonSpec, RenderedAnswer
from bot.discord_bot.query import WRITTEN

if TYPE_CHECKING:
    from bot.discord_bot.client import FootfallBot


class QueryButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=WRITTEN):
    """A button of ours, also of a message from before a restart."""

    def __init__(self, button: discord.ui.Button[discord.ui.View]) -> None:
        super().__init__(button)

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: discord.ui.Item[Any], _found: re.Match[str], /
    ) -> QueryButton:
        """The pressed button."""
        assert isinstance(item, discord.ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer what it asks."""
        client: FootfallBot = interaction.client
        await client.handle_button(interaction, self.custom_id)


def build_view(answer: RenderedAnswer) -> discord.ui.View | None:
    """The buttons of an answer. Nothing of them is kept here: they never time out and hold no memory."""
    if not any(button.open for button in answer.buttons):
        return None
    made = discord.ui.View(timeout=None)
    for button in answer.buttons:
        made.add_item(QueryButton(_make_button(button)))
    return made


def _make_button(button: ButtonSpec) -> discord.ui.Button[discord.ui.View]:
    style = discord.ButtonStyle.primary if button.current else discord.ButtonStyle.secondary
    return discord.ui.Button(
        label=button.label, style=style, custom_id=button.id, row=button.row, disabled=not button.open
    )
