"""A receiver of webhooks that checks signatures by the specification of Standard Webhooks, with code of its own."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from aiohttp import web

from tests.peers.failing_server import FAULTS, FailingServer, Fault, Refusal

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ROUTE = "/hooks/digests"
FAILURES = {
    **FAULTS,
    "400": Fault(400, {"error": "no"}),
    "401": Fault(401, {"error": "no"}),
    "404": Fault(404, "<html>not here</html>"),
    "429": Fault(429, {"error": "slow down"}, {"Retry-After": "120"}),
}


class WebhookPeer(FailingServer):
    """One address."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    @property
    def posts(self) -> list[dict[str, Any]]:
        return self.messages

    @property
    def settings(self) -> str:
        return f'addresses: {{ops: "{self.address}"}}, internal: true'

    def forget(self) -> None:
        super().forget()
        self.messages.clear()

    @property
    def address(self) -> str:
        return f"{self.url}{ROUTE}"

    def routes(self, app: web.Application) -> None:
        app.router.add_post(ROUTE, self._receive)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        number, sent_at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        content = b".".join([number.encode(), sent_at.encode(), body])
        expected = "v1," + base64.b64encode(hmac.digest(KEY, content, "sha256")).decode()
        if expected not in request.headers["webhook-signature"].split() or "." in number:
            raise Refusal(401, {"error": "the signature is wrong"})
        if request.content_type != "application/json" or len(body) > 100_000:
            raise Refusal(400, {"error": "the body is wrong"})
        self.messages.append({"id": number, "sent_at": int(sent_at), "body": json.loads(body)})
        return web.Response(status=204)
