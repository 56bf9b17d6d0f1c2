"""Fixtures of the tests of the Discord interface."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord.webhook import async_


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
