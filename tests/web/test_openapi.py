"""The description of the JSON API is valid and describes the real requests and responses."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

from bot.queries.registry import API_QUERIES
from bot.web.openapi import describe_api
from tests.peers.openapi import Description, Recorded
from tests.web.test_web import BAD, TWINS, ask, desk, home

__all__ = ["ask", "desk", "home"]  # the fixtures


def test_the_description_is_valid_served_and_kept_in_the_docs(ask: httpx.Client) -> None:
    described = describe_api()
    OpenAPIV31SpecValidator(described).validate()
    answer = ask.get("/api/v1/openapi.json")
    assert answer.json() == described == json.loads(Path("docs/openapi.json").read_text())
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_every_address_is_described() -> None:
    assert list(describe_api()["paths"]) == [query.address for query in API_QUERIES.values()]


def test_what_is_asked_is_described_and_what_is_refused_for_its_form_is_not() -> None:
    def faults(path: str) -> list[str]:
        description = Description({**describe_api(), "servers": [{"url": "http://localhost"}]})
        return description.faults(Recorded("GET", path, {}))

    assert [fault for path, _ in TWINS for fault in faults(path) if "/model/" not in path or "%2F" in path] == []
    for path in (
        "/api/v1/usage?period=year",
        "/api/v1/top?by=magic",
        "/api/v1/idle?days=0",
        "/api/v1/usage?day=yesterday",
    ):
        assert path in [bad for bad, *_ in BAD] and faults(path), path
    for path in ("/api/v1/compare", "/api/v1/usage?netwrok=replicate"):
        assert faults(path), path
