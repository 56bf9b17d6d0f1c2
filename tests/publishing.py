"""A small Footfall for tests of publishing: a ledger of twelve days, both platforms' peers, a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bot import ledger, store
from tests import worlds
from tests.peers.discord_api import TOKEN, DiscordPeer
from tests.peers.x_api import KEYS, NAME, XPeer

CHANNEL = "200000000000000001"
DAYS = tuple(worlds.START + timedelta(days=n) for n in range(12))
LAST = DAYS[-1]


def fill(url: str, days: tuple[date, ...] = DAYS) -> None:
    """Put some days of a network's snapshots into a database."""
    opened = store.opened(url)
    for number, day in enumerate(days):
        ledger.add(opened, worlds.snapshot(day, {f"o/m{n}": number * (n + 1) for n in range(5)}))
    opened.close()


def unpublish(url: str) -> None:
    """Forget all that was said; what networks said stays."""
    opened = store.opened(url)
    with opened.writing() as connection:
        for table in (store.deliveries, store.paused, store.receipts, store.figures, store.digests):
            connection.execute(table.delete())
    opened.close()


@dataclass(frozen=True, slots=True)
class Peers:
    """The local platforms and what it takes to reach them."""

    x: XPeer
    discord: DiscordPeer
    secrets: Mapping[str, str]

    def posts(self, outlet: str) -> list[str]:
        """Ids of what the platform's ledger holds."""
        rows = self.x.posts if outlet == "x" else self.discord.messages
        return [str(row["id"]) for row in rows]

    def forget(self) -> None:
        self.x.posts.clear()
        self.x.requests.clear()
        self.discord.messages.clear()
        self.discord.requests.clear()


@contextmanager
def peers() -> Iterator[Peers]:
    """Platforms that accept anything twice, so that only ours can prevent it."""
    with XPeer() as x, DiscordPeer(bucket=(10_000, 1.0), nonce_window=0.0) as discord:
        x.repeats = True
        discord.channel(int(CHANNEL))
        yield Peers(x, discord, {**KEYS, "DISCORD_TOKEN": TOKEN})


def configured(
    folder: Path,
    peers: Peers,
    outlets: tuple[str, ...] = ("x", "discord"),
    more: str = "",
    x_locale: str = "en",
    channels: str = f'["{CHANNEL}"]',
) -> Path:
    """Write a configuration that publishes to the peers."""
    blocks = {
        "x": f'x: {{destinations: [{NAME}], host: "{peers.x.url}", locale: {x_locale}}}',
        "discord": f'discord: {{destinations: {channels}, api: "{peers.discord.url}"}}',
    }
    lines = ["networks:", "  replicate: {headline: {catalogue: models, figure: models_used}}", "outlets:"]
    lines += [f"  {blocks[name]}" for name in outlets]
    path = folder / "config.yaml"
    path.write_text("\n".join([f"data: {folder}", f"out: {folder}/out", *lines, more]), encoding="utf-8")
    return path
