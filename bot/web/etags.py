"""ETags, so that a client with the current content does not get it again.

A tag depends on the content only: writing the site again, or another machine, changes none.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from aiohttp import web

FRESH = "public, max-age=60"
"""How long a response may be cached before its ETag is checked."""
KEPT = 4096
"""Most files whose tag is cached."""


def content_tag(content: bytes) -> str:
    """The tag of some content."""
    return hashlib.sha256(content).hexdigest()[:32]


def file_tag(path: Path) -> str:
    """The tag of a file. Raises `OSError`."""
    stat = path.stat()
    return _cached_file_tag(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=KEPT)
def _cached_file_tag(path: Path, *_version: int) -> str:
    return content_tag(path.read_bytes())


def etag_header(mark: str) -> str:
    """The value of the ETag header: weak, since the same content may be compressed."""
    return f'W/"{mark}"'


def etag_matches(request: web.Request, mark: str) -> bool:
    """Whether the client has this content (RFC 9110, If-None-Match)."""
    return any(tag.value in (mark, "*") for tag in request.if_none_match or ())
