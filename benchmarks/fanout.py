"""Many Discord channels at Discord's own pace: how near to the limit, and does memory stay flat?

    python -m benchmarks.fanout [CHANNELS]

A local Discord in a process of its own allows 50 requests in any second. One post with a card of 100 kB goes to each
channel (1,000 unless told otherwise), through the real client; one channel is gone, one forbids sending, one drops the
connection. Prints the time over the time that the limit imposes (channels / 50 s; wanted: 1.05 at most), and how much
memory the second half of the posts took over the first.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection

from pydantic import SecretStr

from bot.outlets import Part, Refused, Sent, Unsure, discord, marker
from bot.records import Picture
from tests.peers.discord_api import SEND_MESSAGES, TOKEN, DiscordPeer, Fault

PER_SECOND = 50
GONE, FORBIDDEN, DROPPED = 3, 5, 7


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


def main(count: int) -> int:
    context = multiprocessing.get_context("spawn")
    line, far = context.Pipe()
    server = context.Process(target=serve, args=(count, far), daemon=True)
    server.start()
    settings = discord.Settings(api=line.recv())
    bot = discord.outlet(settings, None, {"DISCORD_TOKEN": SecretStr(TOKEN)}, lambda: datetime.now(UTC))  # type: ignore[arg-type]
    card = Picture("card.png", b"\x89PNG\r\n\x1a\n" + b"0" * 100_000, "Runs a day, rising.")
    channels = ids(count)
    jobs = (
        (Part("", marker("fanout", c), (card,), {"title": "Replicate", "description": "x" * 1500}), c) for c in channels
    )
    guilds = {channel: str(1000 + n) for n, channel in enumerate(channels)}

    outcomes, memory, began = {}, [], time.monotonic()
    for destination, outcome in bot.post_many(jobs, guilds):
        outcomes[destination] = outcome
        if len(outcomes) % (count // 20) == 0:
            memory.append(resident_kib())
    took = time.monotonic() - began
    bot.close()
    line.send("stop")
    accepted, reached, limited = line.recv()
    server.join(10)

    imposed = count / PER_SECOND
    sent = sum(isinstance(outcome, Sent) for outcome in outcomes.values())
    odd = {channels.index(d): type(outcome) for d, outcome in outcomes.items() if not isinstance(outcome, Sent)}
    half = len(memory) // 2
    grown = max(memory[half:]) / max(memory[:half])
    print(f"{count} channels: {took:.2f} s, the limit imposes {imposed:.2f} s: ratio {took / imposed:.3f}")
    print(f"memory, KiB: {memory}; peak of the second half over that of the first: {grown:.3f}")
    print(
        f"sent {sent}, accepted {accepted} in {reached} channels, {len(odd)} bad channels, {limited} requests limited"
    )
    right = odd == {GONE: Refused, FORBIDDEN: Refused, DROPPED: Unsure} and sent == accepted == reached == count - 3
    return 0 if right and took / imposed <= 1.05 and grown <= 1.1 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
