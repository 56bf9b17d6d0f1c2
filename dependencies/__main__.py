"""`python -m dependencies lock | sbom | audit | size`."""

from __future__ import annotations

import sys

import click


@click.group()
def main() -> None:
    """The pinned packages."""


@main.command()
def lock() -> None:
    """Write the locks of all requirements files: the hashes of every file."""
    from dependencies.lock import write_locks

    click.echo("\n".join(f"{name}: written" for name in write_locks()) or "all current")


@main.command()
@click.argument("target", type=click.Path(), default="out/sbom.json")
def sbom(target: str) -> None:
    """Write the list of what an installation contains, as CycloneDX JSON."""
    from dependencies.sbom import write_sbom

    click.echo(f"{target}: {write_sbom(target)} packages")


@main.command()
def audit() -> None:
    """Look for known holes. Exit code 0: none, 1: some, 3: could not be checked."""
    from dependencies.audit import run_audit

    sys.exit(run_audit())


@main.command()
@click.argument("folder", type=click.Path(exists=True))
def size(folder: str) -> None:
    """Show what an environment takes on disk, by package."""
    from dependencies.size import print_sizes

    sys.exit(print_sizes(folder))


if __name__ == "__main__":
    main()
