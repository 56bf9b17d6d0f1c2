"""Webhook: a signed JSON request to addresses of your own, for a chat, a mailing list or a program. It costs nothing.

Needs a secret in WEBHOOK_SECRET: `whsec_` and 24 to 64 random bytes in base64 (`echo whsec_$(openssl rand -base64
32)`). Requests are signed by the convention of Standard Webhooks (standardwebhooks.com): the receiver computes
HMAC-SHA256 over `webhook-id.webhook-timestamp.body` and compares it with `webhook-signature`.

A part arrives **at least once**: where an answer was lost, it is sent again, with the same `webhook-id`. The receiver
must remember the ids that it has seen. Any 2xx counts as received. 410 Gone ends the deliveries to that address until
`python -m bot deliveries lift "webhook NAME"`. Anything else is tried again, from one minute up to every ten hours,
while the post is due. Redirects are not followed. A correction is a further request, of the type `digest.corrected`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from bot.config import OutletConfig
from bot.outlets.post_format import PostFormat
from bot.outlets.types import Outlet, Part
from bot.outlets.webhook.settings import WebhookSettings

TITLE = "Webhook"
SECRETS = ("WEBHOOK_SECRET",)
Settings = WebhookSettings
SETTLE = timedelta()
"""Nobody can be asked: what may not have arrived is sent again."""
FORMAT = PostFormat(2000, form="data", exactly_once=False)


def cost(part: Part) -> Decimal:
    """US dollars: a request costs nothing."""
    return Decimal(0)


def make_outlet(
    settings: OutletConfig, output_folder: Path, secrets: Mapping[str, SecretStr], clock: Callable[[], datetime]
) -> Outlet:
    """Webhooks with a secret. Raises `OutletError` if it is none of Standard Webhooks."""
    assert isinstance(settings, WebhookSettings)
    from bot.outlets.webhook.outlet import WebhookOutlet  # httpx takes time to import
    from bot.outlets.webhook.signature import secret_key

    return WebhookOutlet(settings, secret_key(secrets["WEBHOOK_SECRET"]), secrets["WEBHOOK_SECRET"], clock)
