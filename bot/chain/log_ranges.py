"""Reads a range of blocks from one endpoint, checks it, and adapts the length of the next range."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

import msgspec

from bot.chain import response_parsing as parsing
from bot.chain.json_rpc import NoResponseError, ResponseTooLargeError, RpcConnection, RpcError
from bot.chain.response_parsing import RawLog, block_of
from bot.chain.types import Block, Filter, Log

Times = MutableMapping[tuple[str, str], int]
"""Times of known blocks, by endpoint and block hash, so that none is requested twice."""

_TIMES = 200_000
_PLEASANT = 4 * 2**20
"""Response size in bytes above which the next range is shorter; 1-4 MB was measured to be fastest."""
_FIRST = 8
"""Blocks of the first range: doubling from a few costs less than a refusal of many."""
_LIFT = 8
"""Successes in a row after which a length that was too large is tried again."""


@dataclass(frozen=True, slots=True)
class LogRange:
    """The logs that match in blocks `first` to `last`, from one endpoint."""

    logs: tuple[Log, ...]
    first: Block
    last: Block
    size: int
    """Bytes of the logs in the response."""
    sha256: str
    """Hash of logs and end hashes in canonical form; the same from every honest endpoint."""

    def agreement_key(self) -> str:
        """The value on which endpoints must agree, readable in an error."""
        return f"{len(self.logs)} logs (sha256 {self.sha256})"


class AdaptiveRangeSize:
    """The number of blocks to request: halved after a refusal, doubled while responses are small."""

    def __init__(self, widest: int) -> None:
        self.length = min(widest, _FIRST)
        self._widest = widest
        self._ceiling = widest
        self._good = 0

    @classmethod
    def starting_at(cls, length: int) -> AdaptiveRangeSize:
        """Start with a length that was found to work elsewhere."""
        size = cls(length)
        size.length = length
        return size

    def record_too_large(self, length: int) -> None:
        """Record that a range of this length was refused."""
        self.length = self._ceiling = max(1, length // 2)
        self._good = 0

    def record_success(self, size: int) -> None:
        """Record a success with a response of `size` bytes."""
        self._good += 1
        if self._good >= _LIFT:
            self._good = 0
            self._ceiling = min(self._widest, self._ceiling * 2)
        if size > _PLEASANT:
            self.length = max(1, self.length * _PLEASANT // size)
        elif size < _PLEASANT // 4:
            self.length = min(self._ceiling, self.length * 2)


def read_range(wanted: Filter, first: int, last: int, times: Times, line: RpcConnection, deadline: float) -> LogRange:
    """Headers of both ends, logs and times. Raises `NoResponseError`, or `ResponseTooLargeError` if a shorter range
    may succeed."""
    # The headers come first: a re-organisation after them shows in the next range's parent hash.
    ends = [("eth_getBlockByNumber", (hex(number), False)) for number in sorted({first, last})]
    params = {**wanted.rpc_params, "fromBlock": hex(first), "toBlock": hex(last)}
    try:
        *headers, answer = line.send_calls([*ends, ("eth_getLogs", (params,))], deadline)
        wires = parsing.logs_of(answer)
    except ResponseTooLargeError as error:
        if first < last:
            raise
        headers, answer, wires = _read_block_logs(line, ends, wanted, error, deadline)
    blocks = [block_of(header, number) for header, number in zip(headers, sorted({first, last}), strict=True)]
    if blocks[0] is None or blocks[-1] is None:
        raise NoResponseError(f"does not have blocks {first} to {last}: it lags, or has dropped them")
    opening, closing = blocks[0], blocks[-1]
    at = _block_times(line, wires, parsing.block_hashes(wires, opening, closing), opening, closing, times, deadline)
    logs = parsing.checked_logs(wires, wanted, at)
    digest = hashlib.sha256(msgspec.msgpack.encode((opening.hash, closing.hash, logs))).hexdigest()
    return LogRange(logs, opening, closing, 0 if isinstance(answer, RpcError) else memoryview(answer).nbytes, digest)


def _read_block_logs(
    line: RpcConnection,
    header: Sequence[tuple[str, tuple[object, ...]]],
    wanted: Filter,
    why: ResponseTooLargeError,
    deadline: float,
) -> tuple[list[msgspec.Raw | RpcError], msgspec.Raw | RpcError, list[RawLog]]:
    """The logs of one block that is too large for `eth_getLogs`, from its receipts."""
    number = header[0][1][0]
    try:
        opening, answer = line.send_calls([*header, ("eth_getBlockReceipts", (number,))], deadline)
        return [opening], answer, [wire for wire in parsing.receipt_logs_of(answer) if _matches_filter(wire, wanted)]
    except (ResponseTooLargeError, NoResponseError) as error:
        raise NoResponseError(f"cannot give block {number} whole: {why}; nor its receipts: {error}") from error


def _matches_filter(wire: RawLog, wanted: Filter) -> bool:
    return wanted.matches_all([wire.address.lower()], parsing.topics_of([wire]))


def _block_times(
    line: RpcConnection,
    wires: Sequence[RawLog],
    named: dict[int, str],
    first: Block,
    last: Block,
    times: Times,
    deadline: float,
) -> dict[int, int]:
    """Time of each block that holds a log: from the logs, or from headers with the same hash."""
    own = parsing.own_times(wires, first, last)
    if own is not None:
        return own
    if len(times) > _TIMES:
        times.clear()
    times.update({(line.name, block.hash): block.at for block in (first, last)})
    missing = sorted(number for number, name in named.items() if (line.name, name) not in times)
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in missing]
    for number, answer in zip(missing, line.send_calls(calls, deadline), strict=True):
        block = block_of(answer, number)
        if block is None or block.hash != named[number]:
            raise NoResponseError(f"answered logs of block {number} and another header for it")
        times[line.name, block.hash] = block.at
    return {number: times[line.name, name] for number, name in named.items()}
