"""What an event source returns: settlements and their verdicts, uses, payments, gauges, and what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from bot.records.catalogues import Evidence
from bot.records.names import SafeName
from bot.records.snapshots import Listing, SourceRef
from bot.records.unknown import Unknown

State = Literal["pending", "verdict", "expired", "refused", "stranger"]
"""Of a settlement: not verified completely, verified, its blob gone for good, its blob no batch that can be read, or
from an unrecognised sender."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """An on-chain log that attests one use or many. The outcome is a `SettlementVerdict`."""

    place: str
    """Transaction hash, a colon, the log's index."""
    block: int
    at: datetime
    """Time of its block (UTC). Its uses belong to that day."""
    relay: str
    """The emitting contract, lower-case with 0x."""
    size: int
    """The number of uses that its sender claims, any uint256."""
    blob: str = ""
    """Walrus blob id; empty if the log has none."""
    root: str = ""
    """A batch's Merkle root, hexadecimal; empty for a single use."""
    attested: str = ""
    """For a single use: enclave, hashes, signature and time as JSON of hexadecimal text; empty for a batch. For the
    first relay: only hashes, and the model that the log names."""


@dataclass(frozen=True, slots=True)
class SettlementVerdict:
    """The verdict of the rules on one settlement, as far as they could be applied."""

    place: str
    state: State
    claimed: int | Unknown
    backed: int | Unknown
    verified: int | Unknown
    signer: str = ""
    reason: str = ""
    standings: Mapping[str, int] = field(default_factory=dict)
    """Number of its leaves by outcome."""
    backs: tuple[bytes, ...] = ()
    """Keys of the leaves that it is the first to back."""
    verifies: tuple[bytes, ...] = ()
    """Keys of the leaves that it is the first to verify."""
    models: Mapping[SafeName, int] = field(default_factory=dict)
    """Uses by model: for verified uses as their payloads name it, for others as the sender does."""
    next_try: datetime | None = None
    """When to verify it again; `None`: never."""
    rules: str = ""
    """Mark of the rules that were applied (pinned relays and signers); if the rules change, it is verified again."""


@dataclass(frozen=True, slots=True)
class Use:
    """A model, or an unnamed one, was used `count` times."""

    place: str
    """Unique in its catalogue, so that a use that arrives twice is counted once."""
    block: int
    at: datetime
    count: int = 1
    model: SafeName | None = None
    """`None` if it names no model, or one that no list has."""
    caller: str = ""
    content: str = ""
    """What the event calls the model, if only a listing can say which model that is."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A token moved from a payer to an operator."""

    place: str
    block: int
    at: datetime
    payer: str
    amount: int
    """In the token's smallest unit, any uint256."""
    session: bool
    """True if a payment proxy settled it in the same transaction. Other transfers are reported separately."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that a network showed for one day, as read. Of several readings of a day, `ledger` uses the newest or
    the highest, depending on the key."""

    key: str
    day: date
    at: datetime
    value: int


@dataclass(frozen=True, slots=True)
class DayTotals:
    """The complete use of one closed day as the network reports it. A later reading with other numbers replaces it as a
    whole."""

    day: date
    uses: Mapping[Listing, int] = field(default_factory=dict)
    """Uses by model; a model need not be on offer."""
    unnamed: int = 0
    """Uses that name no model."""
    unknown: str = ""
    """Why the totals are unknown; empty if they are known. Never replaces known totals."""


@dataclass(frozen=True, slots=True)
class CompleteWindow:
    """A stretch of time that was read without a hole: what has no record there did not happen."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class BlockRange:
    """A range of blocks that was read, both ends included."""

    first: int
    last: int
    hash: str = ""
    """Hash of the last block; empty if unknown."""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one read of an event source brought for one catalogue or panel; stored completely or not at all."""

    network: str
    catalogue: str
    read: str
    """What was read, in a few words: "blocks 10 to 20 of chain 10740"."""
    refs: tuple[SourceRef, ...] = ()
    days: tuple[date, ...] = ()
    """The days that the refs belong to."""
    window: CompleteWindow | None = None
    cursors: Mapping[str, str] = field(default_factory=dict)
    """Name of each cursor, and how far it has come."""
    blocks: BlockRange | None = None
    """The blocks that were read, on a chain."""
    forget_from: int | None = None
    """The chain was reorganised: first delete all records from this block on."""
    owners: Mapping[str, SafeName] = field(default_factory=dict)
    """Content id to model. Uses of `days` with this content id and no model belong to that model."""
    renames: bool = False
    """True: also reassign uses that already name another model, which was wrong."""
    settlements: tuple[Settlement, ...] = ()
    judgements: tuple[SettlementVerdict, ...] = ()
    uses: tuple[Use, ...] = ()
    payments: tuple[Payment, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    totals: tuple[DayTotals, ...] = ()
    """Complete days of a network that reports its use by day and model."""
    unread: Mapping[date, str] = field(default_factory=dict)
    """Why days could not be read completely; shown until a window covers them."""
    strangers: Mapping[str, int] | None = None
    """Logs of one day (the only one in `days`) by emitters that are not pinned; `None` if they were not searched."""
    evidence: Evidence = "claimed"
    """Of `uses`."""
    alarm: str = ""
    """One line for the operator; empty if nothing is wrong."""
