"""Compresses answers for clients that accept gzip: text of any route, once for each content.

An answer keeps its weak ETag, and a part of a file (status 206) is a part of the plain file, since parts of compressed
bytes would be useless to a client that resumes.
"""

from __future__ import annotations

import asyncio
import gzip
import re

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.queries.context import VersionedCache

KEPT_BYTES = 24 * 2**20
"""Of compressed answers."""
SMALLEST, LARGEST = 1024, 8 * 2**20
"""Bytes of an answer that is compressed."""
LEVEL = 6
_TEXT = re.compile(r"text/|image/svg\+xml|application/(.+\+)?(json|xml)$")
_CODING = re.compile(r"([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?", re.ASCII)


def compress_answers() -> Middleware:
    """The middleware, with its cache."""
    cache = VersionedCache(KEPT_BYTES, len)

    @web.middleware
    async def compress(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not isinstance(response, web.Response) or response.status == 206 or not is_text(response.content_type):
            return response
        response.headers["Vary"] = "Accept-Encoding"
        body = response.body
        if isinstance(body, bytes) and SMALLEST <= len(body) <= LARGEST and accepts_gzip(request):
            response.body = await asyncio.to_thread(_compressed, cache, response.headers.get("ETag", ""), body)
            response.headers["Content-Encoding"] = "gzip"
        return response

    return compress


def is_text(content_type: str) -> bool:
    """Whether compression makes such content smaller."""
    return bool(_TEXT.match(content_type))


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client accepts gzip, and does not prefer plain content (RFC 9110, Accept-Encoding)."""
    weights: dict[str, float] = {}
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        if coding := _CODING.fullmatch(part.strip()):
            weights[coding[1]] = float(coding[2] or 1)
    gzip_weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip_weight > 0 and gzip_weight >= weights.get("identity", 0.0)


def _compressed(cache: VersionedCache, tag: str, body: bytes) -> bytes:
    """The body, compressed. Without a tag it is not kept."""
    if not tag:
        return gzip.compress(body, LEVEL, mtime=0)
    return cache.get_or_compute(tag, None, lambda: gzip.compress(body, LEVEL, mtime=0))
