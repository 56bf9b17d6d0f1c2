"""Logs, blocks, transactions and log filters, for everything above JSON-RPC."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


class Log(msgspec.Struct, frozen=True, gc=False):
    """A mined log. A msgspec struct, not a dataclass: there are millions, and it costs a fifth."""

    block: int
    index: int
    """Position among the logs of its block; (block, index) is unique."""
    tx: str
    """Transaction hash, 0x and 64 lower-case hexadecimal digits."""
    address: str
    """Emitter, 0x and 40 lower-case hexadecimal digits."""
    topics: tuple[bytes, ...]
    """At most four, of 32 bytes."""
    data: bytes
    block_hash: str
    at: int
    """Time of its block, seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Block:
    """The fields of a block header that are needed."""

    number: int
    hash: str
    parent: str
    at: int
    """Seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Sender and recipient of a transaction."""

    hash: str
    sender: str
    to: str | None
    """`None`: it created a contract."""
    block: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which logs to return. Addresses and topics in any case of hexadecimal digits."""

    addresses: tuple[str, ...] = ()
    """Any of these emitters; empty: every emitter."""
    topics: tuple[tuple[bytes, ...] | None, ...] = ()
    """By position: any of these; `None` matches anything."""

    @property
    def rpc_params(self) -> dict[str, object]:
        """The parameters of `eth_getLogs`, without the range."""
        rpc_params: dict[str, object] = {}
        if self.addresses:
            rpc_params["address"] = [address.lower() for address in self.addresses]
        if self.topics:
            rpc_params["topics"] = [
                None if some is None else ["0x" + topic.hex() for topic in some] for some in self.topics
            ]
        return rpc_params

    def matches_all(self, addresses: Sequence[str], topics: Sequence[Sequence[bytes]]) -> bool:
        """Whether all these logs, given by emitter and topics, match the filter."""
        if self.addresses and not _lowercase_set(self.addresses).issuperset(addresses):
            return False
        if self.topics and min(map(len, topics), default=len(self.topics)) < len(self.topics):
            return False
        return all(some is None or {held[i] for held in topics}.issubset(some) for i, some in enumerate(self.topics))


@functools.lru_cache(64)
def _lowercase_set(addresses: tuple[str, ...]) -> frozenset[str]:
    return frozenset(address.lower() for address in addresses)
