"""Events are decoded exactly as by eth-abi, from logs of real contracts; any other layout is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.chain import ChainIdentity, ChainReader, Endpoint, Filter, Log
from bot.chain.abi import EventLayout, decode_fields, event_topic
from bot.sources.opengradient import events
from bot.sources.opengradient.events import (
    BatchSettlement,
    BatchSettlementV1,
    ChannelSettled,
    DecodeRefused,
    IndividualSettlement,
    ModelInference,
    Settled,
    SettledWithPermit,
    SettlementV1,
    SettlementWithMetadataV1,
    Transfer,
)
from bot.sources.opengradient.walrus import blob_id
from tests.peers.anvil import Node
from tests.peers.solidity import contracts

PAYER, PAYEE = "0x" + "a1" * 20, "0x" + "b2" * 20
AUTHORIZATION_USED = "98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"
"""The topic of an event next to a payment that is not read."""
ROOT, OTHER = bytes(range(32)), bytes(range(32, 64))
BLOB = b"orGaXuTN-hxHTViVALqcbFN8Cv6fxjaC3OUqg1ZjvZY"


def log(topics: tuple[bytes, ...], data: bytes) -> Log:
    return Log(1, 0, "0x" + "1" * 64, PAYEE, topics, data, "0x" + "2" * 64, 0)


def mined(node: Node) -> list[object]:
    """All decoded events of this chain, without roles."""
    with ChainReader(ChainIdentity(31337, None), [Endpoint(node.url, rate=1000)], finality=0) as chain:
        read = [events.decode_event(log) for chunk in chain.read_logs(Filter(), 0) for log in chunk.logs]
    return [entry for entry in read if not isinstance(entry, events.RoleGranted)]


# --- what real contracts write --------------------------------------------------------------------------------


def test_settlements_of_the_relay_are_read(node: Node) -> None:
    relay = node.deploy("SettlementRelay", True)
    relay.send("batchSettle", ROOT, 2**255, BLOB)
    relay.send("batchSettle", ROOT, 3, b"../../etc/passwd")
    relay.send("settleIndividual", ROOT, OTHER, ROOT, 1_780_000_000, PAYER, BLOB, bytes(256))
    assert mined(node) == [
        BatchSettlement(ROOT, 2**255, BLOB),
        BatchSettlement(ROOT, 3, b"../../etc/passwd"),
        IndividualSettlement(ROOT, PAYER, OTHER, ROOT, 1_780_000_000, BLOB, bytes(256)),
    ]


def test_settlements_of_the_first_relay_are_read(node: Node) -> None:
    relay = node.deploy("SettlementRelayV1")
    relay.send("batchSettle", ROOT, 7)
    relay.send("settle", ROOT, OTHER)
    relay.send("settleWithMetadata", ROOT, OTHER, "gpt-4o", b"in", b"")
    assert mined(node) == [
        BatchSettlementV1(ROOT, 7),
        SettlementV1(ROOT, OTHER),
        SettlementWithMetadataV1(ROOT, OTHER, b"gpt-4o", b"in", b""),
    ]


def test_payments_are_read(node: Node) -> None:
    token, proxy, channel = node.deploy("AuthorizedToken"), node.deploy("UptoProxy"), node.deploy("Channel")
    proxy.send("settle", token.address, PAYER, PAYEE, 5 * 10**16)
    proxy.send("settleWithPermit", token.address, PAYER, PAYEE, 1)
    channel.send("settle", token.address, PAYER, PAYEE, 2**128 - 1)
    token.send("transferWithAuthorization", PAYER, PAYEE, 2**256 - 1, ROOT)
    assert mined(node) == [
        Transfer(PAYER, PAYEE, 5 * 10**16),
        Settled(),
        Transfer(PAYER, PAYEE, 1),
        SettledWithPermit(),
        Transfer(channel.address, PAYEE, 2**128 - 1),
        ChannelSettled(PAYEE, token.address, PAYER, 2**128 - 1),
        Transfer(PAYER, PAYEE, 2**256 - 1),
        DecodeRefused(f"no event of ours has the topic 0x{AUTHORIZATION_USED}"),
    ]


def test_hub_models_are_named_by_the_precompile_and_by_nothing_else(node: Node) -> None:
    precompile = node.place("Precompile", "0x00000000000000000000000000000000000000f4")
    precompile.send("infer", "id-1", 2, BLOB.decode(), True)
    node.deploy("InferenceHub").send("run", precompile.address, "", "Qm" + "x" * 44)
    first, second, twin = mined(node)
    assert first == ModelInference(b"id-1", 2, BLOB, True)
    assert second == ModelInference(b"", 0, b"Qm" + b"x" * 44, False)
    assert isinstance(twin, DecodeRefused) and "no event of ours" in twin.reason


def test_what_no_compiler_writes_is_mined_and_refused(node: Node) -> None:
    relay = node.deploy("SettlementRelay", True)
    relay.send("raw", [], b"")
    relay.send("raw", [events.topic_of(BatchSettlement), ROOT], b"\xff" * 160)
    relay.send("raw", [events.topic_of(BatchSettlement)], bytes(160))
    assert all(isinstance(event, DecodeRefused) for event in mined(node)) and len(mined(node)) == 3


# --- topics ---------------------------------------------------------------------------------------------------


def _signature(entry: dict[str, Any]) -> str:
    def kind(field: dict[str, Any]) -> str:
        if not field["type"].startswith("tuple"):
            return str(field["type"])
        return "(" + ",".join(map(kind, field["components"])) + ")" + field["type"][5:]

    return f"{entry['name']}({','.join(map(kind, entry['inputs']))})"


def test_the_compiler_and_we_agree_on_every_event() -> None:
    compiled = {
        (event_topic(_signature(entry)), sum(field["indexed"] for field in entry["inputs"]))
        for contract in contracts().values()
        for entry in contract.abi
        if entry["type"] == "event"
    }
    ours = {(first, layout.indexed) for first, (layout, _) in events._LAYOUTS.items()}
    ours.add((events.topic_of(ModelInference), 0))
    assert ours <= compiled
    assert {event_topic(events.MODEL_INFERENCE)} == {first for first, _ in ours} - set(events._LAYOUTS)


def test_topics_are_known_ones() -> None:
    known = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    assert events.topic_of(Transfer).hex() == known


@pytest.mark.skipif("FACTS_DIR" not in os.environ, reason="FACTS_DIR is not set: topics.json is not compared")
def test_topics_are_those_of_the_collected_facts() -> None:
    facts = json.loads((Path(os.environ["FACTS_DIR"]) / "topics.json").read_text())["events"]
    assert [entry.__name__ for entry in events._TOPICS if "0x" + events.topic_of(entry).hex() not in facts] == []
    for first, (layout, result) in events._LAYOUTS.items():
        assert len(facts["0x" + first.hex()]["indexed"]) == layout.indexed, result


# --- layouts --------------------------------------------------------------------------------------------------

WORDS = st.binary(min_size=32, max_size=32)
UINTS = st.integers(0, 2**256 - 1)
BATCH = events.topic_of(BatchSettlement)


@given(WORDS, UINTS, st.binary(max_size=100) | st.binary(min_size=43, max_size=43))
def test_batches_are_read_as_eth_abi_writes_them(root: bytes, size: int, blob: bytes) -> None:
    raw_log = log((BATCH, root), encode(["uint256", "bytes"], [size, blob]))
    assert events.decode_event(raw_log) == BatchSettlement(root, size, blob)
    layout, _ = events._LAYOUTS[BATCH]
    assert tuple(decode_fields(layout, raw_log)) == (root, size, blob)


@given(WORDS, WORDS, UINTS, st.binary(max_size=70), st.binary(max_size=300))
def test_individual_settlements_are_read_as_eth_abi_writes_them(
    tee: bytes, hashed: bytes, timestamp: int, blob: bytes, signature: bytes
) -> None:
    data = encode(["bytes32", "bytes32", "uint256", "bytes", "bytes"], [hashed, tee, timestamp, blob, signature])
    topics = (events.topic_of(IndividualSettlement), tee, bytes(12) + bytes.fromhex(PAYER[2:]))
    event = events.decode_event(log(topics, data))
    assert event == IndividualSettlement(tee, PAYER, hashed, tee, timestamp, blob, signature)


NUMBERS = st.tuples(
    st.text(max_size=9), st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 9)), max_size=3), st.just([1, 2])
)
TEXTS = st.tuples(st.text(max_size=9), st.lists(st.text(max_size=40), max_size=3))


@given(
    st.text(max_size=80),
    st.integers(0, 2),
    st.text(max_size=60),
    st.lists(NUMBERS, max_size=2),
    st.lists(TEXTS, max_size=2),
    st.booleans(),
)
def test_model_inferences_are_read_as_eth_abi_writes_them(
    name: str, mode: int, cid: str, numbers: list[Any], texts: list[Any], simulated: bool
) -> None:
    tensors = "((string,(int128,int128)[],uint32[])[],(string,string[])[]"
    types = ["string", f"(uint8,string,{tensors}))", f"{tensors},(string,string)[],bool)"]
    data = encode(types, [name, (mode, cid, (numbers, texts)), (numbers, texts, [("a", "b")], simulated)])
    event = events.decode_event(log((events.topic_of(ModelInference),), data))
    assert event == ModelInference(name.encode(), mode, cid.encode(), simulated)


@given(st.sampled_from(sorted(events._LAYOUTS)), st.lists(WORDS, max_size=3), st.binary(max_size=300))
def test_no_data_make_reading_raise(first: bytes, rest: list[bytes], data: bytes) -> None:
    layout, result = events._LAYOUTS[first]
    event = events.decode_event(log((first, *rest), data))
    assert isinstance(event, DecodeRefused) or (isinstance(event, result) and len(rest) == layout.indexed)


@given(st.binary(max_size=600))
def test_no_data_make_reading_a_model_inference_raise(data: bytes) -> None:
    event = events.decode_event(log((events.topic_of(ModelInference),), data))
    assert isinstance(event, DecodeRefused) or len(data) >= 0x160


WHOLE = encode(["uint256", "bytes"], [3, BLOB])
ODD = {
    "it ends early": (WHOLE[:-1], "the data end inside"),
    "something follows": (WHOLE + bytes(32), "192 bytes of data, wanted 160"),
    "padding that is not zero": (WHOLE[:-1] + b"\x01", "not padded with zeros"),
    "another offset": (WHOLE[:63] + b"\x60" + WHOLE[64:], "the offset at byte 32 is not 64"),
    "a huge offset": (WHOLE[:32] + b"\xff" * 32 + WHOLE[64:], "the offset at byte 32 is not 64"),
    "a huge length": (WHOLE[:64] + b"\xff" * 32 + WHOLE[96:], "the data end inside"),
    "nothing": (b"", "the data end early"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_layout_is_refused_with_its_reason(name: str) -> None:
    data, reason = ODD[name]
    event = events.decode_event(log((BATCH, ROOT), data))
    assert isinstance(event, DecodeRefused) and reason in event.reason and event.reason.isprintable()


def test_values_wider_than_their_type_are_refused() -> None:
    wide = (events.topic_of(Transfer), b"\x01" * 32, bytes(32))
    assert events.decode_event(log(wide, bytes(32))) == DecodeRefused("Transfer: an address is longer than 20 bytes")
    wide = (events.topic_of(ChannelSettled), bytes(32), bytes(32), bytes(32))
    assert events.decode_event(log(wide, (2**128).to_bytes(32))) == DecodeRefused("Settled: a uint128 is too large")


def test_a_token_that_is_no_coin_is_refused() -> None:
    """ERC-721 gives the same topic a third indexed field."""
    event = events.decode_event(log((events.topic_of(Transfer), bytes(32), bytes(32), bytes(32)), b""))
    assert event == DecodeRefused("Transfer has 2 indexed fields, this log 3")


@pytest.mark.parametrize(
    "raw",
    [b"", b"../" + b"a" * 40, b"http://10.0.0.1/" + b"a" * 27, BLOB + b"\n", BLOB[:-1] + b"%", BLOB[:-1], b"\xff" * 43],
)
def test_a_blob_id_holds_neither_path_nor_host(raw: bytes) -> None:
    assert blob_id(raw) is None
    assert blob_id(BLOB) == BLOB.decode()


def test_a_layout_knows_its_head() -> None:
    assert EventLayout.from_signature("E(bytes32 indexed a, uint256 b, bytes c)").head == 64
