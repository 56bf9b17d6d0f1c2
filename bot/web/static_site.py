"""The files of the archive site, from the folder that the outlet `site` writes, and nothing outside of it.

The folder is looked up anew for each request: writing the site puts another one in its place.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from bot import render
from bot.web import middleware

SWAP_SECONDS = 0.05
"""Writing the site leaves a moment between the old folder and the new one."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/atom+xml; charset=utf-8",
}
"""What the site holds; a file of another kind is not served."""
TAG = web.RequestKey("tag", str)
FEED = {"feed.json": "application/feed+json"}


def add_routes(app: web.Application, site: Path) -> None:
    """Add the site at every address that nothing else has."""
    missing, unwritten = (render.render_template("site", f"web/{page}.j2") for page in ("missing", "unwritten"))

    async def page(request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["path"]
        found = await asyncio.to_thread(_find_file, site, wanted)
        if found is None and not await _site_exists(site):
            return _html_response(503, unwritten)
        found = found or await asyncio.to_thread(_find_file, site, wanted)
        if found is None:
            return _html_response(404, missing)
        if found.is_dir():
            raise web.HTTPPermanentRedirect(f"{request.rel_url.raw_path}/")
        kind = FEED.get(found.name, TYPES[found.suffix])
        try:
            tag = await asyncio.to_thread(middleware.file_tag, found)
        except OSError:  # the site was written anew just now
            return _html_response(503, unwritten)
        request[TAG] = middleware.etag_header(tag)
        if middleware.etag_matches(request, tag):
            return web.Response(status=304, headers={"Cache-Control": middleware.FRESH})
        return web.FileResponse(found, headers={"Content-Type": kind, "Cache-Control": middleware.FRESH})

    app.router.add_get("/{path:(?s:.*)}", page)
    app.on_response_prepare.append(_set_etag)


async def _set_etag(request: web.Request, response: web.StreamResponse) -> None:
    """Put the mark of a file's content where aiohttp puts that of its place and time."""
    if (tag := request.get(TAG)) and response.status in (200, 206, 304):
        response.headers["ETag"] = tag


async def _site_exists(site: Path) -> bool:
    if (site / "index.html").is_file():
        return True
    await asyncio.sleep(SWAP_SECONDS)
    return (site / "index.html").is_file()


def _find_file(site: Path, wanted: str) -> Path | None:
    """The file at an address below the site, or a folder that lacks its last slash; `None` where nothing is."""
    parts = wanted.split("/")
    if not parts[-1]:
        parts[-1] = "index.html"
    if any(not part or part.startswith(".") for part in parts):
        return None
    try:
        home = site.resolve(strict=True)
        found = home.joinpath(*parts)
        if found.resolve(strict=True) != found:  # a link, to wherever it leads
            return None
        if found.is_dir():
            return found if (found / "index.html").is_file() else None
        return found if found.is_file() and found.suffix in TYPES else None
    except (OSError, ValueError, RuntimeError):
        return None


def _html_response(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")
