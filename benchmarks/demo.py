"""The whole demo in a new folder, with the record already downloaded: time and peak memory of its process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import Row, seconds
from bot.clients import npm_tarball
from bot.sources.replicate.npm_record import PACKAGE

ROOT = Path(__file__).parent.parent
READ = (
    "import json, sys, tarfile\n"
    "with tarfile.open(sys.argv[1]) as a:\n"
    "    for name in ('stats.json', 'models.json'): json.load(a.extractfile('package/' + name))"
)
"""The minimum for any program that reads this record."""


def run() -> list[Row]:
    record = npm_tarball.fetch_tarball(PACKAGE, ROOT / "data", 180).resolve()
    floor = seconds(lambda: subprocess.run([sys.executable, "-c", READ, record], check=True), 3)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(f"networks:\n  replicate:\n    record: {record}\n", encoding="utf-8")
        took, peak = _demo(folder)
    against = f"reading the record's JSON, {floor:.1f} s"
    return [
        Row("the demo, from record to site", f"{took:.1f} s", against, took / floor, "< 20 s", took < 20),
        Row("its peak memory", f"{peak:.0f} MB", "the goal, 500 MB", peak / 500, "< 500 MB", peak < 500),
    ]


def _demo(folder: str) -> tuple[float, float]:
    """Seconds and peak resident MB of that process."""
    began = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": "", "REPLICATE_API_TOKEN": ""}
    demo = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(demo.pid, 0)
    demo.returncode = os.waitstatus_to_exitcode(status)
    if demo.returncode:
        raise SystemExit(f"the demo ended with {demo.returncode}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


if __name__ == "__main__":
    print(*run(), sep="\n")
