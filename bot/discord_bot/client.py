"""The bot in Discord's eyes: slash commands and nothing else. It sees servers and reads no message."""

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
from bot.discord_bot.commands.member import MEMBER
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
"""Seconds between two looks at which commands Discord has."""

log = structlog.get_logger("bot.discord_bot")


class FootfallClient(FootfallBot):
    """One connection: it registers the commands and hears of servers."""

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
        """After the login, before the gateway."""
        servers = self.application.approximate_guild_count if self.application else 0
        # discord.py asks the gateway for the number where there is none, and types only the other case.
        self.shard_count = None if servers >= self.bot_settings.sharded_from else 1  # type: ignore[assignment]
        if self.bot_settings.api != API:  # it has a gateway of its own, to which discord.py must also return
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
        """Whatever a gateway event brought that is not understood."""
        log.exception("event failed", event=event_method)

    async def _sync_commands(self) -> None:
        """Register the commands with Discord, unless it has them as they were registered last."""
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
            # The commands that Discord knows go on working; tried again the next day or at the next start.
            log.error("commands could not be synced", error=clip_text(str(error), 500))
            return
        log.info("commands synced", commands=len(payload))

    async def _sync_daily(self) -> None:
        """Register the commands again where Discord lost them, or somebody else removed them."""
        while True:
            await asyncio.sleep(SYNC_EVERY)
            await self._sync_commands()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server, or the server is no more. (An outage is another event.)"""
        await self._end_subscriptions(guild=str(guild.id))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel of a server is no more."""
        await self._end_subscriptions(guild=str(channel.guild.id), channel=str(channel.id))

    async def _end_subscriptions(self, guild: str, channel: str | None = None) -> None:
        def end() -> int:
            ended = self.repositories.channels.end_subscriptions(guild=guild, channel=channel)
            for one in ended:
                if one.channel not in self.bot_settings.taken:
                    self.repositories.outbox.skip_destination(
                        "discord", one.channel, "its subscription ended", self.desk.clock()
                    )
            return len(ended)

        try:
            if count := await self.run_in_thread(end):
                log.info("subscriptions ended: the bot was removed from the server", subscriptions=count)
        except (StoreError, TimeoutError) as error:
            # The rest end later, once nothing can be delivered there any more.
            log.warning("subscriptions could not be ended", error=str(error))

    async def command_payload(self) -> list[dict[str, Any]]:
        """The commands as Discord is told them, in every language."""
        translator = self.tree.translator or command_translations.CommandTranslator()
        told: list[dict[str, Any]] = [
            await command.get_translated_payload(self.tree, translator) for command in self.tree.get_commands()
        ]
        command_translations.add_missing_locales(told)
        return told


class FootfallCommandTree(app_commands.CommandTree[FootfallBot]):
    """Usable in servers, in direct messages and by members who installed it for themselves."""

    def __init__(self, client: FootfallBot) -> None:
        super().__init__(
            client,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """A command that broke, or one that Discord still shows from an older version."""
        await responder.report_failure(interaction, error)


def _fingerprint(payload: list[dict[str, Any]], there: Sequence[Mapping[str, Any]]) -> str:
    """Changes with the commands as they are to be, and as Discord has them, whose ids and versions are its own."""
    found = sorted(json.dumps(command, sort_keys=True) for command in there)
    return hashlib.sha256(json.dumps([payload, found], sort_keys=True).encode()).hexdigest()


def _synced_hash(store: Store, application: str) -> str | None:
    """The fingerprint of the commands as registered last."""
    with store.read_transaction() as connection:
        found: str | None = connection.scalar(sa.select(synced.c.sha256).where(synced.c.application == application))
    return found


def _store_synced_hash(store: Store, application: str, sha256: str) -> None:
    with store.write_transaction() as connection:
        connection.execute(synced.delete().where(synced.c.application == application))
        connection.execute(synced.insert().values(application=application, sha256=sha256))
