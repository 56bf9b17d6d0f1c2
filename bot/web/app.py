"""The web interface: the archive site, the JSON API, health and metrics."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from aiohttp import web

from bot.config import SiteChoice
from bot.queries import QueryContext
from bot.records import FootfallError
from bot.site_builder import OnDemandSite
from bot.web import api, middleware, monitoring, static_site
from bot.web.compression import compress_answers
from bot.web.middleware import DbThreadPool
from bot.web.rendered_site import RenderedSite

MAX_BODY = 1024
"""Bytes of a request's body; nothing here reads one."""
KEEP_ALIVE = 60.0
"""Seconds that a connection may be idle, also before its first request."""
GRACE = 5.0
"""Seconds for responses that are under way when the server stops."""
ANSWER_SECONDS = 20.0
HEALTH_SECONDS = 5.0


class WebError(FootfallError):
    """The server cannot start."""


def make_application(
    desk: QueryContext,
    site: Path,
    answer_seconds: float = ANSWER_SECONDS,
    health_seconds: float = HEALTH_SECONDS,
    pages: OnDemandSite | None = None,
    choice: SiteChoice = "auto",
) -> web.Application:
    """The whole application. `site` is the folder of the archive site; it need not exist yet. With `pages`, the site
    also comes from the database, by `choice`."""
    measured = monitoring.WebMetrics(desk)
    app = web.Application(middlewares=[compress_answers(), middleware.handle_errors], client_max_size=MAX_BODY)
    asking, looking = DbThreadPool(answer_seconds, 8), DbThreadPool(health_seconds, 2)
    api.add_routes(app, desk, asking)
    monitoring.add_routes(app, measured, looking)
    rendered = RenderedSite(pages, choice, answer_seconds) if pages and choice != "files" else None
    static_site.add_routes(app, site, rendered)
    app.on_response_prepare.append(middleware.add_headers)
    app.on_response_prepare.append(measured.count_response)
    for threads in (asking, looking):
        app.on_cleanup.append(threads.close)
    return app


def run_server(
    desk: QueryContext,
    site: Path,
    host: str,
    port: int,
    pages: OnDemandSite | None = None,
    choice: SiteChoice = "auto",
) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes any free one. Logging must be configured. Raises `WebError` if the
    address cannot be bound."""
    asyncio.run(_run_server(make_application(desk, site, pages=pages, choice=choice), host, port))


async def _run_server(app: web.Application, host: str, port: int) -> None:
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEP_ALIVE, shutdown_timeout=GRACE)
    await runner.setup()
    try:
        await _start_listening(runner, host, port)
        stop = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        shown = f"[{host}]" if ":" in host else host
        print(f"Footfall: http://{shown}:{runner.addresses[0][1]}/ (JSON at /api); Ctrl-C stops it", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


async def _start_listening(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        cure = "name another with --host and --port, or end what holds it"
        raise WebError(f"{host} port {port}: cannot listen there: {why}; {cure}") from error
