"""Reads an EVM chain: logs in order with a cursor that can be resumed, blocks, transactions and calls.

The caller commits a batch's records and its cursor in one transaction. Only final blocks are read. A batch's first
block must be the child of the cursor's last block; if not, the chain was re-organised, and the next batch says from
which block on to delete records. Only answers that `agree` endpoints give count.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Literal

import msgspec

from bot.chain.cursor import Cursor, LogBatch, advance_cursor, continues_cursor
from bot.chain.json_rpc import Endpoint, NoResponseError, ResponseTooLargeError, RpcConnection, RpcError
from bot.chain.log_ranges import AdaptiveRangeSize, LogRange, read_range
from bot.chain.quorum import ChainIdentity, EndpointQuorum, QuorumUnreachableError, run_in_thread
from bot.chain.response_parsing import block_of, bytes_of, transaction_of
from bot.chain.types import Block, Filter, Log, Transaction
from bot.records import SourceError

Finality = int | Literal["safe", "finalized"]
"""Number of blocks after which a block is final, or the tag of the node's last final block."""

_AHEAD = 2
"""Ranges to request at a time, within the endpoint's `concurrency`."""
_STEPS = 3
"""Most rewinds in one read."""
_SPREAD = 16
"""Headers to request at a time in the search for an instant."""
_REVERTED = 3
"""The JSON-RPC error code of a reverted call."""


class ReorgTooDeepError(SourceError):
    """The chain was re-organised deeper than the cursor remembers."""


@dataclass(frozen=True, slots=True)
class Reverted:
    """A call that the contract reverted."""

    reason: str


class ChainReader:
    """One chain. A read may take `budget` seconds, with all retries at all endpoints, and at most `tries` attempts if
    given; after that it raises `QuorumUnreachableError`. `window` is the longest range of blocks to request. With an
    `executor`, ranges are fetched and parsed there, `ahead` at a time, and each of its processes applies the
    endpoints' rate limits by itself; without one, in threads of this process."""

    def __init__(
        self,
        pin: ChainIdentity,
        endpoints: Sequence[Endpoint],
        *,
        finality: Finality,
        agree: int = 1,
        budget: float = 25.0,
        tries: int | None = None,
        window: int = 5000,
        executor: Executor | None = None,
        ahead: int = _AHEAD,
    ) -> None:
        self._voters = EndpointQuorum(pin, endpoints, agree, budget, tries)
        self._finality = finality
        self._window = window
        self._pace = AdaptiveRangeSize(window)
        self._times: dict[tuple[str, str], int] = {}
        self._executor, self._ahead = executor, ahead
        self._asker = RangeRequest(pin, tuple(endpoints), agree, budget, window, tries)
        if executor is not None:
            _OPEN[self._asker, os.getpid()] = self

    def __enter__(self) -> ChainReader:
        return self

    def __exit__(self, *_: object) -> None:
        if _OPEN.get((self._asker, os.getpid())) is self:
            del _OPEN[self._asker, os.getpid()]
        self._voters.close()

    @property
    def pin(self) -> ChainIdentity:
        """The chain's identity so far; the genesis hash is known after the first read."""
        return self._voters.pin

    def final_head(self) -> Block:
        """The newest final block that `agree` endpoints have."""
        heads = self._voters.all_answers("its newest final block", self._final_block)
        return sorted(heads, key=lambda block: block.number, reverse=True)[self._voters.agree - 1]

    def read_logs(self, wanted: Filter, since: Cursor | int, until: int | None = None) -> Iterator[LogBatch]:
        """The matching logs from a cursor or block on, to `until` or the newest final block, range by range.

        A cursor belongs to its filter. Raises `SourceError`s; batches that were yielded before stay valid.
        """
        cursor = Cursor(self.pin.chain_id, None, since) if isinstance(since, int) else since
        self._voters.pin_identity(ChainIdentity(cursor.chain_id, cursor.genesis))
        head = self.final_head().number
        last = head if until is None else min(head, until)
        forget: int | None = None
        steps = 0
        ranges = self._log_ranges(wanted, cursor.next_block, last)
        while cursor.next_block <= last:
            span = next(ranges)
            if not continues_cursor(cursor, span):
                steps += 1
                cursor = self._rewind_cursor(cursor, steps)
                forget = cursor.next_block
                ranges = self._log_ranges(wanted, cursor.next_block, last)
                continue
            cursor = advance_cursor(cursor, span, self.pin)
            yield LogBatch(span.logs, cursor, span.first.number, span.last.number, span.last.at, span.sha256, forget)
            forget = None

    def all_logs(self, wanted: Filter, since: Cursor | int, until: int | None = None) -> list[Log]:
        """All logs of `read_logs` in one list."""
        return [log for batch in self.read_logs(wanted, since, until) for log in batch.logs]

    def block_headers(self, numbers: Sequence[int]) -> tuple[Block | None, ...]:
        """Headers in the order of `numbers`; `None` for blocks that the endpoints do not have."""

        def read_headers(line: RpcConnection, deadline: float) -> tuple[Block | None, ...]:
            calls = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
            answers = line.send_calls(calls, deadline)
            return tuple(block_of(answer, number) for answer, number in zip(answers, numbers, strict=True))

        return self._voters.agreed_answer(f"headers of {len(numbers)} blocks", read_headers)

    def first_block(self, at: int, lowest: int = 0) -> int:
        """Number of the first final block mined at or after an instant (seconds since 1970 UTC), or the newest plus
        one. Blocks below `lowest`, and blocks that the endpoints have dropped, count as before it."""
        below, above = lowest - 1, self.final_head().number + 1
        while above - below > 1:
            step = max(1, (above - below) // _SPREAD)
            numbers = range(below + step, above, step)[:_SPREAD]
            for number, block in zip(numbers, self.block_headers(numbers), strict=True):
                if block is not None and block.at >= at:
                    above = number
                    break
                below = number
        return above

    def is_forked(self, cursor: Cursor) -> bool:
        """Whether the cursor's last block is no longer on the chain; false if no endpoint has the block."""
        if not cursor.recent:
            return False
        number, name = cursor.recent[-1]
        (now,) = self.block_headers([number])
        return now is not None and now.hash != name

    def transactions_by_hash(self, hashes: Sequence[str]) -> dict[str, Transaction]:
        """Mined transactions by hash, requested in batches. Raises `QuorumUnreachableError` if one is unknown."""

        def read_transactions(line: RpcConnection, deadline: float) -> tuple[Transaction, ...]:
            answers = line.send_calls([("eth_getTransactionByHash", (name,)) for name in hashes], deadline)
            transactions = [transaction_of(answer, name) for answer, name in zip(answers, hashes, strict=True)]
            for name, transaction in zip(hashes, transactions, strict=True):
                if transaction is None:
                    raise NoResponseError(f"does not know the transaction {name}")
            return tuple(transaction for transaction in transactions if transaction)

        return {
            transaction.hash: transaction
            for transaction in self._voters.agreed_answer(f"{len(hashes)} transactions", read_transactions)
        }

    def call_contracts(
        self, calls: Sequence[tuple[str, bytes]], block: int | None = None
    ) -> tuple[bytes | Reverted, ...]:
        """The results of (address, call data), at a block or the newest final one."""
        at = hex(self.final_head().number if block is None else block)

        def read_results(line: RpcConnection, deadline: float) -> tuple[bytes | Reverted, ...]:
            questions = [("eth_call", ({"to": to, "data": "0x" + data.hex()}, at)) for to, data in calls]
            return tuple(map(_call_result, line.send_calls(questions, deadline)))

        return self._voters.agreed_answer(f"{len(calls)} calls of contracts", read_results)

    def call_contract(self, to: str, data: bytes, block: int | None = None) -> bytes | Reverted:
        """The result of one call, as in `call_contracts`."""
        return self.call_contracts([(to, data)], block)[0]

    def contract_code(self, address: str, block: int | None = None) -> bytes:
        """The code at an address; empty if there is none."""
        at = hex(self.final_head().number if block is None else block)

        def read_code(line: RpcConnection, deadline: float) -> bytes:
            return bytes_of(line.send_calls([("eth_getCode", (address, at))], deadline)[0])

        return self._voters.agreed_answer(f"the code of {address}", read_code)

    def _final_block(self, line: RpcConnection, deadline: float) -> Block:
        """The newest final block that an endpoint can actually return."""
        tag, margin = ("latest", self._finality) if isinstance(self._finality, int) else (self._finality, 0)
        tip = block_of(line.send_calls([("eth_getBlockByNumber", (tag, False))], deadline)[0])
        if tip is None:
            raise NoResponseError(f"knows no {tag} block")
        number = max(0, tip.number - margin)
        shown = block_of(line.send_calls([("eth_getBlockByNumber", (hex(number), False))], deadline)[0], number)
        if shown is None or (margin == 0 and shown.hash != tip.hash):
            raise NoResponseError(f"says its {tag} block is {tip.number}, but has no such block {number}")
        return shown

    def _log_ranges(self, wanted: Filter, first: int, last: int) -> Iterator[LogRange]:
        """Consecutive ranges. The node already fetches the next while one is checked and processed."""
        requests: deque[tuple[int, Future[LogRange]]] = deque()
        start = first
        while first <= last:
            while len(requests) < self._ahead and start <= last:
                to = min(last, start + self._pace.length - 1)
                requests.append((start, self._request_range(wanted, start, to)))
                start = to + 1
            begun, future = requests.popleft()
            log_range = future.result()
            if self._executor is not None:
                self._adapt_size(log_range, (requests[0][0] if requests else start) - begun)
            first = log_range.last.number + 1
            if not requests or requests[0][0] != first:
                # The range may be shorter than requested; then the ranges requested after it do not continue it.
                requests.clear()
                start = first
            yield log_range

    def _request_range(self, wanted: Filter, first: int, last: int) -> Future[LogRange]:
        if self._executor is None:
            return run_in_thread(self._fetch_range, wanted, first, last, self._pace)
        return self._executor.submit(fetch_range, self._asker, wanted, first, last)

    def _adapt_size(self, log_range: LogRange, requested_length: int) -> None:
        """Adapt the length of the next range to one that was fetched elsewhere."""
        if log_range.last.number - log_range.first.number + 1 < requested_length:
            self._pace.record_too_large(requested_length)
        else:
            self._pace.record_success(log_range.size)

    def _fetch_range(self, wanted: Filter, first: int, last: int, pace: AdaptiveRangeSize) -> LogRange:
        """The longest range from `first` on that endpoints return; it shrinks while they find it too large."""
        gives_up = time.monotonic() + self._voters.budget
        while True:
            to = min(last, first + pace.length - 1)
            read = partial(read_range, wanted, first, to, self._times)
            what = f"blocks {first} to {to}"
            try:
                answer = self._voters.agreed_answer(f"logs of {what}", read, LogRange.agreement_key, smaller=to > first)
            except ResponseTooLargeError as error:
                if time.monotonic() > gives_up:
                    raise QuorumUnreachableError(f"{error}\nchain {self.pin.chain_id}: gave up at {what}") from error
                pace.record_too_large(to - first + 1)
                continue
            pace.record_success(answer.size)
            return answer

    def _rewind_cursor(self, cursor: Cursor, steps: int) -> Cursor:
        """The cursor at its newest block that is still on the chain. Raises `ReorgTooDeepError`,
        `ChainMismatchError`."""
        blocks = self.block_headers([number for number, _ in cursor.recent])
        pairs = zip(cursor.recent, blocks, strict=True)
        still = [i for i, ((_, name), now) in enumerate(pairs) if now and now.hash == name]
        if not still or steps > _STEPS:
            self._voters.recheck_identities()
            self.final_head()
            raise ReorgTooDeepError(
                f"chain {self.pin.chain_id}: re-organised below block {cursor.recent[0][0]}, deeper than remembered, "
                "or repeatedly; forget its cursors and records and collect again"
            )
        recent = cursor.recent[: still[-1] + 1]
        return Cursor(cursor.chain_id, cursor.genesis, recent[-1][0] + 1, recent)


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """Everything that any process needs to read a chain."""

    pin: ChainIdentity
    endpoints: tuple[Endpoint, ...]
    agree: int
    budget: float
    window: int
    tries: int | None = None


_OPEN: dict[tuple[RangeRequest, int], ChainReader] = {}
"""Readers by request and process: tasks are short, so connections are kept, and threads share the rate limits."""


def fetch_range(asker: RangeRequest, wanted: Filter, first: int, last: int) -> LogRange:
    """A range of blocks, or the part that the endpoints return. Plain values in and out, for any executor. Raises
    `SourceError`."""
    key = (asker, os.getpid())
    if key not in _OPEN:
        chain = ChainReader(
            asker.pin,
            asker.endpoints,
            finality=0,
            agree=asker.agree,
            budget=asker.budget,
            tries=asker.tries,
            window=asker.window,
        )
        _OPEN.setdefault(key, chain)
    return _OPEN[key]._fetch_range(wanted, first, last, AdaptiveRangeSize.starting_at(last - first + 1))


def _call_result(answer: msgspec.Raw | RpcError) -> bytes | Reverted:
    if isinstance(answer, RpcError) and (answer.code == _REVERTED or "revert" in answer.message.lower()):
        return Reverted(answer.message)
    return bytes_of(answer)
