"""Common to all responses: security headers, one sentence for an error, an id instead of a traceback, ETags, and
threads for the database.

An ETag is made from the content alone, so a rewritten site or another machine gives the same one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

import structlog
from aiohttp import web

from bot.logging_setup import error_id
from bot.queries import NotFoundError, QueryError
from bot.store import StoreError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LONGEST_ADDRESS = 1000
"""Most characters of path and query together; the longest query takes half of that."""

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "footfall",
}
PUBLIC = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""The data are public: any page may read the API."""
OWN = {"Cross-Origin-Resource-Policy": "same-origin"}

SENTENCES = {
    401: "this needs the header Authorization: Bearer, with MONITORING_TOKEN",
    404: "no such address; GET /api/v1 lists what may be asked",
    405: "only GET and HEAD are answered here",
    406: "no such form; wanted application/json or text/csv in Accept",
    412: "the file is another one now",
    413: "a request's body is not read here",
}
CODES = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    412: "precondition_failed",
    413: "content_too_large",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    503: "unavailable",
}
"""The code of an error by its status; any other status is a bad request or an internal error."""
SCHEMA_VERSION = 1
"""The version of the shape of the API's documents. It changes only when a program that reads them must change."""
MALFORMED = "this is no HTTP request that can be read"
STARTED = web.RequestKey("started", float)

log = structlog.get_logger("bot.web")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of a response before it is sent."""
    response.headers.update(HEADERS)
    response.headers.update(PUBLIC if f"{request.path}/".startswith("/api/") else OWN)
    if response.status >= 400:
        response.headers["Cache-Control"] = "no-store"


@web.middleware
async def handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that are too long, and turn errors into responses."""
    request[STARTED] = time.perf_counter()
    if len(request.raw_path) > LONGEST_ADDRESS:
        length = f"{len(request.raw_path)} characters"
        return error_response(400, f"the address has {length}, wanted at most {LONGEST_ADDRESS}")
    try:
        _require_readable_dates(request)
        return await handler(request)
    except NotFoundError as error:
        return error_response(404, str(error))
    except QueryError as error:
        return error_response(400, str(error))
    except StoreError as error:
        return error_response(503, f"the database cannot be read; {_log_error('database', request, error)}")
    except TimeoutError as error:
        return error_response(503, f"the answer took too long; {_log_error('timeout', request, error)}")
    except web.HTTPRedirection:
        raise
    except web.HTTPException as error:
        return error_response(error.status, SENTENCES.get(error.status, error.reason), _kept_headers(error))
    except Exception as error:
        if isinstance(error, ConnectionError) and _has_begun(request):
            raise  # the client has gone, or what it downloads was replaced: the answer breaks off
        return error_response(500, f"something went wrong here; {_log_error('unexpected', request, error)}")


def _has_begun(request: web.Request) -> bool:
    """Whether a response has begun, or nobody is left to receive one."""
    return request.writer.output_size > 0 or request.transport is None or request.transport.is_closing()


def _require_readable_dates(request: web.Request) -> None:
    """Refuse dates that overflow: aiohttp would fail on them, even after the handler. Raises `QueryError`."""
    try:
        _ = request.if_modified_since, request.if_unmodified_since, request.if_range
    except OverflowError as error:
        raise QueryError("a date in the request's headers is out of range") from error


def error_response(status: int, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error in the API's own words: a code for programs and a sentence for people."""
    body = _error_body(status, sentence)
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)


def _error_body(status: int, sentence: str) -> str:
    code = CODES.get(status, CODES[500 if status >= 500 else 400])
    document = {"schema_version": SCHEMA_VERSION, "error": {"code": code, "message": sentence}}
    return json.dumps(document, ensure_ascii=False)


def malformed_response(status: int, error: BaseException | None) -> web.Response:
    """The response to a request that reached no route: it cannot be parsed, or the server itself failed."""
    sentence = MALFORMED
    if status >= 500:
        number = error_id()
        log.error("server", id=number, exc_info=error)
        sentence = f"something went wrong here; its id in the log is {number}"
    response = error_response(status, sentence, {**HEADERS, **OWN, "Cache-Control": "no-store"})
    response.force_close()
    return response


def raw_response(status: int, sentence: str) -> bytes:
    """A response for a connection that is closed before its request is complete."""
    body = _error_body(status, sentence).encode()
    own = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body)), "Connection": "close"}
    headers = {**HEADERS, **OWN, "Cache-Control": "no-store", **own}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _kept_headers(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "Content-Range", "Location") if name in error.headers}


def _log_error(event: str, request: web.Request, error: Exception) -> str:
    """Log an error under an id; returns a sentence with the id and nothing else."""
    number = error_id()
    log.error(event, id=number, method=request.method, path=request.raw_path, exc_info=error)
    return f"its id in the log is {number}"


T = TypeVar("T")


class DbThreadPool:
    """Fewer threads than the database has connections, so that none waits for one."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="footfall-web")
        self._unfinished: set[Future[Any]] = set()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises `TimeoutError` after the seconds that an answer may take."""
        running = self._pool.submit(work)
        self._unfinished.add(running)
        running.add_done_callback(self._unfinished.discard)
        return await asyncio.wait_for(asyncio.wrap_future(running), self._seconds)

    async def close(self, _app: object) -> None:
        """Take no more work. Idle threads have ended then; one that still works is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not self._unfinished:
            self._pool.shutdown()


FRESH = "public, max-age=60"
"""How long an answer may be kept before its mark is asked after."""


def content_tag(content: bytes) -> str:
    """The mark of some content."""
    return digest_tag(hashlib.sha256(content))


def digest_tag(checksum: hashlib._Hash) -> str:
    """The mark of content with this SHA-256."""
    return checksum.hexdigest()[:32]


def etag_header(mark: str) -> str:
    """As the header ETag has it: weak, since the same content may travel compressed."""
    return f'W/"{mark}"'


def etag_matches(request: web.Request, mark: str) -> bool:
    """Whether the asker has this content (RFC 9110, If-None-Match)."""
    return any(tag.value in (mark, "*") for tag in request.if_none_match or ())
