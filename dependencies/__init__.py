"""The pinned packages: their hashes (`python -m dependencies lock`), their list for auditors (`sbom`), known holes in
them (`audit`) and how much disk space they take (`size`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[(?P<extras>[^\]]+)\])?==(?P<version>[^\s;]+)( *; *(?P<marker>[^\\]+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package in its one version."""

    name: str
    version: str
    extras: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as package indexes compare it."""
        return re.sub(r"[-_.]+", "-", self.name).lower()

    def __str__(self) -> str:
        extras = f"[{self.extras}]" if self.extras else ""
        marker = f" ; {self.marker}" if self.marker else ""
        return " \\\n    ".join(
            [f"{self.name}{extras}=={self.version}{marker}", *(f"--hash=sha256:{h}" for h in self.hashes)]
        )


def requirement_files() -> list[Path]:
    """The files in which packages are pinned by hand."""
    return sorted(ROOT.glob("requirements*.txt"))


def lock_of(requirements: Path) -> Path:
    """The file with the hashes of another."""
    return requirements.with_suffix(".lock")


def read_pins(path: Path) -> Iterator[Pin]:
    """The pins of a requirements file or of a lock. Raises `ValueError` for a line that is none."""
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if (pin := _PIN.match(line)) is None:
            raise ValueError(f"{path.name}: found {line!r}, wanted name==version")
        marker = (pin["marker"] or "").partition("--hash")[0].strip()
        yield Pin(pin["name"], pin["version"], pin["extras"] or "", marker, tuple(_HASH.findall(line)))
