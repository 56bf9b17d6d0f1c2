"""Puts the web server together: the public port, and the operator's port with health and metrics."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

from aiohttp import web

from bot.config import WebConfig
from bot.queries import QueryContext
from bot.records import FootfallError
from bot.site_builder import OnDemandSite
from bot.web import api, connections, middleware, monitoring, rate_limit, static_site
from bot.web.compression import compress_answers
from bot.web.middleware import DbThreadPool
from bot.web.rendered_site import RenderedSite
from bot.web.server import Server, connection_limit

MAX_BODY = 1024
"""Bytes of a request's body; nothing here reads one."""
GRACE = 5.0
"""Seconds for responses that are under way when the server stops."""
ANSWER_SECONDS = 20.0
HEALTH_SECONDS = 5.0
MONITORING_CONNECTIONS = 32
UNLIMITED = WebConfig.model_validate({"requests_per_second": 0})
"""For tests and for other applications that put the pages behind limits of their own."""
LOOKING = web.AppKey("looking", DbThreadPool)
"""The threads that read the database for /health and /metrics."""


class WebError(FootfallError):
    """The server cannot start."""


def make_application(
    desk: QueryContext,
    site: Path,
    answer_seconds: float = ANSWER_SECONDS,
    health_seconds: float = HEALTH_SECONDS,
    settings: WebConfig = UNLIMITED,
    pages: OnDemandSite | None = None,
) -> web.Application:
    """The public application. `site` is the folder of the archive site; it need not exist yet. With `pages`, the site
    also comes from the database, by `settings.site`."""
    measured = monitoring.WebMetrics(desk)
    limits = [rate_limit.limit_requests(settings)] if settings.requests_per_second else []
    layers = [connections.track_request, compress_answers(), *limits, middleware.handle_errors]
    app = web.Application(middlewares=layers, client_max_size=MAX_BODY)
    asking, looking = DbThreadPool(answer_seconds, 8), DbThreadPool(health_seconds, 2)
    app[monitoring.METRICS], app[LOOKING] = measured, looking
    api.add_routes(app, desk, asking)
    if settings.public_health:
        monitoring.add_public_health(app, measured, looking)
    rendered = RenderedSite(pages, settings.site, answer_seconds) if pages and settings.site != "files" else None
    static_site.add_routes(app, site, rendered)
    app.on_response_prepare.append(middleware.add_headers)
    app.on_response_prepare.append(measured.count_response)
    for threads in (asking, looking):
        app.on_cleanup.append(threads.close)
    return app


def make_monitoring(public: web.Application, token: str = "") -> web.Application:
    """The operator's application: the health and the metrics of the public one."""
    return monitoring.make_application(public[monitoring.METRICS], public[LOOKING], token)


def run_server(
    desk: QueryContext,
    site: Path,
    host: str,
    port: int,
    settings: WebConfig = UNLIMITED,
    token: str = "",
    pages: OnDemandSite | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes any free one. Logging must be configured. Raises `WebError` if the
    address cannot be bound."""
    asyncio.run(_run_server(make_application(desk, site, settings=settings, pages=pages), host, port, settings, token))


async def _run_server(app: web.Application, host: str, port: int, settings: WebConfig, token: str) -> None:
    public = Server(
        app,
        connection_limit(settings.connections),
        GRACE,
        most_of_address=settings.connections_per_address,
        trusted=rate_limit.trusted_networks(settings),
    )
    private = Server(make_monitoring(app, token), MONITORING_CONNECTIONS, GRACE)
    app[monitoring.METRICS].registry.register(monitoring.ConnectionCollector(public.table))
    try:
        await _start_listening(public, host, port)
        if settings.monitoring_port:
            await _start_monitoring(private, settings)
        gc.freeze()  # what is loaded stays: no collection needs to look at it, which would halt all requests
        stop = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        shown = f"[{host}]" if ":" in host else host
        print(f"Footfall: http://{shown}:{public.addresses[0][1]}/ (JSON at /api); Ctrl-C stops it", flush=True)
        await stop.wait()
    finally:
        await private.stop()
        await public.stop()


async def _start_listening(server: Server, host: str, port: int) -> None:
    try:
        await server.start(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        cure = "name another with --host and --port, or end what holds it"
        raise WebError(f"{host} port {port}: cannot listen there: {why}; {cure}") from error


async def _start_monitoring(server: Server, settings: WebConfig) -> None:
    """The site is served even if its monitoring cannot be, as when two servers run on one machine."""
    host, port = settings.monitoring_host, settings.monitoring_port
    try:
        await server.start(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        middleware.log.warning("no /health and /metrics: set web.monitoring_port", host=host, port=port, error=why)
