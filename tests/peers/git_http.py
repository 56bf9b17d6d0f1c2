"""A git server over HTTP, as git itself serves repositories: `git http-backend`."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tests.peers.served import Handler, Server


@dataclass
class GitHttp:
    """A handler factory for `served.serving`: the repositories in a folder."""

    root: Path
    redirect: str = ""
    """Where every request is sent instead."""
    hang: bool = False

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if self.hang:
                await asyncio.Event().wait()
            if self.redirect:
                raise web.HTTPFound(f"{self.redirect}{request.path_qs}")
            return await self._backend(request)

        return answer

    async def _backend(self, request: web.Request) -> web.StreamResponse:
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec("git", "http-backend", env=env, **pipes)
        output, _ = await process.communicate(await request.read())
        head, _, body = output.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, body=body, headers=headers)
