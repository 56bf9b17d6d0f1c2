"""What a network lists at an instant, and where anyone can look it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bot.records.names import SafeName

MAX_COUNT = 10**15
"""Counts above this are refused as implausible: senders choose them, and JSON readers lose digits beyond 2**53."""


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where anyone can look a record up."""

    url: str
    """A URL, `npm:package@version/file`, or a transaction, block range or blob in its network's own notation."""
    at: datetime
    """When it was read or, for a published record, the instant it describes (UTC)."""
    sha256: str = ""
    """Of the bytes read, hexadecimal; empty where there are none to hash."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A model is on offer at an instant, with what its network says of it."""

    model: SafeName
    author: SafeName
    created_at: datetime | None = None
    category: SafeName | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A cumulative counter of a model as shown at an instant; usage is the difference of two readings."""

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
    """Models that may have been listed as well, for reasons in `note`; above 0 the stock of this instant is unknown."""
    uncounted: int = 0
    """Models that were listed at some unknown instant, perhaps this one: no record of a stock may rest on fewer."""
    note: str = ""
    """Gaps in words, one a line, that every digest resting on this snapshot repeats; may be empty."""
    closes: date | None = None
    """The day whose end it stands for although read later; `None`: only an instant near midnight closes a day."""
