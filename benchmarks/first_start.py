"""A first start of Chutes: all days since its count began, read, stored and added up; then one day composed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks import Row, seconds
from benchmarks.demo import session_memory
from bot import pipeline
from bot.cli.app_context import AppContext
from bot.sources.chutes.source import BEGAN
from tests.peers.chutes_api import ChutesApi
from tests.peers.served import serving

ROOT = Path(__file__).parent.parent
ROWS = 90_000
MOST_SECONDS, MOST_MEGABYTES, MOST_COMPOSING = 20, 300, 1


def run() -> list[Row]:
    api = ChutesApi(_made_up_rows())
    with serving(api) as server, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(f"networks:\n  chutes: {{api: {server.url}}}\n", encoding="utf-8")
        whole = {"start_date": BEGAN.isoformat(), "end_date": date.today().isoformat()}

        def read_whole() -> None:
            answer = httpx.get(f"{server.url}/invocations/stats/llm", params=whole, timeout=120)
            assert len(json.loads(answer.content)) == ROWS

        floor = seconds(read_whole, 3)
        took, peak = _collect(folder)
        composed = _compose(config)
    against = f"the same rows in one answer, decoded, {floor:.1f} s"
    return [
        Row(f"first start, {ROWS:,} rows", f"{took:.1f} s", against, took / floor, "< 20 s", took < MOST_SECONDS),
        Row("its peak memory", f"{peak:.0f} MB", "the goal", peak / MOST_MEGABYTES, "< 300 MB", peak < MOST_MEGABYTES),
        Row("its newest day, warm", f"{composed:.2f} s", "the goal", composed, "< 1 s", composed < MOST_COMPOSING),
    ]


def _made_up_rows() -> list[dict[str, Any]]:
    """Rows of made-up chutes, the same number each day up to yesterday."""
    chance = random.Random(1)
    days = (datetime.now(UTC).date() - BEGAN).days
    rows = []
    for place in range(ROWS):
        number, chute = divmod(place, -(-ROWS // days))
        rows.append(
            {
                "chute_id": f"{chute:08d}-0000-5000-8000-000000000000",
                "name": f"author{chute % 40}/model-{chute}-with-a-name-of-some-length",
                "date": (BEGAN + timedelta(days=number)).isoformat(),
                "total_requests": chance.randint(1, 4_000_000),
                "total_input_tokens": chance.randint(1, 20_000_000_000),
                "total_output_tokens": chance.randint(1, 1_000_000_000),
                "average_tps": 41.5,
                "average_ttft": 1.25,
            }
        )
    return rows


def _collect(folder: str) -> tuple[float, float]:
    """Seconds, and the peak memory in MB of the process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": ""}
    command = [sys.executable, "-m", "bot", "collect", "--network", "chutes"]
    began = time.perf_counter()
    start = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    peak = 0.0
    while start.poll() is None:
        peak = max(peak, session_memory(start.pid))
        time.sleep(0.1)
    if start.returncode:
        raise SystemExit(f"collect ended with {start.returncode}")
    return time.perf_counter() - began, peak


def _compose(config: Path) -> float:
    """Seconds for the newest day, once it was composed before."""
    os.environ["DATABASE_URL"] = f"sqlite:///{config.parent / 'data' / 'footfall.db'}"
    parts = AppContext(config)
    try:
        plan = parts.network_plan("chutes")
        newest = pipeline.covered_periods(parts.store, plan, "day")[-1]
        at = datetime.now(UTC)
        return seconds(lambda: pipeline.compose_digest(parts.store, parts.archive, plan, newest, at), 3)
    finally:
        parts.close()


if __name__ == "__main__":
    print(*run(), sep="\n")
