"""What the bot may do in a channel, worked out from the channel, its server's roles and the bot's own, before anything
is sent: an error of Discord's names no permission, and a history that may not be read looks empty.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pydantic import SecretStr

from bot.outlets.discord.rest_client import DiscordFailure, DiscordRestClient
from bot.outlets.types import redact_reason

if TYPE_CHECKING:
    import discord

SEEN_FOR = 600.0
"""Seconds for which what was seen is taken as it was."""
GUILDS_KEPT = 64
"""Servers whose roles are kept in memory at most."""

TAKES_NO_MESSAGE = frozenset({"category", "forum", "media", "directory"})
"""Kinds of channels that hold channels or threads, and no messages of their own (resources/channel, Channel Types)."""
VIEW, SEND, EMBED, ATTACH = "View Channel", "Send Messages", "Embed Links", "Attach Files"
HISTORY, POLLS = "Read Message History", "Send Polls"
PERMISSIONS = {
    "read_messages": VIEW,
    "send_messages": SEND,
    "embed_links": EMBED,
    "attach_files": ATTACH,
    "read_message_history": HISTORY,
    "send_polls": POLLS,
}
"""discord.py's name to the one that Discord's settings show (topics/permissions). A look-back lives on the history."""


IMPLIED = {VIEW: (SEND, EMBED, ATTACH, HISTORY, POLLS), SEND: (EMBED, ATTACH)}
"""What goes with a permission that is missing (topics/permissions, Implicit Permissions) and is not named beside it."""


@dataclass(frozen=True, slots=True)
class ChannelPermissions:
    """A channel as the bot sees it."""

    id: str
    name: str
    guild: str
    """Id of its server; `@me` for direct messages."""
    news: bool
    """An announcement channel."""
    granted: frozenset[str]
    """As Discord's settings call them."""
    wrong_type: str = ""
    """What kind of channel it is, where that takes no message: a forum, a category."""

    def missing_permissions(self, poll: bool = False) -> str:
        """Which channel and which permissions are missing for a post, in words; empty where none is."""
        if self.wrong_type:
            return f"discord channel {self.id} (#{self.name}): is a {self.wrong_type}, which takes no messages"
        lacking = [shown for shown in PERMISSIONS.values() if shown not in self.granted]
        beside = {shown for missing in lacking for shown in IMPLIED.get(missing, ())} | (set() if poll else {POLLS})
        return self.describe_missing([shown for shown in lacking if shown not in beside])

    def describe_missing(self, permissions: list[str]) -> str:
        """A lack in words; empty where there is none."""
        if not permissions:
            return ""
        return f"discord channel {self.id} (#{self.name}): the bot lacks {', '.join(permissions)}"


class PermissionCache:
    """Channels as last seen."""

    def __init__(self, wire: DiscordRestClient, token: SecretStr) -> None:
        self._wire, self._token = wire, token
        self._places: dict[str, tuple[float, ChannelPermissions]] = {}
        self._guilds: dict[int, tuple[float, discord.Guild, discord.Member]] = {}

    def clear_cache(self) -> None:
        """Whatever was seen may have changed."""
        self._places.clear()
        self._guilds.clear()

    async def permissions_in(self, destination: str) -> ChannelPermissions | DiscordFailure:
        """A channel, seen within `SEEN_FOR` or just now."""
        at, place = self._places.get(destination, (0.0, None))
        if place is not None and time.monotonic() - at < SEEN_FOR:
            return place
        seen = await self._wire.call_api(lambda client: self._fetch_permissions(client, int(destination)))
        if isinstance(seen, ChannelPermissions):
            self._places[destination] = time.monotonic(), seen
        return seen

    async def _fetch_permissions(self, client: discord.Client, channel_id: int) -> ChannelPermissions:
        import discord

        channel = await client.fetch_channel(channel_id)
        if isinstance(channel, discord.abc.PrivateChannel):
            return ChannelPermissions(str(channel_id), "direct messages", "@me", False, frozenset(PERMISSIONS.values()))
        guild, me = await self._fetch_guild(client, channel.guild.id)
        thread = isinstance(channel, discord.Thread)
        # A thread has no permissions of its own: those of its channel hold, with another name for sending.
        ruling = await client.fetch_channel(channel.parent_id) if isinstance(channel, discord.Thread) else channel
        ruling = cast(discord.TextChannel, ruling)
        ruling.guild = guild  # a fetched channel knows its server by id only
        held = dict(ruling.permissions_for(me))
        if thread:
            held["send_messages"] = held["send_messages_in_threads"]
        granted = frozenset(shown for key, shown in PERMISSIONS.items() if held[key])
        wrong = channel.type.name if channel.type.name in TAKES_NO_MESSAGE else ""
        news = channel.type is discord.ChannelType.news
        return ChannelPermissions(
            str(channel_id), redact_reason(channel.name, [self._token]), str(guild.id), news, granted, wrong
        )

    async def _fetch_guild(self, client: discord.Client, guild_id: int) -> tuple[discord.Guild, discord.Member]:
        at, guild, me = self._guilds.get(guild_id, (0.0, None, None))
        if guild is None or me is None or time.monotonic() - at >= SEEN_FOR:
            assert client.user is not None
            guild = await client.fetch_guild(guild_id, with_counts=False)
            me = await guild.fetch_member(client.user.id)
            if len(self._guilds) >= GUILDS_KEPT:
                self._guilds.clear()
            self._guilds[guild_id] = time.monotonic(), guild, me
        return guild, me
