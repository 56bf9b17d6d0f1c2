"""The signature of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec 1.0.0). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from pydantic import SecretStr

from bot.outlets.types import OutletError

PREFIX = "whsec_"
_LENGTHS = range(24, 65)
"""Bytes of a secret."""


def secret_key(secret: SecretStr, variable: str = "WEBHOOK_SECRET") -> bytes:
    """The key in the secret of an environment variable. Raises `OutletError`, which does not show it."""
    text = secret.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(PREFIX) or len(key) not in _LENGTHS:
        raise OutletError(f"webhook: {variable}: wanted {PREFIX} and 24 to 64 random bytes in base64")
    return key


def signed_headers(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a message that is sent at an instant (seconds since 1970)."""
    signature = hmac.new(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
