"""Time of `python -m bot --help`, compared with a click program that does nothing."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from benchmarks import Row, seconds

EMPTY = "import click\n@click.group()\ndef cli(): pass\ncli(['--help'])"


def run() -> list[Row]:
    def ours() -> None:
        subprocess.run([sys.executable, "-m", "bot", "--help"], stdout=subprocess.DEVNULL, check=True)

    def floor() -> None:
        subprocess.run([sys.executable, "-c", EMPTY], stdout=subprocess.DEVNULL, check=True)

    taken = [(seconds(ours, 1), seconds(floor, 1)) for _ in range(11)]
    took, least = (median(times) for times in zip(*taken, strict=True))
    goal, against = "< 0.2 s, within 2x", f"an empty click program, {least:.3f} s"
    return [Row("python -m bot --help", f"{took:.3f} s", against, took / least, goal, took < 0.2 and took / least < 2)]


if __name__ == "__main__":
    print(*run(), sep="\n")
