"""Mastodon: one post with its card, or a thread, from one account on any server with Mastodon's API. It costs nothing.

Needs an access token of the account (Preferences, Development, New application, with the scopes `read:accounts`,
`read:statuses`, `write:statuses` and `write:media`) in MASTODON_TOKEN. Turn on "This is an automated account" in the
profile; many servers want that, and some want posts of bots to be unlisted (`visibility`).

Every post carries an Idempotency-Key, so that for an hour the server itself answers a repetition with the post that it
has. After that, and after every lost answer, a look-back through the account's own posts tells. A correction edits the
post; where the server cannot, a reply corrects it. The limit on characters is the server's own: `doctor` reads it, and
a longer post is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from bot.config import OutletConfig
from bot.outlets.mastodon.settings import MastodonSettings
from bot.outlets.mastodon.text import FORMAT
from bot.outlets.types import Outlet, OutletError, Part

TITLE = "Mastodon"
SECRETS = ("MASTODON_TOKEN",)
Settings = MastodonSettings
SETTLE = timedelta(minutes=2)
"""An account's list shows a post as soon as it is stored; the time is for a request that is still under way."""


def cost(part: Part) -> Decimal:
    """US dollars: Mastodon is free."""
    return Decimal(0)


def make_outlet(
    settings: OutletConfig, output_folder: Path, secrets: Mapping[str, SecretStr], clock: Callable[[], datetime]
) -> Outlet:
    """Mastodon with an access token. Sends no request yet. Raises `OutletError` if no server is named."""
    assert isinstance(settings, MastodonSettings)
    if not settings.server:
        raise OutletError("mastodon: no server named; set outlets.mastodon.server: https://... in config.yaml")
    from bot.outlets.http_calls import HttpCaller  # httpx takes time to import
    from bot.outlets.mastodon.outlet import MastodonOutlet

    return MastodonOutlet(settings, HttpCaller(settings.server), secrets["MASTODON_TOKEN"], clock)
