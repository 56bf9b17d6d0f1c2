"""What a network lists at an instant, and the refs where anyone can look it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bot.records.names import SafeName

MAX_COUNT = 10**15
"""Higher counts are refused as implausible: senders choose them, and JSON readers lose digits beyond 2**53."""


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where anyone can look a record up."""

    url: str
    """A URL, or a transaction, block range or blob in its network's own notation."""
    at: datetime
    """When it was read or, for a published record, the instant it describes (UTC)."""
    sha256: str = ""
    """SHA-256 of the bytes that were read, hexadecimal; empty if there are none."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A model is on offer at an instant, with what its network says of it."""

    model: SafeName
    author: SafeName
    created_at: datetime | None = None
    category: SafeName | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A cumulative counter of a model at an instant; usage is the difference of two readings."""

    model: SafeName
    count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one catalogue listed at one instant."""

    network: str
    catalogue: str
    at: datetime
    ref: SourceRef
    listings: tuple[Listing, ...]
    readings: tuple[Reading, ...] = ()
    unplaced: int = 0
    """Number of models that may have been listed as well, for reasons in `note`; above 0, the inventory is unknown."""
    uncounted: int = 0
    """Number of models listed at some unknown instant, perhaps this one; a record must lead by more than this."""
    note: str = ""
    """Gaps as sentences, one per line, that every digest resting on this snapshot repeats; may be empty."""
    closes: date | None = None
    """The day that it closes although it was read later; `None`: it closes a day only if read near midnight."""
    record: str = ""
    """For a published record: how the URLs of all its refs begin. Its snapshots are left out up to the newest one that
    the ledger has from elsewhere, so that nothing that was published before changes."""
