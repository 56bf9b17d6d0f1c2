"""OpenGradient's Model Hub as a local server: pages through a list that may change, and misbehaves on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.peers.served import Handler, Server, dropped


@dataclass
class Fault:
    """The fault of one response."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    kind: str = "application/json"
    drops: bool = False


def model(name: str, author: str = "me", category: str | None = None, llm: str | None = None) -> dict[str, object]:
    """An entry in the Hub's format."""
    return {"name": name, "authorUsername": author, "taskName": category, "llmPath": llm, "description": "<b>x</b>"}


class ModelHub:
    """A handler factory for `served.serving`."""

    def __init__(
        self,
        models: list[object],
        wrapped: bool = False,
        cap: int = 100,
        ignores_page: bool = False,
        end_is_404: bool = False,
        circles: int = 0,
    ) -> None:
        self.models = models
        self.wrapped = wrapped
        self.cap = cap
        self.ignores_page = ignores_page
        self.end_is_404 = end_is_404
        self.circles = circles
        """After this many pages, the first comes again; 0 for a list that ends."""
        self.files: dict[tuple[str, str], list[dict[str, object]]] = {}
        self.broken_files: set[tuple[str, str]] = set()
        self.faults: dict[int, Fault] = {}
        """By number of the request, from 1."""
        self.always: Fault | None = None
        self.after: Callable[[int], None] = lambda request: None
        """Called after each response."""

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            number = len(server.asked)
            fault = self.always or self.faults.get(number) or Fault()
            body = self._body(request) if fault.body is None else fault.body
            self.after(number)
            if fault.drops:
                return await dropped(request, body or b"[]" * 50)
            status = 404 if body is None else fault.status
            return web.Response(status=status, headers=fault.headers, body=body, content_type=fault.kind)

        return answer

    def _body(self, request: web.Request) -> bytes | None:
        rest = request.path.removeprefix("/api/v0/models/")
        if rest.endswith("/files"):
            return self._files((request.query["authorUsername"], rest.removesuffix("/files")))
        number = 0 if self.ignores_page else int(request.query.get("page", "0"))
        limit = min(int(request.query.get("limit", "100")), self.cap)
        number = number % self.circles if self.circles else number
        page = self.models[number * limit : (number + 1) * limit]
        if self.end_is_404 and not page:
            return None
        return json.dumps({"models": page} if self.wrapped else page).encode()

    def _files(self, key: tuple[str, str]) -> bytes | None:
        if key in self.broken_files:
            return b"<html>"
        return json.dumps(self.files[key]).encode() if key in self.files else None
