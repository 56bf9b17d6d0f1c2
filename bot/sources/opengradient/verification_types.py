"""What the rules of `_acceptance` are asked about and what they answer with."""

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
"""What became of a leaf. `backed`: of a version without a signature to check. `unknown key`: no registry lists the
enclave. `key not known`: the registries could not be asked, so it may yet be verified."""

BACKED: frozenset[Standing] = frozenset(
    {"verified", "backed", "bad signature", "unknown key", "key not known", "not registered before its timestamp"}
)
"""Standings that count as backed: a distinct leaf of a readable blob, at a plausible time, within the claimed size."""


@dataclass(frozen=True, slots=True)
class EnclaveKey:
    """An enclave's public key as a registry holds it."""

    der: bytes
    """SPKI DER; its Keccak is the enclave's id."""
    registered_at: int
    """Unix seconds, by the registry."""


Keys = Mapping[bytes, EnclaveKey | Unknown]
"""Enclave id to key. Absent: every registry was asked and none lists it. `Unknown`: a registry could not be asked."""


@dataclass(frozen=True, slots=True)
class SettlementInput:
    """A settlement log of chain 10740 with what the rules need to know about its transaction."""

    tx: str
    log_index: int
    at: int
    """Block time, Unix seconds."""
    relay: str
    """The emitting contract, lower-case with 0x."""
    signer: str | None
    """`tx.from`, lower-case with 0x; none where it was not fetched."""
    size: int
    """`batchSize` as claimed, any uint256; 1 for an individual settlement."""
    blob_id: str
    root: bytes = b""
    """A batch's Merkle root; empty for an individual settlement."""
    leaf: Leaf | None = None
    """What an individual settlement attests, in the log itself."""

    @property
    def place(self) -> str:
        """Where it stands on the chain."""
        return f"{self.tx}:{self.log_index}"


@dataclass(frozen=True, slots=True)
class LeafVerdict:
    """What became of one leaf, with the reason in words."""

    leaf: Leaf
    standing: Standing
    reason: str


@dataclass(frozen=True, slots=True)
class CountedLeaves:
    """Which settlement (`SettlementInput.place`) was the first to count a leaf, by `Leaf.key`, so that a settlement
    judged again finds its own leaves its own. A leaf backed before may still be verified later: else a stranger could
    spoil real inferences by posting them first with a wrong signature."""

    backed: Mapping[bytes, str] = field(default_factory=dict)
    verified: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettlementVerdicts:
    """What one settlement adds to the three figures. They are of different evidence and are never added up."""

    settlement: SettlementInput
    claimed: int | Unknown
    backed: int | Unknown
    verified: int | Unknown
    leaves: tuple[LeafVerdict, ...] = ()
    newly: CountedLeaves = field(default_factory=CountedLeaves)
    """The leaves this settlement is the first to count, to be seen from now on."""
    gaps: tuple[str, ...] = ()
    recognised: bool = True
    """False: an emitter or signer that is not pinned. Shown apart, alarmed, never added."""
    retry: bool = False
    """The verdict may change when the blob or a key is asked for again."""

    @property
    def standing_counts(self) -> Mapping[Standing, int]:
        return Counter(verdict.standing for verdict in self.leaves)
