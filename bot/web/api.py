"""The JSON API, with the same documents that the command line prints with --json, and its description in OpenAPI
3.1."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from bot.queries import QueryContext, QueryError
from bot.queries.registry import API_QUERIES, QueryOption, QuerySpec
from bot.records import Document, SafeName
from bot.web import middleware
from bot.web.middleware import DbThreadPool, Handler


def query_parameters(query: QuerySpec) -> list[str]:
    """The parameters of a query's URL, a page last; the other options are in its path."""
    names = [option.name for option in query.options if f"{{{option.name}}}" not in query.path]
    return sorted(names, key=lambda name: name == "page")


def display_path(query: QuerySpec) -> str:
    """The path as the index shows it."""
    parameters = "&".join(f"{name}=" for name in query_parameters(query))
    return f"{query.address}?{parameters}" if parameters else query.address


def add_routes(app: web.Application, desk: QueryContext, threads: DbThreadPool) -> None:
    """Add every query, their index and their description. Any other path below /api does not exist."""
    for query in API_QUERIES.values():
        app.router.add_get(_route(query), _query_handler(query, desk, threads))
    for path in ("/api", "/api/"):
        app.router.add_get(path, _list_endpoints)
    app.router.add_get("/api/openapi.json", _describe_endpoints)
    app.router.add_get("/api/{rest:(?s:.*)}", _not_found)


def _route(query: QuerySpec) -> str:
    """Its path for the router. The name of a model, an author or a category may hold anything."""
    path = query.address
    for option in query.options:
        if option.is_foreign:
            path = path.replace(f"{{{option.name}}}", f"{{{option.name}:(?s:.+)}}")
    return path


def _query_handler(query: QuerySpec, desk: QueryContext, threads: DbThreadPool) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        given = {**_request_parameters(request, query), **request.match_info}
        return _json_response(request, await threads.run(lambda: query.answer(desk, **query.parse_options(given))))

    return answer


def _request_parameters(request: web.Request, query: QuerySpec) -> dict[str, str]:
    """The non-empty parameters of a request's URL."""
    known = query_parameters(query)
    former = [option.former for option in query.options if option.former and option.name in known]
    for name in request.query:
        if name not in known and name not in former:
            raise QueryError(f"{SafeName(name)!s:.40}: is no parameter here; known: {', '.join(known) or 'none'}")
        if len(request.query.getall(name)) > 1:
            raise QueryError(f"{name}: was given more than once")
    return {name: text for name, text in request.query.items() if text}


async def _list_endpoints(request: web.Request) -> web.StreamResponse:
    listed = [{"path": display_path(query), "answers": query.summary} for query in API_QUERIES.values()]
    return _json_response(request, {"title": "Footfall", "questions": listed})


async def _describe_endpoints(request: web.Request) -> web.StreamResponse:
    return _json_response(request, describe_api())


async def _not_found(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def _json_response(request: web.Request, document: object) -> web.Response:
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    mark = middleware.content_tag(body)
    headers = {"Cache-Control": middleware.FRESH, "Vary": "Accept-Encoding", "ETag": middleware.etag_header(mark)}
    if middleware.etag_matches(request, mark):
        return web.Response(status=304, headers=headers)
    response = web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)
    response.enable_compression()
    return response


def describe_api() -> Document:
    """The description, as /api/openapi.json serves it."""
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
