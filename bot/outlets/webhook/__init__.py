"""Webhook: a signed JSON request to addresses of your own, for a chat, a mailing list or a program. It costs nothing.

Needs a secret in WEBHOOK_SECRET: `whsec_` and 24 to 64 random bytes in base64 (`echo whsec_$(openssl rand -base64
32)`). Requests are signed by the convention of Standard Webhooks (standardwebhooks.com): the receiver computes
HMAC-SHA256 over `webhook-id.webhook-timestamp.body` and compares it with `webhook-signature`.

A part arrives **at least once**: where an answer was lost, it is sent again, with the same `webhook-id`. The receiver
must remember the ids that it has seen. Any 2xx counts as received. 410 Gone ends the deliveries to that address until
`python -m bot deliveries lift "webhook NAME"`. Anything else is tried again, from one minute up to every ten hours,
while the post is due. Redirects are not followed. A correction is a further request, of the type `digest.corrected`.

WEBHOOK_SECRET signs the requests to all addresses that have no secret of their own. Who knows it can forge a message to
each of these receivers, so name a variable for each address in `secrets`: `secrets: {ops: WEBHOOK_SECRET_OPS}`. An
address is yours to choose: a name that leads into a private network is not found out, only a private IP address is.

The body is a JSON object. `data.schema` is the version of its shape: it rises when a field goes or changes its meaning.

| field | holds |
|---|---|
| `type` | `digest.published`, `digest.corrected`, or `test` for `send-test` |
| `timestamp` | when the digest was composed |
| `data.schema` | 1 |
| `data.text` | the post as text, in the language `data.locale` |
| `data.network`, `data.title` | the network's key and name |
| `data.period`, `data.day`, `data.last_day` | `day`, `week` or `month`; its first and last day |
| `data.edition` | 1, or more for a correction |
| `data.headline` | the catalogue and the figure that the text opens with |
| `data.catalogues` | each with `catalogue`, `title`, `unit` and `figures`, by key |
| `data.page` | address of the digest's page, or null |

A figure has `label`, `unit`, `value` and `evidence`. An unknown value is null, with the reason in `unknown`; a lower
bound has `at_least` and `reason`.
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
    """Webhooks with their secrets. Raises `OutletError` if one is none of Standard Webhooks."""
    assert isinstance(settings, WebhookSettings)
    from bot.outlets.webhook.outlet import WebhookOutlet  # httpx takes time to import
    from bot.outlets.webhook.signature import secret_key

    keys = {variable: secret_key(secret, variable) for variable, secret in secrets.items()}
    by_name = {name: keys[settings.secrets.get(name, "WEBHOOK_SECRET")] for name in settings.addresses}
    return WebhookOutlet(settings, by_name, tuple(secrets.values()), clock)
