"""Screenshots of every answer in Discord, as simcord's preview shows the real callbacks: `make pictures`.

They are made from Replicate's public record, as on the morning after its last day, and written to
`docs/pictures/discord/`. The file names are what `docs/discord.md` shows. Who asks is an administrator of the server
and an owner of the bot, so that one person may ask all of it; deliveries are put into the outbox as an example.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import discord
import simcord
from PIL import Image
from playwright.async_api import async_playwright
from simcord.preview import _markdown, _messages

from bot import pipeline
from bot.cli.app_context import AppContext
from bot.deliveries import EditionKey
from bot.discord_bot import BotSettings, FootfallClient
from bot.discord_bot.context import Cooldowns
from bot.outlets import OutcomeUnknown
from bot.queries import QueryContext
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pictures" / "discord"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
NOW = datetime(2025, 1, 16, 9, tzinfo=UTC)
DESK, PHONE = (760, 1700), (390, 2200)
LARGEST = 150_000
COLOURS = 256
UNSURE = OutcomeUnknown("discord: the connection was lost; it may have been accepted")
DIRECTED = """addEventListener("DOMContentLoaded", () => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".embed-title, .embed-field-name, .markdown-paragraph {unicode-bidi: plaintext}");
  document.adoptedStyleSheets = [sheet];
});"""
FREE = ((10_000, 1.0), (10_000, 1.0))


Asked = tuple[str, dict[str, object]]


@dataclass(frozen=True)
class Shot:
    """One command, the button pressed after it, what was asked before it, and the language of who asks."""

    name: str
    command: str
    options: dict[str, object] = field(default_factory=dict)
    press: str = ""
    before: tuple[Asked, ...] = ()
    locale: str = "en-US"


DAY = "2025-01-12"
MODEL, OTHER = "black-forest-labs/flux-schnell", "stability-ai/sdxl"
TERMS: dict[str, object] = {"time": "8:30", "zone": "Europe/Zurich", "threshold": 10.0, "quiet": "22:00-07:00"}
SUBSCRIBED: Asked = ("subscribe", TERMS)
WATCHED: tuple[Asked, ...] = (("watch", {"model": MODEL}), ("watch", {"model": OTHER, "share": 20.0}))
SHOTS = (
    Shot("usage", "usage", {"day": DAY}),
    Shot("usage-week", "usage", {"day": DAY}, "Week"),
    Shot("inventory", "inventory", {"day": DAY}),
    Shot("model", "model", {"model": MODEL, "day": DAY}),
    Shot("top", "top", {"day": DAY}),
    Shot("top-rise", "top", {"by": "rise", "day": DAY}),
    Shot("idle", "idle", {"day": DAY}),
    Shot("compare", "compare", {"model": MODEL, "other": OTHER, "day": DAY}),
    Shot("compare-week", "compare", {"model": MODEL, "other": OTHER, "day": DAY}, "Week"),
    Shot("new", "new", {"day": DAY}),
    Shot("records", "records"),
    Shot("author", "author", {"author": "black-forest-labs", "day": DAY}),
    Shot("author-week", "author", {"author": "black-forest-labs", "day": DAY}, "Week"),
    Shot("category", "category", {"category": "image"}),
    Shot("trend", "trend", {"metric": "models_used"}),
    Shot("digest", "digest", {"day": DAY}),
    Shot("why", "why", {"day": DAY}),
    Shot("why-unknown", "why", {"day": "2025-01-14"}),
    Shot("method", "method", {"metric": "models_for_half"}),
    Shot("networks", "networks"),
    Shot("status", "status"),
    Shot("health", "health"),
    Shot("about", "about"),
    Shot("mistyped", "model", {"model": "flux-shnell"}),
    Shot("usage-ar", "usage", {"day": DAY}, locale="ar"),
    Shot("digest-zh", "digest", {"day": DAY}, locale="zh-CN"),
    Shot("help", "help"),
    Shot("help-ar", "help", locale="ar"),
    Shot("subscribe", *SUBSCRIBED),
    Shot("subscriptions", "subscriptions", before=(SUBSCRIBED,)),
    Shot("unsubscribe", "unsubscribe", before=(SUBSCRIBED,)),
    Shot("watch", *WATCHED[0]),
    Shot("watches", "watches", before=WATCHED),
    Shot("unwatch", "unwatch", {"model": OTHER}, before=WATCHED),
    Shot("forget-me", "forget-me", before=WATCHED[:1]),
    Shot("deliveries", "deliveries list"),
)


@asynccontextmanager
async def preview(desk: QueryContext) -> AsyncIterator[tuple[FootfallClient, Any, Any, Any]]:
    """The bot, a member in a channel in front of it, the channel, and its preview in a browser."""
    bot = FootfallClient(desk, BotSettings(owners=frozenset({1})), Cooldowns(*FREE))
    # A busy machine takes longer than the five seconds after which simcord gives up by default.
    async with simcord.run(bot, settle_timeout=PATIENCE) as env, async_playwright() as playwright:
        await bot.run_in_thread(bot.index.get_names)
        env.backend.bot_user.name = "Footfall"
        env.backend.clock.advance((NOW - env.backend.clock.now()).total_seconds())
        guild = env.create_guild("A community")
        role = guild.create_role("Operators", permissions=discord.Permissions(administrator=True))
        channel, ann = guild.create_text_channel("models"), guild.add_member(env.create_user("ann"), roles=[role])
        channels = (channel, guild.create_text_channel("daily"))
        bot.bot_settings = BotSettings(owners=frozenset({ann.id}))
        delivered(bot, str(channels[1].id))
        async with env.preview(channel, viewers=[ann], presentation_time=NOW) as shown:
            # simcord launches the browser that Playwright brought; here it is the system's.
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            shown._capture_manager._browser = as_discord_shows(browser, {str(one.id): one.name for one in channels})
            yield bot, ann, channel, shown


def as_discord_shows(browser: Any, channels: dict[str, str]) -> Any:
    """The browser, with two things as Discord shows them and simcord's preview does not: channels that an embed names,
    and the direction of a right-to-left line, which the preview gives to embeds but not to the paragraphs in them."""
    for place in ("embed_description", "embed_field_value"):
        _markdown._FIELD_POLICIES[place]["mentions"] = True
    of_message, context = _messages._markdown_context, browser.new_context

    def with_channels(*given: Any, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = of_message(*given, **more)
        return {**made, "channels": {**made["channels"], **channels}}

    async def new_context(**given: Any) -> Any:
        made = await context(**given)
        await made.add_init_script(DIRECTED)
        return made

    _messages._markdown_context = with_channels
    browser.new_context = new_context
    return browser


def delivered(bot: FootfallClient, channel: str) -> None:
    """Two days' deliveries as an operator meets them: one whose fate is unknown, one still to come. None is sent, which
    would make its digest an issued one."""
    outbox, at = bot.repositories.outbox, NOW - timedelta(hours=5)
    for day, outcome in ((date(2025, 1, 14), UNSURE), (date(2025, 1, 15), None)):
        document = bot.desk.archive.find_digest("replicate", "day", day)
        assert document is not None
        edition = EditionKey("replicate", "day", day, document["edition"])
        outbox.plan(edition, "discord", channel, 1, at, None)
        (one,) = outbox.edition_deliveries(edition)
        if outcome is not None:
            claimed = outbox.claim(one, document, "", Decimal(0), None, "worker", at, timedelta(minutes=5))
            assert claimed is not None
            outbox.settle(claimed, outcome, at)


def speak(bot: FootfallClient, locale: str) -> None:
    """From here on members ask in this locale; the in-process Discord itself knows none."""
    state: Any = bot._connection
    create = type(state).parse_interaction_create
    state.parsers["INTERACTION_CREATE"] = lambda event: create(state, {**event, "locale": locale})


async def shoot(desk: QueryContext, into: Path, wanted: Callable[[str], bool]) -> None:
    async with preview(desk) as (bot, ann, channel, shown):
        for shot in filter(lambda one: wanted(one.name), SHOTS):
            speak(bot, shot.locale)
            for command, options in shot.before:
                await ann.slash(channel, command, **options)
            answer = await ann.slash(channel, shot.command, **shot.options)
            if shot.press:
                answer = await ann.click(answer.response, label=shot.press)
            for suffix, size in (("", DESK), ("-phone", PHONE)):
                taken = await shown.screenshot(target=answer, viewport=size, allow_incomplete=True)
                path = into / f"{shot.name}{suffix}.png"
                path.write_bytes(small(taken.png))
                print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {taken.output_width}x{taken.output_height}")


def small(png: bytes) -> bytes:
    """The same picture in a palette, which is a third of the size. Raises `ValueError` where it is still too large."""
    # By median cut the few pixels of a chart's line would take the colour of the many around them.
    image = (
        Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    held = BytesIO()
    image.save(held, "PNG", optimize=True)
    if len(held.getvalue()) > LARGEST:
        raise ValueError(f"a picture has {len(held.getvalue())} bytes, wanted at most {LARGEST}")
    return held.getvalue()


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/footfall.db"
        parts = AppContext(ROOT / "config.yaml")
        plan = parts.network_plan("replicate")
        pipeline.collect(parts.store, "replicate", parts.make_source("replicate"), None, lambda _line: None)
        for kind in ("day", "week"):
            for period in pipeline.covered_periods(parts.store, plan, kind):  # type: ignore[arg-type]
                pipeline.compose_digest(parts.store, parts.archive, plan, period, NOW)
        desk = replace(parts.query_context, clock=lambda: NOW)
        FOLDER.mkdir(parents=True, exist_ok=True)
        asyncio.run(shoot(desk, FOLDER, lambda name: not names or name in names))
        parts.close()


if __name__ == "__main__":
    main(sys.argv[1:])
