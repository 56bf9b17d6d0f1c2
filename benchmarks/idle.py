"""Memory of an idle worker that is connected to Discord, compared with importing its largest libraries.

Resident memory of separate processes: the worker's some seconds after it logged in to a local gateway, got its servers
and ran one cycle. Its peak is shown as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import Row
from tests.peers.discord_api import TOKEN
from tests.peers.discord_gateway import DiscordGateway

ROOT = Path(__file__).parents[1]
GOAL = 1.5
SETTLED = 8.0
"""Seconds after the last step of the start."""
CONFIG = """
networks: {replicate: {headline: {catalogue: models, figure: models_used}}}
outlets: {discord: {api: "%s", destinations: ["400000000000000001"]}}
schedule: [{name: daily, period: day, at: "02:30", zone: UTC}]
worker: {port: 0, slash: true, collect_every: 1d, tick: 1}
"""
WITHOUT_RICH = "import sys, runpy; sys.modules['rich'] = None; runpy.run_module('bot', run_name='__main__')"
"""`python -m bot` as installed from requirements.lock: structlog and httpx import rich where it is, as it is among the
packages for development."""
IMPORTS = "import discord, sqlalchemy, pydantic, jinja2; print(open('/proc/self/status').read())"


def run() -> list[Row]:
    text = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True).stdout
    floor = _resident(text)
    with tempfile.TemporaryDirectory() as folder, DiscordGateway() as peer:
        (Path(folder) / "config.yaml").write_text(CONFIG % peer.url, encoding="utf-8")
        idle, peak = _worker(folder, peer)
    return [
        Row(
            "memory of the idle worker, Discord connected",
            f"{idle:.0f} MB, at most {peak:.0f}",
            f"importing discord.py, SQLAlchemy, pydantic, jinja2: {floor:.0f} MB",
            idle / floor,
            f"within {GOAL}x",
            idle / floor < GOAL,
        )
    ]


def _worker(folder: str, peer: DiscordGateway) -> tuple[float, float]:
    """Current and peak resident MB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": "", "DISCORD_TOKEN": TOKEN}
    environment["REPLICATE_API_TOKEN"] = ""
    begun = [sys.executable, "-m", "bot"]
    subprocess.run([*begun, "migrate"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    command = [sys.executable, "-c", WITHOUT_RICH, "run"]
    with (Path(folder) / "log").open("w+") as log:
        worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            peer.until(lambda: peer.synced or worker.poll() is not None, 60)
            time.sleep(SETTLED)
            if worker.poll() is not None:
                log.seek(0)
                raise SystemExit(f"the worker ended with {worker.returncode}: {log.read()[-2000:]}")
            status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)
    return _resident(status), _resident(status, "VmHWM")


def _resident(status: str, line: str = "VmRSS") -> float:
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith(line)) / 1024


if __name__ == "__main__":
    print(*run(), sep="\n")
