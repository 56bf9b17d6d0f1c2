"""Enclaves in OpenGradient's registries, and their public keys, which are kept for ever.

The two registries have different layouts; reading one with the other's layout fails or shifts the fields, so the layout
is always explicit. A restarted gateway registers a new key and so a new id: count machines by owner and endpoint.
Sources: og-evm `TEERegistry.sol` (old layout), opengradient 1.1.4 `abi/` (new layout).
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from bot.chain.abi import decode_value
from bot.records import SafeName, SourceError, Unknown, message, model_identity
from bot.sources.opengradient.merkle_batch import keccak
from bot.sources.opengradient.verification_types import EnclaveKey

Layout = Literal["old", "new"]

_INFO = "address,address,string,bytes,bytes,bytes32,uint8,bool,uint256,uint256"
LAYOUTS: Mapping[Layout, str] = {
    "old": f"({_INFO})",
    "new": f"({_INFO},(uint8,uint16,uint16,uint16,bytes,bytes,uint256))",
}
"""`TEEInfo`: owner, paymentAddress, endpoint, publicKey, tlsCertificate, pcrHash, teeType, enabled, registeredAt,
lastHeartbeatAt; the new one appends ohttpConfig."""

LLM_PROXY = 0
KINDS = (LLM_PROXY, 1)
"""Enclave types: LLM servers and validators."""

MAX_BYTES = 2**20
MAX_ENCLAVES = 1000
MAX_SPREAD = 2**28
"""Most bytes that a response may decode to: its parts may point at the same bytes many times."""
MAX_KEY = 2048
"""Bytes of a DER key; a real one has 294."""


@dataclass(frozen=True, slots=True)
class Enclave:
    """One registration."""

    tee_id: bytes
    owner: str
    """Lower-case, with 0x."""
    payment_address: str
    endpoint: SafeName
    public_key: bytes
    kind: int
    enabled: bool
    registered_at: int
    last_heartbeat_at: int
    """Unix seconds."""


def call_active(kind: int = LLM_PROXY) -> bytes:
    """Call data of `getActiveTEEs(uint8)`."""
    return keccak(b"getActiveTEEs(uint8)")[:4] + kind.to_bytes(32, "big")


def call_enabled(kind: int = LLM_PROXY) -> bytes:
    """Call data of `getEnabledTEEs(uint8)`."""
    return keccak(b"getEnabledTEEs(uint8)")[:4] + kind.to_bytes(32, "big")


def call_registered(kind: int = LLM_PROXY) -> bytes:
    """Call data of `getTEEsByType(uint8)`: all ever registered."""
    return keccak(b"getTEEsByType(uint8)")[:4] + kind.to_bytes(32, "big")


def call_enclave(tee_id: bytes) -> bytes:
    """Call data of `getTEE(bytes32)`."""
    return keccak(b"getTEE(bytes32)")[:4] + tee_id


def decode_active(raw: bytes, layout: Layout) -> tuple[Enclave, ...]:
    """The result of `getActiveTEEs`. Raises `SourceError`."""
    count = int.from_bytes(raw[32:64], "big")
    if count > MAX_ENCLAVES or count * len(raw) > MAX_SPREAD:
        raise SourceError(f"getActiveTEEs: found {min(count, 10**9):,} enclaves in {len(raw):,} bytes, not plausible")
    fields = _decode_result("getActiveTEEs", f"{LAYOUTS[layout]}[]", raw, layout)
    return tuple(_build_enclave(each) for each in fields)


def decode_enclave(raw: bytes, layout: Layout) -> Enclave | None:
    """The result of `getTEE`; `None` if the record is empty. Raises `SourceError`."""
    fields = _decode_result("getTEE", LAYOUTS[layout], raw, layout)
    enclave = _build_enclave(fields)
    return enclave if enclave.public_key else None


def decode_ids(raw: bytes) -> tuple[bytes, ...]:
    """The result of `getEnabledTEEs` or `getTEEsByType`. Raises `SourceError`."""
    ids = _decode_result("getTEEsByType", "bytes32[]", raw, "either")
    return tuple(dict.fromkeys(ids))


def _decode_result(call: str, kind: str, raw: bytes, layout: str) -> tuple[Any, ...]:
    """A decoded result; its types follow `kind`, which no annotation can express."""
    if len(raw) > MAX_BYTES:
        raise SourceError(f"{call}: found {len(raw):,} bytes, wanted at most {MAX_BYTES:,}")
    try:
        decoded: tuple[Any, ...] = decode_value(kind, raw)
    except ValueError as error:
        kind_of = type(error).__name__
        raise SourceError(f"{call}: found an answer that is not of the {layout} layout ({kind_of})") from error
    return decoded


def _build_enclave(fields: Sequence[Any]) -> Enclave:
    owner, payment, endpoint, key, _, _, kind, enabled, registered, heartbeat = fields[:10]
    who = (keccak(key), owner.lower(), payment.lower(), model_identity(endpoint))
    return Enclave(*who, key, kind, enabled, registered, heartbeat)


def ids_by_machine(enclaves: Iterable[Enclave]) -> Mapping[tuple[str, SafeName], tuple[bytes, ...]]:
    """Ids by owner and endpoint: every restart creates a new id; a machine keeps its owner and endpoint."""
    ids: defaultdict[tuple[str, SafeName], dict[bytes, None]] = defaultdict(dict)
    for each in enclaves:
        ids[each.owner, each.endpoint][each.tee_id] = None
    return {where: tuple(known) for where, known in sorted(ids.items())}


Call = Callable[[str, bytes], bytes | None]
"""An `eth_call`: contract and call data to the result, `None` if the contract reverted. Raises `SourceError`."""


class _Kept(msgspec.Struct):
    der: bytes
    registered_at: int
    asked: list[str] = []
    """Registries that this is known from; another one may know of an earlier registration."""


@dataclass(frozen=True, slots=True)
class TeeRegistries:
    """Every registry that may hold a key, and the stored keys."""

    addresses: Mapping[str, Layout]
    """Contract to its layout."""
    call: Call
    folder: Path
    """One file per enclave, kept for ever: a key whose Keccak is the id cannot change."""

    def enclave_keys(self, tee_ids: Iterable[bytes]) -> dict[bytes, EnclaveKey | Unknown]:
        """Keys for the acceptance rules; enclaves that no registry lists are left out. Ids are looked up in the
        registries' lists first, so that a batch of a thousand invented ids does not cost a call each."""
        wanted = dict.fromkeys(tee_ids)
        kept = {tee_id: key for tee_id in wanted if (key := self._load_key(tee_id))}
        enclave_keys: dict[bytes, EnclaveKey | Unknown] = {
            tee_id: EnclaveKey(key.der, key.registered_at) for tee_id, key in kept.items()
        }
        # A registry that was added since may know of an earlier registration.
        missing = [each for each in wanted if each not in kept or not self.addresses.keys() <= set(kept[each].asked)]
        if not missing:
            return enclave_keys
        where, answered, silent = self._listed_ids()
        for tee_id in missing:
            if tee_id in where:
                enclave_keys[tee_id] = self._fetch_key(where[tee_id], answered, tee_id, kept.get(tee_id))
            elif tee_id not in enclave_keys and silent:
                enclave_keys[tee_id] = Unknown(silent)
        return enclave_keys

    def _listed_ids(self) -> tuple[dict[bytes, list[str]], set[str], str]:
        """Every id ever registered with the registries that list it, the registries that answered, and the error of a
        registry that did not answer, if any. An address without code lists nothing, unless all are without."""
        where: dict[bytes, list[str]] = {}
        answered: set[str] = set()
        empty: set[str] = set()
        silent = ""
        for address in self.addresses:
            try:
                lists = [self.call(address, call_registered(kind)) for kind in KINDS]
                if all(raw == b"" for raw in lists):
                    empty.add(address)
                    continue
                ids = dict.fromkeys(tee_id for raw in lists for tee_id in decode_ids(raw or b""))
            except SourceError as error:
                silent = message("registry_list_failed", name=address, rest=str(error))
                continue
            answered.add(address)
            for tee_id in ids:
                where.setdefault(tee_id, []).append(address)
        if empty and not answered and not silent:
            silent = message("registry_list_failed", name=min(empty), rest="no contract is there")
        return where, answered | empty, silent

    def _fetch_key(
        self, listed_by: Sequence[str], answered: set[str], tee_id: bytes, kept: _Kept | None
    ) -> EnclaveKey | Unknown:
        """The key with its earliest registration, whichever registry has it."""
        der, earliest = (kept.der, kept.registered_at) if kept else (b"", None)
        asked, reason = set(answered), ""
        for address in listed_by:
            try:
                enclave = decode_enclave(self.call(address, call_enclave(tee_id)) or b"", self.addresses[address])
            except SourceError as error:
                reason = message("registry_enclave_failed", name=address, rest=str(error))
                asked.discard(address)
                continue
            if enclave is None or enclave.tee_id != tee_id or len(enclave.public_key) > MAX_KEY:
                reason = message("registry_key_differs", name=address)
                asked.discard(address)
                continue
            der = enclave.public_key
            earliest = enclave.registered_at if earliest is None else min(earliest, enclave.registered_at)
        if earliest is None:
            return Unknown(reason)
        self._store_key(tee_id, _Kept(der, earliest, sorted(asked)))
        return EnclaveKey(der, earliest)

    def _load_key(self, tee_id: bytes) -> _Kept | None:
        try:
            kept = msgspec.json.decode((self.folder / f"{tee_id.hex()}.json").read_bytes(), type=_Kept)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        return kept if keccak(kept.der) == tee_id else None

    def _store_key(self, tee_id: bytes, key: _Kept) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
            file.write(msgspec.json.encode(key))
        os.replace(file.name, self.folder / f"{tee_id.hex()}.json")
