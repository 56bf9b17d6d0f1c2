"""Autocomplete for command options. A failure gives no choices, never an error."""

from __future__ import annotations

from datetime import date

import discord
from discord.app_commands import Choice

from bot import i18n, number_format
from bot.discord_bot.context import FootfallBot, translator_for
from bot.discord_bot.name_index import LONGEST, SHOWN, IndexedModel, NameKind, closest_keys
from bot.metrics import METRICS
from bot.queries import QueryContext
from bot.records import FootfallError, PeriodName, SafeName
from bot.render import document_translation
from bot.render.text_blocks import utf16_length


async def complete_model(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    """Models of the chosen network, or of all."""
    return _complete_name(interaction, typed, "model")


async def complete_author(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    """Authors of the chosen network, or of all."""
    return _complete_name(interaction, typed, "author")


async def complete_category(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    """Categories of the chosen network, or of all."""
    return _complete_name(interaction, typed, "category")


def _complete_name(interaction: discord.Interaction[FootfallBot], typed: str, kind: NameKind) -> list[Choice[str]]:
    client = interaction.client
    client.refresh_names_if_stale()
    network = getattr(interaction.namespace, "network", None)
    matches = client.index.by_kind[kind].find_matches(typed, lambda model: network in (None, model.network))
    preferred_network = network or next(iter(client.desk.watched), None)
    return [_model_choice(client.desk, model, model.network == preferred_network) for model in matches]


def _model_choice(desk: QueryContext, model: IndexedModel, plain: bool) -> Choice[str]:
    """A model as a choice: its name as the value if that is unambiguous and short enough, otherwise its token."""
    several = len(desk.watched) > 1
    shown = f"{model.model} · {desk.watched[model.network].title}" if several else str(model.model)
    return Choice(
        name=_clip_text(shown),
        value=model.model if plain and utf16_length(model.model) <= LONGEST else model.token,
    )


async def complete_comparison(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    """Matching networks, then models."""
    fitting = await complete_network(interaction, typed) if len(interaction.client.desk.watched) > 1 else []
    return [*fitting, *await complete_model(interaction, typed)][:SHOWN]


async def complete_network(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    titles = {name: watched.title for name, watched in interaction.client.desk.watched.items()}
    return [Choice(name=_clip_text(titles[name]), value=name) for name in closest_keys(typed, titles)]


async def complete_metric(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    """Metrics; for a trend, those of days."""
    daily = interaction.command is not None and interaction.command.name == "trend"
    locale = interaction.locale.value
    labels = {
        key: document_translation.translate_to_text(metric.label.format(unit="uses"), locale)
        for key, metric in METRICS.items()
        if not daily or "day" in metric.periods
    }
    rtl = translator_for(interaction).right_to_left
    shown = {
        key: f"{_clip_text(labels[key], LONGEST - len(key) - 6)} ({i18n.isolate_text(key, rtl)})" for key in labels
    }
    return [Choice(name=shown[key], value=key) for key in closest_keys(typed, labels)]


async def complete_day(interaction: discord.Interaction[FootfallBot], typed: str) -> list[Choice[str]]:
    """Periods that have a digest, the newest first, by their first day."""
    client, namespace = interaction.client, interaction.namespace
    period: PeriodName = getattr(namespace, "period", None) or "day"
    try:
        network = client.desk.find_network(getattr(namespace, "network", None)).network
        kept = await client.run_in_thread(lambda: client.desk.archive.list_digests(network, period))
    except (FootfallError, TimeoutError):
        return []
    known = [entry.day for entry in reversed(kept)]
    language = translator_for(interaction).language
    names = {day: _day_label(day, language) for day in known}
    fitting = [day for day in known if typed.strip().casefold() in names[day].casefold()]
    return [Choice(name=names[day], value=day.isoformat()) for day in fitting[:SHOWN]]


def _day_label(day: date, language: str) -> str:
    spoken = f"{day.day} {day:%B}" if language == "en" else number_format.format_day(day, language)
    iso = i18n.isolate_text(day.isoformat(), i18n.is_rtl(language))
    return f"{iso} ({number_format.format_weekday(day, language)}, {spoken})"


def _clip_text(text: str, limit: int = LONGEST) -> str:
    clipped = SafeName(text, limit)
    while utf16_length(clipped) > limit:
        clipped = SafeName(clipped, len(clipped) - 2)
    return clipped
