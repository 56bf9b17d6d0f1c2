"""Decodes the marketplace's logs. The rule: use is `numDeliveries`, never the number of request ids, and a log that is
not what the compiler writes raises `AbiDecodeError`.

The two `Deliver` events (of the marketplace and of each mech) repeat the same deliveries and are never read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bot.chain import Filter, Log
from bot.chain.abi import AbiDecodeError, decode_static, event_topic
from bot.records import MAX_COUNT

_WORD = 32

CREATED = event_topic("CreateMech(address indexed mech, uint256 indexed serviceId, address indexed mechFactory)")
DELIVERED = event_topic(
    "MarketplaceDelivery(address indexed deliveryMech, address[] requesters, uint256 numDeliveries, "
    "bytes32[] requestIds, bool[] deliveredRequests)"
)
SETTLED = event_topic(
    "MarketplaceDeliveryWithSignatures(address indexed deliveryMech, address indexed requester, "
    "uint256 numDeliveries, bytes32[] requestIds)"
)
REQUESTED = event_topic(
    "MarketplaceRequest(address indexed priorityMech, address indexed requester, uint256 numRequests, "
    "bytes32[] requestIds, bytes[] requestDatas)"
)
UPGRADED = event_topic("ImplementationUpdated(address indexed implementation)")
TOPICS = (CREATED, DELIVERED, SETTLED, REQUESTED, UPGRADED)
"""valory-xyz/ai-registry-mech @ 53811b7e, contracts/MechMarketplace.sol."""


@dataclass(frozen=True, slots=True)
class MechCreated:
    """A mech came on offer. No event ever takes one off."""

    mech: str
    service: int
    """Id of the service that sells through it, in the registry of Olas."""
    factory: str


@dataclass(frozen=True, slots=True)
class MechDelivery:
    """Deliveries of one mech that were booked in one transaction."""

    mech: str
    count: int
    requesters: Mapping[str, int]
    """How many of them each requester asked for; empty if the log does not say it consistently."""
    signed: bool
    """Whether they settle requests that were made off chain, with a signature."""


@dataclass(frozen=True, slots=True)
class Requested:
    """Requests made on chain."""

    count: int


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The marketplace got other code."""

    implementation: str


Event = MechCreated | MechDelivery | Requested | Upgraded


def all_events(contract: str) -> Filter:
    """The filter of every event that is read."""
    return Filter((contract,), (TOPICS,))


def created_events(contract: str) -> Filter:
    """The filter of new mechs alone."""
    return Filter((contract,), ((CREATED,),))


def decode_event(log: Log) -> Event:
    """The event of a log that the filter let through. Raises `AbiDecodeError`."""
    topic, *indexed = log.topics
    wanted = {CREATED: 3, SETTLED: 2, REQUESTED: 2}.get(topic, 1)
    if len(indexed) != wanted:
        raise AbiDecodeError(f"{len(indexed)} indexed fields, wanted {wanted}")
    if topic == CREATED:
        return MechCreated(_address(indexed[0]), int.from_bytes(indexed[1]), _address(indexed[2]))
    if topic == UPGRADED:
        return Upgraded(_address(indexed[0]))
    if topic == REQUESTED:
        return Requested(_count(log.data[:_WORD]))
    if topic == SETTLED:
        count = _count(log.data[:_WORD])
        return MechDelivery(_address(indexed[0]), count, {_address(indexed[1]): count} if count else {}, signed=True)
    return _delivery(_address(indexed[0]), log.data)


def _delivery(mech: str, data: bytes) -> MechDelivery:
    count = _count(data[_WORD : 2 * _WORD])
    requesters = [_address(word) for word in _array(data, 0)]
    delivered = [bool(decode_static("uint8", word)) for word in _array(data, 3)]
    asked = Counter(requester for requester, done in zip(requesters, delivered, strict=False) if done)
    known = len(requesters) == len(delivered) and asked.total() == count
    return MechDelivery(mech, count, asked if known else {}, signed=False)


def _array(data: bytes, place: int) -> list[bytes]:
    """The words of an array whose offset is in word `place`."""
    at = int.from_bytes(data[place * _WORD : (place + 1) * _WORD])
    length = int.from_bytes(data[at : at + _WORD]) if at + _WORD <= len(data) else len(data)
    begins, ends = at + _WORD, at + _WORD * (length + 1)
    if ends > len(data):
        raise AbiDecodeError(f"an array in word {place} goes beyond the data")
    return [data[i : i + _WORD] for i in range(begins, ends, _WORD)]


def _address(word: bytes) -> str:
    return str(decode_static("address", word))


def _count(word: bytes) -> int:
    count = decode_static("uint256", word)
    if not isinstance(count, int) or count > MAX_COUNT:
        raise AbiDecodeError(f"a count above {MAX_COUNT}")
    return count
