"""Hugging Face's list of models as a local server: pages by the header `Link` with a cursor, only the fields that were
asked for, and its faults."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.peers.chutes_api import Fault
from tests.peers.served import Handler, Server

RECORDED = Path(__file__).parents[1] / "data" / "networks" / "huggingface-org-69-models.csv"


def recorded_nights() -> list[tuple[date, dict[str, int]]]:
    """The real figures: of each date the later run, each model's 30-day count."""
    with RECORDED.open(newline="", encoding="utf-8") as lines:
        nights = {
            date.fromisoformat(row.pop("date")): {name: int(count) for name, count in row.items() if count}
            for row in csv.DictReader(lines)
        }
    return sorted(nights.items())


class HuggingFaceApi:
    """A handler factory for `served.serving`."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = []
        self.page = 1000
        """Most models that the server puts on a page, whatever is asked for."""
        self.there = ""
        """Takes the place of the next page's address."""
        self.fault: Fault | None = None
        self.agents: list[str] = []

    def set_counters(self, counters: dict[str, int]) -> None:
        """List these models with these counters."""
        self.models = [
            {
                "_id": "0" * 24,
                "id": name,
                "downloads": count // 3,
                "downloadsAllTime": count,
                "createdAt": "2025-11-03T09:12:00.000Z",
                "pipeline_tag": "text-generation",
                "private": False,
            }
            for name, count in counters.items()
        ]

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.agents.append(request.headers["User-Agent"])
            if fault := self.fault:
                if fault.hangs:
                    await server.closing.wait()
                return web.Response(
                    status=fault.status, headers=fault.headers, body=fault.body or b"", content_type=fault.kind
                )
            if request.path != "/api/models" or not ({"inference_provider", "author"} & request.query.keys()):
                return web.Response(status=404)
            begin, size = int(request.query.get("cursor", "0")), min(int(request.query["limit"]), self.page)
            fields = {"_id", "id", *request.query.getall("expand[]")}
            shown = [
                {key: value for key, value in model.items() if key in fields}
                for model in self.models[begin : begin + size]
            ]
            headers = {"RateLimit": '"api";r=499;t=300'}
            if begin + size < len(self.models):
                there = self.there or str(request.url.with_host("127.0.0.1").update_query(cursor=str(begin + size)))
                headers["Link"] = f'<{there}>; rel="next"'
            return web.Response(body=json.dumps(shown).encode(), headers=headers, content_type="application/json")

        return answer
