"""Many Discord channels at Discord's own pace, through the outbox: how near to the limit, and does memory stay flat?

    python -m benchmarks.fanout [CHANNELS]

A local Discord in a process of its own allows 50 requests in any second. One digest with its card is planned for each
channel (1,000 unless told otherwise) and sent as `publish` sends it: every delivery claimed before it leaves, settled
with its receipt when it has landed, on SQLite. The channels took a post the day before, so that each costs one request;
one is gone by now, one forbids sending, one drops the connection. Prints the time over the time that the limit imposes
(channels / 50 s; wanted: 1.05 at most), and how much memory the second half of the posts took over the first.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import SecretStr

from bot import daily, deliveries, store
from bot.archive import Archive
from bot.config import Publish
from bot.deliveries import Delivery, Edition, Ready, Run
from bot.outlets import Sent, discord
from tests import publishing
from tests.peers.discord_api import SEND_MESSAGES, TOKEN, DiscordPeer, Fault
from tests.worlds import CATALOGUE, ONE

PER_SECOND = 50
GONE, FORBIDDEN, DROPPED = 3, 5, 7
DAY = publishing.LAST
PLAN = daily.Plan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})


def ids(count: int) -> list[str]:
    return [str(400000000000000000 + n) for n in range(count)]


def serve(count: int, line: Connection) -> None:
    """The local Discord: says where it is, waits until told to stop, says what it got."""
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
    """Memory of this process now, in KiB."""
    with open("/proc/self/status") as status:
        return next(int(row.split()[1]) for row in status if row.startswith("VmRSS:"))


def now() -> datetime:
    return datetime.now(UTC)


def the_day_before(desk: daily.Desk, channels: list[str]) -> None:
    """Each channel took a post."""
    targets = {"discord": channels}
    daily.publish(desk, PLAN, "day", targets, now(), DAY - ONE)
    document = desk.archive.digest("replicate", "day", DAY - ONE)
    assert document is not None
    for number, one in enumerate(desk.outbox.ready(now(), ["discord"])):
        claimed = desk.outbox.claim(one, document, "", Decimal(0), None, "before", now(), timedelta(minutes=15))
        assert claimed
        guild = 1000 + channels.index(one.destination)
        link = f"https://discord.com/channels/{guild}/{one.destination}/{number}"
        desk.outbox.settle(claimed, Sent(str(number), link), now())


def main(count: int) -> int:
    context = multiprocessing.get_context("spawn")
    line, far = context.Pipe()
    server = context.Process(target=serve, args=(count, far), daemon=True)
    server.start()
    settings = discord.Settings(api=line.recv())
    bot = discord.outlet(settings, Path(), {"DISCORD_TOKEN": SecretStr(TOKEN)}, now)
    channels = ids(count)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/footfall.db"
        publishing.fill(url)
        opened = store.opened(url)
        archive, outbox = Archive(opened), daily.outbox(opened)
        desk = daily.Desk(opened, archive, outbox, Publish.model_validate({}), 0.01)
        the_day_before(desk, channels)
        daily.publish(desk, PLAN, "day", {"discord": channels}, now(), DAY)
        posts, memory = daily.Posts(archive, outbox), [0]
        drawn = Counter[str]()

        def content(one: Delivery) -> deliveries.Content:
            drawn["jobs"] += 1
            if drawn["jobs"] % (count // 20) == 0:
                memory.append(resident_kib())
            return posts(one)

        content(outbox.ready(now(), ["discord"])[0])  # the card is drawn once, whatever the number of channels
        ready = {"discord": Ready(bot, timedelta(days=1), lambda _: Decimal(0))}
        only = frozenset({("replicate", "day", DAY)})
        began = time.monotonic()
        deliveries.flush(Run(outbox, ready, content, now, "bench", timedelta(minutes=15), only=only))
        took = time.monotonic() - began
        rows = outbox.of(Edition("replicate", "day", DAY, 1))
        receipts = len(archive.receipts("replicate", "day", DAY))
        bot.close()
        opened.close()
    line.send("stop")
    accepted, reached, limited = line.recv()
    server.join(10)

    imposed = count / PER_SECOND
    states = Counter(one.state for one in rows)
    odd = {channels.index(one.destination): one.state for one in rows if one.state != "sent"}
    memory = memory[1:]
    half = len(memory) // 2
    grown = max(memory[half:]) / max(memory[:half])
    print(f"{count} channels: {took:.2f} s, the limit imposes {imposed:.2f} s: ratio {took / imposed:.3f}")
    print(f"memory, KiB: {memory}; peak of the second half over that of the first: {grown:.3f}")
    print(f"{dict(states)}, {receipts} receipts, {accepted} accepted in {reached} channels, {limited} requests limited")
    right = odd == {GONE: "refused", FORBIDDEN: "refused", DROPPED: "unknown"}
    right = right and receipts == accepted == reached == count - 3
    return 0 if right and took / imposed <= 1.05 and grown <= 1.1 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
