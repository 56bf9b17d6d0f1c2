"""Many Discord channels at Discord's own rate, through the outbox: is the limit reached, and does memory stay flat?

A local Discord in its own process allows 50 requests in any second. One digest with its card is planned for each of
1,000 channels and sent as `publish` does: every delivery is claimed before its request and settled with its receipt
afterwards, on SQLite. The channels had a post the day before, so that each needs one request; one no longer exists, one
forbids sending, one drops the connection. The benchmark fails unless all of that is recorded correctly.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import SecretStr

from benchmarks import Row
from bot import deliveries, pipeline, store
from bot.archive import Archive
from bot.config import PublishConfig
from bot.deliveries import Delivery, EditionKey, Outbox, OutboxPass, OutletHandle
from bot.outlets import Sent, discord
from tests import publishing
from tests.peers.discord_api import SEND_MESSAGES, TOKEN, DiscordPeer, Fault
from tests.worlds import CATALOGUE, ONE

CHANNELS = 1000
PER_SECOND = 50
GONE, FORBIDDEN, DROPPED = 3, 5, 7
DAY = publishing.LAST
PLAN = pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})


def ids(count: int) -> list[str]:
    return [str(400000000000000000 + n) for n in range(count)]


def serve(count: int, line: Connection) -> None:
    """The local Discord: sends its address, waits until it is stopped, returns its counts."""
    channels = ids(count)
    with DiscordPeer(per_second=PER_SECOND, recording=False) as peer:
        for n, channel in enumerate(channels):
            peer.channel(int(channel), guild=1000 + n, deny=SEND_MESSAGES if n == FORBIDDEN else 0)
        del peer.channels[int(channels[GONE])]
        peer.fail(Fault(drop=True), channel=int(channels[DROPPED]))
        line.send(peer.url)
        line.recv()
        line.send((len(peer.messages), len({m["channel_id"] for m in peer.messages}), peer.limited))


def resident_kib() -> int:
    """Current memory of this process, in KiB."""
    with open("/proc/self/status") as status:
        return next(int(row.split()[1]) for row in status if row.startswith("VmRSS:"))


def now() -> datetime:
    return datetime.now(UTC)


def the_day_before(desk: pipeline.PublishContext, channels: list[str]) -> None:
    """Each channel gets a post."""
    targets = {"discord": channels}
    pipeline.plan_deliveries(desk, PLAN, "day", targets, now(), DAY - ONE)
    document = desk.archive.find_digest("replicate", "day", DAY - ONE)
    assert document is not None
    for number, delivery in enumerate(desk.outbox.claimable_deliveries(now(), ["discord"])):
        claimed = desk.outbox.claim(delivery, document, "", Decimal(0), None, "before", now(), timedelta(minutes=15))
        assert claimed
        guild = 1000 + channels.index(delivery.destination)
        link = f"https://discord.com/channels/{guild}/{delivery.destination}/{number}"
        desk.outbox.settle(claimed, Sent(str(number), link), now())


@dataclass(frozen=True)
class Fanned:
    """The results of one digest for many channels."""

    took: float
    """Seconds."""
    memory: list[int]
    """KiB, at every twentieth of the channels."""
    states: dict[int, str]
    """Those that were not sent, by the number of the channel."""
    receipts: int
    accepted: int
    reached: int
    """Channels with a message."""
    limited: int
    """Requests that met the limit."""


def fanned(count: int) -> Fanned:
    """One digest for so many channels."""
    context = multiprocessing.get_context("spawn")
    line, far = context.Pipe()
    server = context.Process(target=serve, args=(count, far), daemon=True)
    server.start()
    settings = discord.Settings(api=line.recv())
    bot = discord.make_outlet(settings, Path(), {"DISCORD_TOKEN": SecretStr(TOKEN)}, now)
    channels = ids(count)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/footfall.db"
        publishing.fill(url)
        opened = store.open_store(url)
        archive, outbox = Archive(opened), pipeline.make_outbox(opened)
        desk = pipeline.PublishContext(opened, archive, outbox, PublishConfig.model_validate({}), 0.01)
        the_day_before(desk, channels)
        pipeline.plan_deliveries(desk, PLAN, "day", {"discord": channels}, now(), DAY)
        took, memory = sent(bot, pipeline.DigestContentProvider(archive, outbox), outbox, count)
        rows = outbox.edition_deliveries(EditionKey("replicate", "day", DAY, 1))
        receipts = len(archive.digest_receipts("replicate", "day", DAY))
        bot.close()
        opened.close()
    line.send("stop")
    accepted, reached, limited = line.recv()
    server.join(10)
    odd = {channels.index(delivery.destination): delivery.state for delivery in rows if delivery.state != "sent"}
    return Fanned(took, memory, odd, receipts, accepted, reached, limited)


def sent(
    bot: discord.DiscordOutlet, posts: pipeline.DigestContentProvider, outbox: Outbox, count: int
) -> tuple[float, list[int]]:
    """Send what is planned: seconds, and memory during the run."""
    memory: list[int] = []
    begun = 0

    def content(delivery: Delivery) -> deliveries.DeliveryContent:
        nonlocal begun
        begun += 1
        if begun % (count // 20) == 0:
            memory.append(resident_kib())
        return posts(delivery)

    content(
        outbox.claimable_deliveries(now(), ["discord"])[0]
    )  # the card is drawn once, whatever the number of channels
    ready = {"discord": OutletHandle(bot, timedelta(days=1), lambda _: Decimal(0))}
    only = frozenset({("replicate", "day", DAY)})
    began = time.monotonic()
    deliveries.flush_outbox(OutboxPass(outbox, ready, content, now, "bench", timedelta(minutes=15), only=only))
    return time.monotonic() - began, memory


def run() -> list[Row]:
    """The rows of the table."""
    result, imposed = fanned(CHANNELS), CHANNELS / PER_SECOND
    assert result.states == {GONE: "refused", FORBIDDEN: "refused", DROPPED: "unknown"}, result
    assert result.receipts == result.accepted == result.reached == CHANNELS - 3, result
    half = len(result.memory) // 2
    early, late = max(result.memory[:half]), max(result.memory[half:])
    print(f"{result.limited} requests met the limit; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    ratio, grown = result.took / imposed, late / early
    name = f"a digest to {CHANNELS:,} Discord channels"
    return [
        Row(name, f"{result.took:.2f} s", f"{imposed:.2f} s: 50 requests a second", ratio, "<= 1.05", ratio <= 1.05),
        Row(
            f"{name}: most memory, second half",
            f"{late / 1024:.1f} MB",
            f"{early / 1024:.1f} MB: first half",
            grown,
            "<= 1.1",
            grown <= 1.1,
        ),
    ]
