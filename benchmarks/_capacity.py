"""The cost of one day of so many uses: `python -m benchmarks._capacity 1000000 10000000`, for docs/scale.md.

Seconds are processor time of one core, so that other work on the machine changes them little. Uses, models and callers
are generated as in `rollups`, and written in one step within the lake's default memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

from benchmarks import rollups
from benchmarks._events import peak_mb
from bot import lake
from bot.lake import DayRef, LakeSettings


def main() -> None:
    for count in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            rollups.A_DAY = int(count)
            began = time.process_time()
            day = rollups.made(folder, 0)
            writing = time.process_time() - began
            size = lake.read_manifest(day).size
            code = f"from benchmarks._capacity import added; added({folder!r}, {day.manifest!r})"
            ran = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
            each = size / int(count)
            print(
                f"{int(count):,} uses: {size / 1e6:,.0f} MB, {each:.0f} bytes each; made, written in {writing:.1f} s",
                end="",
            )
            print(f", {peak_mb():.0f} MB at most")
            print(f"  added up: {ran.stdout}", end="")


def added(folder: str, manifest: str) -> None:
    """In its own process: roll up the day."""
    day = DayRef(LakeSettings(folder), "bench", "hub", rollups.FIRST, manifest)
    began, clock = time.process_time(), time.perf_counter()
    day_rollup = lake.try_roll_up(day)
    if isinstance(day_rollup, str):
        print(day_rollup)
        return
    callers = day_rollup.callers.callers
    took, waited = time.process_time() - began, time.perf_counter() - clock
    print(f"{took:.2f} s of a core ({waited:.2f} s waited), {callers:,} callers exact, {peak_mb():.0f} MB at most")


if __name__ == "__main__":
    main()
