"""The input of the contract test: `tests/outlets/rig_NAME.py` provides it as `rig()`, a context manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.outlets import Outlet, Part


@dataclass(frozen=True, slots=True)
class Rig:
    """An outlet with its peer."""

    outlet: Outlet
    destination: str
    part: Callable[[str], Part]
    """Makes a part with a text."""
    faults: Mapping[str, Callable[[], None]]
    """By name: lets the next attempt to post fail in that way, once."""
    posted: Callable[[], int]
    """Number of posts in the peer's ledger."""
    secrets: tuple[str, ...]
    """The outlet's secrets in plain text."""
