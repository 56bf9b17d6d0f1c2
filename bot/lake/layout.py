"""The parts of a day in the lake: its folder, its manifest, the files that the manifest names and their columns; and
the lake's settings as plain values that can be sent to any worker.

Integers that a sender chooses are text, since no column holds a uint256; times are whole seconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import msgspec

from bot.lake.storage import Storage, open_storage
from bot.records import BlockRange


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """One lake."""

    url: str
    """A folder, or an address that fsspec knows (`s3://bucket/folder`), without secrets: the environment has them."""
    memory: str = "400MB"
    """Memory that DuckDB may use in one process, all threads together."""
    exact_callers_up_to: int = 20_000_000
    """Up to this many events, the callers of several days are counted exactly; above it, they are estimated."""
    spill: str = ""
    """A folder of this machine for data that does not fit into that memory; if empty or missing, the folder for
    temporary files."""
    threads: int = 1
    """Threads on which one very large day is rolled up."""


class ParquetFile(msgspec.Struct, frozen=True):
    """One file of a day."""

    kind: str
    """"uses" or "payments"."""
    name: str
    sha256: str
    size: int
    """Bytes."""
    rows: int
    first_block: int
    last_block: int
    nameless: int = 0
    """Uses in it that name no model."""
    others: int = 0
    """Payments in it that are not sessions."""


class Manifest(msgspec.Struct, frozen=True):
    """What a day consists of."""

    schema: int
    network: str
    catalogue: str
    day: str
    """YYYY-MM-DD, UTC."""
    version: int
    """Grows by one with each manifest of a day."""
    parts: tuple[ParquetFile, ...]
    blocks: tuple[BlockRange, ...] = ()
    """The ranges of blocks that the events come from, each with the hash of its last block if known."""

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def first_block(self) -> int | None:
        return min((part.first_block for part in self.parts), default=None)

    @property
    def last_block(self) -> int | None:
        return max((part.last_block for part in self.parts), default=None)


@dataclass(frozen=True, slots=True)
class DayRef:
    """One day as of one manifest: everything that any worker needs to read it."""

    lake: LakeSettings
    network: str
    catalogue: str
    day: date
    manifest: str = ""
    """The manifest's name; empty for a day without one."""

    @property
    def folder(self) -> str:
        return f"events/network={self.network}/catalogue={self.catalogue}/day={self.day}"

    @property
    def storage(self) -> Storage:
        return open_storage(self.lake.url)


@dataclass(frozen=True, slots=True)
class EventSchema:
    """One kind of event: its columns with their types, and how rows of it are ordered and joined."""

    name: str
    types: Mapping[str, str]
    fields: Mapping[str, str]
    """The record's field of each column."""
    order: str
    counted: str
    """SQL of `nameless` and `others`."""
    learns: str = ""
    """SQL: whether a known row `o` learns something from a new row `n` of the same place."""
    merged: str = ""
    """SQL of {old} and {new} together."""


_USES = EventSchema(
    "uses",
    {
        "place": "VARCHAR",
        "block": "BIGINT",
        "at": "BIGINT",
        "uses": "BIGINT",
        "model": "VARCHAR",
        "caller": "VARCHAR",
        "content": "VARCHAR",
    },
    {name: name for name in ("place", "block", "at", "model", "caller", "content")} | {"uses": "count"},
    "model, block, place",
    "coalesce(sum(uses) FILTER (model IS NULL), 0)::BIGINT, 0",
    "(o.model IS NULL AND n.model IS NOT NULL) OR (o.caller = '' AND n.caller <> '')",
    "SELECT o.* REPLACE (coalesce(o.model, n.model) AS model, "
    "CASE WHEN o.caller = '' THEN coalesce(n.caller, '') ELSE o.caller END AS caller) "
    "FROM {old} o LEFT JOIN {new} n USING (place) "
    "UNION ALL BY NAME SELECT n.* FROM {new} n ANTI JOIN {old} o USING (place)",
)
_PAYMENTS = EventSchema(
    "payments",
    {
        "place": "VARCHAR",
        "block": "BIGINT",
        "at": "BIGINT",
        "payer": "VARCHAR",
        "amount": "VARCHAR",
        "session": "BOOLEAN",
    },
    {name: name for name in ("place", "block", "at", "payer", "amount", "session")},
    "block, place",
    "0, count(*) FILTER (NOT session)",
)
KINDS: Mapping[str, EventSchema] = {event_schema.name: event_schema for event_schema in (_USES, _PAYMENTS)}
