"""Shared by the commands of members, servers and operators: replies, permissions, parsing of options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time
from zoneinfo import ZoneInfo, available_timezones

from discord.app_commands import Choice

from bot import i18n, render
from bot.discord_bot.context import FootfallBot, Interaction
from bot.discord_bot.name_index import LONGEST, SHOWN, closest_keys
from bot.discord_bot.presenter import RenderedAnswer
from bot.discord_bot.responder import InteractionResponder
from bot.queries import QueryError
from bot.records import Document, FootfallError, SafeName, message
from bot.store import StoreError

_OWN_NAMES = {
    "en": "English",
    "ar": "العربية",
    "zh-CN": "简体中文",
    "es-ES": "Español",
    "vi": "Tiếng Việt",
    "tr": "Türkçe",
}
LOCALES: Mapping[str, str] = {language: _OWN_NAMES[language] for language in i18n.LANGUAGES}
"""The languages of posts and messages, each by its own name."""
_TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d")


async def run_and_reply(interaction: Interaction, name: str, job: Callable[[], Document]) -> None:
    """Run a command's job off the event loop and show the resulting document to the user alone."""
    client, locale = interaction.client, i18n.nearest_language(interaction.locale.value)

    def render_text() -> RenderedAnswer:
        try:
            answer = job()
        except (QueryError, StoreError):
            raise
        except FootfallError as error:
            raise QueryError(str(error)) from error
        return RenderedAnswer(render.answer_embed(answer, render.PLAIN, client.desk.hidden, locale))

    await InteractionResponder(interaction, private=True).run_and_show(name, {}, render_text)


async def refuse_command(interaction: Interaction, sentence: str) -> None:
    """Say why a command is refused; that counts as an answer."""

    def refused() -> Document:
        raise QueryError(sentence)

    await run_and_reply(interaction, "refused", refused)


def parse_time(option: str, text: str) -> time:
    """A time of day as HH:MM. Raises `QueryError`."""
    if not _TIME.fullmatch(text.strip()):
        raise QueryError(message("bad_time", name=option, other=f"{SafeName(text)!s:.40}"))
    return time.fromisoformat(text.strip().rjust(5, "0"))


def parse_hours(text: str) -> tuple[time, time]:
    """Quiet hours as HH:MM-HH:MM. Raises `QueryError`."""
    first, _, last = text.replace("–", "-").partition("-")
    if not (_TIME.fullmatch(first.strip()) and _TIME.fullmatch(last.strip())):
        raise QueryError(message("bad_quiet", name=f"{SafeName(text)!s:.40}"))
    begins, ends = parse_time("quiet", first), parse_time("quiet", last)
    if begins == ends:
        raise QueryError(message("quiet: found twice the same time, wanted hours that end some time"))
    return begins, ends


def parse_zone(text: str) -> str:
    """An IANA time zone by name, in any case. Raises `QueryError`."""
    zone = _ZONES.get(text.strip().casefold())
    if zone is None:
        raise QueryError(message("bad_zone", name=f"{SafeName(text)!s:.40}"))
    return zone


def parse_networks(client: FootfallBot, text: str | None) -> tuple[str, ...]:
    """Networks by name, separated by commas; empty for no name. Raises `QueryError`."""
    named = [word.strip() for word in (text or "").split(",") if word.strip()]
    return tuple(dict.fromkeys(client.desk.find_network(name.casefold()).network for name in named))


_ZONES = {zone.casefold(): zone for zone in sorted(available_timezones()) if zone not in ("localtime", "Factory")}


async def complete_zone(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Matching time zones, each with its current time."""
    now = interaction.client.desk.clock()
    known = {zone: zone.replace("_", " ") for zone in _ZONES.values() if "/" in zone or zone == "UTC"}
    first = ["UTC"] if not typed.strip() else []
    zones = [*first, *(zone for zone in closest_keys(typed, known, SHOWN + 1) if zone not in first)][:SHOWN]
    return [Choice(name=f"{zone} ({now.astimezone(ZoneInfo(zone)):%H:%M})", value=zone) for zone in zones]


async def complete_networks(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Networks that complete the last of several, separated by commas."""
    before, comma, last = typed.rpartition(",")
    chosen = [word.strip() for word in before.split(",") if word.strip()]
    titles = {name: watched.title for name, watched in interaction.client.desk.watched.items() if name not in chosen}
    head = ", ".join(chosen) + (", " if comma else "")
    offers = [(f"{head}{titles[name]}", f"{head}{name}") for name in closest_keys(last, titles)]
    return [Choice(name=shown, value=value) for shown, value in offers if max(len(shown), len(value)) <= LONGEST]
