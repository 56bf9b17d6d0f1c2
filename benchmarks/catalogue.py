"""A list of 100,000 rows from a local server: read, checked and stored; and what memory that takes."""

from __future__ import annotations

import json
import resource
import tempfile
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from benchmarks import Row
from benchmarks.ledger import FIRST
from bot import pipeline, sources, store
from bot.records import start_of_day
from bot.sources.catalogue import Settings

ROWS = 100_000
NIGHTS = 3
MOST_SECONDS = 30.0
MOST_MEMORY = 400
"""MB."""


def run() -> list[Row]:
    bodies = [
        json.dumps([{"name": f"author{n // 3}/model-{n}", "pulls": n + night * (n % 5)} for n in range(ROWS)]).encode()
        for night in range(NIGHTS)
    ]
    served = iter(bodies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = next(served)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    block = {"address": f"http://127.0.0.1:{server.server_port}/", "keys": {"counter": "pulls"}}
    settings = Settings.model_validate({"title": "Bench", "models": block})
    with tempfile.TemporaryDirectory() as folder:
        database = store.open_store(f"sqlite:///{folder}/ours.db")
        taken = []
        for night in range(NIGHTS):
            at = start_of_day(FIRST + timedelta(days=night))
            source = sources.make_source("bench", settings, Path(folder), {}, lambda at=at: at)
            began = time.perf_counter()
            done = pipeline.collect(database, "bench", source, None, lambda line: None)
            taken.append(time.perf_counter() - began)
            assert not done.error, done.error
        database.close()
    server.shutdown()
    began = time.perf_counter()
    for body in bodies:
        json.loads(body)
    floor = (time.perf_counter() - began) / NIGHTS
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Row(
            "a list of 100,000 rows, read, checked and stored; the slowest of three nights",
            f"{max(taken):.1f} s",
            f"json.loads of the same bytes, {floor:.2f} s",
            max(taken) / floor,
            f"< {MOST_SECONDS:g} s",
            max(taken) < MOST_SECONDS,
        ),
        Row("the most memory of that", f"{memory:.0f} MB", "", None, f"< {MOST_MEMORY} MB", memory < MOST_MEMORY),
    ]
