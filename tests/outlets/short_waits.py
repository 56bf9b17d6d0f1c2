"""Time-outs of `bot.outlets.http_calls` for tests: long on a busy machine, short where no answer will come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from bot.outlets import http_calls
from tests.peers.failing_server import FailingServer, Fault

PATIENT, SHORT = 20.0, 0.6
"""Seconds."""


@contextmanager
def patient() -> Iterator[None]:
    """Wait long for answers; put the time-outs back at the end."""
    before = http_calls.CONNECT, http_calls.TIMEOUT, http_calls.DEADLINE
    http_calls.CONNECT, http_calls.TIMEOUT, http_calls.DEADLINE = PATIENT, PATIENT, PATIENT
    try:
        yield
    finally:
        http_calls.CONNECT, http_calls.TIMEOUT, http_calls.DEADLINE = before


def arm(peer: FailingServer, fault: Fault, route: str) -> None:
    """Let the next request for a route fail; wait for a short time from the first silence on."""
    if fault.how in ("hang", "drip"):
        http_calls.TIMEOUT = http_calls.DEADLINE = SHORT
    peer.fail(fault, route)


def arms(peer: FailingServer, faults: Mapping[str, Fault], route: str) -> dict[str, Callable[[], None]]:
    """Each fault by its name, for a `Rig`."""
    return {name: partial(arm, peer, fault, route) for name, fault in faults.items()}
