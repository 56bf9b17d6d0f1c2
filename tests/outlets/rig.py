"""What the contract test needs of an outlet: `tests/outlets/rig_NAME.py` gives it as `rig()`, a context manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.outlets import Outlet, Part


@dataclass(frozen=True, slots=True)
class Rig:
    """An outlet with a peer at its other end."""

    outlet: Outlet
    destination: str
    part: Callable[[str], Part]
    """A part that says a text."""
    faults: Mapping[str, Callable[[], None]]
    """By name: arms the peer so that the next attempt to post fails in that way, once."""
    posted: Callable[[], int]
    """How many posts the peer's ledger holds."""
    secrets: tuple[str, ...]
    """Plain secrets the outlet was given."""
