"""A local Walrus aggregator that serves blobs, and misbehaves on request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Literal

from aiohttp import web

from tests.peers.served import Handler, Server, dropped

Fault = Literal["absent", "busy", "page", "drops", "hangs", "drips", "redirects", "endless", "declares", "packed"]


class Aggregator:
    """A handler factory for `served.serving`."""

    def __init__(self, blobs: Mapping[str, bytes], fault: Fault | None) -> None:
        self.blobs = blobs
        self.fault = fault
        self.together = 1
        """Requests that must be under way at the same time before any is answered."""
        self._under_way = 0
        self._enough = asyncio.Event()

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            body = self.blobs.get(request.path.removeprefix("/v1/blobs/"))
            if request.path != "/":  # where somebody looks whether it is there
                await self._wait_for_others()
            if self.fault == "hangs":
                await server.closing.wait()
            if self.fault == "endless" or self.fault == "drips":
                return await self._unending(request, server)
            if self.fault == "drops":
                return await dropped(request, body or b"x" * 100)
            if body is None or self.fault == "absent":
                return web.json_response({"error": {"status": "NOT_FOUND"}}, status=404)
            return self._faulty(body)

        return answer

    async def _wait_for_others(self) -> None:
        self._under_way += 1
        if self._under_way >= self.together:
            self._enough.set()
        await self._enough.wait()

    def _faulty(self, body: bytes) -> web.Response:
        if self.fault == "busy":
            return web.json_response({"error": {"status": "BLOB_UNAVAILABLE"}}, status=503)
        if self.fault == "page":
            return web.Response(text="<html>Checking your browser</html>", content_type="text/html")
        if self.fault == "redirects":
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})
        if self.fault == "declares":
            return web.Response(body=body, headers={"Content-Length": str(10**12)})
        if self.fault == "packed":
            return web.Response(body=body, headers={"Content-Encoding": "gzip"})
        return web.Response(body=body, content_type="application/octet-stream")

    async def _unending(self, request: web.Request, server: Server) -> web.StreamResponse:
        """An endless response, or bytes that arrive a few at a time."""
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while not server.closing.is_set():
                await response.write(b" " * (2**16 if self.fault == "endless" else 8))
                if self.fault == "drips":
                    await _moment(server)
        return response


async def _moment(server: Server) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.closing.wait(), 0.02)
