"""A quorum of endpoints of one chain.

An answer counts if k endpoints give the same one. Two different answers are an error that names the endpoints.
Unreachable endpoints are skipped while enough others answer. Every read has a deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import stamina

from bot.chain.json_rpc import (
    DeadlineBeforeTurnError,
    Endpoint,
    NoResponseError,
    ResponseTooLargeError,
    RpcConnection,
    RpcTimeoutError,
)
from bot.chain.response_parsing import block_of, number_of
from bot.records import SourceError
from bot.redaction import clip_text

T = TypeVar("T")

# stamina would log each retry; the final error already names all failures.
stamina.instrumentation.set_on_retry_hooks([])

_PAUSE = 0.2
"""Seconds between the first two attempts; doubled with each attempt, up to the maximum."""
_LONGEST_PAUSE = 3.0
_MOMENT = 1.0
"""Seconds to wait for slower endpoints after enough have answered."""


class QuorumUnreachableError(SourceError):
    """Too few endpoints of a chain answered in time; one line per endpoint."""


class EndpointDisagreementError(SourceError):
    """Endpoints of a chain gave different answers to the same request; names them all."""


class ChainMismatchError(SourceError):
    """An endpoint serves another chain than the pinned one: its id or its first block differs."""


class _TooFew(Exception):
    """Not enough endpoints answered in this round."""


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """The identity of a chain, pinned at the first run."""

    chain_id: int
    genesis: str | None
    """Hash of block 1; `None` if no endpoint has had that block so far."""


class EndpointQuorum:
    """The endpoints of one chain. `agree` of them must give the same answer; reads are retried for `budget` seconds and
    at most `tries` times, if given."""

    def __init__(
        self, pin: ChainIdentity, endpoints: Sequence[Endpoint], agree: int, budget: float, tries: int | None = None
    ) -> None:
        names = [endpoint.name for endpoint in endpoints]
        if not 1 <= agree <= len({endpoint.url for endpoint in endpoints}) == len(endpoints):
            some = f"{agree} of {len(names)} endpoints"
            raise SourceError(f"chain {pin.chain_id}: {some} must agree; list as many, each once")
        self.pin = pin
        self.agree = agree
        self.budget = budget
        self._tries = tries
        self._lines = [
            RpcConnection(endpoint, name if names.count(name) == 1 else f"{name} (endpoint {i})")
            for i, (endpoint, name) in enumerate(zip(endpoints, names, strict=True), 1)
        ]
        self._known: set[str] = set()
        self._pinning = threading.Lock()
        self._order = threading.Lock()

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def recheck_identities(self) -> None:
        """Check the chain id and genesis of every endpoint again before its next answer counts."""
        self._known.clear()

    def pin_identity(self, pin: ChainIdentity) -> None:
        """Require the identity that was pinned before. Raises `ChainMismatchError`."""
        if pin.chain_id != self.pin.chain_id or (pin.genesis and self.pin.genesis not in (None, pin.genesis)):
            differs = f"a kept cursor is of {pin}, this is {self.pin}"
            raise ChainMismatchError(f"{differs}; forget the cursor to start a new record")
        if self.pin.genesis is None:
            self.pin = pin
            self.recheck_identities()

    def agreed_answer(
        self,
        what: str,
        read: Callable[[RpcConnection, float], T],
        key: Callable[[T], object] = lambda answer: answer,
        smaller: bool = False,
    ) -> T:
        """The answer that `agree` endpoints give, compared by `key`. `read` gets an endpoint and a deadline.

        Raises `QuorumUnreachableError`, `EndpointDisagreementError`, `ChainMismatchError`, and
        `ResponseTooLargeError` if a `smaller` request is possible.
        """
        votes: dict[str, T] = {}

        def collect_votes(failures: dict[str, Exception], deadline: float) -> T:
            waiting = [line for line in self._ordered_connections() if line.name not in votes]
            while len(votes) < self.agree and waiting:
                connections = waiting[: self.agree - len(votes)]
                waiting = waiting[len(connections) :]
                votes.update(self._ask_concurrently(connections, read, deadline, failures, smaller))
            self._require_agreement(what, {name: key(vote) for name, vote in votes.items()})
            if len(votes) >= self.agree:
                return next(iter(votes.values()))
            if smaller and any(isinstance(error, RpcTimeoutError) for error in failures.values()):
                raise ResponseTooLargeError(self._failure_lines(failures))
            raise _TooFew

        return self._with_retries(what, collect_votes)

    def all_answers(self, what: str, read: Callable[[RpcConnection, float], T]) -> list[T]:
        """All answers, at least `agree` of them. Raises `QuorumUnreachableError`, `ChainMismatchError`."""

        def ask_everyone(failures: dict[str, Exception], deadline: float) -> list[T]:
            answers = self._ask_concurrently(self._ordered_connections(), read, deadline, failures, enough=self.agree)
            if len(answers) < self.agree:
                raise _TooFew
            return list(answers.values())

        return self._with_retries(what, ask_everyone)

    def _ordered_connections(self) -> list[RpcConnection]:
        with self._order:
            return list(self._lines)

    def _with_retries(self, what: str, once: Callable[[dict[str, Exception], float], T]) -> T:
        deadline = time.monotonic() + self.budget
        failures: dict[str, Exception] = {}
        number = 0
        pauses = (min(_LONGEST_PAUSE, _PAUSE * 2.0**i) for i in count())

        def retry_pause(error: Exception) -> float | bool:
            """The next pause, or no retry if it would end after the budget, which stamina's time-out allows."""
            if not isinstance(error, _TooFew) or (wait := next(pauses)) >= deadline - time.monotonic():
                return False
            return wait

        try:
            for attempt in stamina.retry_context(on=retry_pause, attempts=self._tries, timeout=None):
                number = attempt.num
                with attempt:
                    return once(failures, deadline)
        except _TooFew:
            raise QuorumUnreachableError(
                f"{self._failure_lines(failures)}\nchain {self.pin.chain_id}: {what}: fewer than {self.agree} of "
                f"{len(self._lines)} endpoints answered within {self.budget:g} s ({number} tries); try later or list "
                "others"
            ) from None
        raise AssertionError("unreachable")

    def _failure_lines(self, failures: Mapping[str, Exception]) -> str:
        """One line per endpoint."""
        return "\n".join(f"chain {self.pin.chain_id}: {name}: {why}" for name, why in failures.items())

    def _ask_concurrently(
        self,
        lines: Sequence[RpcConnection],
        read: Callable[[RpcConnection, float], T],
        deadline: float,
        failures: dict[str, Exception],
        smaller: bool = False,
        enough: int | None = None,
    ) -> dict[str, T]:
        """Concurrent answers by endpoint; after the first `enough` of them, wait only a moment for the others. A failed
        endpoint is tried last from now on."""
        futures = {line: run_in_thread(self._verified_answer, line, read, deadline) for line in lines}
        _wait_for_answers(futures.values(), deadline + 0.5, len(lines) if enough is None else enough)
        answers: dict[str, T] = {}
        for line, future in futures.items():
            try:
                answers[line.name] = future.result(0)
                continue
            except ResponseTooLargeError as error:
                if smaller:
                    raise
                failures[line.name] = error
            except NoResponseError as error:
                # A cut-off by our own deadline is less informative than the failure before it.
                late = isinstance(error, DeadlineBeforeTurnError) or time.monotonic() >= deadline
                failures[line.name] = failures.get(line.name, error) if late else error
            except TimeoutError:
                failures[line.name] = RpcTimeoutError("did not answer in time")
            with self._order:
                self._lines.remove(line)
                self._lines.append(line)
        return answers

    def _verified_answer(self, line: RpcConnection, read: Callable[[RpcConnection, float], T], deadline: float) -> T:
        """An endpoint's answer, after a check that it serves the pinned chain."""
        if line.name not in self._known:
            self._verify_identity(line, deadline)
            self._known.add(line.name)
        return read(line, deadline)

    def _verify_identity(self, line: RpcConnection, deadline: float) -> None:
        chain_answer, first = line.send_calls([("eth_chainId", ()), ("eth_getBlockByNumber", ("0x1", False))], deadline)
        where = f"chain {self.pin.chain_id}: {line.name}"
        if (chain_id := number_of(chain_answer)) != self.pin.chain_id:
            wanted = f"wanted {self.pin.chain_id}; correct its URL or the id"
            raise ChainMismatchError(f"{where}: serves chain {chain_id}, {wanted}")
        block = block_of(first, 1)
        if block is None:
            return
        with self._pinning:
            if self.pin.genesis not in (None, block.hash):
                raise ChainMismatchError(
                    f"{where}: block 1 is {block.hash}, pinned was {self.pin.genesis}: the chain was reset, or this is "
                    "another; nothing was collected; remove the endpoint, or forget the chain's cursors to start again"
                )
            self.pin = ChainIdentity(self.pin.chain_id, block.hash)

    def _require_agreement(self, what: str, keys: Mapping[str, object]) -> None:
        if len(set(keys.values())) > 1:
            answers = "; ".join(f"{name} says {clip_text(str(key), 80)}" for name, key in keys.items())
            raise EndpointDisagreementError(
                f"chain {self.pin.chain_id}: {what}: endpoints differ: {answers}; none is used; find out which is "
                "wrong and remove it from the endpoints"
            )


def _wait_for_answers(futures: Collection[Future[T]], ends: float, enough: int) -> None:
    """Wait until all are done, until `ends`, or until a moment after `enough` have answered."""
    waiting = set(futures)
    cut = False
    while waiting and (left := ends - time.monotonic()) > 0:
        waiting = wait(waiting, left, FIRST_COMPLETED).not_done
        answered = sum(future.done() and future.exception() is None for future in futures)
        if answered >= enough and not cut:
            cut, ends = True, min(ends, time.monotonic() + _MOMENT)


def run_in_thread(call: Callable[..., T], *args: object) -> Future[T]:
    """Run a call in a daemon thread, because a DNS look-up has no time-out and must not keep the process alive."""
    future: Future[T] = Future()

    def run_call() -> None:
        try:
            future.set_result(call(*args))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run_call, daemon=True).start()
    return future
