"""Parses dumps, computes roots and checks signatures."""

from __future__ import annotations

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sources.opengradient import merkle_batch, signatures
from bot.sources.opengradient.merkle_batch import (
    MAX_BYTES,
    MAX_LEAVES,
    PLACEHOLDER_TEE,
    Batch,
    BatchRefused,
    Leaf,
    keccak,
    parse_batch,
)
from bot.sources.opengradient.signatures import signature_claim, verify_signatures
from tests.peers.enclave import ENCODINGS, NOW, Enclave, dump, enclaves, hashed, hexed, openzeppelin

FACTS = os.environ.get("FACTS_DIR")


def read(raw: bytes) -> Batch:
    batch = parse_batch(raw)
    assert isinstance(batch, Batch), batch
    return batch


def refused(raw: bytes) -> str:
    batch = parse_batch(raw)
    assert isinstance(batch, BatchRefused), batch
    return batch.reason


def values(count: int) -> list[list[str]]:
    return [enclaves()[index % 3].value(index) for index in range(count)]


# --- roots ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 20, 33])
def test_the_root_is_the_one_openzeppelin_makes(count: int) -> None:
    raw = openzeppelin(values(count))
    batch = read(raw)
    assert hexed(batch.root) == json.loads(raw)["tree"][0]
    assert len(batch.leaves) == count


@pytest.mark.parametrize("version", [1, 2])
def test_the_root_of_the_older_leaf_versions_is_openzeppelins_too(version: int) -> None:
    rows = [[hexed(hashed(index, part)) for part in range(version + 1)] for index in range(6)]
    raw = openzeppelin(rows, version)
    batch = read(raw)
    assert hexed(batch.root) == json.loads(raw)["tree"][0]
    assert batch.version == version
    assert {leaf.timestamp for leaf in batch.leaves} == {None}


def test_equal_leaves_and_signatures_of_odd_lengths_keep_the_root() -> None:
    rows = values(3)
    rows += [
        rows[0],
        [*rows[1][:3], "0xd3", "0"],
        [*rows[1][:3], "0x", str(2**256 - 1)],
        [*rows[1][:3], "0x" + "ab" * 33, "7"],
    ]
    raw = openzeppelin(rows)
    assert hexed(read(raw).root) == json.loads(raw)["tree"][0]


def test_what_the_dump_says_of_its_tree_is_not_believed() -> None:
    rows = values(4)
    honest = openzeppelin(rows)
    liar = json.loads(honest) | {"tree": ["0x" + "11" * 32] * 7}
    assert read(json.dumps(liar).encode()).root == read(honest).root


def test_a_changed_leaf_changes_the_root() -> None:
    rows = values(4)
    changed = [*rows[:3], [*rows[3][:4], str(NOW + 1)]]
    assert read(dump(rows)).root != read(dump(changed)).root


def test_timestamps_are_read_as_decimal_text_or_as_numbers() -> None:
    rows = values(2)
    numbers = [[*row[:4], int(row[4])] for row in rows]
    assert read(dump(rows)) == read(dump(numbers))


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 2**256 - 1))
def test_a_leaf_is_encoded_as_eth_abi_does(signature: bytes, at: int) -> None:
    words = [hashed(1), hashed(2), hashed(3)]
    encoded = encode(ENCODINGS[3], [*words, signature, at])
    batch = read(dump([[*map(hexed, words), hexed(signature), str(at)]]))
    assert batch.root == keccak(keccak(encoded))


# --- hostile dumps --------------------------------------------------------------------------------------------


ONE = [hexed(hashed(n)) for n in range(3)] + ["0x" + "ab" * 256, str(NOW)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not a standard-v1 tree"),
        (b"<!doctype html><title>503</title>", "not a standard-v1 tree"),
        (b"\xff\xfe\x00", "not a standard-v1 tree"),
        (b"null", "not a standard-v1 tree"),
        (b"[" * 100_000, "not a standard-v1 tree"),
        (b'{"values":' * 100_000, "not a standard-v1 tree"),
        (b'{"tree":' + b"[" * 500_000 + b"]" * 500_000 + b"}", "not a standard-v1 tree"),
        (dump([ONE], format="simple-v1"), "not a standard-v1 tree"),
        (dump([ONE], extra=1), "not a standard-v1 tree"),
        (dump([ONE], leafEncoding=["bytes32", "uint256"]), "a leaf encoding"),
        (dump([ONE], leafEncoding=[]), "a leaf encoding"),
        (dump([]), "0 leaves"),
        (dump([ONE[:4]]), "4 values, wanted 5"),
        (dump([[*ONE[:4], 1.5]]), "not a standard-v1 tree"),
        (dump([[*ONE[:4], float("nan")]]), "not a standard-v1 tree"),
        (dump([[*ONE[:4], "1780000000.0"]]), "not a decimal number"),
        (dump([[*ONE[:4], "-1"]]), "not a decimal number"),
        (
            dump(
                [[*ONE[:4], "١٢٣"]],
            ),
            "escaped",
        ),
        (dump([[*ONE[:4], "9" * 78]]), "outside uint256"),
        (dump([[*ONE[:4], "9" * 100_000]]), "not a decimal number"),
        (dump([[*ONE[:4], 2**256]]), "outside uint256"),
        (dump([[*ONE[:4], -1]]), "outside uint256"),
        (dump([["0x" + " " * 64, *ONE[1:]]]), "leaf 0"),
        (dump([["0x" + "ab" * 31, *ONE[1:]]]), "31 bytes, wanted 32"),
        (dump([["ab" * 33, *ONE[1:]]]), "begin with 0x"),
        (dump([["0xzz" + "ab" * 31, *ONE[1:]]]), "leaf 0"),
        (dump([[*ONE[:3], "0x" + "ab" * 5000, ONE[4]]]), "a signature of 5,000 bytes"),
        (dump([ONE]).replace(b'"treeIndex": 0', b'"treeIndex": 0, "treeIndex": 1'), "given twice"),
        (dump([ONE]).replace(b'{"format"', b'{"values": [], "format"'), "given twice"),
        (dump([ONE]).replace(b'"treeIndex": 0', b'"treeIndex": 0, "treeInde\\u0078": 1'), "escaped"),
        (dump([[None, *ONE[1:]]]), "not a standard-v1 tree"),  # type: ignore[list-item]
    ],
)
def test_a_dump_that_is_not_one_is_refused_with_a_reason(raw: bytes, reason: str) -> None:
    assert reason in refused(raw)


def test_a_dump_with_too_many_leaves_or_bytes_is_refused() -> None:
    assert "leaves" in refused(dump([ONE] * (MAX_LEAVES + 1)))
    assert "bytes" in refused(b" " * (MAX_BYTES + 1))


@settings(max_examples=100)
@given(st.data())
def test_no_bytes_whatever_make_it_raise(data: st.DataObject) -> None:
    whole = bytearray(dump([ONE, ONE]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    assert isinstance(parse_batch(bytes(whole)), Batch | BatchRefused)


@pytest.mark.parametrize(
    "raw",
    [
        dump([["0x@everyone", *ONE[1:]]]),
        dump([["@everyone", *ONE[1:]]]),
        dump([[*ONE[:4], "@everyone"]]),
        dump([ONE], format="@everyone"),
        dump([ONE], leafEncoding=["@everyone"]),
        dump([ONE]).replace(b"treeIndex", b"@everyone"),
        b'{"@everyone": 1}',
    ],
)
def test_a_reason_holds_no_word_of_the_sender(raw: bytes) -> None:
    assert "everyone" not in refused(raw)


# --- signatures -----------------------------------------------------------------------------------------------


def checks(leaves: tuple[Leaf, ...], ders: list[bytes]) -> list[bool]:
    claims = [signature_claim(leaf, der) for leaf, der in zip(leaves, ders, strict=True)]
    assert all(claims)
    return verify_signatures([each for each in claims if each])


def test_genuine_signatures_are_told_from_all_others_in_order() -> None:
    rows = values(12)
    rows[4][2] = hexed(hashed("another answer"))
    rows[7][4] = str(NOW + 1)
    rows[9][3] = rows[6][3]
    batch = read(dump(rows))
    ders = [enclaves()[index % 3].der for index in range(12)]
    assert [index for index, good in enumerate(checks(batch.leaves, ders)) if not good] == [4, 7, 9]


def test_a_signature_with_another_salt_or_hash_is_not_genuine() -> None:
    enclave = enclaves()[0]
    row = enclave.value("x")
    (leaf,) = read(dump([row])).leaves
    message = keccak(leaf.signed_part)
    others = [
        enclave.key.sign(message, padding.PSS(padding.MGF1(SHA256()), 20), SHA256()),
        enclave.key.sign(message, padding.PSS(padding.MGF1(SHA512()), 32), SHA256()),
        enclave.key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA512()),
        enclave.key.sign(message, padding.PKCS1v15(), SHA256()),
        enclave.key.sign(leaf.signed_part, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()),
    ]
    leaves = read(dump([[*row[:3], hexed(each), row[4]] for each in others])).leaves
    assert checks(leaves, [enclave.der] * 5) == [False] * 5
    assert checks((leaf,), [enclave.der]) == [True]


def test_a_key_of_another_size_or_kind_or_with_a_huge_exponent_verifies_nothing() -> None:
    enclave = enclaves()[0]
    (leaf,) = read(dump([enclave.value("x")])).leaves
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    modulus = enclave.key.public_key().public_numbers().n
    huge = rsa.RSAPublicNumbers(2**33 + 1, modulus).public_key().public_bytes(*spki)
    curve = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*spki)
    ders = [Enclave(3072).der, huge, curve, b"", b"\x30\x80", enclave.der[:-1]]
    assert checks((leaf,) * len(ders), ders) == [False] * len(ders)


def test_a_genuine_signature_under_a_huge_exponent_is_refused_for_its_cost() -> None:
    enclave = Enclave()
    private = enclave.key.private_numbers()
    totient = (private.p - 1) * (private.q - 1)
    exponent = next(e for e in range(2**33 + 1, 2**34, 2) if math.gcd(e, totient) == 1)
    d = pow(exponent, -1, totient)
    crt = (rsa.rsa_crt_dmp1(d, private.p), rsa.rsa_crt_dmq1(d, private.q), private.iqmp)
    public = rsa.RSAPublicNumbers(exponent, private.public_numbers.n)
    enclave.key = rsa.RSAPrivateNumbers(private.p, private.q, d, *crt, public).private_key()
    der = enclave.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (leaf,) = read(dump([enclave.value("x")])).leaves
    enclave.key.public_key().verify(
        leaf.signature, keccak(leaf.signed_part), padding.PSS(padding.MGF1(SHA256()), 32), SHA256()
    )
    assert checks((leaf,), [der]) == [False]


def test_a_signature_of_another_length_makes_no_claim() -> None:
    row = enclaves()[0].value("x")
    (leaf,) = read(dump([[*row[:3], row[3] + "00", row[4]]])).leaves
    assert signature_claim(leaf, enclaves()[0].der) is None


def test_many_keys_spread_over_an_executor_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "CHUNK", 5)
    rows = values(23)
    bad = {0, 4, 5, 6, 13, 22}
    for index in bad:
        rows[index][4] = str(NOW + 60)
    leaves = read(dump(rows)).leaves
    claims = [signature_claim(leaf, enclaves()[index % 3].der) for index, leaf in enumerate(leaves)]
    with ThreadPoolExecutor(2) as executor:
        result = verify_signatures([each for each in claims if each], executor)
    assert {index for index, good in enumerate(result) if not good} == bad


def test_other_processes_find_the_same() -> None:
    rows = values(9)
    rows[2][1] = hexed(hashed("other"))
    leaves = read(dump(rows)).leaves
    claims = [each for index, leaf in enumerate(leaves) if (each := signature_claim(leaf, enclaves()[index % 3].der))]
    with signatures.process_pool() as executor:
        assert verify_signatures(claims, executor) == verify_signatures(claims) == [index != 2 for index in range(9)]


def test_nothing_to_check_is_nothing_found() -> None:
    assert verify_signatures([]) == []


# --- leaves ---------------------------------------------------------------------------------------------------


def test_a_leaf_signed_twice_is_one_inference() -> None:
    enclave = enclaves()[0]
    first, second = read(dump([enclave.value("x"), enclave.value("x")])).leaves
    assert first.signature != second.signature
    assert first.key == second.key


def test_enclave_hashes_and_time_each_make_another_inference() -> None:
    enclave, two = enclaves()[:2]
    leaves = read(dump([enclave.value("x"), enclave.value("y"), two.value("x"), enclave.value("x", NOW + 1)])).leaves
    assert len({leaf.key for leaf in leaves}) == 4


def test_placeholders_are_known_by_their_signature_and_by_their_enclave() -> None:
    row = enclaves()[0].value("x")
    rows = [[*row[:3], "0xd3", row[4]], [hexed(PLACEHOLDER_TEE), *row[1:]], row]
    assert [leaf.is_placeholder for leaf in read(dump(rows)).leaves] == [True, True, False]


@pytest.mark.parametrize("count", [MAX_LEAVES // 100, MAX_LEAVES])
def test_the_work_for_a_dump_grows_with_its_leaves_and_no_faster(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, hashed_texts = dump([ONE] * count), list[int]()
    monkeypatch.setattr(merkle_batch, "keccak", lambda text: hashed_texts.append(len(text)) or keccak(text))
    assert len(read(raw).leaves) == count
    assert len(hashed_texts) <= 4 * count and max(hashed_texts) < 1000


# --- vectors --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not FACTS, reason="FACTS_DIR does not name the folder of sample vectors")
def test_the_sample_vectors_verify() -> None:
    folder = Path(FACTS or "")
    sample = json.loads((folder / "sample_batch_synthetic.json").read_text())
    der = bytes.fromhex(sample["tee_public_key_der"][2:])
    batch = read(json.dumps(sample["dump"]).encode())
    assert hexed(batch.root) == sample["merkle_root"]
    assert {leaf.tee_id for leaf in batch.leaves} == {keccak(der)}
    assert checks(batch.leaves, [der] * 3) == [True] * 3
    older = json.loads((folder / "sample_batch_v1_synthetic.json").read_text())
    assert hexed(read(json.dumps(older["dump"]).encode()).root) == older["merkle_root"]
