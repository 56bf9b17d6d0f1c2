"""Serves the files of the archive site from the folder of the outlet `site`, and nothing outside of it.

The folder is resolved for each request, because writing the site replaces it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from bot import render
from bot.render.site_files import MISSING
from bot.web import middleware

SWAP_SECONDS = 0.05
"""When the site is written, there is a moment between the old folder and the new one."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
}
"""The file types of the site; other files are not served."""
TAG = web.RequestKey("tag", str)
FEED = {"feed.json": "application/feed+json", "feed.xml": "application/atom+xml; charset=utf-8"}


def add_routes(app: web.Application, site: Path) -> None:
    """Add the site at all other paths."""
    missing, unwritten = (render.render_template("site", f"web/{page}.j2") for page in ("missing", "unwritten"))

    async def page(request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["path"]
        path = await asyncio.to_thread(_find_file, site, wanted)
        if path is None and not await _site_exists(site):
            return _html_response(503, unwritten)
        path = path or await asyncio.to_thread(_find_file, site, wanted)
        if path is None:
            own = await asyncio.to_thread(_own_missing_page, site)
            return _html_response(404, own or missing)
        if path.is_dir():
            raise web.HTTPPermanentRedirect(f"{request.rel_url.raw_path}/")
        kind = FEED.get(path.name, TYPES[path.suffix])
        try:
            tag = await asyncio.to_thread(middleware.file_tag, path)
        except OSError:  # the site was written just now
            return _html_response(503, unwritten)
        request[TAG] = middleware.etag_header(tag)
        if middleware.etag_matches(request, tag):
            return web.Response(status=304, headers={"Cache-Control": middleware.FRESH})
        return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": middleware.FRESH})

    app.router.add_get("/{path:(?s:.*)}", page)
    app.on_response_prepare.append(_set_etag)


async def _set_etag(request: web.Request, response: web.StreamResponse) -> None:
    """Replace aiohttp's ETag, which depends on the file's location and time, by that of the content."""
    if (tag := request.get(TAG)) and response.status in (200, 206, 304):
        response.headers["ETag"] = tag


async def _site_exists(site: Path) -> bool:
    if (site / "index.html").is_file():
        return True
    await asyncio.sleep(SWAP_SECONDS)
    return (site / "index.html").is_file()


def _find_file(site: Path, wanted: str) -> Path | None:
    """The file of a path of the site, or a folder whose trailing slash is missing; `None` if there is none."""
    parts = wanted.split("/")
    if not parts[-1]:
        parts[-1] = "index.html"
    if any(not part or part.startswith(".") for part in parts):
        return None
    try:
        home = site.resolve(strict=True)
        path = home.joinpath(*parts)
        if path.resolve(strict=True) != path:  # a link
            return None
        if path.is_dir():
            return path if (path / "index.html").is_file() else None
        return path if path.is_file() and path.suffix in TYPES else None
    except (OSError, ValueError, RuntimeError):
        return None


def _own_missing_page(site: Path) -> str:
    """The site's own page for an address that does not exist; empty if it has none."""
    try:
        return (site / MISSING).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _html_response(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")
