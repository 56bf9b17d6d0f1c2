"""Answers with a file of the site: its type, its ETag, and what the client wants of it: all, a part, or nothing new."""

from __future__ import annotations

import re
from math import inf
from pathlib import PurePosixPath

from aiohttp import web

from bot.web import middleware

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
}
"""The file types of the site; other files are not served."""
FEED = {"feed.json": "application/feed+json", "feed.xml": "application/atom+xml; charset=utf-8"}


_LAST_NONE = re.compile(r"\s*bytes=-0+\s*")
"""The last 0 bytes."""


def file_name(wanted: str) -> str | None:
    """The path of a file of the site from that of a request; `None` if no file may have it."""
    parts = wanted.split("/")
    if not parts[-1]:
        parts[-1] = "index.html"
    return None if any(not part or part.startswith(".") for part in parts) else "/".join(parts)


def page_headers(path: str, tag: str) -> dict[str, str]:
    """The headers of a file with one of `TYPES`."""
    name = PurePosixPath(path)
    return {
        "Content-Type": FEED.get(name.name, TYPES[name.suffix]),
        "Cache-Control": middleware.FRESH,
        "ETag": middleware.etag_header(tag),
        "Vary": "Accept-Encoding",
    }


def wanted_part(request: web.Request, size: int, modified: float = inf) -> slice | None:
    """The part of some content that a request wants; `None` for all of it (RFC 9110, Range and If-Range): our ETags are
    weak, so none of them allows a part, only a date does. `modified` is infinite if no date is known. Raises
    `HTTPRequestRangeNotSatisfiable`."""
    if "Range" not in request.headers:
        return None
    if "If-Range" in request.headers and not (request.if_range and modified < request.if_range.timestamp() + 1):
        return None
    try:
        first, end, _ = request.http_range.indices(size)
    except ValueError:
        first = end = size
    if _LAST_NONE.fullmatch(request.headers["Range"]):  # aiohttp takes it for all
        first = end
    if first >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return slice(first, end)


def part_headers(part: slice, size: int) -> dict[str, str]:
    return {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{size}"}


def content_response(request: web.Request, path: str, content: bytes, tag: str) -> web.Response:
    """A file from memory. Raises `HTTPRequestRangeNotSatisfiable`."""
    headers = page_headers(path, tag)
    if middleware.etag_matches(request, tag):
        return not_modified(headers)
    part = wanted_part(request, len(content))
    if part is None:
        return web.Response(body=content, headers={**headers, "Accept-Ranges": "bytes"})
    return web.Response(status=206, body=content[part], headers=headers | part_headers(part, len(content)))


def not_modified(headers: dict[str, str]) -> web.Response:
    """The client has it."""
    return web.Response(status=304, headers={key: text for key, text in headers.items() if key != "Content-Type"})


def html_response(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")
