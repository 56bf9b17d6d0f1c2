"""The slash commands: each asks one question of `bot.queries`, named and with the options as on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, get_args

import discord
from discord import app_commands

from bot.discord_bot import autocomplete
from bot.discord_bot.query import Query, query_summary
from bot.discord_bot.responder import InteractionResponder
from bot.queries.model_queries import BY, MOST_IDLE_DAYS
from bot.queries.network_queries import MOST_DAYS, MOST_EDITIONS
from bot.records import PeriodName

if TYPE_CHECKING:
    from bot.discord_bot.context import FootfallBot

OPTIONS = {
    "network": "One network; the first one watched by default",
    "period": "The kind of period; day by default",
    "day": "A UTC day, YYYY-MM-DD; the newest by default",
    "edition": "An older edition; the newest by default.",
    "name": "A model's name",
    "by": "What they are ordered by; uses by default",
    "days": "How many days",
    "a": "A model or a network",
    "b": "Another model or network",
    "metric": "What is counted",
    "private": "Show the answer to you alone",
}
"""What Discord says of each option."""
MAKERS = {
    "network": autocomplete.complete_network,
    "day": autocomplete.complete_day,
    "name": autocomplete.complete_model,
    "a": autocomplete.complete_comparison,
    "b": autocomplete.complete_comparison,
    "metric": autocomplete.complete_metric,
}
"""What is offered while an option is typed."""
CHOICES = {
    key: [app_commands.Choice(name=app_commands.locale_str(one), value=one) for one in values]
    for key, values in {"by": BY, "period": get_args(PeriodName)}.items()
}
COMMANDS: list[app_commands.Command[Any, ..., None]] = []

Callback = Callable[..., Coroutine[Any, Any, None]]


def register_command(callback: Callback) -> Callback:
    """Make a function a command: its name is the question's, its parameters are the options."""
    named = list(inspect.signature(callback).parameters)[1:]
    app_commands.describe(**{name: OPTIONS[name] for name in named})(callback)
    app_commands.autocomplete(**{name: MAKERS[name] for name in named if name in MAKERS})(callback)
    app_commands.choices(**{name: CHOICES[name] for name in named if name in CHOICES})(callback)
    COMMANDS.append(app_commands.command(description=query_summary(callback.__name__))(callback))
    return callback


async def ask_query(
    interaction: discord.Interaction[FootfallBot], question: str, private: bool, /, **options: object
) -> None:
    """Put the question with the options that were given."""
    given = {key: str(value) for key, value in options.items() if value is not None}
    await InteractionResponder(interaction, private).answer_query(Query(question, given))


@register_command
async def usage(
    interaction: discord.Interaction[FootfallBot],
    network: str | None = None,
    period: PeriodName = "day",
    day: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "usage", private, network=network, period=period, day=day)


@register_command
async def inventory(
    interaction: discord.Interaction[FootfallBot],
    network: str | None = None,
    day: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "inventory", private, network=network, day=day)


@register_command
async def model(
    interaction: discord.Interaction[FootfallBot],
    name: str,
    network: str | None = None,
    day: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "model", private, name=name, network=network, day=day)


@register_command
async def top(
    interaction: discord.Interaction[FootfallBot],
    network: str | None = None,
    by: str = BY[0],
    period: PeriodName = "day",
    day: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "top", private, network=network, by=by, period=period, day=day)


@register_command
async def idle(
    interaction: discord.Interaction[FootfallBot],
    network: str | None = None,
    days: app_commands.Range[int, 1, MOST_IDLE_DAYS] = 7,
    day: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "idle", private, network=network, days=days, day=day)


@register_command
async def compare(
    interaction: discord.Interaction[FootfallBot],
    a: str,
    b: str,
    network: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "compare", private, a=a, b=b, network=network)


@register_command
async def trend(
    interaction: discord.Interaction[FootfallBot],
    metric: str,
    network: str | None = None,
    days: app_commands.Range[int, 1, MOST_DAYS] = 30,
    private: bool = False,
) -> None:
    await ask_query(interaction, "trend", private, metric=metric, network=network, days=days)


@register_command
async def digest(
    interaction: discord.Interaction[FootfallBot],
    network: str | None = None,
    period: PeriodName = "day",
    day: str | None = None,
    edition: app_commands.Range[int, 1, MOST_EDITIONS] | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "digest", private, network=network, period=period, day=day, edition=edition)


@register_command
async def why(
    interaction: discord.Interaction[FootfallBot],
    network: str | None = None,
    day: str | None = None,
    private: bool = False,
) -> None:
    await ask_query(interaction, "why", private, network=network, day=day)


@register_command
async def method(interaction: discord.Interaction[FootfallBot], metric: str, private: bool = False) -> None:
    await ask_query(interaction, "method", private, metric=metric)


@register_command
async def status(interaction: discord.Interaction[FootfallBot], private: bool = False) -> None:
    await ask_query(interaction, "status", private)


@register_command
async def about(interaction: discord.Interaction[FootfallBot], private: bool = False) -> None:
    await ask_query(interaction, "about", private)
