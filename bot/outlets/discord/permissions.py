"""The bot's permissions in a channel, computed before sending from the channel, its server's roles and the bot's own:
Discord's errors name no permission, and a history that may not be read looks empty.
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
"""Seconds for which a channel's permissions are cached."""
GUILDS_KEPT = 64
"""Most servers whose roles are kept in memory."""

TAKES_NO_MESSAGE = frozenset({"category", "forum", "media", "directory"})
"""Channel types that hold channels or threads, and no messages (resources/channel, Channel Types)."""
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
"""discord.py's name to the one in Discord's settings (topics/permissions). A look-back needs the history."""


IMPLIED = {VIEW: (SEND, EMBED, ATTACH, HISTORY, POLLS), SEND: (EMBED, ATTACH)}
"""Permissions that a missing permission implies (topics/permissions, Implicit Permissions); not listed beside it."""


@dataclass(frozen=True, slots=True)
class ChannelPermissions:
    """A channel with the bot's permissions."""

    id: str
    name: str
    guild: str
    """Id of its server; `@me` for direct messages."""
    news: bool
    """An announcement channel."""
    granted: frozenset[str]
    """By their names in Discord's settings."""
    wrong_type: str = ""
    """The channel's type if it takes no messages: a forum, a category."""

    def missing_permissions(self, poll: bool = False) -> str:
        """The channel and the permissions that a post needs and lacks, as text; empty if there are none."""
        if self.wrong_type:
            return f"discord channel {self.id} (#{self.name}): is a {self.wrong_type}, which takes no messages"
        lacking = [shown for shown in PERMISSIONS.values() if shown not in self.granted]
        beside = {shown for missing in lacking for shown in IMPLIED.get(missing, ())} | (set() if poll else {POLLS})
        return self.describe_missing([shown for shown in lacking if shown not in beside])

    def describe_missing(self, permissions: list[str]) -> str:
        """Missing permissions as text; empty if there are none."""
        if not permissions:
            return ""
        return f"discord channel {self.id} (#{self.name}): the bot lacks {', '.join(permissions)}"


class PermissionCache:
    """Channels with their permissions, cached."""

    def __init__(self, wire: DiscordRestClient, token: SecretStr) -> None:
        self._wire, self._token = wire, token
        self._places: dict[str, tuple[float, ChannelPermissions]] = {}
        self._guilds: dict[int, tuple[float, discord.Guild, discord.Member]] = {}

    def clear_cache(self) -> None:
        """Clear the cache after anything that may have changed."""
        self._places.clear()
        self._guilds.clear()

    async def permissions_in(self, destination: str) -> ChannelPermissions | DiscordFailure:
        """A channel, at most `SEEN_FOR` old."""
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
        # A thread has its channel's permissions, with another name for sending.
        ruling = await client.fetch_channel(channel.parent_id) if isinstance(channel, discord.Thread) else channel
        ruling = cast(discord.TextChannel, ruling)
        ruling.guild = guild  # a fetched channel has only its server's id
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
