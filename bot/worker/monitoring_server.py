"""Serves /health and /metrics of the worker. If there is a token, whoever does not show it learns from /health only
whether the worker is well."""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bot.worker.monitoring import WorkerCollector, WorkerHealth

log = structlog.get_logger(__name__)

MOST_REQUESTS = 16
"""Requests that are answered at the same time, each by a thread; more are refused."""


def monitoring_service(
    worked: WorkerHealth, host: str, port: int, redact: Callable[[str], str], token: str = ""
) -> Callable[[threading.Event], None]:
    """A background service that serves /health and /metrics; `redact` removes secrets from responses. If there is a
    `token`, /metrics and the facts of /health are only for those who show it."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(worked))
    free = threading.BoundedSemaphore(MOST_REQUESTS)

    class Answers(BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "footfall", ""
        error_message_format, error_content_type = "%(code)d %(message)s\n", "text/plain"

        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            allowed = not token or hmac.compare_digest(given.encode(errors="replace"), f"Bearer {token}".encode())
            if self.path == "/metrics" and not allowed:
                self._say(401, "text/plain", b"this needs the header Authorization: Bearer, with MONITORING_TOKEN\n")
            elif self.path == "/metrics":
                self._say(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))
            elif self.path == "/health":
                ok, facts = worked.health_report()
                shown = facts if allowed else {"ok": ok}
                self._say(200 if ok else 503, "application/json", redact(json.dumps(shown)).encode())
            else:
                self._say(404, "text/plain", b"there are /health and /metrics\n")

        def _say(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: there is a scrape every few seconds."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

        def process_request(self, request: Any, client_address: Any) -> None:
            if free.acquire(blocking=False):
                super().process_request(request, client_address)
            else:
                self.shutdown_request(request)

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                free.release()

        def handle_error(self, request: object, client_address: object) -> None:
            log.exception("a request to /health or /metrics failed")

    def run(stop: threading.Event) -> None:
        with Server((host, port), Answers) as server:
            threading.Thread(target=_stop_server, args=(stop, server), daemon=True).start()
            server.serve_forever(poll_interval=0.2)

    return run


def _stop_server(stop: threading.Event, server: ThreadingHTTPServer) -> None:
    stop.wait()
    server.shutdown()
