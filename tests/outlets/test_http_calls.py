"""Calls of outlets: within their deadline whatever the server does, and never sent where they cannot be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from bot.outlets import http_calls
from bot.outlets.http_calls import CallLostError, CallNotSentError, HttpCaller
from tests.outlets.short_waits import PATIENT, SHORT, patient


@pytest.fixture
def caller() -> Iterator[HttpCaller]:
    with patient(), closing(HttpCaller()) as made:
        yield made


@contextmanager
def dripping(piece: bytes) -> Iterator[str]:
    """The address of a server that sends a piece of a head again and again, and never ends it."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                while not ended.wait(0.05):
                    client.sendall(piece)

        served = threading.Thread(target=serve)
        served.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            ended.set()
            served.join(PATIENT)


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H"], ids=["100 again and again", "no line"])
def test_the_head_of_an_answer_has_no_more_time_than_all_of_it(caller: HttpCaller, piece: bytes) -> None:
    """Only the pause between two bytes was limited."""
    with dripping(piece) as address:
        http_calls.DEADLINE = SHORT
        with pytest.raises(CallLostError, match="Deadline"):
            caller.call("POST", address)


@pytest.mark.parametrize("host", ["h..localhost", "a" * 64 + ".localhost"])
def test_a_host_that_cannot_be_encoded_is_never_reached(caller: HttpCaller, host: str) -> None:
    with pytest.raises(CallNotSentError):
        caller.call("POST", f"http://{host}/")
