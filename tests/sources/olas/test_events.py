"""Logs of the marketplace: what its compiler writes, and what none would write."""

from __future__ import annotations

import pytest
from eth_abi import encode

from bot.chain import Log
from bot.chain.abi import AbiDecodeError
from bot.records import MAX_COUNT
from bot.sources.olas.events import (
    CREATED,
    DELIVERED,
    REQUESTED,
    SETTLED,
    MechCreated,
    MechDelivery,
    Requested,
    decode_event,
)

MECH, ANN, BOB, NOBODY = ("0x" + digits * 20 for digits in ("aa", "01", "02", "00"))


def word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def log(topics: tuple[bytes, ...], data: bytes = b"") -> Log:
    return Log(1, 0, "0x" + "11" * 32, "0x" + "99" * 20, topics, data, "0x" + "22" * 32, 0)


def delivery(requesters: list[str], count: int, delivered: list[bool], ids: int | None = None) -> Log:
    values = (requesters, count, [b"\x01" * 32] * (len(requesters) if ids is None else ids), delivered)
    data = encode(["address[]", "uint256", "bytes32[]", "bool[]"], values)
    return log((DELIVERED, word(MECH)), data)


def test_requesters_count_where_their_request_was_delivered() -> None:
    event = decode_event(delivery([ANN, NOBODY, BOB, ANN], 3, [True, False, True, True]))
    assert event == MechDelivery(MECH, 3, {ANN: 2, BOB: 1}, signed=False)


def test_the_count_is_the_field_and_never_the_number_of_ids() -> None:
    assert decode_event(delivery([NOBODY, NOBODY], 0, [False, False])) == MechDelivery(MECH, 0, {}, signed=False)
    event = decode_event(delivery([ANN], 5, [True], ids=9))
    assert event == MechDelivery(MECH, 5, {}, signed=False), "whose they were is not known"


def test_settlements_requests_and_new_mechs() -> None:
    settled = encode(["uint256", "bytes32[]"], (4, [b"\x01" * 32] * 4))
    assert decode_event(log((SETTLED, word(MECH), word(ANN)), settled)) == MechDelivery(MECH, 4, {ANN: 4}, signed=True)
    asked = encode(["uint256", "bytes32[]", "bytes[]"], (2, [b"\x01" * 32] * 2, [b"secret", b"words"]))
    assert decode_event(log((REQUESTED, word(MECH), word(ANN)), asked)) == Requested(2)
    created = log((CREATED, word(MECH), (7).to_bytes(32), word(BOB)))
    assert decode_event(created) == MechCreated(MECH, 7, BOB)


HUGE = (2**256 - 1).to_bytes(32)


@pytest.mark.parametrize(
    "wrong",
    [
        log((DELIVERED,)),
        log((DELIVERED, word(MECH), word(ANN))),
        log((DELIVERED, word(MECH))),
        log((DELIVERED, b"\x01" * 32), encode(["address[]", "uint256", "bytes32[]", "bool[]"], ([], 0, [], []))),
        log((DELIVERED, word(MECH)), HUGE * 4),
        log((DELIVERED, word(MECH)), (128).to_bytes(32) + (1).to_bytes(32) + (128).to_bytes(32) * 2 + HUGE),
        log((SETTLED, word(MECH), word(ANN)), (MAX_COUNT + 1).to_bytes(32)),
        log((SETTLED, word(MECH), word(ANN)), b"\x00" * 31),
        log((CREATED, word(MECH), word(ANN))),
    ],
)
def test_what_no_compiler_writes_is_refused(wrong: Log) -> None:
    with pytest.raises(AbiDecodeError):
        decode_event(wrong)
