"""Checks a node's responses and turns them into values. Nodes are not trusted: anything that was not requested is
refused.

Timestamps: if every log of a response carries `blockTimestamp`, these are used, provided that they agree within each
block and lie between the times of the range's first and last header; otherwise the blocks' headers are requested.
"""

from __future__ import annotations

import functools
import re
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from operator import lt
from typing import Annotated, TypeVar, cast

import msgspec

from bot.chain.json_rpc import NoResponseError, RpcError
from bot.chain.types import Block, Filter, Log, Transaction
from bot.records import SafeName
from bot.redaction import clip_text

T = TypeVar("T")

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_HEX = re.compile(r"0x[0-9a-fA-F]*")
_YEAR_9999 = 253402300799

_Hash = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]
_Address = Annotated[str, msgspec.Meta(min_length=42, max_length=42)]
_Number = Annotated[str, msgspec.Meta(min_length=3, max_length=18)]


class _Topics(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """At most four. A struct instead of a list, so that the garbage collector skips it."""

    a: _Hash | msgspec.UnsetType = msgspec.UNSET
    b: _Hash | msgspec.UnsetType = msgspec.UNSET
    c: _Hash | msgspec.UnsetType = msgspec.UNSET
    d: _Hash | msgspec.UnsetType = msgspec.UNSET


class RawLog(msgspec.Struct, rename="camel", gc=False):
    """A log as nodes write it; unknown keys are ignored, missing or null ones are refused."""

    address: _Address
    topics: _Topics
    data: str
    block_number: _Number
    block_hash: _Hash
    transaction_hash: _Hash
    log_index: _Number
    removed: bool = False
    block_timestamp: str | None = None


class _Header(msgspec.Struct, rename="camel"):
    number: _Number
    hash: _Hash
    parent_hash: _Hash
    timestamp: _Number


class _Receipt(msgspec.Struct):
    logs: list[RawLog]


class _Sent(msgspec.Struct, rename={"sender": "from", "block": "blockNumber"}):
    hash: _Hash
    sender: _Address
    to: _Address | None
    block: _Number


_LOGS = msgspec.json.Decoder(list[RawLog])
_RECEIPTS = msgspec.json.Decoder(list[_Receipt])
_HEADER = msgspec.json.Decoder(_Header | None)
_SENT = msgspec.json.Decoder(_Sent | None)
_TEXT = msgspec.json.Decoder(str)


def block_of(answer: msgspec.Raw | RpcError, wanted: int | None = None) -> Block | None:
    """A header, `None` if the node does not have the block. Raises `NoResponseError`, also for another block."""
    wire = _decode_answer(_HEADER, answer, "a block")
    if wire is None:
        return None
    block = Block(
        parse_quantity(wire.number), parse_hex(wire.hash), parse_hex(wire.parent_hash), parse_quantity(wire.timestamp)
    )
    if wanted is not None and block.number != wanted:
        raise NoResponseError(f"answered block {block.number}, wanted {wanted}")
    if block.at > _YEAR_9999:
        raise NoResponseError(f"answered block {block.number} with a time after the year 9999")
    return block


def transaction_of(answer: msgspec.Raw | RpcError, wanted: str) -> Transaction | None:
    """A mined transaction, `None` if the node does not know it. Raises `NoResponseError`, also for another one."""
    wire = _decode_answer(_SENT, answer, "a transaction")
    if wire is None:
        return None
    if parse_hex(wire.hash) != wanted:
        raise NoResponseError(f"answered another transaction than {wanted}")
    to = parse_hex(wire.to) if wire.to else None
    return Transaction(wanted, parse_hex(wire.sender), to, parse_quantity(wire.block))


def bytes_of(answer: msgspec.Raw | RpcError) -> bytes:
    """Bytes, as `eth_call` and `eth_getCode` return them. Raises `NoResponseError`."""
    return _unhex_all([_decode_answer(_TEXT, answer, "bytes")])[0]


def number_of(answer: msgspec.Raw | RpcError) -> int:
    """A quantity. Raises `NoResponseError`."""
    return parse_quantity(_decode_answer(_TEXT, answer, "a number"))


def logs_of(answer: msgspec.Raw | RpcError) -> list[RawLog]:
    """The result of `eth_getLogs`, not yet checked against the request. Raises `NoResponseError`."""
    return _decode_answer(_LOGS, answer, "logs")


def receipt_logs_of(answer: msgspec.Raw | RpcError) -> list[RawLog]:
    """All logs of a block, from its receipts. Raises `NoResponseError`."""
    return [log for receipt in _decode_answer(_RECEIPTS, answer, "receipts") for log in receipt.logs]


def block_hashes(wires: Sequence[RawLog], first: Block, last: Block) -> dict[int, str]:
    """Number to hash of each block that holds one of the logs. Raises `NoResponseError` for a log that is outside
    `first` to `last`, was removed, or has another block hash than its neighbours or the range's ends."""
    if True in {wire.removed for wire in wires}:
        raise NoResponseError("answered a log that a re-organisation removed")
    named = {(wire.block_number, wire.block_hash) for wire in wires}
    hashes = {parse_quantity(number): parse_hex(name) for number, name in named}
    if len(hashes) != len(named):
        raise NoResponseError("answered logs of two different blocks with one number")
    for number, name in hashes.items():
        if not first.number <= number <= last.number:
            raise NoResponseError(f"answered logs of block {number}, wanted {first.number} to {last.number}")
        if any(number == end.number and name != end.hash for end in (first, last)):
            raise NoResponseError(f"answered logs and a header of two different blocks {number}")
    return hashes


def own_times(wires: Sequence[RawLog], first: Block, last: Block) -> dict[int, int] | None:
    """Time of each block from the logs; `None` unless every log has one and they are plausible: one time per block,
    never decreasing, and within those of the range's ends."""
    block_times = {(wire.block_number, wire.block_timestamp) for wire in wires}
    times = {parse_quantity(number): parse_quantity(at) for number, at in block_times if at is not None}
    in_order = [first.at, *(times[number] for number in sorted(times)), last.at]
    return times if len(times) == len(block_times) and in_order == sorted(in_order) else None


def checked_logs(wires: Sequence[RawLog], wanted: Filter, times: Mapping[int, int]) -> tuple[Log, ...]:
    """The logs in order, without duplicates. Raises `NoResponseError` for a log that was not requested or is invalid.

    Column by column, because a loop over logs with a call per field takes three times as long.
    """
    blocks = [parse_quantity(wire.block_number) for wire in wires]
    indexes = [parse_quantity(wire.log_index) for wire in wires]
    addresses = [parse_hex(wire.address) for wire in wires]
    names = [parse_hex(wire.block_hash) for wire in wires]
    txs = [wire.transaction_hash for wire in wires]
    for tx in (distinct := dict.fromkeys(txs)):
        if not tx.islower():
            txs = [tx.lower() for tx in txs]
            break
    _unhex_all(list(distinct))
    topics = topics_of(wires)
    data = _unhex_all([wire.data for wire in wires])
    if not wanted.matches_all(addresses, topics):
        raise NoResponseError(f"answered logs in blocks {min(blocks)} to {max(blocks)} that were not asked for")
    ats = [times[block] for block in blocks]
    logs = tuple(map(Log, blocks, indexes, txs, addresses, topics, data, names, ats))
    places = list(zip(blocks, indexes, strict=True))
    return logs if all(map(lt, places, islice(places, 1, None))) else _sorted_logs(logs)


def topics_of(wires: Sequence[RawLog]) -> list[tuple[bytes, ...]]:
    """The topics of each log. Raises `NoResponseError`."""
    held = [wire.topics for wire in wires]
    columns = [[t.a for t in held], [t.b for t in held], [t.c for t in held], [t.d for t in held]]
    read = []
    for column in columns:
        missing = column.count(msgspec.UNSET)
        if missing not in (0, len(held)):
            return [
                tuple(_unhex_all([text for text in row if isinstance(text, str)])) for row in zip(*columns, strict=True)
            ]
        if not missing:
            read.append(_unhex_repeating(cast(list[str], column)))
    return list(zip(*read, strict=True)) if read else [()] * len(held)


def _unhex_repeating(texts: Sequence[str]) -> list[bytes]:
    """Like `_unhex_all`, for a column with few different texts, such as event topics."""
    distinct = set(texts)
    if len(distinct) > 16:
        return _unhex_all(texts)
    known = dict(zip(distinct, _unhex_all(list(distinct)), strict=True))
    return [known[text] for text in texts]


def _sorted_logs(logs: Sequence[Log]) -> tuple[Log, ...]:
    ordered = sorted(logs, key=lambda log: (log.block, log.index))
    kept = [log for i, log in enumerate(ordered) if i == 0 or log != ordered[i - 1]]
    for log, after in pairwise(kept):
        if (log.block, log.index) == (after.block, after.index):
            raise NoResponseError(f"answered two different logs {log.index} in block {log.block}")
    return tuple(kept)


def _decode_answer(decoder: msgspec.json.Decoder[T], answer: msgspec.Raw | RpcError, what: str) -> T:
    if isinstance(answer, RpcError):
        raise NoResponseError(str(answer))
    try:
        return decoder.decode(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NoResponseError(f"answered invalid {what}: {SafeName(str(error), 120)}") from error


def _unhex_all(texts: Sequence[str]) -> list[bytes]:
    """Raises `NoResponseError` unless each is 0x and whole bytes. Unlike `fromhex`, `unhexlify` accepts no spaces."""
    try:
        decoded = [unhexlify(text[2:]) for text in texts]
    except ValueError as error:
        raise NoResponseError("answered bytes that are not hexadecimal") from error
    if {text[:2] for text in texts} - {"0x"}:
        raise NoResponseError("answered bytes that are not hexadecimal")
    return decoded


@functools.lru_cache(1 << 16)
def parse_quantity(text: str) -> int:
    """A JSON-RPC quantity below 2**63. Raises `NoResponseError`."""
    if not _QUANTITY.fullmatch(text) or (number := int(text, 16)) >= 2**63:
        raise NoResponseError(f"answered {clip_text(text, 24)!r}, wanted a number of at most 63 bits in hexadecimal")
    return number


@functools.lru_cache(1 << 14)
def parse_hex(text: str) -> str:
    """Lower-case hexadecimal bytes. Raises `NoResponseError`."""
    if not _HEX.fullmatch(text):
        raise NoResponseError(f"answered {clip_text(text, 24)!r}, wanted hexadecimal digits after 0x")
    return text.lower()
