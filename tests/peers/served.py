"""A real HTTP server on loopback for one test: takes a handler, gives a base URL and every received request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A running server."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    """Path and query of each request, in order."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the test is over; a handler that hangs waits for it."""


@contextmanager
def serving(handler: Callable[[Server], Handler]) -> Iterator[Server]:
    """Serve every GET and POST with the handler that `handler` makes for the server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = Server()
    answers = handler(server)

    async def noted(request: web.Request) -> web.StreamResponse:
        server.asked.append(request.raw_path)
        return await answers(request)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/{path:.*}", noted)
        app.router.add_post("/{path:.*}", noted)
        runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def stop(runner: web.AppRunner) -> None:
        server.closing.set()
        await runner.cleanup()
        for _ in range(3):  # a transport that was just closed lets go of its socket in a later turn of the loop
            await asyncio.sleep(0)

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(120)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(runner), loop).result(120)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(120)
        loop.close()


async def dropped(request: web.Request, body: bytes) -> web.StreamResponse:
    """Send half of `body`, then drop the connection."""
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    assert request.transport
    request.transport.close()
    return response
