"""The base of local platforms with a JSON API: a real HTTP server in a thread of its own that keeps a ledger of what it
accepted and fails in every way of a real one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Fault:
    """One way to fail. `after`: the request is executed first, as if only its answer were lost."""

    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    how: str = "answer"
    """answer, drop, hang, truncate or drip."""


FAULTS = {
    "408": Fault(408, {}),
    "500": Fault(500, {"error": "InternalServerError"}),
    "502 HTML": Fault(502, "<html><h1>Bad gateway</h1></html>"),
    "503 with a JSON list": Fault(503, ["over capacity"]),
    "500 after accepting": Fault(500, "<html>oops</html>", after=True),
    "redirect": Fault(307, "", {"Location": "http://127.0.0.1:1/elsewhere"}),
    "dropped before accepting": Fault(how="drop"),
    "dropped after accepting": Fault(how="drop", after=True),
    "time-out before accepting": Fault(how="hang"),
    "time-out after accepting": Fault(how="hang", after=True),
    "dripping for ever": Fault(how="drip", after=True),
    "truncated": Fault(how="truncate", after=True),
    "an answer too large": Fault(200, "[" + "0," * 1_500_000 + "0]", after=True),
}
"""Failures of any server behind a proxy, by name."""


class Refusal(Exception):
    """The platform refuses a request."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body}")


class FailingServer:
    """`with` starts and stops it. A subclass adds its routes and checks."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        """Method and path of each request."""
        self.offset = timedelta()
        """How far the platform's clock is ahead of this machine's."""
        self._plans: list[tuple[str, Fault]] = []
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = ""

    @property
    def posts(self) -> list[dict[str, Any]]:
        """What the platform accepted, each with its `id`."""
        raise NotImplementedError

    @property
    def settings(self) -> str:
        """The keys of the outlet's block in `config.yaml` that post here."""
        raise NotImplementedError

    def forget(self) -> None:
        """Empty the ledger."""
        self.requests.clear()

    def routes(self, app: web.Application) -> None:
        """Add the routes."""
        raise NotImplementedError

    def admit(self, request: web.Request) -> None:
        """Raise `Refusal` for a request without valid credentials."""

    def fail(self, fault: Fault, route: str, times: int = 1) -> None:
        """The next `times` requests whose path begins with a route fail so."""
        self._plans += [(route, fault)] * times

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(120)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(120)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._door], client_max_size=20 * 2**20)
        self.routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.content_type.startswith("multipart/"):  # a form is read by its handler
            await request.read()
        self.requests.append((request.method, request.path))
        fault = self._planned(request)
        if fault and not fault.after:
            return await self._fail(request, fault)
        try:
            self.admit(request)
            answer = await handler(request)
        except Refusal as refusal:
            return self.answer(refusal.status, refusal.body)
        return await self._fail(request, fault) if fault else answer

    def _planned(self, request: web.Request) -> Fault | None:
        for plan in self._plans:
            if request.path.startswith(plan[0]):
                self._plans.remove(plan)
                return plan[1]
        return None

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.how == "answer":
            return self.answer(fault.status, fault.body, fault.headers)
        if fault.how == "hang":
            await self._stopping.wait()
        if fault.how == "truncate":
            cut = web.StreamResponse(headers={"Content-Length": "500", "Content-Type": "application/json"})
            await cut.prepare(request)
            await cut.write(b'{"id": "1')
        if fault.how == "drip":
            drip = web.StreamResponse(headers={"Content-Type": "application/json"})
            await drip.prepare(request)
            with contextlib.suppress(ConnectionError):
                while not self._stopping.is_set():
                    await drip.write(b" ")
                    await asyncio.sleep(0.01)
        assert request.transport
        request.transport.close()
        return web.Response()

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
        """An answer with the platform's time."""
        more = {"Date": format_datetime(self.now(), usegmt=True), **(headers or {})}
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html", headers=more)
        return web.json_response(body, status=status, headers=more)
