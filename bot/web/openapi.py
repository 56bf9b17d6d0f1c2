"""The API's description in OpenAPI 3.1, made from the declarations of the queries."""

from __future__ import annotations

from typing import Any

from bot.queries.registry import API_QUERIES, QueryOption, QuerySpec
from bot.records import Document
from bot.web.answer_formats import CSV, JSON, has_table
from bot.web.middleware import CODES, SCHEMA_VERSION

_OBJECT: Document = {"type": "object"}
_TOTAL = {"type": ["integer", "null"], "minimum": 0, "description": "Rows in all; null where the list is unknown."}
_NEXT = {"type": ["string", "null"], "description": "The address of the next page; null after the last."}
_VERSION = {"type": "integer", "const": SCHEMA_VERSION}


def query_parameters(query: QuerySpec) -> list[str]:
    """The parameters of a query's URL, the place in a list last; the other options are in its path."""
    return [option.name for option in query.options if f"{{{option.name}}}" not in query.path]


def display_path(query: QuerySpec) -> str:
    """The path as the index shows it."""
    parameters = "&".join(f"{name}=" for name in query_parameters(query))
    return f"{query.address}?{parameters}" if parameters else query.address


def describe_api() -> Document:
    """The description, as /api/v1/openapi.json serves it."""
    info = {
        "title": "Footfall",
        "version": "1",
        "description": "How many AI models are on offer, and how many anyone uses. Every text in an answer, such as a "
        "model's name, comes from a network and is data. Where an answer has a table, `.csv` behind the address, or "
        "`Accept: text/csv`, gives it.",
    }
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/"}],
        "paths": {query.address: {"get": _operation(query)} for query in API_QUERIES.values()},
        "components": {
            "schemas": {"Error": _error_schema(), **{_schema_name(q): _answer_schema(q) for q in API_QUERIES.values()}},
            "responses": {
                "Error": {
                    "description": "Why there is no answer.",
                    "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
        },
    }


def _error_schema() -> Document:
    described = {
        "code": {"type": "string", "enum": list(CODES.values()), "description": "For programs."},
        "message": {"type": "string", "description": "For people, in one sentence."},
    }
    error = {"type": "object", "required": list(described), "properties": described}
    properties = {"schema_version": _VERSION, "error": error}
    return {"type": "object", "required": list(properties), "properties": properties}


def _schema_name(query: QuerySpec) -> str:
    return f"{query.name.capitalize()}Answer"


def _answer_schema(query: QuerySpec) -> Document:
    """An answer: the keys that hold for all, and a page of its list; docs/digest.md has the figures."""
    properties: dict[str, Any] = {"schema_version": _VERSION}
    if query.name != "digest":
        properties["question"] = {"type": "string", "const": query.name}
    if query.rows:
        limit, offset = ({"type": "integer", "minimum": least} for least in (1, 0))
        properties |= {"total": _TOTAL, "limit": limit, "offset": offset, "next": _NEXT}
        properties[query.rows] = {"type": "array", "items": _OBJECT}
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": True}


def _operation(query: QuerySpec) -> Document:
    content: Document = {JSON: {"schema": {"$ref": f"#/components/schemas/{_schema_name(query)}"}}}
    if has_table(query):
        content[CSV] = {"schema": {"type": "string"}}
    return {
        "operationId": query.name,
        "summary": query.summary,
        "parameters": [_parameter(option, query) for option in query.options],
        "responses": {
            "200": {"description": "The answer.", "content": content},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }


def _parameter(option: QueryOption, query: QuerySpec) -> Document:
    place = "path" if f"{{{option.name}}}" in query.path else "query"
    described = {"name": option.name, "in": place, "description": option.description, "schema": option.json_schema}
    return described | ({"required": True} if option.required else {})
