"""Speed of verifying leaves, compared with `openssl speed rsa2048` on all cores at the same time.

Two rates: the signature step alone, and whole leaves (JSON, Keccak, tree, the six rules and signatures). The speed of
each installed Keccak library on the 64 bytes of a tree's node is printed to standard error. Peer and product take
turns, since other load affects both; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor
from statistics import median

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks import Row
from bot.sources.opengradient.acceptance_rules import judge_settlements
from bot.sources.opengradient.merkle_batch import Batch, keccak, parse_batch
from bot.sources.opengradient.signatures import Claim, process_pool, signature_claim, verify_signatures
from bot.sources.opengradient.verification_types import CountedLeaves, EnclaveKey, SettlementInput

NOW = 1_780_000_000
RELAY = "0x" + "f1" * 20
CORES = os.cpu_count() or 1
GOAL = 0.6
"""Of openssl's rate, for the signature step."""
LEAVES, ROUNDS = 20_000, 5
BATCH = 20
"""The number of leaves at which the facilitator flushes."""


def run() -> list[Row]:
    """The rows of the table."""
    blobs, keys = dumps(LEAVES // BATCH)
    claims = [
        signature_claims
        for raw in blobs
        for leaf in _read(raw).leaves
        if (signature_claims := signature_claim(leaf, keys[leaf.tee_id].der))
    ]
    with process_pool() as executor:
        verify_signatures(claims[: 4096 * CORES], executor)  # Starts the processes.
        results = [_round(blobs, keys, claims, executor) for _ in range(ROUNDS)]
    hashes()
    peer = f"{median(r[0] for r in results):,.0f}/s: openssl speed -multi {CORES} rsa2048"
    rows = []
    for name, column, goal in (("signatures of leaves verified", 1, GOAL), ("whole leaves verified", 2, None)):
        rate, ratio = median(r[column] for r in results), median(r[column] / r[0] for r in results)
        wanted, met = ("stated", True) if goal is None else (f">= {goal}", ratio >= goal)
        rows.append(Row(f"{name}, {CORES} cores", f"{rate:,.0f}/s", peer, ratio, wanted, met))
    return rows


def _round(
    blobs: list[bytes], keys: dict[bytes, EnclaveKey], claims: list[Claim], executor: Executor
) -> tuple[float, float, float]:
    peer = openssl()
    began = time.perf_counter()
    assert all(verify_signatures(claims, executor))
    signatures = len(claims) / (time.perf_counter() - began)
    began = time.perf_counter()
    read = [_read(raw) for raw in blobs]
    settled = [
        (SettlementInput(f"0x{index}", 0, NOW + 60, RELAY, None, len(each.leaves), "", each.root), each)
        for index, each in enumerate(read)
    ]
    verified = sum(each.verified for each in judge_settlements(settled, CountedLeaves(), keys, (), (RELAY,), executor))  # type: ignore[misc]
    whole = verified / (time.perf_counter() - began)
    assert verified == len(claims)
    return peer, signatures, whole


def openssl() -> float:
    """RSA-2048 verifications per second on all cores, in elapsed time, like ours, not processor time."""
    command = ["openssl", "speed", "-elapsed", "-seconds", "1", "-multi", str(CORES), "rsa2048"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def dumps(count: int) -> tuple[list[bytes], dict[bytes, EnclaveKey]]:
    """Batches of distinct leaves with real signatures: 20,000 take about ten seconds."""
    generate_private_keys = [rsa.generate_private_key(65537, 2048) for _ in range(4)]
    ders = [
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in generate_private_keys
    ]
    keys = {keccak(der): EnclaveKey(der, 0) for der in ders}
    rows = []
    for number in range(count * BATCH):
        key, der = generate_private_keys[number % 4], ders[number % 4]
        hashed = (os.urandom(32), os.urandom(32))
        message = keccak(b"".join(hashed) + NOW.to_bytes(32, "big"))
        signature = key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        rows.append(["0x" + part.hex() for part in (keccak(der), *hashed, signature)] + [str(NOW)])
    return [_dump(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)], keys


def _dump(rows: list[list[str]]) -> bytes:
    values = [{"value": row, "treeIndex": 2 * len(rows) - 2 - index} for index, row in enumerate(rows)]
    tree = ["0x" + "00" * 32] * (2 * len(rows) - 1)
    encoding = ["bytes32", "bytes32", "bytes32", "bytes", "uint256"]
    document = {"format": "standard-v1", "leafEncoding": encoding, "tree": tree, "values": values}
    return json.dumps(document, separators=(",", ":")).encode()


def _read(raw: bytes) -> Batch:
    batch = parse_batch(raw)
    assert isinstance(batch, Batch), batch
    return batch


def hashes() -> None:
    """Keccak-256 of 64 bytes, by each library that is installed."""
    from Crypto.Hash import keccak as pycryptodome

    peers: dict[str, Callable[[bytes], bytes]] = {
        "safe-pysha3 (chosen)": keccak,
        "pycryptodome": lambda data: pycryptodome.new(digest_bits=256, data=data).digest(),
    }
    node = os.urandom(64)
    for name, peer in peers.items():
        began = time.perf_counter()
        for _ in range(50_000):
            peer(node)
        print(f"Keccak-256 by {name}: {50_000 / (time.perf_counter() - began):,.0f} nodes/s", file=sys.stderr)
