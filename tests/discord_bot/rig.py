"""A member of a server in an in-process Discord, with the bot and the small world of `tests.query_contexts`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import discord
import simcord

from bot.discord_bot import FootfallClient
from bot.discord_bot.chart_cache import ChartCache, drawing_process
from bot.discord_bot.context import Cooldowns
from bot.queries import QueryContext
from tests import query_contexts
from tests.patience import PATIENCE

P = ParamSpec("P")
T = TypeVar("T")


class Drawn(Executor):
    """The drawing process, without the pictures that it has already drawn for another test."""

    def __init__(self) -> None:
        self._drawn: dict[str, Future[Any]] = {}

    def submit(self, draw: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        key = repr((draw, args, kwargs))
        known = self._drawn.get(key)
        if known is None or (known.done() and known.exception()):
            known = self._drawn[key] = drawing_process().submit(draw, *args, **kwargs)
        return known


DRAWN = Drawn()
FREE = ((10_000, 1.0), (10_000, 1.0))


@dataclass
class Rig:
    """One server with one channel and two members."""

    env: simcord.Env
    bot: FootfallClient
    desk: QueryContext
    folder: Path
    channel: Any
    ann: Any
    bob: Any

    def speak(self, locale: str) -> None:
        """From here on, members use this locale; the in-process Discord itself has none."""
        parsers: dict[str, Any] = self.bot._connection.parsers
        create = type(self.bot._connection).parse_interaction_create
        state = self.bot._connection
        parsers["INTERACTION_CREATE"] = lambda event: create(state, {**event, "locale": locale})

    async def ask(self, command: str, /, *, member: Any = None, **options: object) -> Any:
        """The response to a member's slash command."""
        return await (member or self.ann).slash(self.channel, command, **options)

    async def choices(self, command: str, option: str, typed: str, /, **filled: object) -> list[str]:
        """The autocomplete values for a text."""
        return [
            choice["value"] for choice in await self.ann.autocomplete(self.channel, command, option, typed, **filled)
        ]


@asynccontextmanager
async def discord_of(desk: QueryContext, folder: Path, **options: Any) -> AsyncIterator[Rig]:
    bot = FootfallClient(desk, **{"cooldowns": Cooldowns(*FREE), **options})
    bot.pictures = ChartCache(lambda: DRAWN)
    async with simcord.run(bot, settle_timeout=PATIENCE) as env:
        await bot.run_in_thread(bot.index.get_names)
        guild = env.create_guild()
        channel = guild.create_text_channel("general")
        ann, bob = (guild.add_member(env.create_user(name)) for name in ("ann", "bob"))
        yield Rig(env, bot, desk, folder, channel, ann, bob)


def run(folder: Path, scenario: Callable[[Rig], Awaitable[None]], **options: Any) -> None:
    """Run a scenario with its own database."""

    async def go() -> None:
        with query_contexts.desk(folder) as desk:
            async with discord_of(desk, folder, **options) as rig:
                await scenario(rig)

    asyncio.run(go())


def texts(message: Any) -> list[str]:
    """Every text of a message that a member reads or hears."""
    entries = [message.content]
    for embed in message.embeds:
        entries += [embed.title or "", embed.description or "", embed.footer.text or ""]
        entries += [text for field in embed.fields for text in (field.name or "", field.value or "")]
    return [*entries, *[attachment.description or "" for attachment in message.attachments]]


def buttons(message: Any) -> dict[str, dict[str, Any]]:
    """Buttons by their label."""
    return {component["label"]: component for row in message.components for component in row["components"]}


def embed(result: Any) -> discord.Embed:
    """The one embed of an answer."""
    (embed,) = result.response.embeds
    assert isinstance(embed, discord.Embed)
    return embed
