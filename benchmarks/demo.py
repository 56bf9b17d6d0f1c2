"""The whole demo in a new folder: time, processor time, and peak memory of its processes together."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import Row, seconds

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "bot" / "sources" / "replicate" / "record"
READ = (
    "import csv, io, lzma, pathlib, sys\n"
    "for path in sorted(pathlib.Path(sys.argv[1]).glob('runs-*.csv.xz')):\n"
    "    rows = csv.reader(io.StringIO(lzma.decompress(path.read_bytes()).decode()))\n"
    "    next(rows)\n"
    "    [int(cell) for _, *cells in rows for cell in cells if cell]"
)
"""The minimum for any program that reads this record."""
MOST_SECONDS, MOST_MEGABYTES = 40, 500


def run() -> list[Row]:
    floor = seconds(lambda: subprocess.run([sys.executable, "-c", READ, RECORD], check=True), 3)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text("networks:\n  replicate: {}\n", encoding="utf-8")
        took, worked, peak = _demo(folder)
    against = f"reading the record's numbers, {floor:.1f} s"
    time_goal, memory_goal = f"< {MOST_SECONDS} s", f"< {MOST_MEGABYTES} MB"
    within = peak < MOST_MEGABYTES
    return [
        Row("the demo, from record to site", f"{took:.1f} s", against, took / floor, time_goal, took < MOST_SECONDS),
        Row("its processor time", f"{worked:.1f} s", against, worked / floor, "none", True),
        Row("peak memory of its processes", f"{peak:.0f} MB", "the goal", peak / MOST_MEGABYTES, memory_goal, within),
    ]


def _demo(folder: str) -> tuple[float, float, float]:
    """Seconds, seconds of all processors, and the peak memory in MB of the process and its children together. Shared
    memory counts once: each process counts its share."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": "", "REPLICATE_API_TOKEN": ""}
    demo = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    peak = 0.0
    while demo.poll() is None:
        peak = max(peak, session_memory(demo.pid))
        time.sleep(0.2)
    if demo.returncode:
        raise SystemExit(f"the demo ended with {demo.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, worked, peak


def session_memory(session: int) -> float:
    """MB of the proportional memory of all processes of a session."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[3]) == session:
                rollup = (status.parent / "smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):  # it ended meanwhile
            continue
    return total / 1024


if __name__ == "__main__":
    print(*run(), sep="\n")
