"""The open connections. At the limit, the one that has waited longest without a complete request is closed to make
room; the same holds for one address. A client that sends its request or reads its answer too slowly is cut off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from typing import cast

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler

from bot.web.middleware import Handler, error_response, malformed_response, raw_response
from bot.web.rate_limit import FORWARDED, Network, client_address, is_trusted

KEEP_ALIVE = 60.0
"""Seconds that a connection may be idle between two requests."""
REQUEST_SECONDS = 30.0
"""Seconds from the first byte of a request to the end of its headers; also from the connection to the first request."""
STALLED_SECONDS = 30.0
"""Seconds that a client may leave a full send buffer untouched, or read it more slowly than `SLOWEST_READER`."""
SLOWEST_READER = 16 * 1024
"""Bytes that a client must read in a second, in the long run."""
LINGERING_SECONDS = 2.0
"""Seconds in which the rest of a request's body is read and dropped after the response."""
MAX_HEAD = 32 * 1024
"""Bytes of a request's line and headers together."""

HEAD_START = 0.2
"""Seconds that a connection may wait for a request before it has to make room for another."""
BATCH = 32
"""Connections that are accepted or closed before requests have their turn again."""
TOO_SLOW = raw_response(408, "the request did not arrive in time")
CROWDED = "too many connections from your address"
TOO_MANY = raw_response(429, CROWDED)


class Connection(RequestHandler):
    """One connection. It waits for a request, or it has one in progress."""

    __slots__ = (
        "address",
        "begun",
        "deadline",
        "link",
        "patience",
        "payload",
        "received",
        "table",
        "unread",
        "visitor",
    )

    def __init__(self, table: ConnectionTable, server: web.Server) -> None:
        super().__init__(
            server,
            loop=table.loop,
            access_log=None,  # type: ignore[arg-type]  # no log, as `AppRunner` passes it too
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=LINGERING_SECONDS,
            max_headers=100,
            auto_decompress=False,
        )
        self.table = table
        self.deadline = inf
        self.begun = False
        """Whether a request's headers are complete and its response is not."""
        self.received = 0
        self.payload: StreamReader | None = None
        self.unread = 0
        """Bytes in the send buffer when the client's reading was last looked at."""
        self.patience = STALLED_SECONDS
        """Seconds that the client may still fall behind `SLOWEST_READER`."""
        self.address = self.visitor = ""
        """The client's address, unless that is a trusted proxy / the one for whom it has a request under way."""
        self.link: asyncio.Transport | None = None
        """The transport, also after aiohttp has asked it to close, which may wait for the client to read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.link = cast(asyncio.Transport, transport)
        self.deadline = self.table.now() + self.table.request_seconds
        self.address = self.table.limited_address(transport.get_extra_info("peername"))
        self.table.add(self)
        super().connection_made(transport)
        self.table.close_crowding(self.address)

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
                self.deadline, self.unread = self.table.now() + self.table.request_seconds, 0
        requests = self._request_count
        super().data_received(data)
        if self._request_count > requests:
            self.begun, self.deadline, self.received = True, inf, 0
            self.table.waiting.pop(self, None)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        self.table.end_request(self)
        self.begun = bool(self._messages)
        if self in self.table.open and resp.keep_alive:
            self.deadline = inf
            if not self.begun:
                self.table.wait_for_request(self)
        else:  # aiohttp closes it now
            self._watch_reading()
        return finished

    def pause_writing(self) -> None:
        self._watch_reading()
        super().pause_writing()

    def resume_writing(self) -> None:
        if self.link is not None and not self.link.is_closing():
            now = self.table.now()
            self.credit_reading(now)
            self.patience, self.deadline = max(0.0, self.deadline - now), inf
        super().resume_writing()

    def _watch_reading(self) -> None:
        """From now on the client must read what is in the send buffer."""
        self.unread = self.link.get_write_buffer_size() if self.link is not None else 0
        self.deadline = self.table.now() + self.patience

    def credit_reading(self, now: float) -> None:
        """Move the deadline by the time that the bytes which the client has read since the last look may take."""
        left = self.link.get_write_buffer_size() if self.link is not None else 0
        earned = max(0, self.unread - left) / SLOWEST_READER
        self.deadline, self.unread = min(self.deadline + earned, now + STALLED_SECONDS), left

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

    def log_exception(self, *args: object, **details: object) -> None:
        """Log no body that cannot be read: strangers could fill the log."""
        if isinstance(details.get("exc_info"), web.RequestPayloadError):
            self.table.closed["malformed"] += 1
        else:
            super().log_exception(*args, **details)

    def force_close(self) -> None:
        """Close the connection when what was written has gone out, or when that takes too long."""
        self._watch_reading()
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
    """Tell the connection which body belongs to its request, since what follows the body is the next request. Refuse
    a request for whose address too many are under way on the connections of a proxy."""
    if isinstance(request.protocol, Connection):
        request.protocol.payload = request.content
        if not request.protocol.table.begin_request(request.protocol, request):
            return error_response(429, CROWDED, {"Retry-After": "1"})
    return await handler(request)


class ConnectionTable:
    """The open connections, those that wait for a request in the order in which they began to wait."""

    def __init__(
        self,
        most: int,
        request_seconds: float = REQUEST_SECONDS,
        most_of_address: int = 0,
        trusted: Sequence[Network] = (),
    ) -> None:
        """`most_of_address`: 0 for any number. One of a `trusted` proxy counts for whom it has a request."""
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.most = most
        self.request_seconds = request_seconds
        self._most_of_address, self._trusted = most_of_address, trusted
        self._by_address: dict[str, dict[Connection, None]] = {}
        self._visits: Counter[str] = Counter()
        self.open: dict[Connection, None] = {}
        self.waiting: dict[Connection, float] = {}
        """Those that wait for a request, in the order in which they began to, with that time."""
        self.opening = 0
        """Accepted sockets that have no connection yet."""
        self.closed: Counter[str] = Counter()
        """Connections that were closed early, by reason."""
        self._room = asyncio.Event()

    def add(self, connection: Connection) -> None:
        self.opening -= 1
        self.open[connection], self.waiting[connection] = None, self.now()
        if connection.address:
            self._by_address.setdefault(connection.address, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        self.open.pop(connection, None)
        self.waiting.pop(connection, None)
        self.end_request(connection)
        if group := self._by_address.get(connection.address):
            group.pop(connection, None)
            if not group:
                del self._by_address[connection.address]
        self._room.set()

    def wait_for_request(self, connection: Connection) -> None:
        """A connection is idle now, and may have to make room."""
        self.waiting[connection] = self.now()
        self._room.set()

    def limited_address(self, peer: Sequence[object] | None) -> str:
        """The address that a new connection counts for; empty if for none."""
        host = str(peer[0]) if peer else ""
        if not self._most_of_address or is_trusted(host, self._trusted):
            return ""
        return client_address(host, (), ())

    def close_crowding(self, address: str) -> None:
        """If an address has too many connections, close its oldest that waits for a request, at last the new one."""
        group = self._by_address.get(address, {})
        if len(group) > self._most_of_address:
            next(each for each in group if each in self.waiting).close_early("address", TOO_MANY)

    def begin_request(self, connection: Connection, request: web.Request) -> bool:
        """Count a request for the address that a proxy forwards. False if too many are under way for it."""
        forwarded = request.headers.getall(FORWARDED, ())
        if connection.address or not self._most_of_address or not forwarded:
            return True
        visitor = client_address(request.remote or "", forwarded, self._trusted)
        if visitor and self._visits[visitor] >= self._most_of_address:
            self.closed["address"] += 1
            return False
        connection.visitor = visitor
        self._visits[visitor] += bool(visitor)
        return True

    def end_request(self, connection: Connection) -> None:
        """A connection has no request for anybody."""
        visitor, connection.visitor = connection.visitor, ""
        if visitor and self._visits[visitor] > 1:
            self._visits[visitor] -= 1
        elif visitor:
            del self._visits[visitor]

    @property
    def full(self) -> bool:
        return len(self.open) + self.opening >= self.most

    async def make_room(self) -> None:
        """Return when one more connection may be accepted. While all are busy or have their head start, wait."""
        while self.full:
            self._room.clear()
            oldest, since = next(iter(self.waiting.items()), (None, inf))
            end = since + HEAD_START
            if oldest and end <= self.now():
                oldest.close_early("full")
                await asyncio.sleep(0)
            elif self.opening:
                await asyncio.sleep(0)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(None if end == inf else end):
                        await self._room.wait()

    def close_longest_waiting(self) -> None:
        """Close the connection that has waited longest for a request, if one waits."""
        if oldest := next(iter(self.waiting), None):
            oldest.close_early("full")

    async def close_slow(self) -> None:
        """Close the connections whose deadline is over, a few at a time, so that requests are answered meanwhile."""
        now = self.now()
        late = [each for each in self.open if each.deadline < now]
        for number, connection in enumerate(late):
            if number % BATCH == 0:
                await asyncio.sleep(0)
            connection.credit_reading(now)
            if connection.deadline < now:
                connection.close_early("slow", TOO_SLOW)
