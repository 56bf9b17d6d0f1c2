"""Discord members who send commands: a local Discord in its own process sends commands on schedule and records when
each was answered completely."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.connection import Connection
from typing import Any

import discord
import yarl

from tests.peers.discord_api import TOKEN
from tests.peers.discord_gateway import DEFERRED, DiscordGateway

EVERY = 10.0
"""Seconds between two commands of one member."""
PATIENCE = 20.0
"""Seconds after which an answer counts as lost."""
DRAWN = ("usage", "trend", "digest")
MIX: tuple[tuple[str, int], ...] = (
    ("model", 22), ("usage", 15), ("top", 15), ("trend", 10), ("digest", 10), ("inventory", 8), ("why", 6), ("idle", 5),
    ("compare", 4), ("status", 2), ("method", 2), ("about", 1),
)  # fmt: skip
"""How many of a hundred commands are which."""
PAST = 0.1
"""The share of commands about a random day of the year; the others are about the newest."""
METRICS = ("uses", "models_used", "share_used", "models_listed", "models_for_half", "uses_7d")


@dataclass(frozen=True, slots=True)
class Heard:
    """One command, and the seconds to its answer; `None`: there was none."""

    name: str
    took: float | None
    drawn: bool
    deferred: bool


@dataclass(frozen=True, slots=True)
class Put:
    """A command and its time, in seconds from the start."""

    at: float
    user: int
    name: str
    options: dict[str, object] = field(default_factory=dict)


def questions(rate: float, seconds: float, models: int, last: date, days: int, seed: int) -> list[Put]:
    """`rate` x `EVERY` members, who each send a command every `EVERY` seconds, each at its own offset."""
    lot = random.Random(seed)
    phases = [lot.uniform(0, EVERY) for _ in range(round(rate * EVERY))]
    instants = sorted((phase + EVERY * turn, user) for user, phase in enumerate(phases) for turn in range(99))
    return [_put(lot, at, user, models, last, days) for at, user in instants if at < seconds]


def _put(lot: random.Random, at: float, user: int, models: int, last: date, days: int) -> Put:
    name = lot.choices([name for name, _ in MIX], [weight for _, weight in MIX])[0]

    def model() -> str:
        # One in three thinks of a well-known model, the others of any.
        number = lot.randint(1, 50) if lot.random() < 1 / 3 else lot.randint(1, models)
        return f"author{number // 3}/model-{number}"

    options: dict[str, object] = {}
    if name == "model":
        options["model"] = model()
    elif name == "compare":
        options |= {"model": model(), "other": model()}
    elif name == "trend":
        options |= {"metric": lot.choice(METRICS), "days": lot.choice((30, 30, 90, 365))}
    elif name == "method":
        options["metric"] = lot.choice(METRICS)
    elif name == "top":
        options["by"] = lot.choice(("uses", "uses", "rise", "fall"))
    elif name == "idle":
        options["days"] = lot.choice((7, 7, 30))
    if name in ("model", "usage", "inventory", "top", "digest", "why", "idle") and lot.random() < PAST:
        options["day"] = (last - timedelta(days=lot.randint(1, days - 40))).isoformat()
    return Put(at, user, name, options)


def _serve(line: Connection) -> None:
    """The local Discord: sends its address, then sends each list of commands it gets and returns the results."""
    with DiscordGateway(recording=False) as peer:
        line.send((peer.url, peer.gateway))
        while (puts := line.recv()) is not None:
            peer.until(lambda: any(session.socket and not session.socket.closed for session in peer.sessions), 60)
            line.send(_heard(peer, puts))
            peer.asked.clear()
            for session in peer.sessions:
                session.events.clear()


def _heard(peer: DiscordGateway, puts: Sequence[Put]) -> list[Heard]:
    began, pairs = time.monotonic(), []
    for put in puts:
        time.sleep(max(0.0, began + put.at - time.monotonic()))
        pairs.append((put, peer.ask(put.name, user=1000 + put.user, **put.options)))
    until = time.monotonic() + PATIENCE
    for _, request in pairs:
        request.done.wait(max(0.0, until - time.monotonic()))
    return [
        Heard(
            put.name,
            request.ended - request.at if request.done.is_set() and (request.message or {}).get("embeds") else None,
            request.files > 0,
            (request.first or {}).get("type") == DEFERRED,
        )
        for put, request in pairs
    ]


class Askers:
    """The client of `_serve`."""

    def __init__(self, line: Any) -> None:
        self._line = line

    def ask(self, puts: Sequence[Put]) -> list[Heard]:
        """Send all commands, each at its time, and wait for the answers."""
        self._line.send(list(puts))
        heard: list[Heard] = self._line.recv()
        return heard


@contextmanager
def askers() -> Iterator[Askers]:
    """A local Discord, which discord.py uses until the end."""
    context = multiprocessing.get_context("spawn")
    line, far = context.Pipe()
    process = context.Process(target=_serve, args=(far,), daemon=True)
    process.start()
    far.close()
    rest, gateway = line.recv()
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = rest, yarl.URL(gateway)
    try:
        yield Askers(line)
    finally:
        discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before
        line.send(None)
        process.join(20)


@contextmanager
def connected(value: Callable[[], discord.Client]) -> Iterator[discord.Client]:
    """A client in a thread with its own loop, like the worker's."""
    import asyncio

    held: list[tuple[discord.Client, asyncio.AbstractEventLoop]] = []
    there = threading.Event()

    async def run() -> None:
        client = value()
        held.append((client, asyncio.get_running_loop()))
        there.set()
        await client.start(TOKEN)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert there.wait(60)
    client, loop = held[0]
    try:
        yield client
    finally:
        over = client.close()  # which ends the loop too, so its result is never heard of
        loop.call_soon_threadsafe(lambda: loop.create_task(over))
        thread.join(30)
