"""The outlet `x` wired to the small X, with every fault the peer knows, for the contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from bot.outlets import Part, _x_wire, marker, x
from tests.outlets.rig import Rig
from tests.peers.x_api import FAILURES, KEYS, NAME, XPeer


@contextmanager
def rig() -> Iterator[Rig]:
    timeout, _x_wire.TIMEOUT = _x_wire.TIMEOUT, (2.0, 0.3)
    deadline, _x_wire.DEADLINE = _x_wire.DEADLINE, 0.3
    with XPeer() as peer:
        made = outlet(peer.url)
        faults: dict[str, Callable[[], None]] = {how: partial(peer.fail, how) for how in FAILURES}
        yield Rig(made, NAME, part, faults, lambda: len(peer.posts), tuple(KEYS.values()))
        made.close()
    _x_wire.TIMEOUT, _x_wire.DEADLINE = timeout, deadline


def outlet(url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **chosen: object) -> x.X:
    """An outlet whose X is at `url`."""
    settings = x.Settings.model_validate({"destinations": [NAME], "host": url, **chosen})
    return x.outlet(settings, Path(), {name: SecretStr(key) for name, key in KEYS.items()}, clock)


def part(text: str) -> Part:
    return Part(text, marker(text))
