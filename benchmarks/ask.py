"""Answers in Discord: how many per second, how fast, on both databases, and compared with a command that does nothing.

The time of an answer is from the interaction that the local Discord sends to the whole answer with its picture. The bot
is the real client, its Discord a separate process on the same two cores.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
from discord import app_commands

from benchmarks import Row
from benchmarks._askers import DRAWN, Askers, Heard, askers, connected, questions
from benchmarks._world import AT, CATALOGUE, LAST, MODELS, PLAN, filled, laid
from bot import pipeline, store
from bot.archive import Archive
from bot.discord_bot import FootfallClient, autocomplete
from bot.discord_bot.connection import gc_frozen
from bot.discord_bot.context import Cooldowns
from bot.discord_bot.name_index import IndexedModel, ModelNameIndex
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Document, Period, SafeName
from tests.peers.postgres import Postgres

DAYS = 365
RATE = 10.0
"""Commands per second: 100 members, each one in 10 s."""
WINDOW, STEP = 30.0, 8.0
"""Seconds of the window for the goals, and of each step of the search for the highest rate."""
STEPS = (20.0, 30.0, 40.0, 60.0, 80.0)
PLAIN_GOAL, DRAWN_GOAL, TYPED_GOAL, EMPTY_GOAL = 0.150, 0.600, 0.050, 3.0
MANY = 100_000
FREE = ((10**6, 1.0), (10**6, 1.0))


def run() -> list[Row]:
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, _postgres() as empty:
        lite, documents = _year(Path(folder))
        great = laid(empty, DAYS, MODELS)
        for document in documents:
            Archive(great).save_digest(document)
        with great.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
        with askers() as members:
            floor = _empty(members)
            rows = _answered("SQLite", lite, members, floor, Path(folder) / "lite")
            rows += _answered("PostgreSQL", great, members, floor, Path(folder) / "great")
        lite.close()
    return [*rows, _typed()]


# --- the world ---------------------------------------------------------------------------------------------------


@contextmanager
def _postgres() -> Iterator[store.Store]:
    server = Postgres()
    try:
        postgre = store.open_store(server.database())
        yield postgre
        postgre.close()
    finally:
        server.stop()


def _year(folder: Path) -> tuple[store.Store, list[Document]]:
    """A SQLite file of a year with the digest of every day, and those digests; two processes compose them."""
    database = filled(folder, DAYS)
    url = str(database.engine.url)
    days = [LAST - timedelta(days=n) for n in range(DAYS - 1)]
    with ProcessPoolExecutor(2) as halves:
        parts = halves.map(_composed, [url, url], [days[::2], days[1::2]])
        documents = [document for part in parts for document in part]
    for document in documents:
        Archive(database).save_digest(document)
    return database, documents


def _composed(url: str, days: Sequence[date]) -> list[Document]:
    database = store.open_store(url)
    try:
        return [pipeline.build_digest(database, PLAN, Period.for_day(day), AT) for day in days]
    finally:
        database.close()


def _desk(database: store.Store) -> QueryContext:
    watched = WatchedNetwork(CATALOGUE.network, PLAN.title, (CATALOGUE,), "A network that is made up.", PLAN.headline)
    return QueryContext(database, Archive(database), {CATALOGUE.network: watched}, (), lambda: AT)


# --- answers -----------------------------------------------------------------------------------------------------


def _answered(name: str, database: store.Store, members: Askers, floor: float, folder: Path) -> list[Row]:
    """The rows of one database."""

    def asked(rate: float, seconds: float, seed: int) -> list[Heard]:
        return members.ask(questions(rate, seconds, MODELS, LAST, DAYS, seed))

    with gc_frozen(), connected(lambda: FootfallClient(_desk(database), cooldowns=Cooldowns(*FREE))) as client:
        asked(RATE, 3, 0)  # imports, connections, names: once in the life of a worker
        before = client.pictures.fresh  # type: ignore[attr-defined]
        busy = time.process_time()
        heard = asked(RATE, WINDOW, 1)
        busy = time.process_time() - busy
        fresh = client.pictures.fresh - before  # type: ignore[attr-defined]
        most = _most(asked) if _held(heard) else RATE
    plain = [request for request in heard if request.name not in DRAWN]
    drawn = [request for request in heard if request.name in DRAWN]
    held = _held(heard)
    _say(name, heard, fresh, busy)
    return [
        _row(f"answers without a chart, {name}", plain, PLAIN_GOAL),
        _row(f"answers with a chart, {name}; {fresh} of {len(drawn)} drawn afresh", drawn, DRAWN_GOAL),
        Row(
            f"the highest rate that holds both, {name}",
            f"{most:g} answers/s" if held else f"under {RATE:g} answers/s",
            f"{RATE:g}/s asked for",
            most / RATE if held else None,
            "at least 1x",
            held,
        ),
        Row(
            f"an answer without a chart, p99, {name}",
            f"{_p(plain, 0.99) * 1000:.0f} ms",
            f"an empty discord.py command, {floor * 1000:.1f} ms",
            _p(plain, 0.99) / floor,
            f"within {EMPTY_GOAL:g}x",
            _p(plain, 0.99) / floor < EMPTY_GOAL,
        ),
    ]


def _most(load: Any) -> float:
    """The highest tested rate that meets the goals, in answers per second."""
    most = RATE
    for seed, rate in enumerate(STEPS, 2):
        heard = load(rate, STEP, seed)
        if not _held(heard):
            break
        most = rate
    return most


def _held(heard: Sequence[Heard]) -> bool:
    plain = [request for request in heard if request.name not in DRAWN]
    drawn = [request for request in heard if request.name in DRAWN]
    return _p(plain, 0.99) < PLAIN_GOAL and _p(drawn, 0.99) < DRAWN_GOAL


def _row(name: str, heard: Sequence[Heard], goal: float) -> Row:
    return Row(
        name,
        f"p50 {_p(heard, 0.5) * 1000:.0f}, p99 {_p(heard, 0.99) * 1000:.0f} ms",
        f"{len(heard)} in {WINDOW:g} s, {sum(request.took is None for request in heard)} lost",
        None,
        f"p99 < {goal * 1000:.0f} ms",
        _p(heard, 0.99) < goal,
    )


def _p(heard: Sequence[Heard], share: float) -> float:
    """The time within which this share of the answers came, in seconds; a lost answer counts as infinite."""
    taken = sorted(request.took if request.took is not None else float("inf") for request in heard)
    return taken[min(len(taken) - 1, int(len(taken) * share))]


def _say(name: str, heard: Sequence[Heard], fresh: int, busy: float) -> None:
    counts = Counter(request.name for request in heard)
    slowest = {key: _p([request for request in heard if request.name == key], 1.0) for key in counts}
    text = ", ".join(f"{key} {counts[key]} up to {slowest[key] * 1000:.0f} ms" for key in sorted(counts))
    deferred = sum(request.deferred for request in heard)
    print(f"{name}: {text}; {fresh} charts drawn afresh, {deferred} answers announced first", file=sys.stderr)
    # What does not depend on who else uses the machine.
    each, load = busy / len(heard) * 1000, os.getloadavg()[0]
    print(f"{name}: {each:.0f} ms of the bot's processor time an answer; load {load:.1f}", file=sys.stderr)


# --- beside ------------------------------------------------------------------------------------------------------


def _empty(members: Askers) -> float:
    """p99 of a command that does nothing, under the same load."""

    class Empty(discord.Client):
        async def setup_hook(self) -> None:
            tree = app_commands.CommandTree(self)

            async def answer(interaction: discord.Interaction) -> None:
                await interaction.response.send_message(embed=discord.Embed(title="ok", description="ok"))

            tree.add_command(app_commands.Command(name="status", description="Nothing", callback=answer))

    puts = questions(RATE, WINDOW, MODELS, LAST, DAYS, 1)
    with connected(lambda: Empty(intents=discord.Intents(guilds=True))):
        members.ask([type(put)(put.at, put.user, "status") for put in puts[:30]])
        heard = members.ask([type(put)(put.at, put.user, "status") for put in puts])
    return _p(heard, 0.99)


def _typed() -> Row:
    """Autocomplete of a model's name among 100,000 of two networks, letter by letter."""
    import asyncio

    names = ModelNameIndex(
        [
            IndexedModel(f"net{n % 2}", SafeName(f"author{n % 7919}/some-model-{n * 7 % MANY:05}-v{n % 9}"))
            for n in range(MANY)
        ]
    )
    watched = {f"net{n}": SimpleNamespace(title=f"Network {n}") for n in range(2)}
    client = SimpleNamespace(
        index=SimpleNamespace(names=names), desk=SimpleNamespace(watched=watched), look_again=lambda: None
    )
    interaction: Any = SimpleNamespace(client=client, namespace=SimpleNamespace())
    wanted = ("some-model-04211-v3", "author77/", "smoe-modle-4211", "model 42", "v9", "zzzz", "é模", "author12some")
    typed = ["", *(text[:end] for text in wanted for end in range(1, len(text) + 1))]
    asyncio.run(
        autocomplete.complete_model(interaction, "zqzq")
    )  # imports what finds near misses: once in the life of a worker
    taken = []
    for text in typed * 3:
        began = time.perf_counter()
        asyncio.run(autocomplete.complete_model(interaction, text))
        taken.append(time.perf_counter() - began)
    p99 = sorted(taken)[int(len(taken) * 0.99)]
    return Row(
        f"names offered while typing, {MANY:,} models",
        f"p50 {sorted(taken)[len(taken) // 2] * 1000:.1f}, p99 {p99 * 1000:.0f} ms",
        f"{len(taken)} texts, {len(set(typed))} different",
        None,
        f"p99 < {TYPED_GOAL * 1000:.0f} ms",
        p99 < TYPED_GOAL,
    )


if __name__ == "__main__":
    print(*run(), sep="\n")
