"""The Bluesky outlet with the local server and all its faults, for the contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from bot.outlets import Part, bluesky, part_marker
from bot.outlets.bluesky.outlet import BlueskyOutlet
from tests.outlets.rig import Rig
from tests.outlets.short_waits import arms, patient
from tests.peers.bluesky_pds import FAILURES, HANDLE, PASSWORD, PUT, BlueskyPeer


@contextmanager
def rig() -> Iterator[Rig]:
    with patient(), BlueskyPeer() as peer:
        made = outlet(peer.url)
        faults = arms(peer, FAILURES, PUT)
        yield Rig(made, HANDLE, part, faults, lambda: len(peer.posts), (PASSWORD, "canaryaccess", "canaryrefresh"))
        made.close()


def outlet(url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **chosen: object) -> BlueskyOutlet:
    """An outlet whose server is at `url`."""
    settings = bluesky.Settings.model_validate({"destinations": [HANDLE], "service": url, **chosen})
    made = bluesky.make_outlet(settings, Path(), {"BLUESKY_APP_PASSWORD": SecretStr(PASSWORD)}, clock)
    assert isinstance(made, BlueskyOutlet)
    return made


def part(text: str) -> Part:
    return Part(text, part_marker(text), day=date(2026, 1, 14))
