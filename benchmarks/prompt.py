"""Processor time of the commands that answer from the database, compared with an empty click program that imports
SQLAlchemy and opens the same database.

Each command runs in turns with the floor, so that a busy machine slows both; the smallest time of each counts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import Row

ROOT = Path(__file__).parents[1]
GOAL = 3.0
ROUNDS = 7
COMMANDS = (
    *("usage", "inventory", "model meta/meta-llama-3-70b-instruct", "top", "idle", "trend models_used", "why"),
    *("show --network replicate", "method models_used", "status", "about", "schedule", "deliveries", "networks"),
)
FLOOR = """
import click, sqlalchemy
@click.command()
def cli():
    with sqlalchemy.create_engine("sqlite:///data/footfall.db").connect() as connection:
        connection.execute(sqlalchemy.text("SELECT count(*) FROM digests")).scalar()
cli()
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text((ROOT / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        for step in ("collect --network replicate", "compose --network replicate --day 2025-03-30"):
            _processor_seconds(folder, *_command(step))
        return [_row(folder, command) for command in COMMANDS]


def _command(command: str) -> list[str]:
    return ["-m", "bot", *command.split()]


def _row(folder: str, command: str) -> Row:
    rounds = [
        (_processor_seconds(folder, *_command(command)), _processor_seconds(folder, "-c", FLOOR)) for _ in range(ROUNDS)
    ]
    took, floor = (min(times) for times in zip(*rounds, strict=True))
    return Row(
        f"processor time of `{command.partition(' ')[0]}`",
        f"{took:.2f} s",
        f"click, SQLAlchemy and the database opened: {floor:.2f} s",
        took / floor,
        f"within {GOAL:g}x",
        took / floor < GOAL,
    )


def _processor_seconds(folder: str, *arguments: str) -> float:
    # Compiled modules are kept, as in an installation: in a folder of their own, so that nothing else here changes.
    kept = {"PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    unset = dict.fromkeys(("DATABASE_URL", "REPLICATE_API_TOKEN"), "")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **kept, **unset}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    print(*run(), sep="\n")
