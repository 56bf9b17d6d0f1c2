"""The Discord client: slash commands only. It sees servers and reads no message."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import discord
import sqlalchemy as sa
import structlog
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket

from bot.config import proxy_for
from bot.discord_bot import command_translations, responder
from bot.discord_bot.commands.help import MEMBER
from bot.discord_bot.commands.operator import OWNER
from bot.discord_bot.commands.queries import COMMANDS
from bot.discord_bot.commands.server import SERVER
from bot.discord_bot.context import API, BotSettings, Cooldowns, FootfallBot, Interaction
from bot.outlets.discord.response_guard import make_trace_config
from bot.queries import QueryContext
from bot.redaction import clip_text
from bot.store import Store, StoreError, synced

ANSWER_SECONDS = 60.0
SYNC_EVERY = 24 * 3600.0
"""Seconds between two checks of the commands that Discord has."""

log = structlog.get_logger("bot.discord_bot")


class FootfallClient(FootfallBot):
    """One connection: it registers the commands and handles server events."""

    def __init__(
        self,
        desk: QueryContext,
        bot_settings: BotSettings | None = None,
        cooldowns: Cooldowns | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        bot_settings = bot_settings or BotSettings()
        super().__init__(
            desk,
            bot_settings,
            cooldowns or Cooldowns(),
            seconds,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            shard_count=1,
            proxy=proxy_for(bot_settings.api),
            http_trace=make_trace_config(),
        )
        self.tree = FootfallCommandTree(self)
        for command in (*COMMANDS, *SERVER, *MEMBER):
            self.tree.add_command(command)
        for group in OWNER if bot_settings.owners else ():
            self.tree.add_command(group)
        self._syncing: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Runs after the login, before the gateway connection."""
        servers = self.application.approximate_guild_count if self.application else 0
        # Without a number, discord.py asks the gateway; its types allow only a number.
        self.shard_count = None if servers >= self.bot_settings.sharded_from else 1  # type: ignore[assignment]
        if self.bot_settings.api != API:  # its own gateway, to which discord.py must also return
            advice = await self.http.get_bot_gateway()
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(advice[1])
        self.add_dynamic_items(responder.QueryButton)
        await self.tree.set_translator(command_translations.CommandTranslator())
        self.refresh_names_if_stale()
        await self._sync_commands()
        self._syncing = asyncio.create_task(self._sync_daily())

    async def close(self) -> None:
        """Disconnect and end the daily sync."""
        if self._syncing:
            self._syncing.cancel()
        await super().close()

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log an error in a gateway event."""
        log.exception("event failed", event=event_method)

    async def _sync_commands(self) -> None:
        """Register the commands with Discord, unless it still has them as last registered."""
        try:
            payload = await self.command_payload()
            assert self.application_id is not None
            application, number = str(self.application_id), self.application_id
            there = await self.http.get_global_commands(number)
            if await self.run_in_thread(lambda: _synced_hash(self.desk.store, application)) == _fingerprint(
                payload, there
            ):
                return
            await self.http.bulk_upsert_global_commands(number, payload=payload)
            now = _fingerprint(payload, await self.http.get_global_commands(number))
            await self.run_in_thread(lambda: _store_synced_hash(self.desk.store, application, now))
        except (discord.DiscordException, aiohttp.ClientError, OSError, StoreError, TimeoutError) as error:
            # The registered commands still work; tried again the next day or at the next start.
            log.error("commands could not be synced", error=clip_text(str(error), 500))
            return
        log.info("commands synced", commands=len(payload))

    async def _sync_daily(self) -> None:
        """Register the commands again if Discord lost them or somebody removed them."""
        while True:
            await asyncio.sleep(SYNC_EVERY)
            await self._sync_commands()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server, or the server was deleted. (An outage is another event.)"""
        await self._end_subscriptions(guild=str(guild.id))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel was deleted."""
        await self._end_subscriptions(guild=str(channel.guild.id), channel=str(channel.id))

    async def _end_subscriptions(self, guild: str, channel: str | None = None) -> None:
        def end() -> int:
            ended = self.repositories.channels.end_subscriptions(guild=guild, channel=channel)
            for subscription in ended:
                if subscription.channel not in self.bot_settings.taken:
                    self.repositories.outbox.skip_destination(
                        "discord", subscription.channel, "its subscription ended", self.desk.clock()
                    )
            return len(ended)

        try:
            if count := await self.run_in_thread(end):
                log.info("subscriptions ended: the bot was removed from the server", subscriptions=count)
        except (StoreError, TimeoutError) as error:
            # The rest end later, when nothing can be delivered there.
            log.warning("subscriptions could not be ended", error=str(error))

    async def command_payload(self) -> list[dict[str, Any]]:
        """The commands in Discord's format, in every language."""
        translator = self.tree.translator or command_translations.CommandTranslator()
        payloads: list[dict[str, Any]] = [
            await command.get_translated_payload(self.tree, translator) for command in self.tree.get_commands()
        ]
        command_translations.add_missing_locales(payloads)
        return payloads


class FootfallCommandTree(app_commands.CommandTree[FootfallBot]):
    """Usable in servers, in direct messages and by members who installed it for themselves."""

    def __init__(self, client: FootfallBot) -> None:
        super().__init__(
            client,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Report a command that failed, or one that Discord still shows from an older version."""
        await responder.report_failure(interaction, error)


def _fingerprint(payload: list[dict[str, Any]], there: Sequence[Mapping[str, Any]]) -> str:
    """Changes with our commands and with Discord's copy, including its ids and versions."""
    commands = sorted(json.dumps(command, sort_keys=True) for command in there)
    return hashlib.sha256(json.dumps([payload, commands], sort_keys=True).encode()).hexdigest()


def _synced_hash(store: Store, application: str) -> str | None:
    """The fingerprint of the commands as last registered."""
    with store.read_transaction() as connection:
        sha256: str | None = connection.scalar(sa.select(synced.c.sha256).where(synced.c.application == application))
    return sha256


def _store_synced_hash(store: Store, application: str, sha256: str) -> None:
    with store.write_transaction() as connection:
        connection.execute(synced.delete().where(synced.c.application == application))
        connection.execute(synced.insert().values(application=application, sha256=sha256))
