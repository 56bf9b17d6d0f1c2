"""One package per network. A source reads a range of days and yields snapshots, or event batches if the network
reports single events. It never computes a figure, and no network imports another.

To add a network, add a package or module here. It declares `TITLE`, `CATALOGUES` (what it lists), `PANELS` (optional:
its other figures), `Settings` (its block of `config.yaml`) and `SECRETS` (the environment variables that it reads); its
docstring is its page in the docs. It defines `make_source`, `ref_checksum`, `check_reachable` and, if a list is in the
code, `static_listings`; `is_closed` if no new data may arrive; `responds` if the demo should first ask whether it
answers within some seconds; and `public_checksum` if anyone can read what a ref points to. A package with
`make_network` is a kind of network instead: `config.yaml` may have several of it, each under a name of its own, and
these names are those of what `make_network` returns. All packages are loaded to know their `SECRETS`, so a package
imports its own modules lazily (`bot.lazy_imports`).
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
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bot.config import NetworkConfig
from bot.lazy_imports import LazyMapping
from bot.records import Catalogue, SourceError

if TYPE_CHECKING:
    from bot.records import CompleteWindow, EventBatch, Period, SafeName, Settlement, Snapshot, Use

ALWAYS = date(2009, 1, 3)
"""The first day of an open range: older than any network."""


class Source(Protocol):
    """A network that is read as snapshots."""

    @property
    def settles_for(self) -> timedelta:
        """How long after its end a day may still change when it is read again."""
        ...

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        """Snapshots in order of time; with `wanted`, only those that its days need. Raises `SourceError`; snapshots
        that were yielded before stay valid."""
        ...


class SourceStateReader(Protocol):
    """The stored state that an event source may read; implemented by `ledger.SourceStateReader`."""

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
        """As in `Source`: proofs come late."""
        ...

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """New events, and with `wanted` also those missing from its days. Store each batch before taking the next.
        Continues after failures and raises `SourceError` at the end, with one line per failure."""
        ...


def network_names() -> tuple[str, ...]:
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def load_module(network: str) -> ModuleType:
    """A network's module: `TITLE`, `CATALOGUES`, `Settings`, `SECRETS` and `make_source`."""
    return importlib.import_module(f"{__name__}.{network}")


def load_network(network: str, settings: NetworkConfig) -> Any:
    """What a network declares: its module, or what the module of its kind makes of its settings, which has the same
    names."""
    module = load_module(settings.kind or network)
    make_network = getattr(module, "make_network", None)
    return make_network(network, settings) if make_network else module


def settings_types() -> Mapping[str, type[NetworkConfig]]:
    """The settings of each network in `config.yaml`."""
    return LazyMapping(network_names(), lambda name: load_module(name).Settings)


def secret_names() -> tuple[str, ...]:
    """The environment variables that sources read."""
    return tuple(name for network in network_names() for name in load_module(network).SECRETS)


def methodology_text(declared: Any) -> str:
    """A network's methodology page: the text or the docstring of what `load_network` or `load_module` gives."""
    return inspect.cleandoc(getattr(declared, "ABOUT", "") or declared.__doc__ or "")


def is_closed(declared: Any, settings: NetworkConfig, secrets: Mapping[str, str]) -> bool:
    """Whether a network can bring no new data; one that declares nothing about it always can."""
    closed = getattr(declared, "is_closed", None)
    return bool(closed and closed(settings, secrets))


def network_panels(declared: Any) -> tuple[Catalogue, ...]:
    """A network's panels."""
    panels: tuple[Catalogue, ...] = getattr(declared, "PANELS", ())
    return panels


def static_listings(network: str, settings: NetworkConfig, until: date, days: int = 1) -> tuple[Snapshot, ...]:
    """The lists of a network that need no request, as of the end of each of the `days` up to `until`."""
    listings = getattr(load_network(network, settings), "static_listings", None)
    return tuple(listings(settings, until, days)) if listings else ()


def verify_ref(network: str, settings: NetworkConfig, data: Path, ref: Mapping[str, str]) -> dict[str, str]:
    """A digest's ref with the state of its bytes: `intact` if this machine has them with the same hash, `altered` if
    the hash differs, `pruned` if they were older than `lake.keep`, `not at hand` if this machine has no copy."""
    from bot.clients import raw_archive, raw_retention

    day = date.fromisoformat(ref["at"][:10])
    declared = load_network(network, settings)
    ref_checksum: str | None = declared.ref_checksum(settings, data, ref["url"], ref["sha256"], day)
    if ref_checksum is None:
        pruned = raw_archive.was_pruned(raw_retention.raw_folder(data, network), ref["sha256"])
        return {"state": "pruned" if pruned else "not at hand", **ref}
    return {"state": "intact" if ref_checksum == ref["sha256"] else "altered", **ref}


def compare_with_public(network: str, settings: NetworkConfig, ref: Mapping[str, str]) -> str:
    """How a ref compares with what its public place shows now: `the same in public`, `OTHERWISE IN PUBLIC`, why it
    could not be read, or empty if a network does not offer this."""
    compare = getattr(load_network(network, settings), "public_checksum", None)
    try:
        found = compare(ref["url"]) if compare else None
    except SourceError as error:
        return f"not compared: {error}"
    if found is None:
        return ""
    return SAME if found == ref["sha256"] else OTHERWISE


SAME, OTHERWISE = "the same in public", "OTHERWISE IN PUBLIC"


def prune_raw(data: Path, before: date) -> int:
    """Remove the raw answers of all networks from days before this one; how many bytes that freed. Raises `OSError`."""
    from bot.clients import raw_retention

    hooks = [getattr(load_module(network), "prune_raw", None) for network in network_names()]
    return sum((int(prune(data, before)) for prune in hooks if prune), raw_retention.prune_packs(data, before))


def make_source(
    network: str,
    settings: NetworkConfig,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Source | EventSource:
    """Make a network's source. `data` is the folder for its downloads, `secrets` holds its own `SECRETS`. Long work
    goes to the `executor`; without one, it is done on this machine."""
    declared = load_network(network, settings)
    source: Source | EventSource = declared.make_source(settings, data, secrets, clock, executor)
    return source
