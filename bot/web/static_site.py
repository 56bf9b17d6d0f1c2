"""Serves the archive site: the files of the folder of the outlet `site`, and nothing outside of it, or the same files
from the database (`rendered_site`).

The folder is resolved for each request, because writing the site replaces it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from bot import render
from bot.render.site_files import MISSING
from bot.web import site_responses
from bot.web.compression import LARGEST, accepts_gzip, is_text
from bot.web.file_versions import FileTags, FileVersion, find_version
from bot.web.rendered_site import RenderedSite
from bot.web.site_responses import TYPES, html_response

SWAP_SECONDS = 0.05
"""When the site is written, there is a moment between the old folder and the new one."""

SMALL = 64 * 1024
"""Most bytes of a plain file that is sent from memory, so that slow clients do not fill it."""


def add_routes(app: web.Application, site: Path, rendered: RenderedSite | None = None) -> None:
    """Add the site at all other paths: from its folder, or from the database where `rendered` says so."""
    tags = FileTags()
    missing, unwritten = (render.render_template("site", f"web/{page}.j2") for page in ("missing", "unwritten"))

    async def page(request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["path"]
        if rendered and (answer := await rendered.answer_form(request, wanted)):
            return answer
        if rendered and (preferred := await rendered.respond_if_preferred(request, wanted, site)):
            return preferred
        try:
            file = await asyncio.to_thread(_find_version, site, wanted, request, tags)
            if file is None and rendered and (response := await rendered.respond(request, wanted)):
                return response
            if file is None and not await _site_exists(site):
                return html_response(503, unwritten)
            file = file or await asyncio.to_thread(_find_version, site, wanted, request, tags)
        except OSError:  # the site was written just now
            return html_response(503, unwritten)
        if file is None:
            own = await asyncio.to_thread(_own_missing_page, site)
            return html_response(404, own or missing)
        return await file.respond(request)

    app.router.add_get("/{path:(?s:.*)}", page)
    if rendered:
        app.on_cleanup.append(rendered.close)


def _find_version(site: Path, wanted: str, request: web.Request, tags: FileTags) -> FileVersion | None:
    """The file that a request wants; `None` if there is none. Raises `OSError`, and `HTTPPermanentRedirect` for a
    folder whose trailing slash is missing."""
    if (path := _find_file(site, wanted)) is None:
        return None
    if path.is_dir():
        raise web.HTTPPermanentRedirect(f"{request.rel_url.raw_path}/")
    packed = "Range" not in request.headers and accepts_gzip(request) and is_text(TYPES[path.suffix].partition(";")[0])
    return find_version(path, tags, LARGEST if packed else SMALL)


async def _site_exists(site: Path) -> bool:
    if (site / "index.html").is_file():
        return True
    await asyncio.sleep(SWAP_SECONDS)
    return (site / "index.html").is_file()


def _find_file(site: Path, wanted: str) -> Path | None:
    """The file of a path of the site, or a folder whose trailing slash is missing; `None` if there is none."""
    if (name := site_responses.file_name(wanted)) is None:
        return None
    try:
        home = site.resolve(strict=True)
        path = home.joinpath(*name.split("/"))
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
