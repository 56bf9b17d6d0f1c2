"""`python -m benchmarks` runs all, `python -m benchmarks compose help` some. Each runs in its own process.

The table is printed and written as Markdown to `benchmarks/out/table.md`. The exit code is 1 if a goal is missed or a
benchmark fails.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks import Row

HEADS = ("measure", "this machine", "peer or floor, same run", "ratio", "goal", "met")
TABLE = Path(__file__).parent / "out" / "table.md"


def names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_"))


def _rows(name: str) -> list[Row] | None:
    """The rows of one benchmark; `None` if it failed."""
    ran = subprocess.run([sys.executable, "-m", "benchmarks", "--rows", name], stdout=subprocess.PIPE, text=True)
    # The last line: what is measured may log to standard output too.
    return [Row(**row) for row in json.loads(ran.stdout.splitlines()[-1])] if ran.returncode == 0 else None


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [
        (
            r.name,
            r.measured,
            r.against,
            f"{r.ratio:.3g}" if r.ratio is not None else "-",
            r.goal,
            "yes" if r.met else "NO",
        )
        for r in rows
    ]


def _plain(cells: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(HEADS, *cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in (HEADS, *cells))
    return "\n".join(lines)


def _markdown(cells: Sequence[tuple[str, ...]], about: str) -> str:
    lines = (HEADS, ("---",) * len(HEADS), *cells)
    return f"{about}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _machine() -> str:
    """The machine and its load, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpus = Path("/proc/cpuinfo")
    named = [line for line in cpus.read_text().splitlines() if line.startswith("model name")] if cpus.exists() else []
    name = named[0].split(": ")[1].strip() if named else platform.machine()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({name}), {memory:.0f} GB, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {load}"
    )


@click.command()
@click.option("--rows", "one", metavar="NAME", help="Print one measurement's rows as JSON.")
@click.argument("chosen", nargs=-1)
def main(one: str | None, chosen: tuple[str, ...]) -> None:
    """Run every benchmark, or those named."""
    if one:
        rows = importlib.import_module(f"benchmarks.{one}").run()
        click.echo(json.dumps([dataclasses.asdict(row) for row in rows]))
        return
    if unknown := set(chosen) - set(names()):
        raise click.UsageError(f"{', '.join(sorted(unknown))}: no such measurement; known: {', '.join(names())}")
    wanted = [name for name in names() if not chosen or name in chosen]
    about, began = _machine(), time.monotonic()
    table_rows: list[Row] = []
    failed: list[str] = []
    for name in wanted:
        click.echo(f"measuring {name} ...", err=True)
        if (rows := _rows(name)) is None:
            failed.append(name)
        else:
            table_rows += rows
    cells = _cells(table_rows)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(_markdown(cells, about), encoding="utf-8")
    click.echo(f"{about}\n\n{_plain(cells)}\n\nall of it took {(time.monotonic() - began) / 60:.1f} minutes")
    for name in failed:
        click.echo(f"{name}: failed", err=True)
    # CI runs on any machine, however busy: there a missed goal is shown and ends nothing.
    missed = "CI" not in os.environ and not all(row.met for row in table_rows)
    sys.exit(1 if failed or missed else 0)


if __name__ == "__main__":
    main()
