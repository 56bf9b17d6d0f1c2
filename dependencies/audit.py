"""Asks pip-audit's service for known holes in the pinned packages, and says in one line if it could not be asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from dependencies import lock_of, requirement_files

NONE, SOME, NOT_CHECKED = 0, 1, 3
"""Exit codes."""
SECONDS = 15
"""For one request."""


def run_audit() -> int:
    """Check every lock. The gravest result is the exit code."""
    return max((_audit(lock_of(path)) for path in requirement_files()), key=(NONE, NOT_CHECKED, SOME).index)


def _audit(lock: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(lock)]
        command += ["--timeout", str(SECONDS), "--progress-spinner", "off", "--format", "json", "--output", str(report)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if not report.exists():
            why = (ran.stderr.strip().splitlines() or ["no report"])[-1]
            click.echo(f"{lock.name}: NOT CHECKED: {why[:200]}")
            return NOT_CHECKED
        return _print_report(lock.name, json.loads(report.read_text(encoding="utf-8")))


def _print_report(name: str, report: dict[str, list[dict[str, object]]]) -> int:
    packages = report["dependencies"]
    skipped = [f"{package['name']}: {package['skip_reason']}" for package in packages if "skip_reason" in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {hole['fix_versions'] or 'no version'}"
        for package in packages
        for hole in package.get("vulns", ())  # type: ignore[attr-defined]
    ]
    click.echo(f"{name}: {len(packages) - len(skipped)} packages checked, {len(holes)} known holes")
    for line in (*holes, *(f"NOT CHECKED: {line}" for line in skipped)):
        click.echo(f"  {line}")
    return SOME if holes else NOT_CHECKED if skipped else NONE
