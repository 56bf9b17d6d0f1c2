"""The parts of Solidity's ABI that we need: topics from signatures, fields of flat events by fixed offsets, and results
with tuples and arrays.

Of events, only the canonical layout is read; anything else raises `AbiDecodeError` and no other error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import sha3  # type: ignore[import-untyped]

from bot.chain.types import Log

_WORD = 32
_FORMAL = re.compile(r"\s+indexed\b|\s+\w+(?=\s*[,)])")


class AbiDecodeError(ValueError):
    """The data are not in the canonical layout; the message says why."""


def event_topic(signature: str) -> bytes:
    """Keccak-256 of a signature without names, spaces and `indexed`: an event's first topic."""
    types = re.sub(r"\s", "", _FORMAL.sub("", signature))
    digest: bytes = sha3.keccak_256(types.encode()).digest()
    return digest


@dataclass(frozen=True, slots=True)
class EventLayout:
    """The layout of an event's log: its fields' types in the signature's order."""

    name: str
    kinds: tuple[tuple[str, bool], ...]
    """Type and whether it is indexed."""
    indexed: int
    head: int
    """Bytes before the first dynamic value."""

    @classmethod
    def from_signature(cls, signature: str) -> EventLayout:
        """The layout of a flat event: `Transfer(address indexed from, address indexed to, uint256 value)`."""
        name, _, inside = signature.partition("(")
        kinds = tuple((field.split()[0], " indexed" in field) for field in inside.rstrip(")").split(",") if field)
        indexed = sum(at for _, at in kinds)
        return cls(name, kinds, indexed, _WORD * (len(kinds) - indexed))


def decode_fields(layout: EventLayout, log: Log) -> Iterator[object]:
    """The fields in order. Raises `AbiDecodeError` if the data are not exactly what a compiler would write."""
    data = log.data
    topics = iter(log.topics[1:])
    at, tail = 0, layout.head
    for kind, indexed in layout.kinds:
        if indexed:
            yield decode_static(kind, next(topics))
            continue
        word = data[at : at + _WORD]
        at += _WORD
        if kind in ("bytes", "string"):
            if int.from_bytes(word) != tail or len(word) != _WORD:
                raise AbiDecodeError(f"the offset at byte {at - _WORD} is not {tail}")
            value, tail = decode_dynamic(data, tail)
            yield value
        else:
            yield decode_static(kind, word)
    if len(data) != tail:
        raise AbiDecodeError(f"{len(data)} bytes of data, wanted {tail}")


def decode_static(kind: str, word: bytes) -> object:
    if len(word) != _WORD:
        raise AbiDecodeError("the data end early")
    if kind == "bytes32":
        return word
    if kind == "address":
        if any(word[:12]):
            raise AbiDecodeError("an address is longer than 20 bytes")
        return "0x" + word[12:].hex()
    number = int.from_bytes(word)
    if number >> int(kind.removeprefix("uint")):
        raise AbiDecodeError(f"a {kind} is too large")
    return number


def decode_dynamic(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes whose length is at `at`, and the offset after them."""
    start = at + _WORD
    size = int.from_bytes(data[at:start])
    end = start + size + (-size % _WORD)
    if start > len(data) or end > len(data):
        raise AbiDecodeError(f"the data end inside the value at byte {at}")
    if any(data[start + size : end]):
        raise AbiDecodeError(f"the value at byte {at} is not padded with zeros")
    return data[start : start + size], end


def decode_string(data: bytes, base: int, offset: int, at: int = 0) -> tuple[bytes, int]:
    """The text whose offset is at `base + at` and must be `offset`, and the offset after it."""
    if int.from_bytes(data[base + at : base + at + _WORD]) != offset:
        raise AbiDecodeError(f"a text is not {offset} bytes into its tuple")
    return decode_dynamic(data, base + offset)


def decode_value(kind: str, data: bytes, base: int = 0, at: int = 0) -> Any:
    """The value of a type with tuples and arrays, such as `(string,uint256)[]`, whose head is at `base + at`; its
    parts may lie anywhere behind `base`. Raises `ValueError`."""
    if not _is_dynamic(kind):
        return _decode_at(kind, data, base + at)
    return _decode_at(kind, data, base + _read_number(data, base + at))


def _decode_at(kind: str, data: bytes, start: int) -> Any:
    if kind.endswith("[]"):
        inner, count = kind[:-2], _read_number(data, start)
        size = _head_size(inner)
        if count * size > len(data):
            raise AbiDecodeError(f"{count} values cannot be in {len(data)} bytes")
        return tuple(decode_value(inner, data, start + _WORD, number * size) for number in range(count))
    if kind.startswith("("):
        fields = _tuple_fields(kind)
        heads = accumulate(map(_head_size, fields), initial=0)
        return tuple(decode_value(field, data, start, head) for field, head in zip(fields, heads, strict=False))
    if kind in ("bytes", "string"):
        content, _ = decode_dynamic(data, start)
        return content.decode() if kind == "string" else content
    if kind == "bool":
        return bool(decode_static("uint1", data[start : start + _WORD]))
    return decode_static(kind, data[start : start + _WORD])


def _read_number(data: bytes, start: int) -> int:
    if start + _WORD > len(data):
        raise AbiDecodeError("the data end early")
    return int.from_bytes(data[start : start + _WORD])


@cache
def _tuple_fields(kind: str) -> tuple[str, ...]:
    """The types inside a tuple's parentheses."""
    fields, depth = [""], 0
    for character in kind[1:-1]:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            fields.append("")
        else:
            fields[-1] += character
    return tuple(fields)


@cache
def _is_dynamic(kind: str) -> bool:
    inside = _tuple_fields(kind) if kind.startswith("(") and kind.endswith(")") else ()
    return kind in ("bytes", "string") or kind.endswith("[]") or any(map(_is_dynamic, inside))


@cache
def _head_size(kind: str) -> int:
    """The bytes of a value's place in its tuple or array."""
    if _is_dynamic(kind) or not kind.startswith("("):
        return _WORD
    return sum(map(_head_size, _tuple_fields(kind)))
