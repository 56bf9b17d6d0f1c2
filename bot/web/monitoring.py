"""The state of this process and its data: /health for the supervisor, /metrics for Prometheus, on a port of their own.

Both cost one query. An age counts from the end of the newest digest's period. If there is a token, whoever does not
show it learns from /health only whether the server is well.
"""

from __future__ import annotations

import hmac
import platform
import time
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bot import __version__
from bot.archive import DigestCount, newest_periods
from bot.queries import QueryContext
from bot.records import Period, PeriodName
from bot.store import Store, StoreError
from bot.web import middleware
from bot.web.connections import ConnectionTable, track_request
from bot.web.middleware import STARTED, DbThreadPool, log


class WebMetrics:
    """The metrics, in their own registry."""

    def __init__(self, desk: QueryContext) -> None:
        self.desk = desk
        self.registry = own = CollectorRegistry()
        age = "Seconds since the end of the period that the newest digest is about."
        self._age = Gauge("footfall_newest_digest_age_seconds", age, ["network", "period"], registry=own)
        labels = ["network", "period", "status"]
        self._digests = Gauge("footfall_digests", "Editions in the archive.", labels, registry=own)
        self._database = Gauge("footfall_database_up", "1 when the database can be read.", registry=own)
        self._requests = Counter("footfall_requests", "Requests answered.", ["route", "status"], registry=own)
        seconds = "Seconds until an answer began."
        self._seconds = Histogram("footfall_request_seconds", seconds, ["route"], registry=own)
        build = {"version": __version__, "python": platform.python_version()}
        Info("footfall_build", "What is running.", registry=own).info(build)

    async def count_response(self, request: web.Request, response: web.StreamResponse) -> None:
        """Count a response before it is sent."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        self._requests.labels(route, str(response.status)).inc()
        if STARTED in request:
            self._seconds.labels(route).observe(time.perf_counter() - request[STARTED])

    def digest_counts(self) -> tuple[DigestCount, ...]:
        """The archive's digests. Raises `StoreError` if the database cannot be read."""
        _require_database(self.desk.store)
        return self.desk.archive.digest_counts()

    def digest_ages(self, tallies: tuple[DigestCount, ...]) -> dict[tuple[str, PeriodName], tuple[Period, float]]:
        """The newest period with a digest of each network, and the seconds since its end."""
        newest = {key: period for key, period in newest_periods(tallies).items() if key[0] in self.desk.watched}
        now = self.desk.clock()
        return {key: (period, (now - period.ends_at).total_seconds()) for key, period in newest.items()}

    def metrics_text(self, tallies: tuple[DigestCount, ...] | None) -> bytes:
        """The text for Prometheus; `None`: the database could not be read, so there are no metrics of digests."""
        self._database.set(tallies is not None)
        self._age.clear()
        self._digests.clear()
        for (network, period), (_, age) in self.digest_ages(tallies or ()).items():
            self._age.labels(network, period).set(age)
        for tally in tallies or ():
            self._digests.labels(tally.network, tally.period, tally.status).set(tally.digests)
        return generate_latest(self.registry)


class ConnectionCollector(Collector):
    """The connections of the public port."""

    def __init__(self, table: ConnectionTable) -> None:
        self._table = table

    def collect(self) -> Iterable[Metric]:
        waiting = len(self._table.waiting)
        states = GaugeMetricFamily("footfall_connections", "Open connections.", labels=["state"])
        states.add_metric(["waiting"], waiting)
        states.add_metric(["busy"], len(self._table.open) - waiting)
        yield states
        yield GaugeMetricFamily("footfall_connections_limit", "Most open connections.", value=self._table.most)
        closed = CounterMetricFamily("footfall_connections_closed", "Connections closed early.", labels=["reason"])
        for reason, count in self._table.closed.items():
            closed.add_metric([reason], count)
        yield closed


METRICS = web.AppKey("metrics", WebMetrics)


async def read_counts(vitals: WebMetrics, threads: DbThreadPool) -> tuple[DigestCount, ...] | None:
    """The archive's digests; `None` if the database cannot be read."""
    try:
        return await threads.run(vitals.digest_counts)
    except (StoreError, TimeoutError) as error:
        log.error("database not readable", error=str(error) or "no answer in time")
        return None


def make_application(vitals: WebMetrics, threads: DbThreadPool, token: str = "") -> web.Application:
    """The pages for the operator: /health and /metrics."""
    app = web.Application(middlewares=[track_request, middleware.handle_errors])

    def allowed(request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return not token or hmac.compare_digest(given.encode(errors="replace"), f"Bearer {token}".encode())

    async def health(request: web.Request) -> web.StreamResponse:
        return _health_response(vitals, await read_counts(vitals, threads), allowed(request))

    async def metrics(request: web.Request) -> web.StreamResponse:
        if not allowed(request):
            return middleware.error_response(401, middleware.SENTENCES[401], {"WWW-Authenticate": "Bearer"})
        text = vitals.metrics_text(await read_counts(vitals, threads))
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"})

    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    app.on_response_prepare.append(middleware.add_headers)
    return app


def add_public_health(app: web.Application, vitals: WebMetrics, threads: DbThreadPool) -> None:
    """Add /health to the public application, without facts."""

    async def health(_request: web.Request) -> web.StreamResponse:
        return _health_response(vitals, await read_counts(vitals, threads), details=False)

    app.router.add_get("/health", health)


def _health_response(vitals: WebMetrics, tallies: tuple[DigestCount, ...] | None, details: bool) -> web.StreamResponse:
    document = _health_document(vitals, tallies) if details else {"ok": tallies is not None}
    status = 200 if tallies is not None else 503
    return web.json_response(document, status=status, headers={"Cache-Control": "no-store"})


def _health_document(vitals: WebMetrics, tallies: tuple[DigestCount, ...] | None) -> dict[str, object]:
    if tallies is None:
        return {"ok": False, "database": "cannot be read; the log says why", "newest_digests": None}
    ages = vitals.digest_ages(tallies)
    newest: dict[str, object] = {}
    for network in vitals.desk.watched:
        age = ages.get((network, "day"))
        newest[network] = {"day": age[0].first.isoformat(), "age_seconds": int(age[1])} if age else None
    return {"ok": True, "database": "readable", "newest_digests": newest}


def _require_database(store: Store) -> None:
    """Check that the database file exists: an open connection still reads a deleted file."""
    place = store.engine.url.database
    memory = place in (None, "", ":memory:")
    if store.engine.dialect.name == "sqlite" and not memory and not Path(str(place)).is_file():
        raise StoreError(f"database {store.shown}: the file is gone")
