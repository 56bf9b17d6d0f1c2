"""Screenshots of every answer in Discord, as simcord's preview shows the real callbacks: `make pictures`.

They are made from Replicate's public record, as on the morning after its last day, and written to
`docs/pictures/discord/`. The file names are what `docs/discord.md` shows.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import simcord
from PIL import Image
from playwright.async_api import async_playwright

from bot import daily
from bot.answers import Desk
from bot.cli.parts import Parts
from bot.slash import Footfall
from bot.slash.cooldowns import Cooldowns

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pictures" / "discord"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
NOW = datetime(2025, 1, 16, 9, tzinfo=UTC)
DESK, PHONE = (760, 1700), (390, 2200)
LARGEST = 150_000
COLOURS = 256
FREE = ((10_000, 1.0), (10_000, 1.0))


@dataclass(frozen=True)
class Shot:
    """One command, and the buttons pressed after it."""

    name: str
    command: str
    options: dict[str, object] = field(default_factory=dict)
    press: str = ""


DAY = "2025-01-12"
SHOTS = (
    Shot("usage", "usage", {"day": DAY}),
    Shot("usage-week", "usage", {"day": DAY}, "Week"),
    Shot("inventory", "inventory", {"day": DAY}),
    Shot("model", "model", {"name": "black-forest-labs/flux-schnell", "day": DAY}),
    Shot("top", "top", {"day": DAY}),
    Shot("top-rise", "top", {"by": "rise", "day": DAY}),
    Shot("idle", "idle", {"day": DAY}),
    Shot("compare", "compare", {"a": "black-forest-labs/flux-schnell", "b": "stability-ai/sdxl"}),
    Shot("trend", "trend", {"metric": "models_used"}),
    Shot("digest", "digest", {"day": DAY}),
    Shot("why", "why", {"day": DAY}),
    Shot("why-unknown", "why", {"day": "2025-01-14"}),
    Shot("method", "method", {"metric": "models_for_half"}),
    Shot("status", "status"),
    Shot("about", "about"),
    Shot("mistyped", "model", {"name": "flux-shnell"}),
)


@asynccontextmanager
async def preview(desk: Desk, folder: Path) -> AsyncIterator[tuple[Any, Any, Any]]:
    """A member in a channel in front of the bot, the channel, and its preview in a browser."""
    bot = Footfall(desk, cooldowns=Cooldowns(*FREE))
    async with simcord.run(bot) as env, async_playwright() as playwright:
        await bot.work(bot.index.load)
        env.backend.bot_user.name = "Footfall"
        env.backend.clock.advance((NOW - env.backend.clock.now()).total_seconds())
        guild = env.create_guild("A community")
        channel, ann = guild.create_text_channel("models"), guild.add_member(env.create_user("ann"))
        async with env.preview(channel, viewers=[ann], presentation_time=NOW) as shown:
            # simcord launches the browser that Playwright brought; here it is the system's.
            shown._capture_manager._browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            yield ann, channel, shown


async def shoot(desk: Desk, folder: Path, into: Path, wanted: Callable[[str], bool]) -> None:
    async with preview(desk, folder) as (ann, channel, shown):
        for shot in filter(lambda one: wanted(one.name), SHOTS):
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
        parts = Parts(ROOT / "config.yaml")
        plan = parts.plan("replicate")
        daily.collect(parts.store, "replicate", parts.source("replicate"), None, lambda _line: None)
        for kind in ("day", "week"):
            for period in daily.covered(parts.store, plan, kind):  # type: ignore[arg-type]
                daily.compose(parts.store, parts.archive, plan, period, NOW)
        desk = replace(parts.desk, clock=lambda: NOW)
        FOLDER.mkdir(parents=True, exist_ok=True)
        asyncio.run(shoot(desk, Path(folder), FOLDER, lambda name: not names or name in names))
        parts.close()


if __name__ == "__main__":
    main(sys.argv[1:])
