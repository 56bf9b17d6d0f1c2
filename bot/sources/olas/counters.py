"""The marketplace's own counters, and whether the logs of a stretch agree with them.

The rule: what the counters gained between two blocks is exactly what the logs between them say, for each mech, for all
deliveries together and for all requests. If not, logs are missing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import sha3  # type: ignore[import-untyped]

from bot.chain import ChainReader
from bot.records import SourceError
from bot.records.messages import Message, message
from bot.sources.olas.events import Event, MechCreated, MechDelivery, Requested


def _selector(signature: str) -> bytes:
    digest: bytes = sha3.keccak_256(signature.encode()).digest()
    return digest[:4]


REQUESTS, UNDELIVERED = _selector("numTotalRequests()"), _selector("numUndeliveredRequests()")
DELIVERIES = _selector("mapMechDeliveryCounts(address)")
AT_A_TIME = 500
"""Mechs whose counters are read together."""


class Counters(msgspec.Struct, frozen=True):
    """What the contract counted up to a block; of some mechs each."""

    requests: int
    """Requests made on chain, and those settled with a signature."""
    undelivered: int
    deliveries: dict[str, int]
    """By mech."""

    @property
    def delivered(self) -> int:
        """Deliveries of all mechs, also of those that are not in `deliveries`."""
        return self.requests - self.undelivered


class LogSums(msgspec.Struct):
    """What the logs of a stretch say."""

    requests: int = 0
    """Requests made on chain."""
    signed: int = 0
    """Deliveries settled with a signature."""
    deliveries: dict[str, int] = msgspec.field(default_factory=dict)
    """Of both kinds, by mech."""
    created: list[str] = msgspec.field(default_factory=list)
    """Mechs that did not exist before the stretch."""


def read_counters(chain: ChainReader, contract: str, mechs: Iterable[str], block: int) -> Counters:
    """The counters as of a block. Raises `SourceError`, also where the state of that block is gone."""
    wanted = sorted(set(mechs))
    requests, undelivered = _call(chain, contract, [REQUESTS, UNDELIVERED], block)
    deliveries: dict[str, int] = {}
    for start in range(0, len(wanted), AT_A_TIME):
        some = wanted[start : start + AT_A_TIME]
        calls = [DELIVERIES + bytes(12) + bytes.fromhex(mech[2:]) for mech in some]
        deliveries |= zip(some, _call(chain, contract, calls, block), strict=True)
    return Counters(requests, undelivered, deliveries)


def _call(chain: ChainReader, contract: str, calls: list[bytes], block: int) -> list[int]:
    answers = chain.call_contracts([(contract, data) for data in calls], block)
    if any(not isinstance(answer, bytes) or len(answer) != 32 for answer in answers):
        raise SourceError(
            f"contract {contract}: has no such counter at block {block}; check networks.olas.marketplace, "
            "and whether the marketplace was upgraded"
        )
    return [int.from_bytes(answer) for answer in answers if isinstance(answer, bytes)]


def add_event(sums: LogSums, event: Event) -> None:
    """Add one event to the sums."""
    if isinstance(event, Requested):
        sums.requests += event.count
    elif isinstance(event, MechCreated):
        sums.created.append(event.mech)
    elif isinstance(event, MechDelivery):
        sums.deliveries[event.mech] = sums.deliveries.get(event.mech, 0) + event.count
        sums.signed += event.count if event.signed else 0


def find_difference(sums: LogSums, before: Counters | None, after: Counters) -> Message | None:
    """The first disagreement of logs and counters; `None` if there is none. Without counters of the beginning, only
    mechs that began in the stretch, and sums above a counter, can disagree."""
    if before is None:
        new = dict.fromkeys(sums.created, 0)
        for mech, logged in sums.deliveries.items():
            counted = after.deliveries[mech]
            if logged > counted or (mech in new and logged != counted):
                return _differs(logged, counted, "paid deliveries")
        asked = sums.requests + sums.signed
        return _differs(asked, after.requests, "requests") if asked > after.requests else None
    for mech in sums.deliveries.keys() | before.deliveries.keys():
        gained = after.deliveries[mech] - before.deliveries.get(mech, 0)
        # A mech whose counter was not read before counts in the sum of all mechs below.
        if (mech in before.deliveries or mech in sums.created) and sums.deliveries.get(mech, 0) != gained:
            return _differs(sums.deliveries.get(mech, 0), gained, "paid deliveries")
    logged, gained = sum(sums.deliveries.values()), after.delivered - before.delivered
    if logged != gained:
        return _differs(logged, gained, "paid deliveries")
    logged, gained = sums.requests + sums.signed, after.requests - before.requests
    return _differs(logged, gained, "requests") if logged != gained else None


def _differs(logged: int, counted: int, unit: str) -> Message:
    return message("counter_differs", n=logged, m=counted, unit=unit)
