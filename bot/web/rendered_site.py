"""Serves the archive site from the database: where no folder was written, or where that is older than the archive."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from aiohttp import web

from bot.config import SiteChoice
from bot.render.site_files import MISSING
from bot.site_builder import OnDemandSite, SiteFile, answers
from bot.site_builder.search_pages import COMPARE, SEARCH
from bot.store import StoreError
from bot.web import middleware, site_responses
from bot.web.middleware import DbThreadPool
from bot.web.site_responses import TYPES, html_response

THREADS = 2
"""Threads that render pages: they are busy with computing."""
CHECK_SECONDS = 2.0
"""How long an answer from a written site waits for the database to say whether it is the newest."""


class RenderedSite:
    """Pages rendered on demand, in a few threads and within a time limit."""

    def __init__(self, pages: OnDemandSite, choice: SiteChoice, seconds: float) -> None:
        """`seconds`: how long an answer may take."""
        self._pages, self._choice = pages, choice
        self._rendering = DbThreadPool(seconds, THREADS)
        self._checking = DbThreadPool(CHECK_SECONDS, 1)  # never behind pages that take long

    async def close(self, app: object) -> None:
        """Render no more."""
        await self._rendering.close(app)
        await self._checking.close(app)

    async def respond_if_preferred(self, request: web.Request, wanted: str, folder: Path) -> web.StreamResponse | None:
        """The answer if the whole site comes from the database: always, or because there is no folder or one of an
        older archive. `None` if the folder is to be served, also while the database cannot be read. Raises
        `StoreError`, `TimeoutError`."""
        if self._choice != "database":
            path = site_responses.file_name(wanted)
            try:
                preferred, file = await self._checking.run(lambda: self._look_up(folder, path))
            except (StoreError, TimeoutError):
                return None
            if not preferred:
                return None
            if path and file:
                return site_responses.content_response(request, path, file.content, file.tag)
        return await self.respond(request, wanted) or html_response(404, await self.missing_page())

    def _look_up(self, folder: Path, path: str | None) -> tuple[bool, SiteFile | None]:
        """Whether the database is preferred to a folder, and the file if it was rendered before: both in one call of a
        thread."""
        if (folder / "index.html").is_file() and not self._pages.is_newer_than(folder):
            return False, None
        return True, self._pages.find_rendered_file(path) if path else None

    async def respond(self, request: web.Request, wanted: str) -> web.StreamResponse | None:
        """The answer to a path of a request; `None` if the site has no such file. Raises `StoreError`,
        `TimeoutError`."""
        if (path := site_responses.file_name(wanted)) is None:
            return None
        if PurePosixPath(path).suffix not in TYPES:
            if await self._find_file(f"{path}/index.html"):
                raise web.HTTPPermanentRedirect(f"{request.rel_url.raw_path}/")
            return None
        file = await self._find_file(path)
        return site_responses.content_response(request, path, file.content, file.tag) if file else None

    async def answer_form(self, request: web.Request, wanted: str) -> web.StreamResponse | None:
        """The answer to a form of the site that a browser without scripts sent; `None` if it is none. Raises
        `StoreError`, `TimeoutError`."""
        items, texts = request.query.getall("item", []), request.query.getall("q", [])
        if wanted == SEARCH and texts:
            page = await self._rendering.run(lambda: answers.search_answer(self._pages.newest_build(), texts[0]))
        elif wanted == COMPARE and any(items):
            page = await self._rendering.run(lambda: answers.compare_answer(self._pages.newest_build(), items))
        else:
            return None
        return site_responses.content_response(request, wanted, page, middleware.content_tag(page))

    async def missing_page(self) -> str:
        """The page of an address that does not exist."""
        file = await self._find_file(MISSING)
        return file.content.decode() if file else ""

    async def _find_file(self, path: str) -> SiteFile | None:
        return await self._rendering.run(lambda: self._pages.find_file(path))
