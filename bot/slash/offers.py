"""What Discord offers while somebody types an option. An offer that cannot be made is none, never an error."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import discord
from discord.app_commands import Choice

from bot import limits, numbers, words
from bot.answers import Desk
from bot.metrics import METRICS
from bot.records import FootfallError, Name, PeriodName
from bot.render import told
from bot.slash import tongues
from bot.slash.completion import LONGEST, SHOWN, Known, near

if TYPE_CHECKING:
    from bot.slash.client import Footfall


async def models(interaction: discord.Interaction[Footfall], typed: str) -> list[Choice[str]]:
    """Models of the network chosen beside, or of all."""
    client = interaction.client
    client.look_again()
    network = getattr(interaction.namespace, "network", None)
    found = client.index.names.matches(typed, lambda one: network in (None, one.network))
    asked = network or next(iter(client.desk.watched), None)
    return [_offer(client.desk, one, one.network == asked) for one in found]


def _offer(desk: Desk, one: Known, plain: bool) -> Choice[str]:
    """A model as a choice: by its name where that says all, else by its stand-in."""
    several = len(desk.watched) > 1
    shown = f"{one.model} · {desk.watched[one.network].title}" if several else str(one.model)
    return Choice(
        name=_clipped(shown), value=one.model if plain and limits.utf16_length(one.model) <= LONGEST else one.token
    )


async def sides(interaction: discord.Interaction[Footfall], typed: str) -> list[Choice[str]]:
    """Networks that fit, then models."""
    fitting = await networks(interaction, typed) if len(interaction.client.desk.watched) > 1 else []
    return [*fitting, *await models(interaction, typed)][:SHOWN]


async def networks(interaction: discord.Interaction[Footfall], typed: str) -> list[Choice[str]]:
    """Networks that are watched."""
    titles = {name: watched.title for name, watched in interaction.client.desk.watched.items()}
    return [Choice(name=_clipped(titles[name]), value=name) for name in near(typed, titles)]


async def metrics(interaction: discord.Interaction[Footfall], typed: str) -> list[Choice[str]]:
    """Metrics; for a trend those that a day has."""
    daily = interaction.command is not None and interaction.command.name == "trend"
    locale = interaction.locale.value
    labels = {
        key: told.translate_to_text(metric.label.format(unit="uses"), locale)
        for key, metric in METRICS.items()
        if not daily or "day" in metric.periods
    }
    rtl = tongues.speech_of(interaction).right_to_left
    shown = {key: f"{_clipped(labels[key], LONGEST - len(key) - 6)} ({words.isolate_text(key, rtl)})" for key in labels}
    return [Choice(name=shown[key], value=key) for key in near(typed, labels)]


async def days(interaction: discord.Interaction[Footfall], typed: str) -> list[Choice[str]]:
    """Periods that there is a digest of, the newest first; by their first day."""
    client, asked = interaction.client, interaction.namespace
    period: PeriodName = getattr(asked, "period", None) or "day"
    try:
        network = client.desk.network(getattr(asked, "network", None)).network
        kept = await client.work(lambda: client.desk.archive.list_digests(network, period))
    except (FootfallError, TimeoutError):
        return []
    known = [entry.day for entry in reversed(kept)]
    language = tongues.speech_of(interaction).language
    names = {day: _said(day, language) for day in known}
    fitting = [day for day in known if typed.strip().casefold() in names[day].casefold()]
    return [Choice(name=names[day], value=day.isoformat()) for day in fitting[:SHOWN]]


def _said(day: date, language: str) -> str:
    spoken = f"{day.day} {day:%B}" if language == "en" else numbers.format_day(day, language)
    return f"{words.isolate_text(day.isoformat(), words.is_rtl(language))} ({numbers.format_weekday(day, language)}, {spoken})"


def _clipped(text: str, limit: int = LONGEST) -> str:
    clipped = Name(text, limit)
    while limits.utf16_length(clipped) > limit:
        clipped = Name(clipped, len(clipped) - 2)
    return clipped
