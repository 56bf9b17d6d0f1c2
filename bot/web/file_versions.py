"""Versions of the site's files: what is sent, its size and its ETag belong together, also if the folder is replaced
meanwhile.

A large file is opened for each piece that is sent, so that clients that read slowly hold no open files. If it is
another version by then, the answer breaks off. Nothing is sent by the kernel alone (`sendfile`), so that a client that
does not read is noticed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from threading import Lock

from aiohttp import web

from bot.web import middleware, site_responses

KEPT = 4096
"""Files whose ETag is remembered."""
PIECE = 256 * 1024
"""Bytes that are read from the disk at a time."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of a file of the folder."""

    path: Path
    tag: str
    size: int
    modified: float
    content: bytes | None
    """`None` if it is sent from the disk."""
    identity: tuple[int, ...]

    def respond_early(self, request: web.Request, headers: dict[str, str]) -> web.Response | None:
        """The response that a request's conditions lead to without the content (RFC 9110, 13.2.2)."""
        if (wanted := request.if_match) is not None:
            if all(tag.value != "*" for tag in wanted):  # ours are weak, so no other one matches
                return middleware.error_response(412, middleware.SENTENCES[412])
        elif request.if_unmodified_since and not self._is_older(request.if_unmodified_since.timestamp()):
            return middleware.error_response(412, middleware.SENTENCES[412])
        since = None if "If-None-Match" in request.headers else request.if_modified_since
        known = since is not None and self._is_older(since.timestamp())
        return site_responses.not_modified(headers) if known or middleware.etag_matches(request, self.tag) else None

    def _is_older(self, seconds: float) -> bool:
        """Whether it was not modified after a time that headers give in whole seconds."""
        return int(self.modified) <= seconds

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """The response to a request for the file. Raises `HTTPRequestRangeNotSatisfiable`, and `ConnectionError` where
        it must break off."""
        headers = site_responses.page_headers(self.path.name, self.tag)
        if response := self.respond_early(request, headers):
            return response
        part = site_responses.wanted_part(request, self.size, self.modified)
        status, headers["Accept-Ranges"] = 200, "bytes"
        if part:
            status, headers = 206, headers | site_responses.part_headers(part, self.size)
        part = part or slice(0, self.size)
        if self.content is not None:
            response = web.Response(status=status, body=self.content[part], headers=headers)
            response.last_modified = self.modified
            return response
        return await self._stream(request, part, web.StreamResponse(status=status, headers=headers))

    async def _stream(self, request: web.Request, part: slice, response: web.StreamResponse) -> web.StreamResponse:
        response.last_modified, response.content_length = self.modified, part.stop - part.start
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        for place in range(part.start, part.stop, PIECE):
            await response.write(await asyncio.to_thread(self._read, place, min(PIECE, part.stop - place)))
        return response

    def _read(self, place: int, size: int) -> bytes:
        """A piece. Raises `ConnectionError` if the file is another version now or cannot be read any more."""
        try:
            with self.path.open("rb") as handle:
                if _identity(os.fstat(handle.fileno())) != self.identity:
                    raise ConnectionResetError("the file was replaced")
                handle.seek(place)
                return handle.read(size)
        except ConnectionError:
            raise
        except OSError as error:
            raise ConnectionResetError(f"the file cannot be read any more: {error.strerror}") from error


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """What another version of a file has in another way. A link to an unchanged file changes its ctime."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class FileTags:
    """ETags of files, each computed once for a version of a file."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ...], str] = OrderedDict()
        self._lock = Lock()

    def tag(self, handle: BufferedReader, version: tuple[int, ...]) -> str:
        """The ETag of a version of an open file. Raises `OSError`."""
        with self._lock:
            if (known := self._known.get(version)) is not None:
                self._known.move_to_end(version)
                return known
        found = middleware.digest_tag(hashlib.file_digest(handle, "sha256"))
        with self._lock:
            self._known[version] = found
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found


def find_version(path: Path, tags: FileTags, most_in_memory: int) -> FileVersion | None:
    """A file with its content, if that has at most `most_in_memory` bytes; `None` if it is none. Raises `OSError`."""
    with path.open("rb") as handle:
        status = os.fstat(handle.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        identity = _identity(status)
        tag = tags.tag(handle, (*identity, status.st_ctime_ns))
        handle.seek(0)
        content = handle.read() if status.st_size <= most_in_memory else None
        return FileVersion(path, tag, status.st_size, status.st_mtime, content, identity)
