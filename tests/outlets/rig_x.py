"""The X outlet with the local X and all its faults, for the contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from bot.outlets import Part, part_marker, x
from bot.outlets.x import http_client
from tests.outlets.rig import Rig
from tests.peers.x_api import FAILURES, KEYS, NAME, Failure, XPeer

PATIENT, SHORT = 20.0, 0.6
"""Seconds to wait for a response: many on a busy machine, few if none will come."""


class Waited(XPeer):
    """An X whose silences are short: from the first one on, the time-out is short."""

    def fail(self, how: str | Failure, route: str = "/2/tweets", times: int = 1) -> None:
        failure = FAILURES[how] if isinstance(how, str) else how
        if failure.how in ("hang", "drip"):
            http_client.TIMEOUT, http_client.DEADLINE = (2.0, SHORT), SHORT
        super().fail(how, route, times)


@contextmanager
def waited() -> Iterator[Waited]:
    before = http_client.TIMEOUT, http_client.DEADLINE
    http_client.TIMEOUT, http_client.DEADLINE = (PATIENT, PATIENT), PATIENT
    try:
        with Waited() as peer:
            yield peer
    finally:
        http_client.TIMEOUT, http_client.DEADLINE = before


@contextmanager
def rig() -> Iterator[Rig]:
    with waited() as peer:
        x_outlet = outlet(peer.url)
        faults: dict[str, Callable[[], None]] = {how: partial(peer.fail, how) for how in FAILURES}
        yield Rig(x_outlet, NAME, part, faults, lambda: len(peer.posts), tuple(KEYS.values()))
        x_outlet.close()


def outlet(url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **chosen: object) -> x.XOutlet:
    """An outlet whose X is at `url`."""
    settings = x.Settings.model_validate({"destinations": [NAME], "host": url, **chosen})
    return x.make_outlet(settings, Path(), {name: SecretStr(key) for name, key in KEYS.items()}, clock)


def part(text: str) -> Part:
    return Part(text, part_marker(text))
