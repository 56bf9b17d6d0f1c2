"""A small real HTTP proxy on loopback: `CONNECT` for TLS, absolute addresses for the rest, web sockets among them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.patience import PATIENCE


@dataclass
class HttpProxy:
    """A running proxy."""

    url: str = ""
    targets: list[str] = field(default_factory=list)
    """Host and port of each requested connection, in order."""
    tunnels: list[str] = field(default_factory=list)
    """Those requested with `CONNECT`."""
    refuses_tunnels: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._forward(reader, writer)
        await _closed(writer)
        self.tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        self.targets.append(f"{parts.hostname}:{parts.port}")
        if method == "CONNECT" and self.refuses_tunnels:
            self.tunnels.append(self.targets[-1])
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            if method == "CONNECT":
                self.tunnels.append(self.targets[-1])
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                back.write(head)  # servers take absolute addresses too
            await asyncio.gather(_copied(reader, back), _copied(there, writer))
        finally:
            await _closed(back)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@contextmanager
def http_proxy() -> Iterator[HttpProxy]:
    """A proxy on a free port, stopped at the end of the block."""
    loop, proxy = asyncio.new_event_loop(), HttpProxy()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        for task in tuple(proxy.tasks):
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
