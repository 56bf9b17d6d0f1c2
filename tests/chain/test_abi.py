"""Results with tuples and arrays, against the reference implementation."""

from __future__ import annotations

import pytest
from eth_abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from bot.chain.abi import decode_value

KIND = "(address,string,bytes,bytes32,uint8,bool,uint256,(uint16,bytes))[]"
RECORDS = st.lists(
    st.tuples(
        st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
        st.text(max_size=70),
        st.binary(max_size=70),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 255),
        st.booleans(),
        st.integers(0, 2**256 - 1),
        st.tuples(st.integers(0, 2**16 - 1), st.binary(max_size=40)),
    ),
    max_size=3,
)


@given(RECORDS)
def test_a_result_is_decoded_as_eth_abi_does(records: list[object]) -> None:
    raw = encode([KIND], [records])
    assert (decode_value(KIND, raw),) == decode([KIND], raw)


@given(RECORDS, st.data())
def test_a_damaged_result_is_refused_with_a_value_error_or_decoded_as_eth_abi_does(
    records: list[object], data: st.DataObject
) -> None:
    raw = bytearray(encode([KIND], [records]))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        value = decode_value(KIND, bytes(raw))
    except ValueError:
        return
    assert (value,) == decode([KIND], bytes(raw))


@pytest.mark.parametrize("size", [0, 31, 33, 95])
def test_a_result_that_ends_early_is_refused(size: int) -> None:
    raw = encode(["(string,uint256)"], [("text", 7)])
    with pytest.raises(ValueError, match="end"):
        decode_value("(string,uint256)", raw[:size])


def test_an_array_that_claims_more_than_it_can_hold_is_refused() -> None:
    raw = (32).to_bytes(32) + (2**200).to_bytes(32)
    with pytest.raises(ValueError, match="values cannot be in 64 bytes"):
        decode_value("uint256[]", raw)
