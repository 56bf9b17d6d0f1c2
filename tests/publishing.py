"""A small Footfall for tests of publishing: a ledger of twelve days, both platforms' peers, a configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot import ledger, store
from bot.archive import FEED_IDS
from tests import databases, record_slices, worlds
from tests.peers import bluesky_pds, mastodon_api, webhook_receiver
from tests.peers.discord_api import TOKEN, DiscordPeer
from tests.peers.failing_server import FailingServer
from tests.peers.x_api import KEYS, NAME, XPeer

CHANNEL = "200000000000000001"
DAYS = tuple(worlds.START + timedelta(days=n) for n in range(12))
LAST = DAYS[-1]


def fill(url: str, days: tuple[date, ...] = DAYS) -> None:
    """Add some days of a network's snapshots to an empty database."""
    _filled(url, _days, days)


def _days(opened: store.Store, days: tuple[date, ...]) -> None:
    for number, day in enumerate(days):
        ledger.add_snapshot(opened, worlds.snapshot(day, {f"o/m{n}": number * (n + 1) for n in range(5)}))


def _filled(url: str, value: Callable[..., None], *given: object) -> None:
    """Copy the first SQLite file that was filled in this way."""
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():
        databases.sqlite(path, value, *given)
        return
    opened = store.open_store(url)
    value(opened, *given)
    opened.close()


LONG = tuple(worlds.START + timedelta(days=n) for n in range(20))
"""Days of a network with more text than fits one post on X; see `fill_long`."""
LATE = LONG[12]
"""Without it, the changes over seven days are unknown on the last day."""


def long(number: int) -> worlds.Snapshot:
    """The snapshot of one of `LONG`."""
    stem, last = "owner/a-model-with-a-rather-long-name-that-goes-on-and-on-", number == len(LONG) - 1
    counts = {f"{stem}{n}": number**2 * (n + 1) ** 3 for n in range(15 if last else 12)}
    if last:
        counts[f"{stem}3"] += 600_000  # the news of this day
    return worlds.snapshot(LONG[number], counts)


def fill_long(url: str, without: tuple[date, ...] = ()) -> None:
    """Add `LONG` to an empty database, without some days."""
    _filled(url, _long_days, without)


def _long_days(opened: store.Store, without: tuple[date, ...]) -> None:
    for number, day in enumerate(LONG):
        if day not in without:
            ledger.add_snapshot(opened, long(number))


def arrive(url: str) -> None:
    """Add the missing day late."""
    opened = store.open_store(url)
    ledger.add_snapshot(opened, long(LONG.index(LATE)))
    opened.close()


def tamper(url: str) -> None:
    """Change the headline of the last published digest, so that composing it again corrects it."""
    opened = store.open_store(url)
    with opened.write_transaction() as connection:
        row = connection.execute(sa.select(store.digests).order_by(store.digests.c.id.desc()).limit(1)).one()
        document = json.loads(row.document)
        named = document["headline"]
        block = next(b for b in document["catalogues"] if b["catalogue"] == named["catalogue"])
        block["figures"][named["figure"]]["value"] += 1
        change = store.digests.update().where(store.digests.c.id == row.id)
        connection.execute(change.values(document=json.dumps(document)))
    opened.close()


def unpublish(url: str) -> None:
    """Delete the archive; the ledger stays."""
    opened = store.open_store(url)
    with opened.write_transaction() as connection:
        for table in (store.polls, store.deliveries, store.paused, store.receipts, store.figures, store.digests):
            connection.execute(table.delete())
        connection.execute(store.cursors.delete().where(store.cursors.c.name == FEED_IDS))
    opened.close()


@dataclass(frozen=True, slots=True)
class Peers:
    """The local platforms and their settings."""

    x: XPeer
    discord: DiscordPeer
    secrets: Mapping[str, str]
    others: Mapping[str, FailingServer] = field(default_factory=dict)
    """The free outlets' platforms, by outlet."""

    def posts(self, outlet: str) -> list[str]:
        """Ids of the posts in the platform's ledger."""
        others = {name: peer.posts for name, peer in self.others.items()}
        ledgers = {"x": self.x.posts, "discord": self.discord.messages, **others}
        rows: list[dict[str, Any]] = ledgers.get(outlet, [])
        return [str(row["id"]) for row in rows]

    @contextmanager
    def behind(self, time: timedelta) -> Iterator[None]:
        """Set the platforms' clocks back by so much."""
        platforms = (self.x, self.discord, *self.others.values())
        for platform in platforms:
            platform.offset = -time
        try:
            yield
        finally:
            for platform in platforms:
                platform.offset = timedelta()

    def forget(self) -> None:
        self.x.posts.clear()
        self.x.polls.clear()
        self.x.requests.clear()
        self.discord.messages.clear()
        self.discord.requests.clear()
        for peer in self.others.values():
            peer.forget()


@contextmanager
def peers(others: bool = False) -> Iterator[Peers]:
    """Platforms that accept duplicates, so that only our code can prevent them; with the free outlets' if wanted."""
    with XPeer() as x, DiscordPeer(bucket=(10_000, 1.0), nonce_window=0.0) as discord:
        x.repeats = True
        discord.channel(int(CHANNEL))
        secrets = {**KEYS, "DISCORD_TOKEN": TOKEN}
        if not others:
            yield Peers(x, discord, secrets)
            return
        with ExitStack() as running:
            mastodon = running.enter_context(mastodon_api.MastodonPeer())
            mastodon.keys_last = timedelta()
            served: dict[str, FailingServer] = {
                "bluesky": running.enter_context(bluesky_pds.BlueskyPeer()),
                "mastodon": mastodon,
                "webhook": running.enter_context(webhook_receiver.WebhookPeer()),
            }
            secrets |= {"BLUESKY_APP_PASSWORD": bluesky_pds.PASSWORD, "MASTODON_TOKEN": mastodon_api.TOKEN}
            yield Peers(x, discord, {**secrets, "WEBHOOK_SECRET": webhook_receiver.SECRET}, served)


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
    blocks["site"] = "site: {}"
    for name, peer in peers.others.items():
        blocks[name] = f"{name}: {{{peer.settings}}}"
    headline = "headline: {catalogue: models, figure: models_used}"
    record = record_slices.write_night(folder / "record")
    lines = ["networks:", f"  replicate: {{{headline}, record: {record}}}", "outlets:"]
    lines += [f"  {blocks[name]}" for name in outlets]
    path = folder / "config.yaml"
    path.write_text("\n".join([f"data: {folder}", f"out: {folder}/out", *lines, more]), encoding="utf-8")
    return path
