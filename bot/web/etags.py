"""Marks of what an address holds, so that whoever has it already need not be sent it again.

A mark is made from the content alone: writing the site anew, or answering from another machine, changes none.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from aiohttp import web

FRESH = "public, max-age=60"
"""How long an answer may be kept before its mark is asked after."""
KEPT = 4096
"""Files whose mark is remembered."""


def content_tag(content: bytes) -> str:
    """The mark of some content."""
    return hashlib.sha256(content).hexdigest()[:32]


def file_tag(path: Path) -> str:
    """The mark of a file. Raises `OSError`."""
    stat = path.stat()
    return _cached_file_tag(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=KEPT)
def _cached_file_tag(path: Path, *_version: int) -> str:
    return content_tag(path.read_bytes())


def etag_header(mark: str) -> str:
    """As the header ETag has it: weak, since the same content may travel compressed."""
    return f'W/"{mark}"'


def etag_matches(request: web.Request, mark: str) -> bool:
    """Whether the asker has this content (RFC 9110, If-None-Match)."""
    return any(tag.value in (mark, "*") for tag in request.if_none_match or ())
