"""The open connections. At the limit, the one that has waited longest without a complete request is closed to make
room. A client that sends its request or reads its answer too slowly is cut off."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import inf
from typing import cast

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler

from bot.web.middleware import Handler, malformed_response, raw_response

KEEP_ALIVE = 60.0
"""Seconds that a connection may be idle between two requests."""
REQUEST_SECONDS = 30.0
"""Seconds from the first byte of a request to the end of its headers; also from the connection to the first request."""
STALLED_SECONDS = 30.0
"""Seconds that a client may leave a full send buffer untouched."""
LINGERING_SECONDS = 2.0
"""Seconds in which the rest of a request's body is read and dropped after the response."""
MAX_HEAD = 32 * 1024
"""Bytes of a request's line and headers together."""

BATCH = 32
"""Connections that are accepted or closed before requests have their turn again."""
TOO_SLOW = raw_response(408, "the request did not arrive in time")


class Connection(RequestHandler):
    """One connection. It waits for a request, or it has one in progress."""

    __slots__ = ("begun", "deadline", "link", "payload", "received", "table")

    def __init__(self, table: ConnectionTable, server: web.Server) -> None:
        super().__init__(
            server,
            loop=table.loop,
            access_log=None,  # type: ignore[arg-type]  # no log, as `AppRunner` passes it too
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=LINGERING_SECONDS,
            max_headers=100,
        )
        self.table = table
        self.deadline = inf
        self.begun = False
        """Whether a request's headers are complete and its response is not."""
        self.received = 0
        self.payload: StreamReader | None = None
        self.link: asyncio.Transport | None = None
        """The transport, also after aiohttp has asked it to close, which may wait for the client to read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.link = cast(asyncio.Transport, transport)
        self.deadline = self.table.loop.time() + self.table.request_seconds
        self.table.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.table.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.begun and (self.payload is None or self.payload.is_eof()):
            if self.received > MAX_HEAD:
                sentence = f"the request's headers are larger than {MAX_HEAD} bytes"
                self.close_early("large", raw_response(431, sentence))
                return
            self.received += len(data)
            if self.deadline == inf:
                self.deadline = self.table.loop.time() + self.table.request_seconds
        requests = self._request_count
        super().data_received(data)
        if self._request_count > requests:
            self.begun, self.deadline, self.received = True, inf, 0
            self.table.waiting.pop(self, None)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        self.begun = False
        if self in self.table.open and resp.keep_alive:
            self.deadline = inf
            self.table.waiting[self] = None
        else:  # aiohttp closes it now
            self.deadline = self.table.loop.time() + STALLED_SECONDS
        return finished

    def pause_writing(self) -> None:
        self.deadline = self.table.loop.time() + STALLED_SECONDS
        super().pause_writing()

    def resume_writing(self) -> None:
        if self.link is not None and not self.link.is_closing():
            self.deadline = inf
        super().resume_writing()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp's own errors: a request that cannot be parsed, or a fault outside of the application."""
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun")
        self.table.closed["malformed"] += 1
        return malformed_response(status, exc)

    def force_close(self) -> None:
        """Close the connection when what was written has gone out, or when that takes too long."""
        self.deadline = self.table.loop.time() + STALLED_SECONDS
        self.table.waiting.pop(self, None)
        super().force_close()

    def close_early(self, reason: str, last_words: bytes = b"") -> None:
        """Close the connection now. A client that has read all so far gets a last response."""
        self.table.closed[reason] += 1
        self.deadline = inf
        if self.link is None or self not in self.table.waiting or self.link.get_write_buffer_size():
            self.drop()
            return
        self.link.write(last_words)
        self.force_close()

    def drop(self) -> None:
        self.table.waiting.pop(self, None)
        if self.link is not None:
            self.link.abort()


@web.middleware
async def track_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection which body belongs to its request. What follows the body is the next request."""
    if isinstance(request.protocol, Connection):
        request.protocol.payload = request.content
    return await handler(request)


class ConnectionTable:
    """The open connections, those that wait for a request in the order in which they began to wait."""

    def __init__(self, most: int, request_seconds: float = REQUEST_SECONDS) -> None:
        self.loop = asyncio.get_running_loop()
        self.most = most
        self.request_seconds = request_seconds
        self.open: dict[Connection, None] = {}
        self.waiting: dict[Connection, None] = {}
        self.opening = 0
        """Accepted sockets that have no connection yet."""
        self.closed: Counter[str] = Counter()
        """Connections that were closed early, by reason."""
        self._room = asyncio.Event()

    def add(self, connection: Connection) -> None:
        self.open[connection] = self.waiting[connection] = None

    def remove(self, connection: Connection) -> None:
        self.open.pop(connection, None)
        self.waiting.pop(connection, None)
        self._room.set()

    @property
    def full(self) -> bool:
        return len(self.open) + self.opening >= self.most

    async def make_room(self) -> None:
        """Return when one more connection may be accepted. While all are busy, wait for one to end."""
        while self.full:
            self._room.clear()
            if self.close_longest_waiting() or self.opening:
                await asyncio.sleep(0)
            else:
                await self._room.wait()

    def close_longest_waiting(self) -> bool:
        """Close the connection that has waited longest for a request. False if none waits."""
        connection = next(iter(self.waiting), None)
        if connection is None:
            return False
        connection.close_early("full")
        return True

    async def close_slow(self) -> None:
        """Close the connections whose deadline is over, a few at a time, so that requests are answered meanwhile."""
        now = self.loop.time()
        late = [each for each in self.open if each.deadline < now]
        for number, connection in enumerate(late):
            if number % BATCH == 0:
                await asyncio.sleep(0)
            if connection.deadline < now:
                connection.close_early("slow", TOO_SLOW)
