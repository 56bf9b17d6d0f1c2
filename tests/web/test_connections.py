"""The web server against slow, idle, malformed and too many connections, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from bot.web import connections, middleware, static_site
from bot.web.server import Server
from tests.patience import PATIENCE, make_client

ROOT = Path(__file__).parents[2]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 64 * 1024 * 1024
T = TypeVar("T")


class Running:
    """A server in a thread of its own. `/wait` answers when `release` is set, `/large` is more than any buffer."""

    def __init__(
        self, most: int, request_seconds: float, most_of_address: int, trusted: str, site: Path | None
    ) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()
        self.passed, self.written = 0.0, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server = self._wait(self._start(most, request_seconds, most_of_address, trusted, site))
        self.port = self.server.addresses[0][1]

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _start(
        self, most: int, request_seconds: float, most_of_address: int, trusted: str, site: Path | None
    ) -> Server:
        app = web.Application(middlewares=[connections.track_request, middleware.handle_errors])
        app.router.add_get("/", self._plain)
        app.router.add_get("/wait", self._held)
        app.router.add_get("/large", self._large)
        app.router.add_get("/pieces", self._pieces)
        if site:
            static_site.add_routes(app, site)
        app.on_response_prepare.append(middleware.add_headers)
        proxies = [ip_network(trusted)] if trusted else []
        server = Server(app, most, 5.0, request_seconds, most_of_address, proxies)
        server.table.now = lambda: self._loop.time() + self.passed
        await server.start("127.0.0.1", 0)
        return server

    async def _plain(self, _request: web.Request) -> web.Response:
        return web.Response(text="plain")

    async def _held(self, _request: web.Request) -> web.Response:
        self.entered.release()
        await asyncio.to_thread(self.release.wait)
        return web.Response(text="held")

    async def _large(self, _request: web.Request) -> web.Response:
        return web.Response(body=bytes(LARGE))

    async def _pieces(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for self.written in range(1000):
            await response.write(bytes(1024 * 1024))
        return response

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the deadlines, and look for those that are over."""
        self.passed += seconds
        self._wait(self.server.table.close_slow())

    @property
    def unsent(self) -> int:
        """Bytes in the send buffers."""
        return sum(each.link.get_write_buffer_size() for each in list(self.server.table.open) if each.link)

    @property
    def is_stalled(self) -> bool:
        """Whether a connection waits for its client to read."""
        return self.unsent > 64 * 1024

    def stop(self) -> None:
        self.release.set()
        self._wait(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def connect(self, sent: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        client.sendall(sent)
        return client


@contextmanager
def running(
    most: int = 100,
    request_seconds: float = PATIENCE,
    most_of_address: int = 0,
    trusted: str = "",
    site: Path | None = None,
) -> Iterator[Running]:
    server = Running(most, request_seconds, most_of_address, trusted, site)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as started:
        yield started


def everything(client: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    with client:
        return b"".join(iter(lambda: client.recv(65536), b""))


def answered(client: socket.socket) -> bytes:
    """The first part of an answer; the connection stays open."""
    client.sendall(GET)
    return client.recv(65536)


MALFORMED = [
    b"GARBAGE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"a" * 9000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    b"<script>alert(1)</script>\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", MALFORMED)
def test_a_malformed_request_gets_one_sentence_and_the_security_headers(
    server: Running, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        head, _, body = everything(server.connect(request_bytes)).partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert re.match(r"HTTP/1\.[01] 400 Bad Request", lines[0])
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers.items() >= {**middleware.HEADERS, **middleware.OWN, "Cache-Control": "no-store"}.items()
    assert headers["Server"] == "footfall"
    error = {"code": "bad_request", "message": middleware.MALFORMED}
    assert json.loads(body) == {"schema_version": 1, "error": error}
    assert caplog.records == []


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 6\r\n\r\nnot it",
        b"Content-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_body_that_cannot_be_read_leaves_nothing_in_the_log(
    server: Running, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Each such request wrote a traceback."""
    with caplog.at_level(logging.INFO):
        answer = everything(server.connect(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + body))
    assert re.match(rb"HTTP/1\.[01] 40[05] ", answer)
    assert caplog.records == []


def test_an_expectation_that_is_not_known_gets_the_security_headers(server: Running) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nConnection: close\r\n\r\n"
    answer = everything(server.connect(request)).decode()
    assert answer.startswith("HTTP/1.1 417 ") and "Server: footfall\r\n" in answer
    assert "Content-Security-Policy: default-src 'none'" in answer


def test_headers_without_end_are_refused() -> None:
    with running() as server:
        client = server.connect(b"GET / HTTP/1.1\r\n")
        answer = b""
        while not answer:  # each line alone is short enough
            client.sendall(b"Name: " + b"a" * 4000 + b"\r\n")
            answer = client.recv(65536) if select.select([client], [], [], 0.01)[0] else b""
        assert answer.startswith(b"HTTP/1.1 431 ") and b"larger than 32768 bytes" in answer
        assert server.server.table.closed["large"] == 1
        client.close()


def test_a_body_that_nobody_reads_does_not_count_as_headers(server: Running) -> None:
    with make_client(base_url=f"http://127.0.0.1:{server.port}") as client:
        for _ in range(20):
            assert client.post("/", content=bytes(100_000)).status_code == 405


@pytest.mark.parametrize("begun", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n"])
def test_a_request_that_does_not_end_is_cut_off_however_it_trickles_in(begun: bytes) -> None:
    with running(request_seconds=0.05) as server:
        client = server.connect(begun)
        while not select.select([client], [], [], 0.02)[0]:
            client.sendall(b"x" if begun else b"")
        assert client.recv(65536).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        client.close()
        assert server.server.table.closed["slow"] == 1


def test_a_second_request_that_does_not_end_is_cut_off_too() -> None:
    with running(request_seconds=0.05) as server:
        client = server.connect()
        assert answered(client).startswith(b"HTTP/1.1 200 OK")
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
        client.close()


def test_a_client_that_does_not_read_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.05)
    with running() as server:
        client = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: server.server.table.closed["slow"] == 1)
        until(lambda: not server.server.table.open)
        client.close()


def test_a_client_that_asks_for_the_end_and_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.05)
    with running() as server:
        client = server.connect(b"GET /large HTTP/1.0\r\n\r\n")
        until(lambda: server.server.table.closed["slow"] == 1)
        until(lambda: not server.server.table.open)
        client.close()


def test_a_client_that_reads_gets_an_answer_larger_than_any_buffer(server: Running) -> None:
    request = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert len(everything(server.connect(request))) > LARGE


def test_a_client_that_reads_a_little_now_and_then_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever there was room in the send buffer again, the deadline began anew."""
    monkeypatch.setattr(connections, "SLOWEST_READER", 2**40)  # bytes: what it reads earns it no time
    with running() as server, server.connect(b"GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        for _ in range(8):  # the kernel may take more just when the time passes
            until(lambda: server.is_stalled)
            before = server.written
            server.pass_time(0.6 * connections.STALLED_SECONDS)
            if server.server.table.closed["slow"]:
                break
            while server.written == before and client.recv(65536):
                pass
        assert server.server.table.closed["slow"] == 1


def test_a_client_that_reads_a_large_answer_fast_enough_is_not_cut_off() -> None:
    """An answer in one piece had to be read whole before the first deadline."""
    with running() as server, server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        until(lambda: server.is_stalled)
        for _ in range(3):
            before = server.unsent
            while server.unsent > before - 1024 * 1024:
                assert client.recv(65536)
            server.pass_time(connections.STALLED_SECONDS + 1)
            assert server.server.table.closed["slow"] == 0
        server.pass_time(3 * connections.STALLED_SECONDS)
        assert server.server.table.closed["slow"] == 1


def test_one_address_cannot_take_all_connections() -> None:
    with running(most_of_address=2) as server, ExitStack() as closing:
        clients = [closing.enter_context(server.connect()) for _ in range(2)]
        assert all(answered(client).startswith(b"HTTP/1.1 200 OK") for client in clients)
        third = closing.enter_context(server.connect())
        assert everything(clients[0]).startswith(b"HTTP/1.1 429 "), "the oldest one made room"
        assert answered(clients[1]).startswith(b"HTTP/1.1 200 OK") and answered(third).startswith(b"HTTP/1.1 200 OK")
        assert len(server.server.table.open) == 2 and server.server.table.closed["address"] == 1


def test_an_address_with_all_its_connections_busy_gets_no_more() -> None:
    with running(most_of_address=2) as server, ExitStack() as closing:
        ask = b"GET /wait HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.%d\r\nConnection: close\r\n\r\n"
        busy = [closing.enter_context(server.connect(ask % number)) for number in range(2)]
        for _ in busy:
            assert server.entered.acquire(timeout=PATIENCE)
        refused = everything(server.connect())
        assert refused.startswith(b"HTTP/1.1 429 ") and b"too many connections from your address" in refused
        server.release.set()
        assert all(everything(client).endswith(b"held") for client in busy)
        assert everything(server.connect(ask % 3)).endswith(b"held")


def test_behind_a_trusted_proxy_the_visitor_is_counted_and_not_the_proxy() -> None:
    with running(most_of_address=2, trusted="127.0.0.0/8") as server, ExitStack() as closing:
        ask = b"GET %s HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.%d\r\nConnection: close\r\n\r\n"
        for _ in range(4):
            closing.enter_context(server.connect())
        busy = [closing.enter_context(server.connect(ask % (b"/wait", 1))) for _ in range(2)]
        for _ in busy:
            assert server.entered.acquire(timeout=PATIENCE)
        assert everything(server.connect(ask % (b"/", 1))).startswith(b"HTTP/1.1 429 ")
        assert everything(server.connect(ask % (b"/", 2))).endswith(b"plain")
        server.release.set()
        assert all(everything(client).endswith(b"held") for client in busy)
        assert everything(server.connect(ask % (b"/", 1))).endswith(b"plain")
        assert server.server.table.closed["address"] == 1


def test_of_pipelined_requests_the_second_is_not_taken_for_a_connection_that_waits() -> None:
    with running() as server, server.connect(GET + b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        assert server.entered.acquire(timeout=PATIENCE)
        assert not server.server.table.waiting
        server.release.set()
        until(lambda: len(server.server.table.waiting) == 1)
        assert client.recv(65536)


def until(condition: Callable[[], bool]) -> None:
    waiting, end = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        waiting.wait(0.01)


def test_at_the_limit_a_connection_that_becomes_idle_makes_room() -> None:
    """Only the end of a connection woke those that waited to be accepted."""
    with running(most=1) as server, server.connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n") as busy:
        assert server.entered.acquire(timeout=PATIENCE)
        with server.connect(GET) as next_one:
            for _ in range(10):
                server.pass_time(0)  # until the server knows of it
            server.release.set()
            assert b"held" in busy.recv(65536)
            assert b"plain" in next_one.recv(65536)
            assert server.server.table.closed["full"] == 1, "it was not kept until its own time was over"


def test_at_the_limit_the_connection_that_has_waited_longest_makes_room() -> None:
    with running(most=3) as server, ExitStack() as closing:
        clients = [closing.enter_context(server.connect()) for _ in range(3)]
        for client in (clients[1], clients[0], clients[2]):
            assert answered(client).startswith(b"HTTP/1.1 200 OK")
        new = closing.enter_context(server.connect())
        assert answered(new).startswith(b"HTTP/1.1 200 OK")
        assert clients[1].recv(1) == b"", "it was closed"
        for client in (clients[0], clients[2], new):
            assert answered(client).startswith(b"HTTP/1.1 200 OK")
        assert server.server.table.closed["full"] == 1


def test_a_request_in_progress_is_never_closed_to_make_room() -> None:
    with running(most=2) as server:
        busy = [server.connect(b"GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for _ in range(2)]
        for _ in busy:
            assert server.entered.acquire(timeout=PATIENCE)
        waiting = server.connect(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert len(server.server.table.open) == 2
        server.release.set()
        assert all(everything(client).endswith(b"held") for client in busy)
        assert everything(waiting).endswith(b"plain")
        assert server.server.table.closed["full"] == 0


# --- limits of open files -------------------------------------------------------------------------------------------

CONFIG = """
data: {folder}
out: {folder}/out
networks: {{replicate: {{headline: {{catalogue: models, figure: models_used}}}}}}
web: {{monitoring_port: 0}}
"""


@contextmanager
def limited(command: list[str], folder: Path, files: int) -> Iterator[tuple[int, Path]]:
    """A process that may have `files` open files: its port, and the file of its log."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": ""}
    log = folder / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert match, (line, log.read_text())
            yield int(match[1]), log
        finally:
            process.kill()


def test_requests_are_answered_while_more_sockets_idle_than_files_may_be_open(tmp_path: Path) -> None:
    """260 idle sockets at 256 open files once stopped the server for a minute and wrote 146 MB of log."""
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path))
    command = [sys.executable, "-m", "bot", "web", "--port", "0"]
    with limited(command, tmp_path, 256) as (port, log), ExitStack() as closing:
        for _ in range(400):
            closing.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        for _ in range(20):
            with make_client(base_url=f"http://127.0.0.1:{port}") as client:
                assert client.get("/api/v1").status_code == 200
        assert log.read_text() == ""


def test_large_downloads_leave_files_for_the_requests_after_them(tmp_path: Path) -> None:
    """A download once held two open files, the socket and what was read."""
    settings = CONFIG.format(folder=tmp_path).replace("{monitoring_port: 0}", "{monitoring_port: 0, site: files}")
    (tmp_path / "config.yaml").write_text(settings)
    site = tmp_path / "out" / "site"
    site.mkdir(parents=True)
    (site / "index.html").write_text("front")
    (site / "large.parquet").write_bytes(bytes(32 * 1024 * 1024))
    command = [sys.executable, "-m", "bot", "web", "--port", "0"]
    with limited(command, tmp_path, 128) as (port, log), ExitStack() as closing:
        sockets = []
        for _ in range(60):
            sockets.append(closing.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)))
            sockets[-1].sendall(b"GET /large.parquet HTTP/1.1\r\nHost: here\r\n\r\n")
        for number, opened in enumerate(sockets):
            assert opened.recv(12) == b"HTTP/1.1 200", (number, log.read_text())
            opened.close()  # in the middle of the answer
        assert log.read_text() == ""


WITHOUT_CAP = """
import asyncio
from aiohttp import web
from bot import logging_setup
from bot.web import server

async def plain(request):
    return web.Response(text="plain")

async def serve():
    app = web.Application()
    app.router.add_get("/", plain)
    started = server.Server(app, 10_000, 5.0)
    await started.start("127.0.0.1", 0)
    print("127.0.0.1:%d" % started.addresses[0][1], flush=True)
    await asyncio.Event().wait()

server.ACCEPT_PAUSE = 0.01
logging_setup.configure_logging([])
asyncio.run(serve())
"""


def test_an_accept_that_fails_is_logged_once_and_retried(tmp_path: Path) -> None:
    with limited([sys.executable, "-c", WITHOUT_CAP], tmp_path, 64) as (port, log), ExitStack() as closing:
        for _ in range(150):
            closing.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        with make_client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/").text == "plain"
        text = log.read_text()
    assert text.count("connections cannot be accepted") == 1 and len(text) < 2000, text


LIMITS = """
import json, os, resource, sys
from bot.web.server import connection_limit

for soft, hard, wanted in json.loads(sys.argv[1]):
    if not os.fork():
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print(connection_limit(wanted), *resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)
        os._exit(0)
    os.wait()
"""


def test_the_limit_of_connections_follows_from_that_of_open_files() -> None:
    """The soft limit is raised as far as is needed and allowed, and some files are kept."""
    expected = {
        (256, 256, 1000): "192 256 256",
        (256, 4000, 1000): "1000 1064 4000",
        (256, 512, 1000): "448 512 512",
        (2000, 4000, 1000): "1000 2000 4000",
        (40, 40, 1000): "20 40 40",
    }
    command = [sys.executable, "-c", LIMITS, json.dumps(list(expected))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout.splitlines() == list(expected.values())
