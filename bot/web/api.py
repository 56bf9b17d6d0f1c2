"""The JSON API, with the same documents that the command line prints with --json. `openapi` describes it."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from aiohttp import web

from bot.queries import NotFoundError, QueryContext, QueryError
from bot.queries.context import ANSWER_ROWS
from bot.queries.registry import API, API_QUERIES, QuerySpec
from bot.records import Document, SafeName
from bot.web import answer_formats, middleware
from bot.web.answer_formats import CSV, JSON
from bot.web.middleware import SCHEMA_VERSION, DbThreadPool, Handler
from bot.web.openapi import describe_api, display_path, query_parameters

SUFFIX = ".csv"


def add_routes(app: web.Application, desk: QueryContext, threads: DbThreadPool) -> None:
    """Add every query, their index and their description. The addresses of before there were versions lead to these;
    any other path below /api does not exist."""
    for query in API_QUERIES.values():
        route = _route(query)
        if answer_formats.has_table(query):
            app.router.add_get(f"{route}{SUFFIX}", _query_handler(query, desk, threads, SUFFIX))
        app.router.add_get(route, _query_handler(query, desk, threads))
    for path in (API, f"{API}/"):
        app.router.add_get(path, _list_endpoints)
    app.router.add_get(f"{API}/openapi.json", _describe_endpoints)
    app.router.add_get(f"{API}/{{rest:(?s:.*)}}", _not_found)
    for query in API_QUERIES.values():
        app.router.add_get(f"/api{_route(query).removeprefix(API)}", _redirect)
    for path in ("/api", "/api/", "/api/openapi.json"):
        app.router.add_get(path, _redirect)
    app.router.add_get("/api/{rest:(?s:.*)}", _not_found)


def _route(query: QuerySpec) -> str:
    """Its path for the router. The name of a model, an author or a category may hold anything."""
    path = query.address
    for option in query.options:
        if option.is_foreign:
            path = path.replace(f"{{{option.name}}}", f"{{{option.name}:(?s:.+)}}")
    return path


def _query_handler(query: QuerySpec, desk: QueryContext, threads: DbThreadPool, suffix: str = "") -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        given = {**_request_parameters(request, query), **request.match_info}
        form = _wanted_form(request, query, suffix)
        document, form = await threads.run(lambda: _find_answer(query, desk, given, form, suffix))
        headers = _next_page(request, query, document)
        if form == CSV:
            return _response(request, answer_formats.csv_bytes(query, document), CSV, headers)
        return _json_response(request, document, headers)

    return answer


def _wanted_form(request: web.Request, query: QuerySpec, suffix: str) -> str:
    if suffix:
        return CSV
    forms = (JSON, CSV) if answer_formats.has_table(query) else (JSON,)
    return answer_formats.accepted_form(request.headers.get("Accept", ""), forms)


def _find_answer(
    query: QuerySpec, desk: QueryContext, given: dict[str, str], form: str, suffix: str
) -> tuple[Document, str]:
    """The answer and its form. A name that ends like a CSV file is found by its whole name, in JSON."""
    named = next(
        (option.name for option in query.options if option.is_foreign and f"{{{option.name}}}" in query.path), ""
    )
    if suffix and named:
        try:
            return query.answer_page(desk, {**given, named: given[named] + suffix}), JSON
        except NotFoundError:
            pass
    return query.answer_page(desk, given), form


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


def _next_page(request: web.Request, query: QuerySpec, document: Document) -> dict[str, str]:
    """Put the address of the next page into the answer, and into a header for CSV."""
    if not query.rows:
        return {}
    following = document.pop("next_offset")
    document["next"] = None
    if following is None:
        return {}
    parameters = {**request.query, "limit": str(document["limit"]), "offset": str(following)}
    document["next"] = f"{_safe_path(request)}?{urlencode(parameters)}"
    return {"Link": f'<{document["next"]}>; rel="next"'}


def _safe_path(request: web.Request) -> str:
    """The path of a request for a header: what no URI may hold, such as < and >, is encoded (RFC 3986)."""
    return quote(request.rel_url.raw_path, safe="/%:@!$&'()*+,;=~")


async def _redirect(request: web.Request) -> web.StreamResponse:
    """An address of before there were versions; a page of a hundred was a number there."""
    parameters = dict(request.query)
    page = parameters.pop("page", "")
    if page.isascii() and page.isdecimal() and 0 < int(page[:6]) < 10_000:
        parameters["offset"] = str((int(page) - 1) * ANSWER_ROWS)
        query = urlencode(parameters)
    else:
        query = request.rel_url.raw_query_string
    path = _safe_path(request).removeprefix("/api").rstrip("/")
    raise web.HTTPPermanentRedirect(f"{API}{path}{'?' if query else ''}{query}")


async def _list_endpoints(request: web.Request) -> web.StreamResponse:
    listed = [{"path": display_path(query), "answers": query.summary} for query in API_QUERIES.values()]
    return _json_response(request, {"title": "Footfall", "openapi": f"{API}/openapi.json", "questions": listed})


async def _describe_endpoints(request: web.Request) -> web.StreamResponse:
    return _response(request, _json_bytes(describe_api()), JSON)


async def _not_found(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def _json_response(request: web.Request, document: Document, headers: dict[str, str] | None = None) -> web.Response:
    return _response(request, _json_bytes({"schema_version": SCHEMA_VERSION, **document}), JSON, headers)


def _json_bytes(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _response(request: web.Request, body: bytes, kind: str, more: dict[str, str] | None = None) -> web.Response:
    mark = middleware.content_tag(body)
    headers = {"Cache-Control": middleware.FRESH, "Vary": "Accept, Accept-Encoding", **(more or {})}
    headers["ETag"] = middleware.etag_header(mark)
    if middleware.etag_matches(request, mark):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
