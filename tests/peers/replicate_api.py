"""A local HTTP server that behaves like Replicate's list of models, and misbehaves on request."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Fault:
    """The fault of one response."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent in place of the page."""
    drops: bool = False
    """The connection breaks half-way through the body."""
    drips: bool = False
    """The body comes byte by byte and never ends."""
    hangs: bool = False
    """There is no response."""


@dataclass
class Asked:
    """One received request."""

    path: str
    authorization: str
    at: float


class ReplicateApi:
    """Pages a list of models by offset, as `{"next", "previous", "results"}`. Use as a context manager."""

    def __init__(self, models: list[dict[str, object]], per_page: int = 2) -> None:
        self.models = models
        self.per_page = per_page
        self.asked: list[Asked] = []
        self.faults: dict[int, Fault] = {}
        """By number of the request, from 1."""
        self.always: Fault | None = None
        self.next_of: Callable[[int, str | None], str | None] = lambda number, url: url
        """The next page that a response names: gets the number of the request and the correct answer."""
        self.after: Callable[[int], None] = lambda number: None
        """Called after each response, for example to move the models."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/models"

    def __enter__(self) -> ReplicateApi:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(120)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(120)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(120)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._closing = asyncio.Event()
        app.on_shutdown.append(self._close)
        self._runner = web.AppRunner(app, shutdown_timeout=1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self, _: web.Application) -> None:
        self._closing.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            Asked(str(request.rel_url), request.headers.get("Authorization", ""), time.monotonic()),
        )
        number = len(self.asked)
        fault = self.faults.get(number) or self.always or Fault()
        body = self._page(request, number) if fault.body is None else fault.body
        self.after(number)
        if fault.hangs:
            await self._closing.wait()
        if fault.drops or fault.drips:
            return await self._broken(request, body, fault)
        return web.Response(status=fault.status, headers=fault.headers, body=body, content_type="application/json")

    def _page(self, request: web.Request, number: int) -> bytes:
        start = int(request.query.get("cursor", "0"))
        end = start + self.per_page
        honest = f"{self.url}?cursor={end}" if end < len(self.models) else None
        page = {"next": self.next_of(number, honest), "previous": None, "results": self.models[start:end]}
        return json.dumps(page).encode()

    async def _broken(self, request: web.Request, body: bytes, fault: Fault) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
        await response.prepare(request)
        for byte in body[:-1] if fault.drips else b"":
            if self._closing.is_set() or not request.transport or request.transport.is_closing():
                return response
            await response.write(bytes([byte]))
            await asyncio.sleep(0.05)
        await response.write(body[: len(body) // 2])
        if request.transport:
            request.transport.close()
        return response
