"""One file a network. A source is asked for a stretch of days and yields snapshots, or hauls where use is told event by
event; it never computes a figure.

Adding a network is adding a file here: its module docstring is its page in the docs, `CATALOGUES` says what it lists,
`PANELS` (optional) what it shows beside, `Settings` what `config.yaml` may tell it, `SECRETS` which environment
variables it reads. `standing` (optional) is a list that needs nobody to be asked, since it stands in the file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Protocol, runtime_checkable

from bot.config import Network
from bot.records import Catalogue, FootfallError, Haul, Name, Period, Settlement, Snapshot, Use, Window


class SourceError(FootfallError):
    """A network could not be read. One line: which thing, what was found, what was wanted, what to do."""


ALWAYS = date(2009, 1, 3)
"""First day of a stretch of days for which none was named: older than any network."""


class Source(Protocol):
    """One network, asked."""

    @property
    def settles_for(self) -> timedelta:
        """How long after its end a day that was read may still come out otherwise when read again."""
        ...

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        """Snapshots in order of time; with `wanted`, only those that bear on its days. Raises `SourceError`; what was
        yielded before stays good."""
        ...


class Memory(Protocol):
    """What an event source may ask of what was kept: `ledger.Memory` is one."""

    def cursor(self, name: str) -> str | None: ...

    def covered(self, catalogue: str) -> tuple[Window, ...]: ...

    def due(
        self, catalogue: str, now: datetime, since: date, rules: str, limit: int
    ) -> tuple[tuple[Settlement, int], ...]: ...

    def seen(self, catalogue: str, keys: Iterable[bytes]) -> tuple[dict[bytes, str], dict[bytes, str]]: ...

    def unattributed(self, catalogue: str, since: date) -> tuple[Use, ...]: ...

    def names(self, catalogue: str) -> frozenset[Name]: ...


@runtime_checkable
class EventSource(Protocol):
    """A network whose use is told event by event, asked."""

    @property
    def settles_for(self) -> timedelta:
        """As of a `Source`: proofs come late."""
        ...

    def hauls(self, wanted: Period | None, memory: Memory) -> Iterator[Snapshot | Haul]:
        """What is new, each piece to be kept before the next is asked for; with `wanted`, also what is missing of its
        days. Goes on past what cannot be read and raises `SourceError` at the end, one line a failure."""
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


def panels(network: str) -> tuple[Catalogue, ...]:
    """What a network shows beside its catalogues."""
    found: tuple[Catalogue, ...] = getattr(module(network), "PANELS", ())
    return found


def standing(network: str, chosen: Network, until: date, days: int = 1) -> tuple[Snapshot, ...]:
    """The lists of a network that need nobody to be asked, as of the end of each of the `days` up to one."""
    made = getattr(module(network), "standing", None)
    return tuple(made(chosen, until, days)) if made else ()


def checked(network: str, chosen: Network, data: Path, ref: Mapping[str, str]) -> dict[str, str]:
    """A digest's ref with the state of what it points at: `intact` where the bytes read are still at hand and hash as
    they did, `altered` where they do not, `not at hand` where this machine has no copy."""
    found: str | None = module(network).checksum(chosen, data, ref["url"], ref["sha256"])
    state = "not at hand" if found is None else "intact" if found == ref["sha256"] else "altered"
    return {"state": state, **ref}


def source(
    network: str,
    chosen: Network,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Source | EventSource:
    """A source ready to be asked. `data` is the folder it may keep downloads in, `secrets` holds its own `SECRETS`.
    What takes long and can be done anywhere goes to the `executor`; without one it is done by this machine."""
    made: Source | EventSource = module(network).source(chosen, data, secrets, clock, executor)
    return made
