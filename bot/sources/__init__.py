"""One file a network. A source is asked for a stretch of days and yields snapshots; it never computes a figure.

Adding a network is adding a file here: its module docstring is its page in the docs, `CATALOGUES` says what it lists,
`Settings` what `config.yaml` may tell it, `SECRETS` which environment variables it reads.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Protocol

from bot.config import Network
from bot.records import FootfallError, Period, Snapshot


class SourceError(FootfallError):
    """A network could not be read. One line: which thing, what was found, what was wanted, what to do."""


class Source(Protocol):
    """One network, asked."""

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        """Snapshots in order of time; with `wanted`, only those that bear on its days. Raises `SourceError`; what was
        yielded before stays good."""
        ...


def networks() -> tuple[str, ...]:
    """Every network there is a file for, by name."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def module(network: str) -> ModuleType:
    """A network's module: `TITLE`, `CATALOGUES`, `Settings`, `SECRETS` and `source`."""
    return importlib.import_module(f"{__name__}.{network}")


def settings() -> dict[str, type[Network]]:
    """What `config.yaml` may say under `networks`."""
    return {name: module(name).Settings for name in networks()}


def secrets() -> tuple[str, ...]:
    """Every environment variable that a source reads."""
    return tuple(name for network in networks() for name in module(network).SECRETS)


def about(network: str) -> str:
    """A network's methodology page: its module's docstring."""
    return inspect.cleandoc(module(network).__doc__ or "")


def checked(network: str, chosen: Network, data: Path, ref: Mapping[str, str]) -> dict[str, str]:
    """A digest's ref with the state of what it points at: `intact` where the bytes read are still at hand and hash as
    they did, `altered` where they do not, `not at hand` where this machine has no copy."""
    found: str | None = module(network).checksum(chosen, data, ref["url"], ref["sha256"])
    state = "not at hand" if found is None else "intact" if found == ref["sha256"] else "altered"
    return {"state": state, **ref}


def source(
    network: str, chosen: Network, data: Path, secrets: Mapping[str, str], clock: Callable[[], datetime]
) -> Source:
    """A source ready to be asked. `data` is the folder it may keep downloads in, `secrets` holds its own `SECRETS`."""
    made: Source = module(network).source(chosen, data, secrets, clock)
    return made
