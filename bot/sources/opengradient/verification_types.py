"""The input and output of `acceptance_rules`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.records import Unknown
from bot.sources.opengradient.merkle_batch import Leaf

Standing = Literal[
    "verified",
    "backed",
    "placeholder",
    "bad signature",
    "unknown key",
    "key not known",
    "not registered before its timestamp",
    "duplicate",
    "implausible time",
    "beyond the claimed size",
]
"""The outcome of a leaf. `backed`: of a version without a signature to check. `unknown key`: no registry lists the
enclave. `key not known`: a registry did not answer, so it may still be verified."""

BACKED: frozenset[Standing] = frozenset(
    {"verified", "backed", "bad signature", "unknown key", "key not known", "not registered before its timestamp"}
)
"""The outcomes that count as backed: a distinct leaf of a readable blob, plausible time, within the claimed size."""


@dataclass(frozen=True, slots=True)
class EnclaveKey:
    """An enclave's public key from a registry."""

    der: bytes
    """SPKI DER; its Keccak is the enclave's id."""
    registered_at: int
    """Unix seconds, by the registry."""


Keys = Mapping[bytes, EnclaveKey | Unknown]
"""Enclave id to key. Absent: all registries answered and none lists it. `Unknown`: a registry did not answer."""


@dataclass(frozen=True, slots=True)
class SettlementInput:
    """A settlement log of chain 10740 with the facts about its transaction that the rules need."""

    tx: str
    log_index: int
    at: int
    """Block time, Unix seconds."""
    relay: str
    """The emitting contract, lower-case with 0x."""
    signer: str | None
    """`tx.from`, lower-case with 0x; `None` if it was not fetched."""
    size: int
    """`batchSize` as claimed, any uint256; 1 for an individual settlement."""
    blob_id: str
    root: bytes = b""
    """A batch's Merkle root; empty for an individual settlement."""
    leaf: Leaf | None = None
    """The leaf of an individual settlement, from the log."""

    @property
    def place(self) -> str:
        """Its position on the chain."""
        return f"{self.tx}:{self.log_index}"


@dataclass(frozen=True, slots=True)
class LeafVerdict:
    """The outcome of one leaf, with the reason as text."""

    leaf: Leaf
    standing: Standing
    reason: str


@dataclass(frozen=True, slots=True)
class CountedLeaves:
    """The settlement (`SettlementInput.place`) that first counted a leaf, by `Leaf.key`, so that a settlement can be
    verified again. A backed leaf may still be verified later: otherwise a stranger could block real inferences by
    posting them first with a wrong signature."""

    backed: Mapping[bytes, str] = field(default_factory=dict)
    verified: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettlementVerdicts:
    """One settlement's part of the three figures. They are of different evidence and are never added up."""

    settlement: SettlementInput
    claimed: int | Unknown
    backed: int | Unknown
    verified: int | Unknown
    leaves: tuple[LeafVerdict, ...] = ()
    newly: CountedLeaves = field(default_factory=CountedLeaves)
    """The leaves that this settlement is the first to count."""
    gaps: tuple[str, ...] = ()
    recognised: bool = True
    """False: the emitter or signer is not pinned. Shown separately, raises an alert, never added."""
    retry: bool = False
    """The verdict may change after another request for the blob or a key."""

    @property
    def standing_counts(self) -> Mapping[Standing, int]:
        return Counter(verdict.standing for verdict in self.leaves)
