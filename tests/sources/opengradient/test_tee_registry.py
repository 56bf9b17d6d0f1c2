"""Enclaves and keys from two registries with different layouts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector

from bot.records import SourceError, Unknown
from bot.sources.opengradient import tee_registry as tee
from bot.sources.opengradient.verification_types import EnclaveKey
from tests.peers.enclave import NOW, enclaves, hashed

OWNER = "0x" + "Aa" * 20
PAID = "0x" + "bb" * 20
OHTTP = (1, 32, 1, 2, b"key", b"config", NOW)

INFO = "address,address,string,bytes,bytes,bytes32,uint8,bool,uint256,uint256"
OLD = f"({INFO})"
NEW = f"({INFO},(uint8,uint16,uint16,uint16,bytes,bytes,uint256))"


def record(
    layout: tee.Layout,
    der: bytes,
    endpoint: str = "https://13.59.207.188",
    owner: str = OWNER,
    at: int = NOW - 100,
) -> tuple[object, ...]:
    old = (owner, PAID, endpoint, der, b"certificate", hashed("pcr"), 0, True, at, NOW)
    return (*old, OHTTP) if layout == "new" else old


def encoded(layout: tee.Layout, *records: tuple[object, ...]) -> bytes:
    return encode([f"{NEW if layout == 'new' else OLD}[]"], [records])


@pytest.mark.parametrize("layout", ["old", "new"])
def test_active_enclaves_are_read_with_the_id_their_key_makes(layout: tee.Layout) -> None:
    enclave, two = enclaves()[:2]
    active = tee.decode_active(
        encoded(layout, record(layout, enclave.der), record(layout, two.der, "https://x")), layout
    )
    assert [each.tee_id for each in active] == [enclave.tee_id, two.tee_id]
    assert active[0] == tee.Enclave(
        enclave.tee_id, OWNER.lower(), PAID, active[0].endpoint, enclave.der, 0, True, NOW - 100, NOW
    )
    assert active[0].endpoint == "https://13.59.207.188"


@pytest.mark.parametrize("layout", ["old", "new"])
def test_one_enclave_is_read(layout: tee.Layout) -> None:
    enclave = enclaves()[0]
    raw = encode([NEW if layout == "new" else OLD], [record(layout, enclave.der)])
    result = tee.decode_enclave(raw, layout)
    assert result and result.tee_id == enclave.tee_id


def test_an_empty_record_is_no_enclave() -> None:
    zero = "0x" + "00" * 20
    empty = (zero, zero, "", b"", b"", bytes(32), 0, False, 0, 0)
    assert tee.decode_enclave(encode([OLD], [empty]), "old") is None


def test_no_enclave_at_all_is_read_as_none() -> None:
    assert tee.decode_active(encoded("new"), "new") == ()


@pytest.mark.parametrize(("layout", "other"), [("old", "new")])
def test_the_wrong_layout_is_refused_rather_than_shifted(layout: tee.Layout, other: tee.Layout) -> None:
    raw = encoded(layout, record(layout, enclaves()[0].der))
    with pytest.raises(SourceError, match=f"not of the {other} layout"):
        tee.decode_active(raw, other)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big"),
        (32).to_bytes(32, "big") + (900).to_bytes(32, "big") + b"\xff" * 32 * 20,
        (2**256 - 32).to_bytes(32, "big") * 3,
        (32).to_bytes(32, "big") * 40,
        bytes(2**20 + 1),
        (32).to_bytes(32, "big") + (900).to_bytes(32, "big") + bytes(2**20 - 64),
    ],
)
def test_hostile_bytes_are_refused_in_one_line(raw: bytes) -> None:
    with pytest.raises(SourceError) as error:
        tee.decode_active(raw, "new")
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_many_enclaves_that_share_the_same_bytes_are_not_unpacked() -> None:
    count, word = 900, 32
    inner = encode([NEW], [record("new", b"\x30" * 900_000)])[word:]
    head = word.to_bytes(word, "big") + count.to_bytes(word, "big") + (count * word).to_bytes(word, "big") * count
    with pytest.raises(SourceError, match="not plausible"):
        tee.decode_active(head + inner, "new")


def test_ids_are_read_once_each() -> None:
    first, second = hashed(1), hashed(2)
    assert tee.decode_ids(encode(["bytes32[]"], [[first, second, first]])) == (first, second)
    with pytest.raises(SourceError):
        tee.decode_ids(b"\x01" * 31)


def test_calls_bear_the_selectors_of_their_signatures() -> None:
    word = (0).to_bytes(32, "big")
    assert tee.call_active() == selector("getActiveTEEs(uint8)") + word
    assert tee.call_enabled() == selector("getEnabledTEEs(uint8)") + word
    assert tee.call_registered(1) == selector("getTEEsByType(uint8)") + (1).to_bytes(32, "big")
    assert tee.call_enclave(hashed(1)) == selector("getTEE(bytes32)") + hashed(1)


def test_restarts_are_one_machine_with_many_ids() -> None:
    enclave, two, three = enclaves()
    rows = [record("old", enclave.der), record("old", two.der), record("old", three.der, "https://other")]
    ids = tee.ids_by_machine(tee.decode_active(encoded("old", *rows), "old"))
    assert ids == {
        (OWNER.lower(), "https://13.59.207.188"): (enclave.tee_id, two.tee_id),
        (OWNER.lower(), "https://other"): (three.tee_id,),
    }


# --- keys -----------------------------------------------------------------------------------------------------

NEWER, OLDER = "0x703c", "0x4e72"


@dataclass
class Chain:
    """Registries that answer calls as contracts do."""

    held: dict[str, dict[bytes, bytes]]
    """Contract to enclave id to its key."""
    layouts: dict[str, tee.Layout] = field(default_factory=lambda: {NEWER: "new", OLDER: "old"})
    silent: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    """Addresses without code."""
    registered: dict[str, int] = field(default_factory=dict)
    """When a contract registered its enclaves, where it is not the usual time."""
    asked: list[tuple[str, bytes]] = field(default_factory=list)

    def call(self, address: str, data: bytes) -> bytes | None:
        self.asked.append((address, data))
        if address in self.silent:
            raise SourceError(f"{address}: no answer")
        if address in self.empty:
            return b""
        held = self.held.get(address, {})
        if data[:4] == selector("getTEEsByType(uint8)"):
            return encode(["bytes32[]"], [list(held) if data[-1] == 0 else []])
        layout = self.layouts[address]
        der = held.get(data[4:])
        return (
            encode([NEW if layout == "new" else OLD], [record(layout, der, at=self.registered.get(address, NOW - 100))])
            if der
            else None
        )

    def registries(self, folder: Path) -> tee.TeeRegistries:
        return tee.TeeRegistries(self.layouts, self.call, folder)


def test_keys_come_from_whichever_registry_lists_the_enclave(tmp_path: Path) -> None:
    enclave, two, three = enclaves()
    chain = Chain({NEWER: {enclave.tee_id: enclave.der}, OLDER: {two.tee_id: two.der}})
    enclave_keys = chain.registries(tmp_path).enclave_keys([enclave.tee_id, two.tee_id, three.tee_id])
    assert enclave_keys == {
        enclave.tee_id: EnclaveKey(enclave.der, NOW - 100),
        two.tee_id: EnclaveKey(two.der, NOW - 100),
    }
    assert chain.registries(tmp_path).enclave_keys([three.tee_id]).get(three.tee_id) is None


def test_a_key_once_had_is_never_asked_for_again(tmp_path: Path) -> None:
    enclave = enclaves()[0]
    chain = Chain({NEWER: {enclave.tee_id: enclave.der}})
    chain.registries(tmp_path).enclave_keys([enclave.tee_id]).get(enclave.tee_id)
    chain.silent = {NEWER, OLDER}
    before = len(chain.asked)
    assert chain.registries(tmp_path).enclave_keys([enclave.tee_id]).get(enclave.tee_id) == EnclaveKey(
        enclave.der, NOW - 100
    )
    assert len(chain.asked) == before


def test_a_key_altered_on_disk_is_asked_for_again(tmp_path: Path) -> None:
    enclave, two = enclaves()[:2]
    chain = Chain({NEWER: {enclave.tee_id: enclave.der, two.tee_id: two.der}})
    chain.registries(tmp_path).enclave_keys([enclave.tee_id, two.tee_id])
    (tmp_path / f"{enclave.tee_id.hex()}.json").write_bytes((tmp_path / f"{two.tee_id.hex()}.json").read_bytes())
    (tmp_path / f"{two.tee_id.hex()}.json").write_text("{")
    assert chain.registries(tmp_path).enclave_keys([enclave.tee_id, two.tee_id]) == {
        each.tee_id: EnclaveKey(each.der, NOW - 100) for each in (enclave, two)
    }


def test_a_registry_that_is_silent_leaves_an_unlisted_key_unknown_and_others_known(tmp_path: Path) -> None:
    enclave, two = enclaves()[:2]
    chain = Chain({OLDER: {enclave.tee_id: enclave.der}}, silent={NEWER})
    registries = chain.registries(tmp_path)
    assert registries.enclave_keys([enclave.tee_id]).get(enclave.tee_id) == EnclaveKey(enclave.der, NOW - 100)
    unlisted = registries.enclave_keys([two.tee_id]).get(two.tee_id)
    assert isinstance(unlisted, Unknown) and NEWER in unlisted.reason


def test_a_registry_that_gives_another_key_is_not_believed(tmp_path: Path) -> None:
    enclave, two = enclaves()[:2]
    chain = Chain({NEWER: {enclave.tee_id: two.der}})
    enclave_key = chain.registries(tmp_path).enclave_keys([enclave.tee_id]).get(enclave.tee_id)
    assert isinstance(enclave_key, Unknown) and "another key" in enclave_key.reason
    assert not list(tmp_path.iterdir())


def test_a_thousand_invented_ids_cost_no_call_each(tmp_path: Path) -> None:
    chain = Chain({NEWER: {}})
    assert chain.registries(tmp_path).enclave_keys([hashed(number) for number in range(1000)]) == {}
    assert len(chain.asked) == 4


def test_of_two_registries_the_earliest_registration_counts(tmp_path: Path) -> None:
    one = enclaves()[0]
    chain = Chain({NEWER: {one.tee_id: one.der}, OLDER: {one.tee_id: one.der}}, registered={OLDER: NOW - 900})
    newer = tee.TeeRegistries({NEWER: "new"}, chain.call, tmp_path)
    assert newer.enclave_keys([one.tee_id]) == {one.tee_id: EnclaveKey(one.der, NOW - 100)}
    both = chain.registries(tmp_path).enclave_keys([one.tee_id])
    assert both == {one.tee_id: EnclaveKey(one.der, NOW - 900)}, "though the newer one was asked before"
    assert newer.enclave_keys([one.tee_id]) == both


def test_an_address_without_a_contract_leaves_no_key_unknown(tmp_path: Path) -> None:
    one, two = enclaves()[:2]
    chain = Chain({NEWER: {one.tee_id: one.der}}, empty={OLDER})
    found = chain.registries(tmp_path).enclave_keys([one.tee_id, two.tee_id])
    assert found == {one.tee_id: EnclaveKey(one.der, NOW - 100)}
    chain.empty = {OLDER, NEWER}
    lost = chain.registries(tmp_path).enclave_keys([two.tee_id])[two.tee_id]
    assert isinstance(lost, Unknown) and "no contract is there" in lost.reason
