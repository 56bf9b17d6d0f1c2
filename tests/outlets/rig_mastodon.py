"""The Mastodon outlet with the local server and all its faults, for the contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from bot.outlets import Part, mastodon, part_marker
from bot.outlets.mastodon.outlet import MastodonOutlet
from tests.outlets.rig import Rig
from tests.outlets.short_waits import arms, patient
from tests.peers.mastodon_api import FAILURES, STATUSES, TOKEN, USER, MastodonPeer


@contextmanager
def rig() -> Iterator[Rig]:
    with patient(), MastodonPeer() as peer:
        made = outlet(peer.url)
        yield Rig(made, USER, part, arms(peer, FAILURES, STATUSES), lambda: len(peer.posts), (TOKEN,))
        made.close()


def outlet(url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **chosen: object) -> MastodonOutlet:
    """An outlet whose server is at `url`."""
    settings = mastodon.Settings.model_validate({"destinations": [USER], "server": url, **chosen})
    made = mastodon.make_outlet(settings, Path(), {"MASTODON_TOKEN": SecretStr(TOKEN)}, clock)
    assert isinstance(made, MastodonOutlet)
    return made


def part(text: str) -> Part:
    return Part(text, part_marker(text), day=date(2026, 1, 14))
