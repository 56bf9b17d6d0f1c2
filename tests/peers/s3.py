"""A real S3 API on loopback (moto's server in its own process), and a proxy before it that misbehaves on demand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from tests.patience import PATIENCE

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "only/for/tests/on/loopback",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@contextmanager
def storage() -> Iterator[int]:
    """The port of an empty S3."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                # What it says from here on is read, or it would stop when the pipe is full.
                Thread(target=lambda: [None for _ in server.stderr or ()], daemon=True).start()
                yield int(match[1])
                return
        raise RuntimeError(f"moto's server ended with {server.wait(PATIENCE)} before it said where it listens")
    finally:
        server.terminate()
        server.wait(PATIENCE)
        if server.stderr is not None:
            server.stderr.close()


@dataclass
class Proxy:
    """Passes requests on to the storage, except for the configured faults."""

    port: int
    url: str = ""
    slow_downs: int = 0
    """Number of the next requests that get a 503."""
    cuts: int = 0
    """Number of the next uploads that lose their connection half-way; the storage gets only the first half."""
    lags: int = 0
    """Number of the next requests for objects that get a 404: written, but not visible yet."""
    hidden: set[str] = field(default_factory=set)
    """Objects that listings lack, by the end of their key."""
    asked: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def fault(self, method: str, path: str) -> str:
        with self.lock:
            self.asked.append(f"{method} {path}")
            if self.slow_downs > 0:
                self.slow_downs -= 1
                return "slow"
            if method == "PUT" and self.cuts > 0:
                self.cuts -= 1
                return "cut"
            if method in ("GET", "HEAD") and ".parquet" in path and self.lags > 0:
                self.lags -= 1
                return "lag"
        return ""


@contextmanager
def proxied(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def serve(self) -> None:
            if self.headers.get("Expect"):
                self.send_response_only(100)
                self.end_headers()
            fault = proxy.fault(self.command, self.path)
            size = int(self.headers.get("Content-Length") or 0)
            if fault == "cut":
                self.half(self.rfile.read(size // 2), size)
                self.close_connection = True
                self.connection.close()
                return
            body = self.rfile.read(size)
            if fault:
                self.reply(503 if fault == "slow" else 404, SLOW_DOWN if fault == "slow" else b"", {})
                return
            self.passed_on(body)

        def half(self, body: bytes, size: int) -> None:
            upstream = HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
            try:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    upstream.putheader(name, value)
                upstream.endheaders()
                upstream.send(body)
            except (HTTPException, OSError):
                pass
            finally:
                upstream.close()

        def passed_on(self, body: bytes) -> None:
            upstream = HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
            upstream.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
            answer = upstream.getresponse()
            content = answer.read()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "connection")}
            upstream.close()
            if "list-type" in self.path:
                content = without(content, proxy.hidden)
                headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            self.reply(answer.status, content, headers)

        def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length" or self.command == "HEAD"}
            for name, value in headers.items():
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def without(listing: bytes, hidden: set[str]) -> bytes:
    """A listing without some objects."""
    for end in hidden:
        key = re.escape(end.encode())
        listing = re.sub(
            rb"<Contents>(?:(?!</Contents>).)*?" + key + rb"</Key>.*?</Contents>", b"", listing, flags=re.S
        )
    return listing


def bucket(url: str, name: str) -> None:
    """Make a bucket."""
    request = urllib.request.Request(f"{url}/{name}", method="PUT")
    urllib.request.urlopen(request, timeout=PATIENCE).close()
