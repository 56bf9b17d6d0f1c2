"""`python -m benchmarks` runs all, `python -m benchmarks compose help` some. Each runs in a process of its own.

Exit code 1 where a goal is missed or a measurement fails.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import pkgutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import Row

HEADS = ("measured", "", "against", "ratio", "goal", "met")


def names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_"))


def _tabled(name: str) -> bool:
    """Whether a module has `run`, whose rows go into the table; one with only `main` prints lines of its own."""
    found = importlib.util.find_spec(f"benchmarks.{name}")
    return bool(found and found.origin and "\ndef run(" in Path(found.origin).read_text(encoding="utf-8"))


def _rows(name: str) -> list[Row] | None:
    """What one measurement found; `None` where it failed."""
    ran = subprocess.run([sys.executable, "-m", "benchmarks", "--rows", name], stdout=subprocess.PIPE, text=True)
    return [Row(**row) for row in json.loads(ran.stdout)] if ran.returncode == 0 else None


def _table(rows: Sequence[Row]) -> None:
    cells = [
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
    widths = [max(map(len, column)) for column in zip(HEADS, *cells, strict=True)]
    for line in (HEADS, *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@click.command()
@click.option("--rows", "one", metavar="NAME", help="Print one measurement's rows as JSON.")
@click.argument("chosen", nargs=-1)
def main(one: str | None, chosen: tuple[str, ...]) -> None:
    """Run every measurement, or those named."""
    if one:
        rows = importlib.import_module(f"benchmarks.{one}").run()
        click.echo(json.dumps([dataclasses.asdict(row) for row in rows]))
        return
    if unknown := set(chosen) - set(names()):
        raise click.UsageError(f"{', '.join(sorted(unknown))}: no such measurement; known: {', '.join(names())}")
    wanted = [name for name in names() if not chosen or name in chosen]
    found: list[Row] = []
    failed: list[str] = []
    for name in wanted:
        click.echo(f"measuring {name} ...", err=True)
        if not _tabled(name):
            if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
                failed.append(name)
        elif (rows := _rows(name)) is None:
            failed.append(name)
        else:
            found += rows
    if found:
        _table(found)
    for name in failed:
        click.echo(f"{name}: failed", err=True)
    sys.exit(1 if failed or not all(row.met for row in found) else 0)


if __name__ == "__main__":
    main()
