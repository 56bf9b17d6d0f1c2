"""The six rules that an inference must pass before it is counted, as one pure function.

A settlement log is a claim by its sender: the contracts check neither sizes nor roots nor repeats, and one version of
the relay is open to everybody (inference-facilitator `contracts/settlement.sol` b970b8c). Only an enclave can make its
signature.

1. The emitter is a pinned relay and, if signers are pinned, the sender is one of them.
2. The blob is readable, of a known leaf encoding, and its leaves hash to the root in the log.
3. No more leaves count than the log claims, and no more are claimed than the blob holds.
4. The signature is that of the leaf's enclave, whose id is its key's Keccak, registered before the leaf's timestamp.
5. The leaf was not counted before, in any batch or log.
6. Its timestamp is near the block's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from functools import lru_cache

from bot.records import Unknown, message
from bot.sources.opengradient import merkle_batch
from bot.sources.opengradient.merkle_batch import MAX_LEAVES, Batch, BatchRefused, Leaf, keccak, parse_batch
from bot.sources.opengradient.signatures import Claim, signature_claim, verify_signatures
from bot.sources.opengradient.verification_types import (
    BACKED,
    CountedLeaves,
    EnclaveKey,
    Keys,
    LeafVerdict,
    SettlementInput,
    SettlementVerdicts,
)
from bot.sources.opengradient.walrus import Blob, BlobMissing

MAX_AGE = 3600
"""Seconds from signature to block: og-evm's MAX_INFERENCE_AGE; batches are normally flushed within 16 minutes."""
MAX_AHEAD = 300
"""Most seconds that a signature may be later than its block: og-evm's FUTURE_TOLERANCE."""

Genuine = Callable[[Sequence[Claim]], Sequence[bool]]


def judge_settlement(
    settlement: SettlementInput,
    outcome: Blob | BlobMissing | Batch | BatchRefused,
    seen: CountedLeaves,
    keys: Keys,
    signers: Collection[str],
    relays: Collection[str],
    genuine: Genuine = verify_signatures,
) -> SettlementVerdicts:
    """Apply the rules to one settlement; addresses are lower-case. `outcome` is its blob, or the result of
    `merkle_batch.parse_batch`. `genuine` checks signatures: in place, or by a look-up of an executor's results."""
    if stranger := _stranger_reason(settlement, signers, relays):
        none = Unknown(stranger)
        return SettlementVerdicts(settlement, none, none, none, gaps=(stranger,), recognised=False)
    if signers and settlement.signer is None:
        none = Unknown(message("sender_not_fetched"))
        return SettlementVerdicts(settlement, none, none, none, gaps=(none.reason,), retry=True)
    if isinstance(outcome, Blob):
        outcome = parse_batch(outcome.content)
    leaves, gaps, unknown = _attested_leaves(settlement, outcome)
    claimed = _claimed_count(settlement, len(leaves), signers)
    if unknown:
        retry = isinstance(outcome, BlobMissing) and outcome.retry
        return SettlementVerdicts(settlement, claimed, unknown, unknown, gaps=gaps, retry=retry)
    verdicts = _leaf_verdicts(settlement, leaves, seen, keys, genuine)
    return _settlement_verdicts(settlement, claimed, verdicts, seen, gaps)


def judge_settlements(
    judged: Sequence[tuple[SettlementInput, BlobMissing | Batch | BatchRefused]],
    seen: CountedLeaves,
    keys: Keys,
    signers: Collection[str],
    relays: Collection[str],
    executor: Executor | None = None,
) -> list[SettlementVerdicts]:
    """Apply the rules to many settlements in the order of the chain; all signatures are checked together, each once."""
    leaves = (leaf for settlement, outcome in judged for leaf in _attested_leaves(settlement, outcome)[0])
    signature_claims = (
        signature_claim(leaf, key.der) for leaf in leaves if isinstance(key := keys.get(leaf.tee_id), EnclaveKey)
    )
    claims = list(dict.fromkeys(each for each in signature_claims if each))
    known = dict(zip(claims, verify_signatures(claims, executor), strict=True))
    backed, verified = dict(seen.backed), dict(seen.verified)
    results = []

    def look_up(claims: Sequence[Claim]) -> list[bool]:
        return [known[claim] for claim in claims]

    for settlement, outcome in judged:
        now = CountedLeaves(backed, verified)
        verdicts = judge_settlement(settlement, outcome, now, keys, signers, relays, look_up)
        backed.update(verdicts.newly.backed)
        verified.update(verdicts.newly.verified)
        results.append(verdicts)
    return results


def _stranger_reason(settlement: SettlementInput, signers: Collection[str], relays: Collection[str]) -> str:
    """Rule 1: why the emitter or sender is not a known one; empty if it is."""
    if settlement.relay not in relays:
        return message("unrecognised_emitter", name=settlement.relay)
    if signers and settlement.signer is not None and settlement.signer not in signers:
        return message("unrecognised_signer", name=settlement.signer)
    return ""


def _attested_leaves(
    settlement: SettlementInput, outcome: BlobMissing | Batch | BatchRefused
) -> tuple[tuple[Leaf, ...], tuple[str, ...], Unknown | None]:
    """Rule 2: the leaves of a settlement, with gaps; or why they are unknown."""
    if settlement.leaf is not None:
        return (settlement.leaf,), (), None
    if isinstance(outcome, BlobMissing):
        return (), (outcome.public_reason,), None if outcome.final else Unknown(outcome.public_reason)
    if isinstance(outcome, BatchRefused):
        return (), (message("blob_refused", rest=outcome.reason),), None
    if outcome.root != settlement.root:
        return (), (message("blob_root_differs"),), None
    if len(outcome.leaves) != settlement.size:
        code = "claim_differs" if settlement.size <= MAX_LEAVES else "claim_over_limit_differs"
        claim = message(code, n=min(settlement.size, MAX_LEAVES), m=len(outcome.leaves))
        return outcome.leaves, (claim,), None
    return outcome.leaves, (), None


def _claimed_count(settlement: SettlementInput, held: int, signers: Collection[str]) -> int | Unknown:
    """Rule 3: the claimed size, at most the number of leaves in a readable blob."""
    if not signers:
        return Unknown(message("no_signers_pinned"))
    if held:
        return min(settlement.size, held)
    if settlement.size > MAX_LEAVES:
        return Unknown(message("claim_implausible", n=MAX_LEAVES))
    return settlement.size


def _leaf_verdicts(
    settlement: SettlementInput, leaves: Sequence[Leaf], seen: CountedLeaves, keys: Keys, genuine: Genuine
) -> tuple[LeafVerdict, ...]:
    """One verdict per leaf, in order: first the rules without keys, then all signatures together, then repeats."""
    keyless_verdicts: list[LeafVerdict | None] = [
        _keyless_verdict(settlement, index, leaf, seen) or _key_verdict(leaf, keys) for index, leaf in enumerate(leaves)
    ]
    open_leaves = [leaf for leaf, verdict in zip(leaves, keyless_verdicts, strict=True) if verdict is None]
    signature_claims = [signature_claim(leaf, _key_der(leaf, keys)) for leaf in open_leaves]
    answers = iter(genuine([each for each in signature_claims if each]))
    verdicts, verified, backed = [], set[bytes](), set[bytes]()
    for leaf, plain in zip(leaves, keyless_verdicts, strict=True):
        verdict = plain or _signature_verdict(leaf, next(answers))
        if verdict.standing in BACKED:
            # Not counted here: a bad signature must not hide a genuine one over the same inference further on.
            unproven = verdict.standing != "verified"
            if leaf.key in verified or (unproven and _is_duplicate(settlement, seen.backed, backed, leaf)):
                verdict = LeafVerdict(leaf, "duplicate", "the same inference was counted before")
            backed.add(leaf.key)
            verified |= {leaf.key} if verdict.standing == "verified" else set()
        verdicts.append(verdict)
    return tuple(verdicts)


def _is_duplicate(settlement: SettlementInput, seen: Mapping[bytes, str], here: Collection[bytes], leaf: Leaf) -> bool:
    """Whether another settlement, or this one, has already counted the leaf."""
    return leaf.key in here or seen.get(leaf.key, settlement.place) != settlement.place


def _signature_verdict(leaf: Leaf, genuine: bool) -> LeafVerdict:
    if genuine:
        return LeafVerdict(leaf, "verified", "the enclave's signature checks out")
    return LeafVerdict(leaf, "bad signature", "the signature is not this enclave's over these hashes and this time")


def _keyless_verdict(settlement: SettlementInput, index: int, leaf: Leaf, seen: CountedLeaves) -> LeafVerdict | None:
    """Rules 3, 6 and 5, which need no key."""
    if index >= settlement.size:
        return LeafVerdict(leaf, "beyond the claimed size", f"the log claims {settlement.size:,}")
    if leaf.is_placeholder:
        return LeafVerdict(leaf, "placeholder", "written in place of an answer that came without proof")
    if leaf.timestamp is None:
        return LeafVerdict(leaf, "backed", f"leaves of version {leaf.version} cannot be verified")
    if not -MAX_AHEAD <= settlement.at - leaf.timestamp <= MAX_AGE:
        return LeafVerdict(leaf, "implausible time", _time_difference(settlement.at - leaf.timestamp))
    if _is_duplicate(settlement, seen.verified, (), leaf):
        return LeafVerdict(leaf, "duplicate", "the same inference was counted before")
    return None


def _time_difference(seconds: int) -> str:
    """How far a signature is from its block, in a bounded text, because the sender chooses the number."""
    minutes = min(abs(seconds) // 60, 10**7)
    return f"signed {minutes:,} minutes {'before' if seconds > 0 else 'after'} its block, or more"


def _key_verdict(leaf: Leaf, keys: Keys) -> LeafVerdict | None:
    """Rule 4: the verdict by the registries; `None` if the signature decides."""
    key = keys.get(leaf.tee_id)
    if key is None:
        return LeafVerdict(leaf, "unknown key", "no registry lists this enclave")
    if isinstance(key, Unknown):
        return LeafVerdict(leaf, "key not known", key.reason)
    if _tee_id(key.der) != leaf.tee_id:
        return LeafVerdict(leaf, "unknown key", "the registry's key does not hash to the enclave's id")
    if leaf.timestamp is not None and key.registered_at > leaf.timestamp:
        return LeafVerdict(leaf, "not registered before its timestamp", "the enclave was registered after it signed")
    if len(leaf.signature) != merkle_batch.SIGNATURE_BYTES:
        size = f"a signature of {len(leaf.signature):,} bytes, wanted {merkle_batch.SIGNATURE_BYTES}"
        return LeafVerdict(leaf, "bad signature", size)
    return None


@lru_cache(maxsize=1024)
def _tee_id(der: bytes) -> bytes:
    return keccak(der)


def _key_der(leaf: Leaf, keys: Keys) -> bytes:
    key = keys.get(leaf.tee_id)
    return key.der if isinstance(key, EnclaveKey) else b""


def _settlement_verdicts(
    settlement: SettlementInput,
    claimed: int | Unknown,
    verdicts: tuple[LeafVerdict, ...],
    seen: CountedLeaves,
    gaps: tuple[str, ...],
) -> SettlementVerdicts:
    place = settlement.place
    counted = dict.fromkeys(each.leaf.key for each in verdicts if each.standing in BACKED)
    backed = {key: place for key in counted if seen.backed.get(key, place) == place}
    verified = {each.leaf.key: place for each in verdicts if each.standing == "verified"}
    pending = next((each.reason for each in verdicts if each.standing == "key not known"), None)
    return SettlementVerdicts(
        settlement,
        claimed,
        len(backed),
        Unknown(pending) if pending else len(verified),
        verdicts,
        CountedLeaves(backed, verified),
        gaps,
        retry=pending is not None,
    )
