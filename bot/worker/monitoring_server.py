"""Serves /health and /metrics of the worker. If there is a token, whoever does not show it learns from /health only
whether the worker is well."""

from __future__ import annotations

import hmac
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bot.worker.monitoring import WorkerCollector, WorkerHealth

log = structlog.get_logger(__name__)

MOST_REQUESTS = 16
"""Requests at the same time, each in a thread. For one more, the oldest that is not complete is dropped."""
REQUEST_SECONDS = 10.0
"""From the connection to the end of the answer."""


class OpenRequests:
    """The sockets of requests under way, the oldest first. A client that sends its request byte by byte takes no place
    from others: its socket is shut down, which ends its thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[socket.socket, float] = {}
        self._complete: set[socket.socket] = set()
        self._lock = threading.Lock()

    def admit(self, request: socket.socket) -> bool:
        """Take a request in. False if so many complete ones are being answered that there is no place."""
        with self._lock:
            if len(self._begun) >= MOST_REQUESTS:
                oldest = next((each for each in self._begun if each not in self._complete), None)
                if oldest is None:
                    return False
                self._drop(oldest)
            self._begun[request] = self._clock()
            return True

    def mark_complete(self, request: socket.socket) -> None:
        """Its headers have arrived: it is not dropped for another one."""
        with self._lock:
            if request in self._begun:
                self._complete.add(request)

    def drop_late(self) -> None:
        """Shut down the sockets of requests that take too long."""
        with self._lock:
            for request in [each for each, begun in self._begun.items() if self._clock() - begun > REQUEST_SECONDS]:
                self._drop(request)

    def end(self, request: socket.socket) -> None:
        with self._lock:
            self._begun.pop(request, None)
            self._complete.discard(request)

    def _drop(self, request: socket.socket) -> None:
        self._begun.pop(request, None)
        self._complete.discard(request)
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


Response = tuple[int, str, bytes]
"""Status, type and body."""


class MonitoringRequest(BaseHTTPRequestHandler):
    """One request."""

    server: MonitoringServer
    timeout = REQUEST_SECONDS
    server_version, sys_version = "footfall", ""
    error_message_format, error_content_type = "%(code)d %(message)s\n", "text/plain"

    def do_GET(self) -> None:
        self.server.open_requests.mark_complete(self.connection)
        status, kind, body = self.server.respond(self.path, self.headers.get("Authorization", ""))
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: there is a scrape every few seconds."""


class MonitoringServer(ThreadingHTTPServer):
    """Answers each request in a thread, within the limits of `OpenRequests`."""

    daemon_threads = True

    def __init__(self, host: str, port: int, respond: Callable[[str, str], Response]) -> None:
        """`respond` gets a path and the header Authorization. Raises `OSError`."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.open_requests, self.respond = OpenRequests(), respond
        super().__init__((host, port), MonitoringRequest)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.open_requests.admit(request):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def service_actions(self) -> None:
        self.open_requests.drop_late()

    def shutdown_request(self, request: Any) -> None:
        self.open_requests.end(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):  # the client has gone, or was dropped
            log.exception("a request to /health or /metrics failed")


def monitoring_service(
    worked: WorkerHealth, host: str, port: int, redact: Callable[[str], str], token: str = ""
) -> Callable[[threading.Event], None]:
    """A background service that serves /health and /metrics; `redact` removes secrets from responses. If there is a
    `token`, /metrics and the facts of /health are only for those who show it."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(worked))

    def respond(path: str, authorization: str) -> Response:
        allowed = not token or hmac.compare_digest(authorization.encode(errors="replace"), f"Bearer {token}".encode())
        if path == "/metrics" and not allowed:
            return 401, "text/plain", b"this needs the header Authorization: Bearer, with MONITORING_TOKEN\n"
        if path == "/metrics":
            return 200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)
        if path == "/health":
            ok, facts = worked.health_report()
            shown = redact(json.dumps(facts if allowed else {"ok": ok}))
            return 200 if ok else 503, "application/json", shown.encode()
        return 404, "text/plain", b"there are /health and /metrics\n"

    def run(stop: threading.Event) -> None:
        with MonitoringServer(host, port, respond) as server:
            threading.Thread(target=_stop_server, args=(stop, server), daemon=True).start()
            server.serve_forever(poll_interval=0.2)

    return run


def _stop_server(stop: threading.Event, server: ThreadingHTTPServer) -> None:
    stop.wait()
    server.shutdown()
