"""Docker Hub's list of one namespace as a local server: pages, counters, limits, and repositories that move between
two pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.peers.chutes_api import Fault
from tests.peers.served import Handler, Server


def repository(name: str, pulls: int, **more: Any) -> dict[str, Any]:
    """A repository in the recorded shape."""
    return {
        "name": name,
        "namespace": "ai",
        "repository_type": "image",
        "status": 1,
        "status_description": "active",
        "description": "",
        "is_private": False,
        "star_count": 3,
        "pull_count": pulls,
        "last_updated": "2026-09-29T08:00:00.000000Z",
        "date_registered": "2025-03-25T15:41:10.123456Z",
        "content_types": ["model"],
        **more,
    }


class DockerHubApi:
    """A handler factory for `served.serving`. 110 repositories, as in September 2026, eight of which hold no model."""

    def __init__(self) -> None:
        self.repositories = [repository(f"model-{n:03}", 1000 * n) for n in range(102)]
        self.repositories += [repository(f"tool-{n}", 50, content_types=["image"]) for n in range(8)]
        self.fault: Fault | None = None
        self.before_page: Callable[[int, list[dict[str, Any]]], None] = lambda page, listed: None
        """Changes the list before a page is made."""
        self.agents: list[str] = []
        self.tags: list[str] = []
        """The `If-None-Match` of each request."""

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.agents.append(request.headers["User-Agent"])
            self.tags.append(request.headers.get("If-None-Match", ""))
            if fault := self.fault:
                if fault.hangs:
                    await server.closing.wait()
                return web.Response(
                    status=fault.status, headers=fault.headers, body=fault.body or b"", content_type=fault.kind
                )
            if request.path.rstrip("/") != "/v2/namespaces/ai/repositories":
                return web.Response(status=404)
            page, size = int(request.query["page"]), min(int(request.query["page_size"]), 100)
            self.before_page(page, self.repositories)
            shown = self.repositories[(page - 1) * size : page * size]
            more = page * size < len(self.repositories)
            there = f"{server.url}/v2/namespaces/ai/repositories?page={page + 1}&page_size={size}" if more else None
            body = json.dumps(
                {"count": len(self.repositories), "next": there, "previous": None, "results": shown}
            ).encode()
            etag = f'"{hash(body)}"'
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304)
            headers = {"ETag": etag, "X-RateLimit-Limit": "180", "X-RateLimit-Remaining": "170"}
            return web.Response(body=body, headers=headers, content_type="application/json")

        return answer
