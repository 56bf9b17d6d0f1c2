"""Test enclaves: RSA-2048 keys that sign leaves as OpenGradient's gateway does, and dumps of these leaves."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_utils import keccak

from tests.patience import PATIENCE
from tests.peers.solidity import MODULES, TESTS, node

NOW = 1_780_000_000
"""The instant, in Unix seconds, around which tests sign."""

ENCODINGS = {
    1: ["bytes32", "bytes32"],
    2: ["bytes32", "bytes32", "bytes32"],
    3: ["bytes32", "bytes32", "bytes32", "bytes", "uint256"],
}

_TREE = """
const { StandardMerkleTree } = require('@openzeppelin/merkle-tree');
const { values, leafEncoding } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(StandardMerkleTree.of(values, leafEncoding).dump()));
"""


class Enclave:
    """A key pair, its id, and its signatures."""

    def __init__(self, bits: int = 2048) -> None:
        self.key = rsa.generate_private_key(65537, bits)
        self.der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.tee_id = keccak(self.der)

    def signature(self, input_hash: bytes, output_hash: bytes, at: int) -> bytes:
        message = keccak(input_hash + output_hash + at.to_bytes(32, "big"))
        return self.key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())

    def value(self, what: object, at: int = NOW) -> list[str]:
        """A leaf of version 3 about `what`, in a dump's format."""
        input_hash, output_hash = hashed("in", what), hashed("out", what)
        signature = self.signature(input_hash, output_hash, at)
        return [*map(hexed, (self.tee_id, input_hash, output_hash, signature)), str(at)]


@functools.cache
def enclaves() -> tuple[Enclave, ...]:
    """Three enclaves, made once because keys take time."""
    return tuple(Enclave() for _ in range(3))


def hashed(*what: object) -> bytes:
    return hashlib.sha256(repr(what).encode()).digest()


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


def dump(values: Sequence[Sequence[str | int]], version: int = 3, **changed: object) -> bytes:
    """A dump made by our own code. Its `tree` is invalid, which must not matter."""
    rows = [{"value": list(value), "treeIndex": index} for index, value in enumerate(values)]
    document = {"format": "standard-v1", "leafEncoding": ENCODINGS[version], "tree": ["0x00"], "values": rows}
    return json.dumps(document | changed).encode()


def openzeppelin(values: Iterable[Sequence[str]], version: int = 3) -> bytes:
    """The dump that npm's @openzeppelin/merkle-tree makes."""
    if not (MODULES / "@openzeppelin" / "merkle-tree").is_dir():
        raise RuntimeError(f"{MODULES}: no @openzeppelin/merkle-tree; run: make tests/node_modules/.ready")
    question = json.dumps({"values": [list(value) for value in values], "leafEncoding": ENCODINGS[version]})
    done = subprocess.run(
        [node(), "-e", _TREE],
        input=question.encode(),
        capture_output=True,
        cwd=Path(TESTS),
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout
