"""The webhook outlet: one signed request for each part; sent again, with the same id, until it is received."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from pydantic import SecretStr

from bot.outlets.http_calls import CallLostError, CallNotSentError, CallRefusedError, HttpCaller, limit_reset
from bot.outlets.types import Found, NotFound, Outcome, Part, Refused, RetryLater, Sent, redact_reason
from bot.outlets.webhook.settings import WebhookSettings
from bot.outlets.webhook.signature import signed_headers
from bot.records import CheckResult

SCHEMA = 1
"""The version of the body's shape; docs/outlets.md describes it. A field that goes or changes its meaning raises it."""
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5))
LONGEST_WAIT = timedelta(hours=10)
"""The waits between attempts, by the specification's example of a schedule."""


class WebhookOutlet:
    """The configured addresses, ready to get requests."""

    def __init__(
        self,
        settings: WebhookSettings,
        keys: Mapping[str, bytes],
        secrets: tuple[SecretStr, ...],
        clock: Callable[[], datetime],
    ) -> None:
        """`keys` are those of the addresses, by name; `secrets` are never shown."""
        self._settings, self._keys, self._secrets, self._clock = settings, keys, secrets, clock
        self._wire = HttpCaller()

    def post(self, part: Part, destination: str) -> Outcome:
        """Send a part to one address."""
        return self._send(part, destination, "digest.published")

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Send the new edition, as a message of its own."""
        return self._send(part, destination, "digest.corrected")

    def find(self, part: Part, destination: str) -> Found:
        """Nobody can be asked, and sending again does no harm."""
        return NotFound()

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """The addresses; nothing is sent, because a receiver would take it for a message."""
        names = ", ".join(self._settings.destinations)
        cure = "set outlets.webhook.addresses: {NAME: https://...} in config.yaml"
        return [CheckResult("webhook addresses", bool(names), names or "no address", cure)]

    def close(self) -> None:
        self._wire.close()

    def _send(self, part: Part, destination: str, kind: str) -> Outcome:
        url = self._settings.addresses.get(destination)
        if url is None:
            return Refused(f"webhook: {redact_reason(destination)}: no such address in outlets.webhook.addresses")
        now, message_id = self._clock(), f"msg_{part.marker}"
        body = message_body(part, kind, now)
        headers = signed_headers(self._keys[destination], message_id, int(now.timestamp()), body)
        headers["Content-Type"] = "application/json"
        try:
            self._wire.call("POST", url, content=body, headers=headers)
        except CallNotSentError as error:
            return RetryLater(f"webhook {destination}: {error}", now + wait_after(part.attempts))
        except CallLostError as error:
            # It may have arrived; the receiver knows the id.
            return RetryLater(f"webhook {destination}: {error}; sent again", now + wait_after(part.attempts))
        except CallRefusedError as error:
            return self._refusal(error, part, destination)
        return Sent(message_id, "")

    def _refusal(self, error: CallRefusedError, part: Part, destination: str) -> Outcome:
        text = f"webhook {destination}: HTTP {error.status}: {error.detail or 'no reason given'}"
        reason, now = redact_reason(text, self._secrets), self._clock()
        if error.status == 410:
            lift = f'python -m bot deliveries lift "webhook {destination}"'
            return Refused(f"{reason}; the address wants nothing more. To send there again: {lift}", ended=True)
        wait = now + wait_after(part.attempts)
        return RetryLater(reason, max(wait, limit_reset(error.headers, now)) if error.status in (429, 503) else wait)


def message_body(part: Part, kind: str, now: datetime) -> bytes:
    """The body of a part: the text, and the digest's figures with the first part."""
    at = part.data.get("composed_at") if part.data else None
    data = {"schema": SCHEMA, "text": part.text, **(part.data or {})}
    message = {"type": kind if part.day else "test", "timestamp": at or now.isoformat(timespec="seconds"), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def wait_after(attempts: int) -> timedelta:
    """How long to wait after an attempt, the first of which is number 0."""
    return WAITS[attempts] if attempts < len(WAITS) else LONGEST_WAIT
