"""Some nights of Replicate's bundled record as a record of their own, cut out by plain loops that share no code with
`bot/`."""

from __future__ import annotations

import csv
import io
import lzma
from functools import cache
from pathlib import Path

BUNDLED = Path(__file__).parents[1] / "bot" / "sources" / "replicate" / "record"
README_NIGHTS = ("2024-12-18", "2025-01-16")
"""The nights that close 17 December 2024 to 15 January 2025."""


@cache
def nights_between(first: str = "", last: str = "9") -> dict[str, dict[str, int]]:
    """The counters of each night from one date to another by model; nights as they are written in the files."""
    nights: dict[str, dict[str, int]] = {}
    for path in sorted(BUNDLED.glob("runs-*.csv.xz")):
        rows = csv.reader(io.StringIO(lzma.decompress(path.read_bytes()).decode()))
        wanted = [(place, head) for place, head in enumerate(next(rows)) if first <= head[:10] <= last and place]
        for row in rows if wanted else ():
            for place, head in wanted:
                if row[place]:
                    nights.setdefault(head, {})[row[0]] = int(row[place])
    return nights


def write_slice(folder: Path, first: str, last: str, hours: str = "0123456789") -> Path:
    """A record of the nights from one date to another; with `hours="0"`, only of those that close a day."""
    nights = nights_between(first, last)
    return write_record(folder, {head: nights[head] for head in nights if set(head[11:13]) <= set(hours)})


def write_night(folder: Path) -> Path:
    """A record of one night with one model, for tests that need a source and not its days: the bundled record takes
    seconds to read."""
    return write_record(folder, {"2025-03-13T00:05:00Z": {"o/m0": 0}})


def write_record(folder: Path, nights: dict[str, dict[str, int]]) -> Path:
    """A record of these nights; the commit of a night that is not in the bundled record is made up."""
    lines = csv.reader((BUNDLED / "snapshots.csv").read_text().splitlines())
    commits = {line[0]: line[1] for line in lines}
    folder.mkdir(parents=True, exist_ok=True)
    heads = sorted(nights)
    with (folder / "snapshots.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("snapshot_utc", "commit", "models", "sum_of_counters"))
        for head in heads:
            listed = nights[head]
            writer.writerow((head, commits.get(head, f"{len(listed):040x}"), len(listed), sum(listed.values())))
    with lzma.open(folder / "runs-some.csv.xz", "wt", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("model", *heads))
        for model in sorted({model for listed in nights.values() for model in listed}):
            writer.writerow((model, *(nights[head].get(model, "") for head in heads)))
    return folder
