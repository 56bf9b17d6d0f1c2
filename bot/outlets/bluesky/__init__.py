"""Bluesky: one post with its card, or a thread, from one account, through the AT Protocol. It costs nothing.

Needs an account and an app password (Settings, Privacy and security, App passwords) in BLUESKY_APP_PASSWORD; never use
the account's own password. Bluesky wants automated accounts to be labelled as such in their profile.

Each part has its own record key, which is derived from its delivery, and a record is written only where there is none:
however often a part is sent, there is one post. A correction replies to the post that it corrects, because an app would
go on showing the old text of a post that was edited. There are no polls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from bot.config import OutletConfig
from bot.outlets.bluesky.record import FORMAT
from bot.outlets.bluesky.settings import BlueskySettings
from bot.outlets.types import Outlet, OutletError, Part

TITLE = "Bluesky"
SECRETS = ("BLUESKY_APP_PASSWORD",)
Settings = BlueskySettings
SETTLE = timedelta(minutes=1)
"""A record can be read as soon as it is written; the minute is for a request that is still under way."""


def cost(part: Part) -> Decimal:
    """US dollars: Bluesky is free."""
    return Decimal(0)


def make_outlet(
    settings: OutletConfig, output_folder: Path, secrets: Mapping[str, SecretStr], clock: Callable[[], datetime]
) -> Outlet:
    """Bluesky with an app password. Sends no request yet. Raises `OutletError` if no account is named."""
    assert isinstance(settings, BlueskySettings)
    if not settings.destinations:
        raise OutletError("bluesky: no account named; set outlets.bluesky.destinations: [handle] in config.yaml")
    from bot.outlets.bluesky.outlet import BlueskyOutlet  # httpx takes time to import
    from bot.outlets.bluesky.session import XrpcClient

    password = secrets["BLUESKY_APP_PASSWORD"]
    wire = XrpcClient(settings.service, settings.destinations[0], password)
    return BlueskyOutlet(settings, wire, password, clock)
