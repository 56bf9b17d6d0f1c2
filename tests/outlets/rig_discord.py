"""The Discord outlet with the local Discord and all its faults, for the contract test and its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from discord import http as discord_http
from pydantic import SecretStr

from bot.outlets import Part, discord, part_marker
from bot.outlets.discord.rest_client import DiscordRestClient
from bot.records import Picture
from tests.hostile import gzip_bomb
from tests.outlets.rig import Rig
from tests.peers.discord_api import CREATE, HTML, TOKEN, DiscordPeer, Fault, error, rate_limited

CHANNEL = "200000000000000001"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100

BROKEN = {"status": 500, "body": {"message": "500: Internal Server Error", "code": 0}}
GARBLED = {"status": 200, "body": '{"id": "12', "after": True}

BOMB = gzip_bomb(200)
"""200 MB of zeros in 200 kB."""

FAULTS: dict[str, tuple[Fault, ...]] = {
    "401": (error(401, 0, "401: Unauthorized"),),
    "400": (error(400, 50035, "Invalid Form Body"),),
    "413": (error(413, 40005, "Request entity too large"),),
    "403 missing access": (error(403, 50001, "Missing Access"),),
    "403 missing permissions": (error(403, 50013, "Missing Permissions"),),
    "403 HTML": (Fault(403, HTML, content_type="text/html"),),
    "404 unknown channel": (error(404, 10003, "Unknown Channel"),),
    "404 unknown message": (error(404, 10008, "Unknown Message"),),
    "429 short": (rate_limited(0.01),),
    "429 short, three times": (rate_limited(0.01),) * 3,
    "429 long": (rate_limited(1800),),
    "429 short, everywhere": (rate_limited(0.01, everywhere=True),),
    "429 long, everywhere": (rate_limited(1800, everywhere=True),),
    "429 without Via": (rate_limited(5, via=False),),
    "429 HTML": (Fault(429, HTML, {"Via": "1.1 google"}, content_type="text/html"),),
    "429 that tells no time": (Fault(429, {"message": "no"}, {"Via": "1.1 google"}),),
    "500 once": (Fault(**BROKEN),),
    "500 once, accepted": (Fault(**BROKEN, after=True),),
    "500 for ever": (Fault(**BROKEN),) * 5,
    "500 for ever, accepted": (Fault(**BROKEN, after=True),) * 5,
    "500 accepted, then 403": (Fault(**BROKEN, after=True), error(403, 50013, "Missing Permissions")),
    "500, then 403": (Fault(**BROKEN), error(403, 50013, "Missing Permissions")),
    "500 accepted, then a long 429": (Fault(**BROKEN, after=True), rate_limited(1800)),
    "502 HTML once, accepted": (Fault(502, HTML, after=True, content_type="text/html"),),
    "503": (Fault(503, HTML, content_type="text/html"),),
    "503 accepted": (Fault(503, HTML, after=True, content_type="text/html"),),
    "504 for ever, accepted": (Fault(504, HTML, after=True, content_type="text/html"),) * 5,
    "no answer": (Fault(hang=True),),
    "no answer, accepted": (Fault(hang=True, after=True),),
    "dropped": (Fault(drop=True),),
    "dropped, accepted": (Fault(drop=True, after=True),),
    "slow": (Fault(after=True, wait=0.1),),
    "malformed JSON": (Fault(**GARBLED),),
    "JSON of another shape": (Fault(200, [1, 2], after=True),),
    "HTML for JSON": (Fault(200, HTML, after=True, content_type="text/html"),),
    "an answer too large": (Fault(200, '"' + "x" * 9_000_000 + '"', after=True),),
    "an answer of no declared length that never ends": (Fault(200, b"0" * 2**20, after=True, pieces=200),),
    "a gzip bomb": (Fault(200, BOMB, {"Content-Encoding": "gzip"}, after=True),),
    "a redirect elsewhere": (Fault(307, "", {"Location": "http://127.0.0.1:9/elsewhere"}),),
    "a redirect elsewhere, accepted": (Fault(308, "", {"Location": "http://127.0.0.1:9/elsewhere"}, after=True),),
    "a redirect here": (Fault(307, "", {"Location": "/api/v10/channels/1/messages"}),),
}
"""The faults of the next requests to send a message, by name."""


@contextmanager
def rig() -> Iterator[Rig]:
    with hurried(), DiscordPeer(bucket=(1000, 1.0)) as peer:
        peer.channel(int(CHANNEL))
        # A clock that never meets the same hour again: what Discord asks us to wait for has passed by the next call.
        hours = itertools.count()
        start = datetime.now(UTC)
        discord_outlet = outlet(peer, clock=lambda: start + timedelta(hours=next(hours)))
        faults: dict[str, Callable[[], None]] = {name: partial(_arm, peer, name) for name in FAULTS}
        yield Rig(discord_outlet, CHANNEL, part, faults, lambda: len(peer.messages), (TOKEN,))
        discord_outlet.close()


def _arm(peer: DiscordPeer, name: str) -> None:
    assert not peer.armed, f"before {name}: a fault was never met: {peer.armed}"
    peer.fail(*FAULTS[name])


def outlet(
    peer: DiscordPeer | str,
    *,
    token: str = TOKEN,
    patience: float = 1.0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    **chosen: object,
) -> discord.DiscordOutlet:
    """An outlet whose Discord is the peer, or at a URL."""
    url = peer if isinstance(peer, str) else peer.url
    settings = discord.Settings.model_validate({"destinations": [CHANNEL], "api": url, **chosen})
    secret = SecretStr(token)
    return discord.DiscordOutlet(
        settings, DiscordRestClient(settings.api, secret, patience, per_second=2000), secret, clock
    )


def part(text: str) -> Part:
    """A part like that of the daily post: an embed and its card."""
    embed = {"title": "Replicate", "description": text, "footer": {"text": "Footfall"}}
    return Part("", part_marker(text), (Picture("card.png", PNG, "Runs a day, rising."),), embed)


@contextmanager
def hurried() -> Iterator[list[float]]:
    """discord.py's sleeps take no time; they are recorded."""
    slept: list[float] = []

    class Hurried:
        def __getattr__(self, name: str) -> object:
            return getattr(asyncio, name)

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            await asyncio.sleep(0)

    discord_http.asyncio = Hurried()
    try:
        yield slept
    finally:
        discord_http.asyncio = asyncio


__all__ = ["CHANNEL", "CREATE", "FAULTS", "PNG", "hurried", "outlet", "part", "rig"]
