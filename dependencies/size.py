"""What an installation takes on disk: each package of an environment, and Footfall itself."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions
from pathlib import Path

import click

from dependencies import ROOT

GOAL = 420
"""MB, of `requirements.txt` and Footfall, without what comes with Python."""
PYTHONS_OWN = ("pip", "setuptools", "wheel")
OURS = ("bot", "templates", "locales", "config.yaml")
SHOWN = 20


def print_sizes(environment: str) -> int:
    """Print the largest packages. Returns 1 if all together are beyond the goal, otherwise 0."""
    sizes = sorted(package_sizes(environment).items(), key=lambda package: -package[1])
    total = sum(size for _, size in sizes) / 1e6
    for name, size in sizes[:SHOWN]:
        click.echo(f"{size / 1e6:8.1f} MB  {name}")
    click.echo(f"{sum(size for _, size in sizes[SHOWN:]) / 1e6:8.1f} MB  {max(0, len(sizes) - SHOWN)} others")
    click.echo(f"{total:8.1f} MB  in all; goal < {GOAL} MB")
    return int(total >= GOAL)


def package_sizes(environment: str) -> dict[str, int]:
    """The bytes of each package of an environment, bytecode included, and of Footfall; without Python's own."""
    places = [str(place) for place in Path(environment).glob("lib/python*/site-packages")]
    packages = (package for package in distributions(path=places) if package.metadata["Name"] not in PYTHONS_OWN)
    sizes = {package.metadata["Name"]: _installed_bytes(package) for package in packages}
    return {**sizes, "footfall": sum(_tree_bytes(ROOT / part) for part in OURS)}


def _installed_bytes(package: Distribution) -> int:
    files = {Path(str(package.locate_file(file))).resolve() for file in package.files or ()}
    compiled = {path for file in files for path in file.parent.glob(f"__pycache__/{file.stem}.*.pyc")}
    return sum(file.stat().st_size for file in files | compiled if file.is_file())


def _tree_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)
