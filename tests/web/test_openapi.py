"""The description of the JSON API is valid and describes the real requests and responses."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from bot.queries.registry import API_QUERIES, QuerySpec
from bot.web.openapi import describe_api
from tests.patience import PATIENCE
from tests.peers.openapi import Description, Recorded
from tests.queries.test_queries import FIRST, TWO
from tests.web.test_web import BAD, TWINS, ask, desk, home

if TYPE_CHECKING:
    import schemathesis

__all__ = ["ask", "desk", "home"]  # the fixtures


def test_the_description_is_valid_served_and_kept_in_the_docs(ask: httpx.Client) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # takes long, needed only here

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


def test_a_client_that_is_generated_from_the_description_gets_every_answer(ask: httpx.Client) -> None:
    import aiopenapi3  # takes long, needed only here
    import httpx2

    class PatientClient(httpx2.Client):
        """A client that waits for a busy machine."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "timeout": PATIENCE})

    address = str(ask.base_url.join("/api/v1/openapi.json"))
    client = aiopenapi3.OpenAPI.load_sync(address, session_factory=PatientClient)
    operations = {method.operation.operationId: method for method in map(client._.__getattr__, client._)}
    assert sorted(operations) == sorted(API_QUERIES)
    required = {"model": FIRST, "other": TWO, "author": "acme", "category": "image"}
    required |= {"metric": "uses", "network": "replicate"}
    for name, query in API_QUERIES.items():
        parameters = {option.name: required[option.name] for option in query.options if option.required}
        answer = operations[name](parameters=parameters)
        assert type(answer).__name__ != "dict" and answer.schema_version == 1, name
        if query.rows:
            assert answer.total == len(getattr(answer, query.rows)) and answer.offset == 0 and answer.next is None
    with pytest.raises(aiopenapi3.errors.HTTPClientError) as refused:
        operations["usage"](parameters={"network": "nowhere"})
    assert refused.value.data.error.code == "not_found"


@cache
def described_api() -> Any:
    import schemathesis  # takes long, needed only here

    return schemathesis.openapi.from_dict(describe_api())


@pytest.mark.parametrize("query", API_QUERIES.values(), ids=lambda query: query.name)
def test_requests_that_a_machine_invents_get_answers_that_fit_the_description(
    ask: httpx.Client, query: QuerySpec
) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance

    operation = described_api()[query.address]["GET"]
    statuses = set()

    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def fits(case: schemathesis.Case) -> None:
        answer = case.call(base_url=str(ask.base_url))
        statuses.add(answer.status_code)
        if answer.status_code != 414 and not (answer.status_code == 400 and not answer.content):
            case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])

    fits()
    assert statuses <= {200, 400, 404}
