"""A batch of leaves: parses a Walrus dump and computes its Merkle root.

Pure, and trusts no statement of a dump about itself: the root is computed from `values`, never read from `tree`. The
dump is `StandardMerkleTree.dump()` of npm `@openzeppelin/merkle-tree` 1.0.8; OpenGradient's inference-facilitator
decides which values a leaf holds.
"""

from __future__ import annotations

import hashlib
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import msgspec
import sha3  # type: ignore[import-untyped]  # safe-pysha3: 4 to 7 times as fast as pycryptodome on such small inputs

MAX_BYTES = 16 * 2**20
"""A larger dump is refused without parsing: the facilitator flushes at 20 leaves, about 15 kB."""
MAX_LEAVES = 10_000
"""More leaves in one dump, or claimed by one log, are refused as implausible."""
MAX_SIGNATURE = 4096
"""Bytes; a real one has 256."""

SIGNATURE_BYTES = 256
PLACEHOLDER_SIGNATURE = b"\xd3"
PLACEHOLDER_TEE = bytes.fromhex("ddc21f2d5d0af861b4fc1390df47f1c93bc5aee54e7e31763e97256d56148253")
"""What the facilitator's middleware writes if a gateway's response lacks the fields (og-x402, flask.py)."""

Version = Literal[1, 2, 3]
VERSIONS: Mapping[tuple[str, ...], Version] = MappingProxyType(
    {
        ("bytes32", "bytes32"): 1,
        ("bytes32", "bytes32", "bytes32"): 2,
        ("bytes32", "bytes32", "bytes32", "bytes", "uint256"): 3,
    }
)
"""All known leaf encodings: 1 until 20 Feb 2026, 2 until 1 Apr 2026, 3 since (inference-facilitator commits 7557315,
015ceb5, 5e9de7b). Only version 3 can be verified."""


def keccak(data: bytes) -> bytes:
    """Ethereum's Keccak-256, 32 bytes."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


@dataclass(frozen=True, slots=True)
class Leaf:
    """One attested inference: hashes only, never text."""

    version: Version
    tee_id: bytes
    """32 bytes; empty in versions 1 and 2."""
    input_hash: bytes
    output_hash: bytes
    signature: bytes
    """Version 3: as signed. Version 2: Keccak of the signature's text. Version 1: empty."""
    timestamp: int | None
    """Unix seconds by the enclave's clock; none before version 3."""
    key: bytes = field(init=False, repr=False, compare=False)
    """The identity of an inference, 32 bytes: enclave, hashes and time. The signature is left out, since PSS signs the
    same data differently each time. Versions 1 and 2 have fewer fields, and all of them are used."""

    def __post_init__(self) -> None:
        if self.timestamp is None:
            hashed = self.input_hash + self.output_hash + self.signature
        else:
            hashed = self.tee_id + self.signed_part
        object.__setattr__(self, "key", hashlib.sha256(hashed).digest())

    @property
    def signed_part(self) -> bytes:
        """The 96 bytes whose Keccak the enclave signs."""
        return self.input_hash + self.output_hash + (self.timestamp or 0).to_bytes(32, "big")

    @property
    def is_placeholder(self) -> bool:
        """Written in place of a response without proof; it can never verify."""
        return self.signature == PLACEHOLDER_SIGNATURE or self.tee_id == PLACEHOLDER_TEE


@dataclass(frozen=True, slots=True)
class Batch:
    """A dump that was parsed."""

    version: Version
    leaves: tuple[Leaf, ...]
    """In the order of `values`, which is that of arrival."""
    root: bytes
    """Computed, 32 bytes."""


@dataclass(frozen=True, slots=True)
class BatchRefused:
    """Bytes that were refused, with a reason that quotes none of them. Reads well after "refused: "."""

    reason: str


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    value: list[str | int]
    treeIndex: int


class _Dump(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    leafEncoding: list[str]
    tree: list[str]
    values: list[_Entry]


_DUMPS = msgspec.json.Decoder(_Dump)


def parse_batch(raw: bytes) -> Batch | BatchRefused:
    """Parse a dump and compute its root. Never raises, whatever the bytes."""
    if len(raw) > MAX_BYTES:
        return BatchRefused(f"{len(raw):,} bytes, wanted at most {MAX_BYTES:,}")
    if b"\\" in raw:
        return BatchRefused("an escaped character, where a dump holds only hexadecimal and decimal text")
    try:
        dump = _DUMPS.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return BatchRefused("not a standard-v1 tree")  # The decoder's message would quote the sender's text.
    if refused := _shape_error(dump, raw):
        return refused
    try:
        version, leaves, hashes = _parse_leaves(dump)
    except ValueError as error:
        return BatchRefused(str(error))
    return Batch(version, leaves, _merkle_root(hashes))


def _shape_error(dump: _Dump, raw: bytes) -> BatchRefused | None:
    count = len(dump.values)
    if dump.format != "standard-v1":
        return BatchRefused("not a standard-v1 tree")
    if not 0 < count <= MAX_LEAVES:
        return BatchRefused(f"{count:,} leaves, wanted 1 to {MAX_LEAVES:,}")
    # Every key is followed by a colon, unknown keys are refused above and no text in a dump holds a colon. So one colon
    # too many means a duplicate key, of which a decoder would silently keep the last.
    if raw.count(b":") != 4 + 2 * count:
        return BatchRefused("a key that is given twice")
    return None


def _parse_leaves(dump: _Dump) -> tuple[Version, tuple[Leaf, ...], list[bytes]]:
    """The version, the leaves and their hashes. Raises `ValueError` with a reason."""
    version = VERSIONS.get(tuple(dump.leafEncoding))
    if version is None:
        raise ValueError("a leaf encoding that is none of the three known")
    width = len(dump.leafEncoding)
    leaves, hashes = [], []
    for index, entry in enumerate(dump.values):
        value = entry.value
        if len(value) != width:
            raise ValueError(f"leaf {index}: {len(value)} values, wanted {width}")
        try:
            leaf, encoded = _signed_leaf(value) if version == 3 else _unsigned_leaf(version, value)
        except ValueError as error:
            raise ValueError(f"leaf {index}: {error}") from error
        leaves.append(leaf)
        hashes.append(keccak(keccak(encoded)))
    return version, tuple(leaves), hashes


def _signed_leaf(value: list[str | int]) -> tuple[Leaf, bytes]:
    """A leaf of version 3 and its ABI encoding."""
    tee_id, input_hash, output_hash = _parse_word(value[0]), _parse_word(value[1]), _parse_word(value[2])
    signature, timestamp = _parse_hex(value[3]), _parse_uint256(value[4])
    if len(signature) > MAX_SIGNATURE:
        raise ValueError(f"a signature of {len(signature):,} bytes, wanted {SIGNATURE_BYTES}")
    encoded = b"".join(
        (
            *(tee_id, input_hash, output_hash, _OFFSET, timestamp.to_bytes(32, "big")),
            *(len(signature).to_bytes(32, "big"), signature, bytes(-len(signature) % 32)),
        )
    )
    return Leaf(3, tee_id, input_hash, output_hash, signature, timestamp), encoded


_OFFSET = (5 * 32).to_bytes(32, "big")


def _unsigned_leaf(version: Version, value: list[str | int]) -> tuple[Leaf, bytes]:
    """A leaf of version 1 or 2 and its ABI encoding."""
    words = [_parse_word(each) for each in value]
    return Leaf(version, b"", words[0], words[1], b"".join(words[2:]), None), b"".join(words)


def _parse_hex(text: str | int) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError("a value that does not begin with 0x")
    try:
        return unhexlify(text[2:])
    except ValueError as error:
        raise ValueError("a value that is not hexadecimal") from error


def _parse_word(text: str | int) -> bytes:
    word = _parse_hex(text)
    if len(word) != 32:
        raise ValueError(f"{len(word)} bytes, wanted 32")
    return word


def _parse_uint256(value: str | int) -> int:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 78):
            raise ValueError("a timestamp that is not a decimal number")
        value = int(value)
    if not 0 <= value < 2**256:
        raise ValueError("a number outside uint256")
    return value


def _merkle_root(hashes: Sequence[bytes]) -> bytes:
    """The root of OpenZeppelin's standard tree: leaves in ascending order at the end of the array, last one first."""
    tree = [b""] * (len(hashes) - 1) + sorted(hashes, reverse=True)
    for node in range(len(hashes) - 2, -1, -1):
        left, right = tree[2 * node + 1], tree[2 * node + 2]
        tree[node] = keccak(left + right if left < right else right + left)
    return tree[0]
