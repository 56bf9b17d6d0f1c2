"""Chutes' public API as a local server: counts by chute and day, the public list, and their faults."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.peers.served import Handler, Server

RECORDED = Path(__file__).parents[1] / "data" / "networks" / "chutes-2026-09-03-to-07.csv"
NUMBERS = ("total_requests", "total_input_tokens", "total_output_tokens")


def recorded_rows() -> list[dict[str, Any]]:
    """The rows of a real answer of September 2026; private chutes without tokens are left out."""
    with RECORDED.open(newline="", encoding="utf-8") as lines:
        return [
            {**row, **{key: int(row[key]) for key in NUMBERS}, "average_tps": None, "average_ttft": None}
            for row in csv.DictReader(lines)
        ]


@dataclass
class Fault:
    """An answer in place of the right one."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    hangs: bool = False


class ChutesApi:
    """A handler factory for `served.serving`."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = recorded_rows() if rows is None else rows
        self.second: list[dict[str, Any]] = []
        public = {row["chute_id"]: row["name"] for row in self.rows if row["name"] != "[private]"}
        self.chutes = [{"chute_id": key, "name": name, "public": True} for key, name in public.items()]
        self.gateway = ["zai-org/GLM-5.1-TEE", "only/in-the-gateway"]
        self.faults: dict[str, Fault] = {}
        """By the path's last part: `llm`, `usage`, `chutes`, `models`."""
        self.agents: list[str] = []

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.agents.append(request.headers["User-Agent"])
            name = request.path.rstrip("/").rsplit("/", 1)[-1]
            fault = self.faults.get(name, Fault())
            if fault.hangs:
                await server.closing.wait()
            body = json.dumps(self._content(name, request)).encode() if fault.body is None else fault.body
            return web.Response(status=fault.status, headers=fault.headers, body=body, content_type=fault.kind)

        return answer

    def _content(self, name: str, request: web.Request) -> Any:
        if name == "llm":
            first, last = (date.fromisoformat(request.query[key]) for key in ("start_date", "end_date"))
            return [row for row in self.rows if first <= date.fromisoformat(row["date"]) <= last]
        if name == "usage":
            return self.second
        if name == "chutes":
            page, limit = int(request.query["page"]), int(request.query["limit"])
            items = self.chutes[page * limit : (page + 1) * limit]
            return {"total": len(self.chutes), "page": page, "limit": limit, "items": items, "cord_refs": {}}
        return {"object": "list", "data": [{"id": one} for one in self.gateway]}
