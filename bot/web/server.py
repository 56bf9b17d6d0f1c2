"""Accepts connections and keeps them below the limit of open files."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from itertools import count
from math import inf

import structlog
from aiohttp import web

from bot.web.connections import BATCH, REQUEST_SECONDS, Connection, ConnectionTable
from bot.web.rate_limit import Network

RESERVE = 64
"""File descriptors kept for the database, files, pages that are read, and the listening sockets."""
BACKLOG = 1024
ACCEPT_PAUSE = 0.5
"""Seconds until the next try after the system refused to accept a connection."""
LOG_PAUSE = 60.0
"""Seconds in which a refusal is logged once."""
SWEEP = 1.0
"""Seconds between two looks for connections that are too slow."""

log = structlog.get_logger("bot.web")


def connection_limit(wanted: int) -> int:
    """How many connections may be open: `wanted`, or as many as the limit of open files allows. The soft limit is
    raised first, as far as the hard limit lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVE
    if soft != resource.RLIM_INFINITY and soft < needed:
        with suppress(ValueError, OSError):
            most = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - min(RESERVE, soft // 2)))


class Server:
    """Serves one application on one address."""

    def __init__(
        self,
        app: web.Application,
        most: int,
        grace: float,
        request_seconds: float = REQUEST_SECONDS,
        most_of_address: int = 0,
        trusted: Sequence[Network] = (),
    ) -> None:
        self.table = ConnectionTable(most, request_seconds, most_of_address, trusted)
        self.addresses: list[tuple[str, int]] = []
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=grace)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        self._logged_at = -inf

    async def start(self, host: str, port: int) -> None:
        """Begin to listen. Raises `OSError`."""
        await self._runner.setup()
        loop = self.table.loop
        resolved = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(resolved):
            listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
            listener.setblocking(False)
            self._sockets.append(listener)
            self.addresses.append(listener.getsockname()[:2])
        self._start_task(self._sweep())
        for listener in self._sockets:
            self._start_task(self._accept(listener))

    async def stop(self) -> None:
        """Stop listening, and give the responses that are under way their grace."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._sockets:
            listener.close()
        await self._runner.cleanup()

    def _start_task(self, work: Coroutine[None, None, None]) -> None:
        task = self.table.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            await self.table.close_slow()

    async def _accept(self, listener: socket.socket) -> None:
        for number in count():
            if number % BATCH == 0:
                await asyncio.sleep(0)
            if self.table.full:
                await self._wait_for_client(listener)
                await self.table.make_room()
            try:
                accepted, _ = await self.table.loop.sock_accept(listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                await self._accept_refused(error)
                continue
            self.table.opening += 1
            self._start_task(self._open(accepted))

    async def _wait_for_client(self, listener: socket.socket) -> None:
        """Return when somebody wants to connect."""
        ready: asyncio.Future[None] = self.table.loop.create_future()

        def someone_is_there() -> None:
            self.table.loop.remove_reader(listener)
            ready.set_result(None)

        self.table.loop.add_reader(listener, someone_is_there)
        try:
            await ready
        finally:
            self.table.loop.remove_reader(listener)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self.table.loop.connect_accepted_socket(self._make_connection, accepted)
        except OSError:
            accepted.close()
            self.table.opening -= 1

    def _make_connection(self) -> Connection:
        assert self._runner.server is not None
        return Connection(self.table, self._runner.server)

    async def _accept_refused(self, error: OSError) -> None:
        """The system has no room for one more connection: say so once, close one that waits, and pause."""
        now = self.table.loop.time()
        if now - self._logged_at > LOG_PAUSE:
            self._logged_at = now
            name = errno.errorcode.get(error.errno or 0, "")
            log.error("connections cannot be accepted", error=f"{name} {error.strerror}", open=len(self.table.open))
        self.table.close_longest_waiting()
        await asyncio.sleep(ACCEPT_PAUSE)
