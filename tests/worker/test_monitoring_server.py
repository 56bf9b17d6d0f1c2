"""The worker's /health beside clients that send their request byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.worker import monitoring_server
from bot.worker.monitoring_server import MOST_REQUESTS, REQUEST_SECONDS, OpenRequests
from tests.patience import PATIENCE


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    worked = cast(Any, SimpleNamespace(health_report=lambda: (True, {"ok": True})))
    stop = threading.Event()
    service = monitoring_server.monitoring_service(worked, "127.0.0.1", number, str)
    thread = threading.Thread(target=service, args=(stop,))
    thread.start()
    yield number
    stop.set()
    thread.join(PATIENCE)


def _connect(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            continue


def test_health_is_answered_beside_clients_that_never_end_their_request(port: int) -> None:
    with ExitStack() as closing:
        for _ in range(3 * MOST_REQUESTS):
            closing.enter_context(_connect(port)).sendall(b"GET /health HTTP/1.0\r\nX: ")
        client = closing.enter_context(_connect(port))
        client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.0 200 ") and answer.endswith(b'{"ok": true}')


def test_a_request_that_takes_too_long_is_dropped_however_often_it_sends_a_byte() -> None:
    now = 0.0
    requests = OpenRequests(lambda: now)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert requests.admit(ours)
        now = REQUEST_SECONDS
        requests.drop_late()
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        now += 1
        requests.drop_late()
        assert theirs.recv(1) == b"" and ours.recv(1) == b""


def test_a_complete_request_is_not_dropped_for_another_one() -> None:
    requests = OpenRequests()
    with ExitStack() as closing:
        sockets = [closing.enter_context(each) for _ in range(MOST_REQUESTS) for each in socket.socketpair()][::2]
        for each in sockets:
            assert requests.admit(each)
            requests.mark_complete(each)
        new = closing.enter_context(socket.socket())
        assert not requests.admit(new)
        requests.end(sockets[0])
        assert requests.admit(new)
