"""Verifies signatures: RSA-2048 PSS, in tasks that any executor can run.

A task is plain bytes and a verdict is one byte, so transfer between processes is cheap. The parameters
are those of tee-gateway (`tee_manager.py`) and og-evm (`TEEInferenceVerifier.sol`, `precompiles/tee/precompile.go`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import lru_cache
from hashlib import sha256
from multiprocessing import get_context
from os import cpu_count
from typing import TYPE_CHECKING

from bot.sources.opengradient.merkle_batch import SIGNATURE_BYTES, Leaf, keccak

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PSS
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

ROW_BYTES = 96 + SIGNATURE_BYTES
CHUNK = 1024
"""Signatures per task: about 25 ms of work for 360 kB of data."""
WORTH_A_POOL = 20_000
"""With fewer signatures, pass no executor: starting processes costs more than it saves."""

Claim = tuple[bytes, bytes]
"""A public key (SPKI DER) and a row: `Leaf.signed_part` followed by the signature, `ROW_BYTES` in all."""


def signature_claim(leaf: Leaf, der: bytes) -> Claim | None:
    """The check of a leaf's signature; `None` if the signature's length is wrong."""
    if leaf.timestamp is None or len(leaf.signature) != SIGNATURE_BYTES:
        return None
    return der, leaf.signed_part + leaf.signature


def verify_signatures(claims: Sequence[Claim], executor: Executor | None = None) -> list[bool]:
    """Whether each signature is valid, in the given order. Sorted by key into tasks of `CHUNK`, so that a worker parses
    a key once and its rows are one bytes object."""
    by_key: dict[bytes, list[int]] = {}
    for index, (der, _) in enumerate(claims):
        by_key.setdefault(der, []).append(index)
    chunks = list(_claim_chunks(by_key))
    tasks = (tuple((der, b"".join([claims[i][1] for i in same])) for der, same in chunk) for chunk in chunks)
    answers = b"".join(executor.map(verify_task, tasks) if executor else map(verify_task, tasks))
    order = (index for chunk in chunks for _, same in chunk for index in same)
    verdicts = [False] * len(claims)
    for index, answer in zip(order, answers, strict=True):
        verdicts[index] = answer == 1
    return verdicts


Task = tuple[tuple[bytes, bytes], ...]
"""Keys, each with its concatenated rows."""


def _claim_chunks(by_key: Mapping[bytes, Sequence[int]]) -> Iterator[list[tuple[bytes, Sequence[int]]]]:
    """Keys with indices, at most `CHUNK` of them at a time."""
    chunk: list[tuple[bytes, Sequence[int]]] = []
    room = CHUNK
    for der, indices in by_key.items():
        start = 0
        while start < len(indices):
            chunk.append((der, indices[start : start + room]))
            start += room
            room = CHUNK - sum(len(same) for _, same in chunk)
            if not room:
                yield chunk
                chunk, room = [], CHUNK
    if chunk:
        yield chunk


def verify_task(task: Task) -> bytes:
    """One byte per row, in order: 1 for a valid signature, 0 for an invalid one."""
    return b"".join(_verify_rows(_load_key(der), rows) for der, rows in task)


@lru_cache(maxsize=1)
def _signature_scheme() -> tuple[PSS, Prehashed]:
    """The parameters of every signature. cryptography is imported here, because an idle worker does not need its
    7 MB."""
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

    return PSS(MGF1(SHA256()), 32), Prehashed(SHA256())


def _verify_rows(key: RSAPublicKey | None, rows: bytes) -> bytes:
    from cryptography.exceptions import InvalidSignature

    if key is None:
        return bytes(len(rows) // ROW_BYTES)
    pss, hashed = _signature_scheme()
    verify, answers = key.verify, bytearray()
    for start in range(0, len(rows), ROW_BYTES):
        middle = start + 96
        # PSS encodes the SHA-256 of the Keccak of the signed part; MGF1 with SHA-256, salt of 32 bytes. Hashing here
        # rather than in `verify` is 4% faster.
        message = sha256(keccak(rows[start:middle])).digest()
        try:
            verify(rows[middle : start + ROW_BYTES], message, pss, hashed)
        except InvalidSignature:
            answers.append(0)
        else:
            answers.append(1)
    return bytes(answers)


@lru_cache(maxsize=512)
def _load_key(der: bytes) -> RSAPublicKey | None:
    """A usable key; `None` if it is not an RSA-2048 key or has a huge exponent (100 times the cost per check)."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size != 2048 or key.public_numbers().e >= 2**33:
        return None
    return key


def process_pool() -> ProcessPoolExecutor:
    """One process per core; threads do not help, since most of a check holds the interpreter's lock."""
    return ProcessPoolExecutor(cpu_count() or 1, mp_context=get_context("spawn"))
