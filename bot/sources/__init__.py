"""A package a network. The rule: a source reads a range of days and yields snapshots, or event batches where the
network reports single events; it never computes a figure, and no network imports another.

Adding a network is adding a package or module here. It declares `TITLE`, `CATALOGUES` (what it lists), `PANELS`
(optional: what it shows beside), `Settings` (what `config.yaml` may say) and `SECRETS` (the environment variables that
it reads); its docstring is its page in the docs. It defines `make_source`, `ref_checksum`, `is_closed`,
`check_reachable` and, where a list stands in the code, `static_listings`.
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

from bot.config import NetworkConfig
from bot.records import Catalogue, CompleteWindow, EventBatch, Period, SafeName, Settlement, Snapshot, Use

ALWAYS = date(2009, 1, 3)
"""The first day of an open range: older than any network."""


class Source(Protocol):
    """A network that is read as snapshots."""

    @property
    def settles_for(self) -> timedelta:
        """How long after its end a day that was read may still change when it is read again."""
        ...

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        """Snapshots in order of time; with `wanted`, only those that bear on its days. Raises `SourceError`; what was
        yielded before stays good."""
        ...


class SourceStateReader(Protocol):
    """What an event source may ask of what was kept: `ledger.SourceStateReader` is one."""

    def cursor(self, name: str) -> str | None: ...

    def covered_windows(self, catalogue: str) -> tuple[CompleteWindow, ...]: ...

    def due_settlements(
        self, catalogue: str, now: datetime, since: date, rules: str, limit: int
    ) -> tuple[tuple[Settlement, int], ...]: ...

    def counted_leaves(self, catalogue: str, keys: Iterable[bytes]) -> tuple[dict[bytes, str], dict[bytes, str]]: ...

    def unattributed_uses(self, catalogue: str, since: date) -> tuple[Use, ...]: ...

    def model_names(self, catalogue: str) -> frozenset[SafeName]: ...


@runtime_checkable
class EventSource(Protocol):
    """A network that is read event by event."""

    @property
    def settles_for(self) -> timedelta:
        """As of a `Source`: proofs come late."""
        ...

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """What is new, and with `wanted` also what is missing of its days. Store each piece before taking the next.
        Continues past failures and raises `SourceError` at the end, with one line per failure."""
        ...


def network_names() -> tuple[str, ...]:
    """The names of all networks that have a module."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def load_module(network: str) -> ModuleType:
    """A network's module: `TITLE`, `CATALOGUES`, `Settings`, `SECRETS` and `make_source`."""
    return importlib.import_module(f"{__name__}.{network}")


def settings_types() -> dict[str, type[NetworkConfig]]:
    """What `config.yaml` may say under `network_names`."""
    return {name: load_module(name).Settings for name in network_names()}


def secret_names() -> tuple[str, ...]:
    """The environment variables that sources read."""
    return tuple(name for network in network_names() for name in load_module(network).SECRETS)


def methodology_text(network: str) -> str:
    """A network's methodology page: the docstring of its module."""
    return inspect.cleandoc(load_module(network).__doc__ or "")


def network_panels(network: str) -> tuple[Catalogue, ...]:
    """What a network shows beside its catalogues."""
    found: tuple[Catalogue, ...] = getattr(load_module(network), "PANELS", ())
    return found


def static_listings(network: str, settings: NetworkConfig, until: date, days: int = 1) -> tuple[Snapshot, ...]:
    """The lists of a network that need nobody to be asked, as of the end of each of the `days` up to one."""
    made = getattr(load_module(network), "static_listings", None)
    return tuple(made(settings, until, days)) if made else ()


def verify_ref(network: str, settings: NetworkConfig, data: Path, ref: Mapping[str, str]) -> dict[str, str]:
    """A digest's ref with the state of what it points at: `intact` where the bytes read are still at hand and hash as
    they did, `altered` where they do not, `not at hand` where this machine has no copy."""
    day = date.fromisoformat(ref["at"][:10])
    found: str | None = load_module(network).ref_checksum(settings, data, ref["url"], ref["sha256"], day)
    state = "not at hand" if found is None else "intact" if found == ref["sha256"] else "altered"
    return {"state": state, **ref}


def prune_raw(network: str, data: Path, before: date) -> int:
    """Remove the raw bytes that a network packs by day, of days before one; how many bytes that freed."""
    pruned = getattr(load_module(network), "prune_raw", None)
    return pruned(data, before) if pruned else 0


def make_source(
    network: str,
    settings: NetworkConfig,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Source | EventSource:
    """A source ready to be asked. `data` is the folder it may keep downloads in, `secret_names` holds its own
    `SECRETS`. What takes long and can be done anywhere goes to the `executor`; without one it is done by this
    machine."""
    made: Source | EventSource = load_module(network).make_source(settings, data, secrets, clock, executor)
    return made
