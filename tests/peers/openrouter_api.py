"""OpenRouter's exports, history and list as a local server: dated files with manifests, revisions and faults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.peers.served import Handler, Server

RECORDED = Path(__file__).parents[1] / "data" / "networks" / "openrouter-2026-09-30-and-10-01.csv"
HEADER = "date,model_permaslug,rank,total_tokens,share_of_daily_tokens"
ONE = timedelta(days=1)


def recorded_days() -> dict[date, list[tuple[str, int]]]:
    """The real rows of two days: model and tokens, the rest last."""
    days: dict[date, list[tuple[str, int]]] = {}
    for line in RECORDED.read_text("ascii").splitlines()[1:]:
        day, model, _rank, tokens, _share = line.split(",")
        days.setdefault(date.fromisoformat(day), []).append((model, int(tokens)))
    return days


def csv_lines(day: date, rows: list[tuple[str, int]]) -> list[str]:
    """A day as the export writes it."""
    total = sum(tokens for _, tokens in rows)
    return [
        f"{day},{model},{'' if model == 'other' else place},{tokens},{tokens / total!r}"
        for place, (model, tokens) in enumerate(rows, 1)
    ]


@dataclass
class Fault:
    """An answer in place of the right one."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


class OpenRouterApi:
    """A handler factory for `served.serving`."""

    def __init__(self, days: dict[date, list[tuple[str, int]]] | None = None) -> None:
        self.days = recorded_days() if days is None else days
        self.newest = max(self.days) + ONE
        self.oldest = date(2026, 9, 19)
        self.models: list[dict[str, Any]] = []
        self.history: dict[date, list[tuple[str, int]]] = {}
        self.edit = lambda dated, lines: lines
        """Changes the lines of an export, by its date; the manifest describes what comes out."""
        self.faults: dict[str, Fault] = {}
        """By the path's last part."""
        self.keys: list[tuple[str, str]] = []
        """Path and authorization of each request."""

    def export(self, dated: date) -> bytes:
        lines = [HEADER]
        for n in range(30, 0, -1):
            day = dated - n * ONE
            lines += csv_lines(day, self.days[day]) if day in self.days else []
        return "".join(f"{line}\r\n" for line in self.edit(dated, lines)).encode()

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.keys.append((request.path, request.headers.get("Authorization", "")))
            name = request.path.rsplit("/", 1)[-1]
            fault = self.faults.get(name, Fault())
            if fault.hangs:
                await server.closing.wait()
            body = self._body(name, request) if fault.body is None else fault.body
            if body is None:
                gone = {"error": {"message": "Export not found", "code": 404}}
                return web.json_response(gone, status=404)
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if fault.status == 200 and request.headers.get("If-None-Match") == tag:
                return web.Response(status=304)
            return web.Response(status=fault.status, headers={"ETag": tag, **fault.headers}, body=body)

        return answer

    def _body(self, name: str, request: web.Request) -> bytes | None:
        if name == "models":
            first, most = int(request.query.get("offset", 0)), int(request.query.get("limit", 1000))
            return json.dumps({"data": self.models[first : first + most]}).encode()
        if name == "rankings-daily":
            first, last = (date.fromisoformat(request.query[key]) for key in ("start_date", "end_date"))
            rows = [
                {"date": str(day), "model_permaslug": model, "total_tokens": str(tokens)}
                for day, models in sorted(self.history.items())
                if first <= day <= last
                for model, tokens in models
            ]
            return json.dumps({"data": rows, "meta": {"version": "v1"}}).encode()
        stem = name.removesuffix(".manifest.json").removesuffix(".csv")
        dated = self.newest if stem == "latest" else date.fromisoformat(stem)
        if not self.oldest <= dated <= self.newest:
            return None
        body = self.export(dated)
        if name.endswith(".csv"):
            return body
        file = {
            "url": "https://elsewhere.example/x.csv",
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        manifest = {
            "dataset": "rankings-daily",
            "schema_version": "v1",
            "snapshot_date": str(dated),
            "row_count": body.count(b"\n") - 1,
            "files": {"csv": file, "json": file},
        }
        return json.dumps(manifest).encode()
