"""The webhook outlet with a local receiver and all its faults, for the contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from bot.outlets import Part, part_marker, webhook
from bot.outlets.webhook.outlet import WebhookOutlet
from tests.outlets.rig import Rig
from tests.outlets.short_waits import arms, patient
from tests.peers.webhook_receiver import FAILURES, ROUTE, SECRET, WebhookPeer


@contextmanager
def rig() -> Iterator[Rig]:
    with patient(), WebhookPeer() as peer:
        made = outlet(peer.address)
        yield Rig(made, "ops", part, arms(peer, FAILURES, ROUTE), lambda: len(peer.posts), (SECRET, SECRET[6:]))
        made.close()


def outlet(url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> WebhookOutlet:
    """An outlet with one address, `ops`."""
    settings = webhook.Settings.model_validate({"addresses": {"ops": url}, "internal": True})
    made = webhook.make_outlet(settings, Path(), {"WEBHOOK_SECRET": SecretStr(SECRET)}, clock)
    assert isinstance(made, WebhookOutlet)
    return made


def part(text: str) -> Part:
    return Part(text, part_marker(text), day=date(2026, 1, 14))
