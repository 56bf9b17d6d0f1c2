"""Nobody can inflate a figure: every rule, with an attempt to break it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bot.records import Unknown
from bot.sources.opengradient.acceptance_rules import judge_settlement, judge_settlements
from bot.sources.opengradient.merkle_batch import MAX_BYTES, PLACEHOLDER_TEE, Batch, BatchRefused, Leaf, parse_batch
from bot.sources.opengradient.verification_types import (
    CountedLeaves,
    EnclaveKey,
    Keys,
    SettlementInput,
    SettlementVerdicts,
)
from bot.sources.opengradient.walrus import Blob, BlobMissing
from tests.peers.enclave import NOW, Enclave, dump, enclaves, hashed, hexed

RELAY = "0x" + "f1" * 20
SIGNER = "0x" + "51" * 20
STRANGER = "0x" + "66" * 20
BLOB = "A" * 43
ROOTLESS = b"\x11" * 32


def keys() -> dict[bytes, EnclaveKey | Unknown]:
    return {each.tee_id: EnclaveKey(each.der, NOW - 86_400) for each in enclaves()}


def values(count: int, start: int = 0) -> list[list[str]]:
    return [enclaves()[index % 3].value(index) for index in range(start, start + count)]


def settled(raw: bytes, size: int | None = None, **changed: object) -> SettlementInput:
    """A settlement with the root of `raw`, and an honest size unless given."""
    read = parse_batch(raw)
    assert isinstance(read, Batch)
    honest = SettlementInput(
        "0xaa", 0, NOW + 60, RELAY, SIGNER, len(read.leaves) if size is None else size, BLOB, read.root
    )
    return replace(honest, **changed)  # type: ignore[arg-type]


def blob(raw: bytes) -> Blob:
    return Blob(raw, "", "http://aggregator.example")


def judged(
    settlement: SettlementInput,
    outcome: Blob | BlobMissing | Batch | BatchRefused,
    seen: CountedLeaves | None = None,
    known: Keys | None = None,
    signers: Sequence[str] = (SIGNER,),
) -> SettlementVerdicts:
    return judge_settlement(
        settlement, outcome, seen or CountedLeaves(), keys() if known is None else known, signers, (RELAY,)
    )


def figures(verdicts: SettlementVerdicts) -> tuple[object, object, object]:
    return verdicts.claimed, verdicts.backed, verdicts.verified


def standings(verdicts: SettlementVerdicts) -> list[str]:
    return [each.standing for each in verdicts.leaves]


def test_an_honest_batch_counts_in_all_three_figures() -> None:
    raw = dump(values(5))
    settlement_verdicts = judged(settled(raw), blob(raw))
    assert figures(settlement_verdicts) == (5, 5, 5)
    assert settlement_verdicts.gaps == ()
    assert settlement_verdicts.recognised and not settlement_verdicts.retry
    assert len(settlement_verdicts.newly.backed) == len(settlement_verdicts.newly.verified) == 5


# --- 1: who may emit ------------------------------------------------------------------------------------------


def test_a_batch_from_an_unknown_relay_is_shown_and_never_added() -> None:
    raw = dump(values(2))
    settlement_verdicts = judged(settled(raw, relay=STRANGER), blob(raw))
    assert all(isinstance(each, Unknown) for each in figures(settlement_verdicts))
    assert not settlement_verdicts.recognised and not settlement_verdicts.newly.backed
    assert f"unrecognised emitter {STRANGER}" in settlement_verdicts.gaps


def test_a_batch_from_an_unknown_signer_is_shown_and_never_added() -> None:
    raw = dump(values(2))
    settlement_verdicts = judged(settled(raw, signer=STRANGER), blob(raw))
    assert all(isinstance(each, Unknown) for each in figures(settlement_verdicts))
    assert not settlement_verdicts.recognised and not settlement_verdicts.newly.verified


def test_an_open_batch_settle_with_a_size_of_2_to_the_255_moves_nothing() -> None:
    raw = dump(values(3))
    stranger = judged(settled(raw, 2**255, signer=STRANGER), blob(raw))
    assert not any(isinstance(each, int) for each in figures(stranger))
    unpinned = judged(settled(raw, 2**255), blob(raw), signers=())
    assert isinstance(unpinned.claimed, Unknown)
    assert figures(unpinned)[1:] == (3, 3)
    assert all(len(gap) < 200 for gap in unpinned.gaps)
    pinned = judged(settled(raw, 2**255), blob(raw))
    assert figures(pinned) == (3, 3, 3)
    unread = judged(settled(raw, 2**255), BlobMissing("gone", retry=False, final=True))
    assert isinstance(unread.claimed, Unknown)
    assert figures(unread)[1:] == (0, 0)


def test_without_pinned_signers_claims_are_unknown_and_proofs_are_not() -> None:
    raw = dump(values(2))
    settlement_verdicts = judged(settled(raw, signer=None), blob(raw), signers=())
    assert isinstance(settlement_verdicts.claimed, Unknown)
    assert figures(settlement_verdicts)[1:] == (2, 2)


def test_a_sender_that_was_not_fetched_leaves_everything_unknown_and_to_be_asked_again() -> None:
    raw = dump(values(2))
    settlement_verdicts = judged(settled(raw, signer=None), blob(raw))
    assert all(isinstance(each, Unknown) for each in figures(settlement_verdicts))
    assert settlement_verdicts.retry and settlement_verdicts.recognised


# --- 2: what stands behind it ---------------------------------------------------------------------------------


def test_leaves_that_hash_to_another_root_back_nothing() -> None:
    raw = dump(values(3))
    settlement_verdicts = judged(settled(raw, root=ROOTLESS), blob(raw))
    assert figures(settlement_verdicts) == (3, 0, 0)
    assert "do not hash to the root" in settlement_verdicts.gaps[0]


@pytest.mark.parametrize(
    "content",
    [
        b" " * (MAX_BYTES + 1),
        b"garbage",
        b"<html></html>",
        b"[" * 1_000_000,
        dump(values(1)).replace(b'{"format"', b'{"tree": [], "format"'),
        dump(values(1), leafEncoding=["string"]),
    ],
    ids=["huge", "garbage", "html", "deep", "duplicate keys", "unknown encoding"],
)
def test_a_blob_that_is_no_dump_backs_nothing(content: bytes) -> None:
    settlement_verdicts = judged(settled(dump(values(3))), blob(content))
    assert figures(settlement_verdicts) == (3, 0, 0)
    assert settlement_verdicts.gaps[0].startswith("blob refused: ")


def test_a_missing_blob_is_claimed_and_unbacked_and_unknown_rather_than_zero() -> None:
    settlement_verdicts = judged(settled(dump(values(3))), BlobMissing("blob A: HTTP 503", retry=True, final=False))
    assert settlement_verdicts.claimed == 3
    assert settlement_verdicts.backed == settlement_verdicts.verified == Unknown("its answers could not be read yet")
    assert settlement_verdicts.retry


def test_an_expired_blob_is_a_verdict() -> None:
    settlement_verdicts = judged(settled(dump(values(3))), BlobMissing("blob A has expired", retry=False, final=True))
    assert figures(settlement_verdicts) == (3, 0, 0)
    assert settlement_verdicts.gaps == ("its answers cannot be read",)
    assert not settlement_verdicts.retry


# --- 3: sizes -------------------------------------------------------------------------------------------------


def test_a_real_root_with_a_lying_size_claims_no_more_than_the_blob_holds() -> None:
    raw = dump(values(3))
    settlement_verdicts = judged(settled(raw, 9_999), blob(raw))
    assert figures(settlement_verdicts) == (3, 3, 3)
    assert settlement_verdicts.gaps == ("claims 9,999 inferences where its blob holds 3",)


def test_a_size_below_the_leaves_counts_no_more_leaves_than_that_and_leaves_the_others_to_an_honest_log() -> None:
    raw = dump(values(3))
    short = judged(settled(raw, 1, tx="0x01"), blob(raw))
    assert figures(short) == (1, 1, 1)
    assert standings(short) == ["verified", "beyond the claimed size", "beyond the claimed size"]
    honest = judged(settled(raw, tx="0x02"), blob(raw), short.newly)
    assert figures(honest) == (3, 2, 2)


def test_a_size_of_zero_counts_nothing() -> None:
    raw = dump(values(2))
    assert figures(judged(settled(raw, 0), blob(raw))) == (0, 0, 0)


# --- 4: signatures and keys -----------------------------------------------------------------------------------


def test_a_leaf_signed_by_an_unregistered_key_is_backed_and_not_verified() -> None:
    raw = dump([Enclave().value("x"), *values(1)])
    settlement_verdicts = judged(settled(raw), blob(raw))
    assert figures(settlement_verdicts) == (2, 2, 1)
    assert standings(settlement_verdicts) == ["unknown key", "verified"]


def test_a_registered_id_cannot_be_borrowed_by_another_key() -> None:
    thief = Enclave()
    row = thief.value("x")
    raw = dump([[hexed(enclaves()[0].tee_id), *row[1:]]])
    assert standings(judged(settled(raw), blob(raw))) == ["bad signature"]
    lying_registry = {enclaves()[0].tee_id: EnclaveKey(thief.der, 0)}
    assert standings(judged(settled(raw), blob(raw), known=lying_registry)) == ["unknown key"]


def test_a_signature_for_other_hashes_is_bad() -> None:
    first, second = values(2)
    raw = dump([[*first[:3], second[3], first[4]], [first[0], second[1], *first[2:]]])
    settlement_verdicts = judged(settled(raw), blob(raw))
    assert standings(settlement_verdicts) == ["bad signature", "bad signature"]
    assert figures(settlement_verdicts) == (2, 2, 0)


def test_an_enclave_registered_after_it_signed_verifies_nothing() -> None:
    enclave = enclaves()[0]
    raw = dump([enclave.value("x")])
    late = {enclave.tee_id: EnclaveKey(enclave.der, NOW + 1)}
    assert standings(judged(settled(raw), blob(raw), known=late)) == ["not registered before its timestamp"]
    in_time = {enclave.tee_id: EnclaveKey(enclave.der, NOW)}
    assert standings(judged(settled(raw), blob(raw), known=in_time)) == ["verified"]


def test_a_registry_that_did_not_answer_leaves_verified_unknown_and_not_zero() -> None:
    enclave, two = enclaves()[:2]
    raw = dump([enclave.value("x"), two.value("x")])
    known = {enclave.tee_id: EnclaveKey(enclave.der, 0), two.tee_id: Unknown("the registry timed out")}
    settlement_verdicts = judged(settled(raw), blob(raw), known=known)
    assert figures(settlement_verdicts) == (2, 2, Unknown("the registry timed out"))
    assert settlement_verdicts.retry
    later = judged(settled(raw), blob(raw), settlement_verdicts.newly)
    assert figures(later) == (2, 2, 2), "judged again, its own leaves are its own"


def test_a_signature_of_another_length_is_bad() -> None:
    row = enclaves()[0].value("x")
    raw = dump([[*row[:3], row[3] + "00", row[4]], [*enclaves()[0].value("y")[:3], "0x", row[4]]])
    assert standings(judged(settled(raw), blob(raw))) == ["bad signature", "bad signature"]


def test_placeholders_are_counted_apart_whatever_key_they_name() -> None:
    row = enclaves()[0].value("x")
    raw = dump([[hexed(PLACEHOLDER_TEE), *row[1:3], "0xd3", row[4]], *values(1)])
    settlement_verdicts = judged(settled(raw), blob(raw))
    assert figures(settlement_verdicts) == (2, 1, 1)
    assert settlement_verdicts.standing_counts["placeholder"] == 1


def test_leaves_of_the_older_versions_are_backed_and_cannot_be_verified() -> None:
    rows = [[hexed(hashed(index, part)) for part in range(3)] for index in range(2)]
    raw = dump([*rows, rows[0]], 2)
    settlement_verdicts = judged(settled(raw), blob(raw))
    assert figures(settlement_verdicts) == (3, 2, 0)
    assert standings(settlement_verdicts) == ["backed", "backed", "duplicate"]
    again = judged(settled(raw, tx="0x02"), blob(raw), settlement_verdicts.newly)
    assert standings(again) == ["duplicate"] * 3


# --- 5: repeats -----------------------------------------------------------------------------------------------


def test_the_same_leaves_again_under_another_root_count_once() -> None:
    first, second = dump(values(3)), dump(values(5))
    before = judged(settled(first, tx="0x01"), blob(first))
    settlement_verdicts = judged(settled(second, tx="0x02"), blob(second), before.newly)
    assert figures(settlement_verdicts) == (5, 2, 2)
    assert standings(settlement_verdicts) == ["duplicate"] * 3 + ["verified"] * 2


def test_the_same_leaf_twice_in_one_batch_counts_once() -> None:
    enclave = enclaves()[0]
    raw = dump([enclave.value("x"), enclave.value("x"), *values(1)])
    settlement_verdicts = judged(settled(raw), blob(raw))
    assert figures(settlement_verdicts) == (3, 2, 2)
    assert standings(settlement_verdicts)[1] == "duplicate"


def test_a_wrong_signature_posted_first_does_not_spoil_the_genuine_one() -> None:
    row = enclaves()[0].value("x")
    spoilt = [*row[:3], "0x" + "00" * 256, row[4]]
    raw = dump([spoilt])
    first = judged(settled(raw, tx="0x01"), blob(raw))
    assert figures(first) == (1, 1, 0)
    honest = dump([row])
    settlement_verdicts = judged(settled(honest, tx="0x02"), blob(honest), first.newly)
    assert figures(settlement_verdicts) == (1, 0, 1)
    both = dump([spoilt, row, spoilt])
    assert standings(judged(settled(both), blob(both))) == ["bad signature", "verified", "duplicate"]
    assert figures(judged(settled(both), blob(both))) == (3, 1, 1)


def test_a_replayed_individual_settlement_counts_once() -> None:
    leaf = individual("x")
    once = SettlementInput("0x01", 0, NOW + 60, RELAY, SIGNER, 1, BLOB, leaf=leaf)
    nothing = BlobMissing("not asked", retry=True, final=False)
    first = judged(once, nothing)
    assert figures(first) == (1, 1, 1)
    replayed = judged(replace(once, tx="0x02"), nothing, first.newly)
    assert figures(replayed) == (1, 0, 0)
    assert standings(replayed) == ["duplicate"]
    raw = dump([enclaves()[0].value("x")])
    assert figures(judged(settled(raw, tx="0x03"), blob(raw), first.newly)) == (1, 0, 0)


def individual(what: object) -> Leaf:
    read = parse_batch(dump([enclaves()[0].value(what)]))
    assert isinstance(read, Batch)
    return read.leaves[0]


# --- 6: times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "standing"),
    [
        (NOW, "verified"),
        (NOW + 60 + 300, "verified"),
        (NOW + 60 + 301, "implausible time"),
        (NOW + 60 - 3600, "verified"),
        (NOW + 60 - 3601, "implausible time"),
        (0, "implausible time"),
        (2**255, "implausible time"),
    ],
)
def test_a_timestamp_far_from_its_block_is_set_aside(at: int, standing: str) -> None:
    raw = dump([enclaves()[0].value("x", at)])
    known = {enclaves()[0].tee_id: EnclaveKey(enclaves()[0].der, 0)}
    settlement_verdicts = judged(settled(raw), blob(raw), known=known)
    assert standings(settlement_verdicts) == [standing]
    assert settlement_verdicts.backed == settlement_verdicts.verified == (standing == "verified")
    assert all(len(each.reason) < 100 for each in settlement_verdicts.leaves)


# --- many at once ---------------------------------------------------------------------------------------------


def test_many_settlements_at_once_find_what_one_by_one_would() -> None:
    raws = [dump(values(4)), dump(values(6)), dump([Enclave().value("x"), *values(3, 20)]), dump(values(2))]
    settlements = [settled(raw, tx=f"0x{index}") for index, raw in enumerate(raws)]
    settlements[3] = replace(settlements[3], root=ROOTLESS)
    outcomes: list[BlobMissing | Batch | BatchRefused] = [parse_batch(raw) for raw in raws]
    settlements.append(settled(raws[0], tx="0xff"))
    outcomes.append(BlobMissing("HTTP 503", retry=True, final=False))
    seen, one_by_one = CountedLeaves(), []
    for settlement, outcome in zip(settlements, outcomes, strict=True):
        one_by_one.append(judged(settlement, outcome, seen))
        newly = one_by_one[-1].newly
        seen = CountedLeaves({**seen.backed, **newly.backed}, {**seen.verified, **newly.verified})
    with ThreadPoolExecutor(2) as executor:
        together = judge_settlements(
            list(zip(settlements, outcomes, strict=True)), CountedLeaves(), keys(), (SIGNER,), (RELAY,), executor
        )
    assert together == one_by_one
    assert [each.verified for each in together[:4]] == [4, 2, 3, 0]
