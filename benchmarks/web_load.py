"""The web server under 10,000 connections that never finish their request and 1,000 that ask again and again.

Timed are single requests for a page, each on a connection of its own, while another process loads the server. The floor
is the same server without load, and for the busy ones bare aiohttp that has the page in memory, under the same load.
Where the limit of open files is lower, fewer clients are started, and the row says so.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from benchmarks import Row

ROOT = Path(__file__).parents[1]
SLOW, BUSY = 10_000, 1_000
SECONDS = 15
PAUSE = 0.06
"""Seconds between two timed requests, so that they stay below the rate limit."""
SPARE = 300
"""Open files that a process needs besides its connections."""
GOAL = 5.0
"""Of the 99th percentile: the clients share the processors with what is measured."""
MEMORY_GOAL = 32.0
"""KB for each open connection."""
CONFIG = "networks: {}\noutlets: {site: {}}\nweb: {monitoring_port: 0, site: files}\n"
PAGE = "<!doctype html><title>A page</title>" + "<p>Some words of a page.</p>" * 800

BARE = """
import asyncio, resource
from aiohttp import web
from benchmarks.web_load import PAGE

async def page(request):
    return web.Response(text=PAGE, content_type="text/html")

async def serve():
    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print("127.0.0.1:%d" % runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(serve())
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """The timed requests of one load."""

    p50: float
    p99: float
    memory: float
    """MB of the server."""
    slow: int
    rate: float
    """Requests that the busy clients got answered in a second."""


def run() -> list[Row]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    part = min(1.0, (hard - SPARE) / (SLOW + BUSY)) if hard != resource.RLIM_INFINITY else 1.0
    slow, busy = int(SLOW * part), int(BUSY * part)
    fewer = "" if part == 1.0 else f" (of {SLOW + BUSY}: only {hard} open files are allowed)"
    with tempfile.TemporaryDirectory() as folder, _footfall(Path(folder)) as (port, process):
        quiet, held, full = (_measured(port, process.pid, *load) for load in ((0, 0), (slow, 0), (slow, busy)))
    with tempfile.TemporaryDirectory() as folder, _started(Path(folder), ["-c", BARE]) as (port, process):
        peer = _measured(port, process.pid, slow, busy)
    each = (held.memory - quiet.memory) * 1024 / max(1, held.slow)
    return [
        _row(f"a page beside {held.slow} slow connections{fewer}", held, quiet, "without load"),
        _row(
            f"a page beside {full.slow} slow and {busy} busy connections, {full.rate:.0f} requests a second",
            full,
            peer,
            f"bare aiohttp under the same, {peer.rate:.0f} requests a second",
        ),
        Row(
            f"memory of the web server with {held.slow} slow connections",
            f"{held.memory:.0f} MB, with the busy ones {full.memory:.0f}",
            f"without load: {quiet.memory:.0f} MB",
            held.memory / quiet.memory,
            f"within {MEMORY_GOAL:.0f} KB a connection ({each:.0f})",
            each < MEMORY_GOAL,
        ),
    ]


def _row(name: str, loaded: Measured, floor: Measured, what: str) -> Row:
    measured, against = (f"p99 {each.p99:.0f} ms, p50 {each.p50:.1f}" for each in (loaded, floor))
    ratio = loaded.p99 / floor.p99
    return Row(name, measured, f"{what}: {against}", ratio, f"within {GOAL:.0f}x", ratio < GOAL)


def _footfall(folder: Path) -> AbstractContextManager[tuple[int, subprocess.Popen[str]]]:
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    site = folder / "out" / "site"
    site.mkdir(parents=True)
    (site / "index.html").write_text(PAGE, encoding="utf-8")
    return _started(folder, ["-m", "bot", "web", "--port", "0"])


@contextmanager
def _started(folder: Path, arguments: Sequence[str]) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server's port and process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": ""}
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            match = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert match
            yield int(match[1]), process
        finally:
            process.send_signal(signal.SIGTERM)


def _measured(port: int, server: int, slow: int, busy: int) -> Measured:
    command = [sys.executable, "-m", "benchmarks._web_clients", *map(str, (port, slow, busy))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        try:
            assert clients.stdout is not None
            clients.stdout.readline()
            before, began = _asked(clients), time.perf_counter()
            milliseconds = [seconds * 1000 for seconds in _timed(port, began + SECONDS)]
            after, lasted = _asked(clients), time.perf_counter() - began
            status = Path(f"/proc/{server}/status").read_text(encoding="ascii")
        finally:
            clients.kill()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    cuts = quantiles(milliseconds, n=100)
    rate = (after["answered"] - before["answered"]) / lasted
    return Measured(cuts[49], cuts[98], memory, min(before["slow"], after["slow"]), rate)


def _asked(clients: subprocess.Popen[str]) -> dict[str, int]:
    """What the clients have done so far."""
    assert clients.stdin is not None and clients.stdout is not None
    clients.stdin.write("how many?\n")
    clients.stdin.flush()
    counts: dict[str, int] = json.loads(clients.stdout.readline())
    return counts


def _timed(port: int, until: float) -> Iterator[float]:
    """Seconds of single requests, one after the other."""
    while (began := time.perf_counter()) < until:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        yield time.perf_counter() - began
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer[:200].decode("latin-1"))
        time.sleep(PAUSE)


if __name__ == "__main__":
    print(*run(), sep="\n")
