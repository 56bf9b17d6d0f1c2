"""Enclaves as OpenGradient's registries list them, and their public keys, kept for ever.

Two registries, two layouts: reading one with the other's layout fails or shifts the fields, so the layout is always
named. A restarted gateway registers a new key and so a new id: count machines by owner and endpoint, not by id.
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

from bot.records import SafeName, SourceError, Unknown, model_identity
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
"""Enclave types: those that serve LLMs, and validators."""

MAX_BYTES = 2**20
MAX_ENCLAVES = 1000
MAX_SPREAD = 2**28
"""Bytes an answer may unpack to at most: its parts may point at the same bytes many times over."""
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
    """The answer of `getActiveTEEs`. Raises `SourceError`."""
    count = int.from_bytes(raw[32:64], "big")
    if count > MAX_ENCLAVES or count * len(raw) > MAX_SPREAD:
        raise SourceError(f"getActiveTEEs: found {min(count, 10**9):,} enclaves in {len(raw):,} bytes, not plausible")
    (found,) = _abi_decode("getActiveTEEs", f"{LAYOUTS[layout]}[]", raw, layout)
    return tuple(_build_enclave(each) for each in found)


def decode_enclave(raw: bytes, layout: Layout) -> Enclave | None:
    """The answer of `getTEE`; none where the registry answers with an empty record. Raises `SourceError`."""
    (found,) = _abi_decode("getTEE", LAYOUTS[layout], raw, layout)
    made = _build_enclave(found)
    return made if made.public_key else None


def decode_ids(raw: bytes) -> tuple[bytes, ...]:
    """The answer of `getEnabledTEEs` or `getTEEsByType`. Raises `SourceError`."""
    (found,) = _abi_decode("getTEEsByType", "bytes32[]", raw, "either")
    return tuple(dict.fromkeys(found))


def _abi_decode(call: str, kind: str, raw: bytes, layout: str) -> tuple[Any, ...]:
    """What `eth_abi` makes of an answer: its types follow `kind`, which no annotation can say."""
    from eth_abi.abi import decode  # 6 MB, which a worker at rest does without
    from eth_abi.exceptions import DecodingError

    if len(raw) > MAX_BYTES:
        raise SourceError(f"{call}: found {len(raw):,} bytes, wanted at most {MAX_BYTES:,}")
    try:
        decoded: tuple[Any, ...] = decode([kind], raw)
    except (DecodingError, ValueError, OverflowError, RecursionError) as error:
        kind_of = type(error).__name__
        raise SourceError(f"{call}: found an answer that is not of the {layout} layout ({kind_of})") from error
    return decoded


def _build_enclave(fields: Sequence[Any]) -> Enclave:
    owner, payment, endpoint, key, _, _, kind, enabled, registered, heartbeat = fields[:10]
    who = (keccak(key), owner.lower(), payment.lower(), model_identity(endpoint))
    return Enclave(*who, key, kind, enabled, registered, heartbeat)


def ids_by_machine(enclaves: Iterable[Enclave]) -> Mapping[tuple[str, SafeName], tuple[bytes, ...]]:
    """Ids by owner and endpoint: every restart makes a new id, a machine keeps both."""
    found: defaultdict[tuple[str, SafeName], dict[bytes, None]] = defaultdict(dict)
    for each in enclaves:
        found[each.owner, each.endpoint][each.tee_id] = None
    return {where: tuple(known) for where, known in sorted(found.items())}


# --- keys -----------------------------------------------------------------------------------------------------

Call = Callable[[str, bytes], bytes | None]
"""An `eth_call`: contract and call data to the answer, none where the contract reverted. Raises `SourceError`."""


class _Kept(msgspec.Struct):
    der: bytes
    registered_at: int
    asked: list[str] = []
    """Registries that this is known from; another one may know of an earlier registration."""


@dataclass(frozen=True, slots=True)
class TeeRegistries:
    """Every registry that may hold a key, and the keys already had."""

    addresses: Mapping[str, Layout]
    """Contract to its layout."""
    call: Call
    folder: Path
    """One file an enclave, kept for ever: a key whose Keccak is the id cannot change."""

    def enclave_keys(self, tee_ids: Iterable[bytes]) -> dict[bytes, EnclaveKey | Unknown]:
        """Keys as the acceptance rules want them: enclaves that no registry lists are left out. Ids are looked up in
        the registries' own lists first, so that a batch of a thousand invented ids costs no call each."""
        wanted = dict.fromkeys(tee_ids)
        kept = {tee_id: key for tee_id in wanted if (key := self._load_key(tee_id))}
        found: dict[bytes, EnclaveKey | Unknown] = {
            tee_id: EnclaveKey(key.der, key.registered_at) for tee_id, key in kept.items()
        }
        # A registry that was added since may know of an earlier registration.
        missing = [one for one in wanted if one not in kept or not self.addresses.keys() <= set(kept[one].asked)]
        if not missing:
            return found
        where, answered, silent = self._listed_ids()
        for tee_id in missing:
            if tee_id in where:
                found[tee_id] = self._fetch_key(where[tee_id], answered, tee_id, kept.get(tee_id))
            elif tee_id not in found and silent:
                found[tee_id] = Unknown(silent)
        return found

    def _listed_ids(self) -> tuple[dict[bytes, list[str]], set[str], str]:
        """Every id ever registered with the registries that list it, the registries that answered, and what kept one
        from answering, if anything. An address without code lists nothing, unless all are without."""
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
                silent = f"the registry {address} did not list its enclaves: {error}"
                continue
            answered.add(address)
            for tee_id in ids:
                where.setdefault(tee_id, []).append(address)
        if empty and not answered and not silent:
            silent = f"the registry {min(empty)} did not list its enclaves: no contract is there"
        return where, answered | empty, silent

    def _fetch_key(
        self, listed_by: Sequence[str], answered: set[str], tee_id: bytes, kept: _Kept | None
    ) -> EnclaveKey | Unknown:
        """The key with its earliest registration, whichever registry that is in."""
        der, earliest = (kept.der, kept.registered_at) if kept else (b"", None)
        asked, reason = set(answered), ""
        for address in listed_by:
            try:
                made = decode_enclave(self.call(address, call_enclave(tee_id)) or b"", self.addresses[address])
            except SourceError as error:
                reason = f"the registry {address} did not give a listed enclave: {error}"
                asked.discard(address)
                continue
            if made is None or made.tee_id != tee_id or len(made.public_key) > MAX_KEY:
                reason = f"the registry {address} gives another key than the enclave's id says"
                asked.discard(address)
                continue
            der = made.public_key
            earliest = made.registered_at if earliest is None else min(earliest, made.registered_at)
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
