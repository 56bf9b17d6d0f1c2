"""The OpenAPI 3.1 description of the JSON API, from the declarations in `bot.queries.registry`."""

from __future__ import annotations

from typing import Any

from bot.queries.registry import API_QUERIES, QueryOption, QuerySpec
from bot.records import Document


def describe_api() -> Document:
    """The description, as served at /api/openapi.json."""
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    info = {
        "title": "Footfall",
        "version": "1",
        "description": "How many AI models are on offer, and how many anyone uses.",
    }
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": {query.address: {"get": _operation(query)} for query in API_QUERIES.values()},
        "components": {
            "responses": {
                "Answer": _response("The answer; of /api/metrics a list.", {"type": ["object", "array"]}),
                "Error": _response("Why there is no answer, in one sentence.", error),
            }
        },
    }


def _response(description: str, schema: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(query: QuerySpec) -> Document:
    return {
        "operationId": query.name,
        "summary": query.summary,
        "parameters": [_parameter(option, query) for option in query.options],
        "responses": {
            "200": {"$ref": "#/components/responses/Answer"},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }


def _parameter(option: QueryOption, query: QuerySpec) -> Document:
    place = "path" if f"{{{option.name}}}" in query.path else "query"
    described = {"name": option.name, "in": place, "description": option.description, "schema": _schema(option)}
    return described | ({"required": True} if option.required else {})


def _schema(option: QueryOption) -> Document:
    schema: dict[str, Any] = {"type": "integer" if option.kind == "number" else "string"}
    if option.kind == "number":
        schema |= {key: limit for key, limit in zip(("minimum", "maximum"), option.limits, strict=True) if limit}
    if option.kind == "day":
        schema["format"] = "date"
    if option.choices:
        schema["enum"] = list(option.choices)
    if option.default is not None:
        schema["default"] = option.default
    return schema
