"""A company's own services as a local server: a registry with tokens, a list of pulls with addresses, a list by page
and one by the header `Link`; all want a key, and fail on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.peers.served import Handler, Server

KEYS = {"Authorization": "Basic YWxpY2U6c2VjcmV0LXdvcmQ=", "X-Api-Key": "images-key-that-must-not-be-seen"}


@dataclass
class Fault:
    """An answer in place of the right one."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    hangs: bool = False


class CatalogueApi:
    """A handler factory for `served.serving`."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = []
        """Of the registry, and of the lists by page and by link."""
        self.images: list[dict[str, Any]] = []
        self.page = 2
        self.next_address = ""
        """Takes the place of every next address."""
        self.fault: Fault | None = None

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if fault := self.fault:
                if fault.hangs:
                    await server.closing.wait()
                return web.Response(
                    status=fault.status, headers=fault.headers, body=fault.body, content_type=fault.kind
                )
            if not any(request.headers.get(name) == key for name, key in KEYS.items()):
                return web.json_response({"error": "no key"}, status=401)
            return self._answer(request)

        return answer

    def _answer(self, request: web.Request) -> web.Response:
        if request.path.endswith("/registered-models/search"):
            begin = int(request.query.get("page_token", "0"))
            shown = self.models[begin : begin + self.page]
            token = {"next_page_token": str(begin + self.page)} if begin + self.page < len(self.models) else {}
            # The real registry leaves an empty list out.
            return _json({**({"registered_models": shown} if shown else {}), **token})
        number = int(request.query.get("page", "1"))
        listed = self.images if request.path.endswith("/repositories") else self.models
        shown = listed[(number - 1) * self.page : number * self.page]
        more = number * self.page < len(listed)
        there = self.next_address or f"{request.path}?page={number + 1}"
        if request.path.endswith("/linked"):
            return _json(shown, {"Link": f'<{there}>; rel="next"'} if more else {})
        return _json({"results": shown, "next": there if more else None})


def _json(value: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), headers=headers, content_type="application/json")
