"""The MCP server's connections over HTTP: slow ones, and too many."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn

from tests.patience import PATIENCE

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


async def _application(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def running(most: int, seconds: float) -> Iterator[int]:
    from bot.mcp_server import limited_protocol  # takes long, needed only here

    bound = socket.create_server(("127.0.0.1", 0))
    protocol = limited_protocol(most, seconds)
    settings = uvicorn.Config(
        _application, http=protocol, log_level="error", lifespan="off", ws="none", timeout_keep_alive=int(PATIENCE)
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE)
        bound.close()


def _connect(port: int, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    client.sendall(sent)
    return client


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", GET[:-2], POST, POST + b"ab"])
def test_a_request_that_does_not_end_is_cut_off(sent: bytes) -> None:
    with running(10, 0.05) as port, _connect(port, sent) as client:
        assert _is_closed(client)


def test_at_the_limit_the_connection_that_has_waited_longest_makes_room() -> None:
    with running(3, PATIENCE) as port, ExitStack() as closing:
        clients = []
        for sent in (POST, b"", b""):
            clients.append(closing.enter_context(_connect(port, sent)))
        for client in clients[1:]:
            client.sendall(GET)
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
        new = closing.enter_context(_connect(port, GET))
        assert new.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert _is_closed(clients[0])
        clients[1].sendall(GET)
        assert clients[1].recv(4096)


def test_of_many_connections_that_come_at_once_no_more_stay_than_may() -> None:
    """The oldest one leaves a turn of the loop later, so all of a burst chose the same one to leave."""
    with ExitStack() as stack:
        port = stack.enter_context(running(most=3, seconds=PATIENCE))
        clients = [stack.enter_context(socket.socket()) for _ in range(30)]
        for client in clients:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", port))
        closed = sum(_is_closed(client) for client in clients[:-3])
        assert closed == len(clients) - 3
