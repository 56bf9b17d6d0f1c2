"""Fixtures of the tests of the Discord interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import discord
import pytest
from discord.webhook import async_

from bot.discord_bot import chart_cache


@pytest.fixture(scope="session", autouse=True)
def _drawing_process() -> Iterator[None]:
    """One drawing process for all tests, since each takes two seconds to start. `tests/worker` tests its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chart_cache, "dismiss", lambda: None)
        yield
    chart_cache.dismiss()


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """discord.py's pauses between attempts, in seconds, in order; each takes a hundredth of its time."""
    pauses: list[float] = []

    class Hurried:
        def __getattr__(self, name: str) -> object:
            return getattr(asyncio, name)

        async def sleep(self, seconds: float) -> None:
            pauses.append(seconds)
            await asyncio.sleep(seconds / 100)

    for module in (discord.client, discord.shard, discord.gateway, discord.http, async_):
        monkeypatch.setattr(module, "asyncio", Hurried())
    return pauses
