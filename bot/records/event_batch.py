"""What an event source tells: settlements and what became of them, uses, payments, gauges, and what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from bot.records.catalogues import Evidence
from bot.records.names import SafeName
from bot.records.snapshots import SourceRef
from bot.records.unknown import Unknown

State = Literal["pending", "verdict", "expired", "stranger"]
"""Of a settlement: not judged to the end, judged, judged without its blob for ever, or of nobody we know."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """An on-chain log that attests uses; one may be many uses. What became of it is a `SettlementVerdict`."""

    place: str
    """Transaction hash, a colon, the log's index."""
    block: int
    at: datetime
    """Of its block (UTC): its uses belong to that day."""
    relay: str
    """The emitting contract, lower-case with 0x."""
    size: int
    """As its sender claims, any uint256."""
    blob: str = ""
    """Walrus blob id; empty where the log holds none."""
    root: str = ""
    """A batch's Merkle root, hexadecimal; empty for a single use."""
    attested: str = ""
    """A single use: enclave, hashes, signature and time as JSON of hexadecimal text; empty for a batch. Of the first
    relay: hashes alone, and the model that the log names."""


@dataclass(frozen=True, slots=True)
class SettlementVerdict:
    """What the rules make of one settlement, as far as they could be applied."""

    place: str
    state: State
    claimed: int | Unknown
    backed: int | Unknown
    verified: int | Unknown
    signer: str = ""
    reason: str = ""
    standings: Mapping[str, int] = field(default_factory=dict)
    """How many of its leaves came to which end."""
    backs: tuple[bytes, ...] = ()
    """Keys of the leaves that it is the first to back."""
    verifies: tuple[bytes, ...] = ()
    """Keys of the leaves that it is the first to verify."""
    models: Mapping[SafeName, int] = field(default_factory=dict)
    """Uses by model: verified ones as their payloads name it, others as their sender does."""
    next_try: datetime | None = None
    """When to judge it again; `None`: never."""
    rules: str = ""
    """Mark of the rules applied (pinned relays and signers): under other rules it is judged again."""


@dataclass(frozen=True, slots=True)
class Use:
    """A model, or an unnamed one, was used `count` times."""

    place: str
    """Unique in its catalogue: a use offered twice is counted once."""
    block: int
    at: datetime
    count: int = 1
    model: SafeName | None = None
    """`None` where it names none, or one that no list has."""
    caller: str = ""
    content: str = ""
    """What the event itself names the model by, where a listing must say whose it is."""


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
    """Settled by a payment proxy in the same transaction; otherwise any transfer, told apart."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that a network showed for one day, as read; of several readings of a day `ledger` takes the newest or
    the highest, as its key says."""

    key: str
    day: date
    at: datetime
    value: int


@dataclass(frozen=True, slots=True)
class CompleteWindow:
    """From one instant to another nothing is missing: what has no record there did not happen."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class BlockRange:
    """A range of blocks that was read, both ends included."""

    first: int
    last: int
    hash: str = ""
    """Of the last one; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one reading of an event source brought for one catalogue or panel: kept whole or not at all."""

    network: str
    catalogue: str
    read: str
    """What was read, in a few words: "blocks 10 to 20 of chain 10740"."""
    refs: tuple[SourceRef, ...] = ()
    days: tuple[date, ...] = ()
    """The days that the refs bear on."""
    window: CompleteWindow | None = None
    cursors: Mapping[str, str] = field(default_factory=dict)
    """By name: how far each way of reading has come."""
    blocks: BlockRange | None = None
    """Where it was read, on a chain."""
    forget_from: int | None = None
    """The chain was re-organised: forget all records from this block on first."""
    owners: Mapping[str, SafeName] = field(default_factory=dict)
    """Whose content ids turned out to be: uses of `days` that name one of them and no model were of that model."""
    renames: bool = False
    """Those uses that name another model as well: it was found wrong."""
    settlements: tuple[Settlement, ...] = ()
    judgements: tuple[SettlementVerdict, ...] = ()
    uses: tuple[Use, ...] = ()
    payments: tuple[Payment, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    strangers: Mapping[str, int] | None = None
    """Logs of one day (the only one in `days`) by emitters that are not pinned; `None` where nobody looked."""
    evidence: Evidence = "claimed"
    """Of `uses`."""
    alarm: str = ""
    """One line for whoever runs this; empty where nothing is wrong."""
