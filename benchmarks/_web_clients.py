"""Clients that load the web server, in a process of their own: slow ones and busy ones.

`python -m benchmarks._web_clients PORT SLOW BUSY` prints a line once they are connected (or no more can be), and after
each line that it reads, how many slow ones are connected and how many requests of busy ones were answered.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

STEP = 8.0
"""Seconds between two lines of a slow client; the server gives it 30 seconds for all."""
THINK = 4.0
"""Seconds between two requests of a busy client."""
RAMP = 40.0
"""Most seconds until the clients are connected."""
TICK = 0.1


@dataclass(slots=True)
class Load:
    """What the clients have done."""

    port: int
    connected: dict[Slow, None] = field(default_factory=dict)
    answered: int = 0


class Slow(asyncio.Protocol):
    """Sends a request that never ends, and begins anew whenever the server ends it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.load.connected[self] = None
        transport.write(b"GET / HTTP/1.1\r\nHost: x\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.connected.pop(self, None)


async def _keep_slow(load: Load, wanted: int) -> None:
    """Hold `wanted` slow connections and send a line on each now and then."""
    loop, turn = asyncio.get_running_loop(), _turns(load)
    while True:
        missing = min(300, wanted - len(load.connected))
        opening = (loop.create_connection(lambda: Slow(load), "127.0.0.1", load.port) for _ in range(missing))
        await asyncio.gather(*opening, return_exceptions=True)
        for slow in islice(turn, int(wanted * TICK / STEP)):
            if slow is not None and slow.transport is not None:
                slow.transport.write(b"X: y\r\n")
        await asyncio.sleep(TICK)


def _turns(load: Load) -> Iterator[Slow | None]:
    while True:
        yield None
        yield from list(load.connected)


async def _busy(load: Load, number: int) -> None:
    """Ask again and again on one connection, as a visitor with an address of its own."""
    visitor = f"10.0.{number // 250}.{number % 250}"
    request = f"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {visitor}\r\n\r\n".encode()
    await asyncio.sleep(THINK * (number % 100) / 100)
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    while True:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        load.answered += head.startswith(b"HTTP/1.1 200")
        await asyncio.sleep(THINK)


async def _run(port: int, slow: int, busy: int) -> None:
    loop, load, orders = asyncio.get_running_loop(), Load(port), asyncio.Queue[str]()
    tasks = [asyncio.ensure_future(_keep_slow(load, slow))] if slow else []
    tasks += [asyncio.ensure_future(_busy(load, number)) for number in range(busy)]
    end = loop.time() + RAMP
    while (len(load.connected) < slow * 0.95 or load.answered < busy) and loop.time() < end:
        await asyncio.sleep(TICK)
    print("ready", flush=True)
    threading.Thread(target=_read_lines, args=(loop, orders), daemon=True).start()
    while await orders.get():
        print(json.dumps({"slow": len(load.connected), "answered": load.answered}), flush=True)


def _read_lines(loop: asyncio.AbstractEventLoop, orders: asyncio.Queue[str]) -> None:
    while line := sys.stdin.readline():
        loop.call_soon_threadsafe(orders.put_nowait, line)
    loop.call_soon_threadsafe(orders.put_nowait, "")


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_run(*(int(word) for word in sys.argv[1:])))
