"""The events Footfall reads, by the signature people write, and the values they are read into.

What no compiler would write is refused with a reason, as a value, so that a stranger's odd log can neither stop a
collection nor be counted. Signatures are those of the contracts' published source: relay, registry and precompile in
`OpenGradient/inference-facilitator`, `OpenGradient/og-evm` and the ABIs of the `opengradient` package; payments in
ERC-20, EIP-3009 and the x402 contracts.

Logs and events are frozen msgspec structs, not dataclasses: with a million of the latter the garbage collector takes a
quarter of the whole time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from bot.chain import Log
from bot.chain.abi import AbiDecodeError, EventLayout, decode_fields, event_topic
from bot.sources.opengradient.inference_event import MODEL_INFERENCE, ModelInference, model_inference

Event = msgspec.Struct
"""Any of the classes below."""
E = TypeVar("E", bound=Event)

_USUAL_HEAD = (64).to_bytes(32) + (43).to_bytes(32)
_USUAL_PADDING = bytes(21)


@dataclass(frozen=True, slots=True)
class DecodeRefused:
    """A log that is not read, and why. Reads well after "refused: "."""

    reason: str


_LAYOUTS: dict[bytes, tuple[EventLayout, Callable[..., Event]]] = {}
_TOPICS: dict[type, bytes] = {}


def _register_event(signature: str) -> Callable[[type[E]], type[E]]:
    """Registers a class as what an event is read into; its fields are the signature's, in order."""

    def register_class(event_class: type[E]) -> type[E]:
        _TOPICS[event_class] = event_topic(signature)
        _LAYOUTS[_TOPICS[event_class]] = (EventLayout.from_signature(signature), event_class)
        return event_class

    return register_class


# --- settlement relays ----------------------------------------------------------------------------------------


@_register_event("BatchSettlement(bytes32 indexed merkleRoot, uint256 batchSize, bytes walrusBlobId)")
class BatchSettlement(msgspec.Struct, frozen=True, gc=False):
    """Many inferences, as a Merkle root over leaves that lie in a Walrus blob."""

    root: bytes
    size: int
    """What the sender says; up to 2**256 - 1."""
    blob: bytes
    """As sent; `walrus.blob_id` says whether it is one."""


@_register_event(
    "IndividualSettlement(bytes32 indexed teeId, address indexed ethAddress, bytes32 inputHash, bytes32 outputHash, "
    "uint256 timestamp, bytes walrusBlobId, bytes signature)"
)
class IndividualSettlement(msgspec.Struct, frozen=True, gc=False):
    """One inference with its enclave's signature."""

    tee: bytes
    address: str
    """The payment's spender, not the user."""
    input_hash: bytes
    output_hash: bytes
    timestamp: int
    """Seconds, as the enclave's clock says; up to 2**256 - 1."""
    blob: bytes
    signature: bytes


@_register_event("BatchSettlement(bytes32 indexed merkleRoot, uint256 batchSize)")
class BatchSettlementV1(msgspec.Struct, frozen=True, gc=False):
    """Before 2026-02-20: no blob, so nothing backs its size."""

    root: bytes
    size: int


@_register_event("Settlement(bytes32 indexed inputHash, bytes32 indexed outputHash)")
class SettlementV1(msgspec.Struct, frozen=True, gc=False):
    """Before 2026-02-20: one inference, by hashes alone."""

    input_hash: bytes
    output_hash: bytes


@_register_event(
    "SettlementWithMetadata(bytes32 indexed inputHash, bytes32 indexed outputHash, string modelInfo, bytes inputData, "
    "bytes outputData)"
)
class SettlementWithMetadataV1(msgspec.Struct, frozen=True, gc=False):
    """Before 2026-02-20: one inference that names its model. Input and output are people's own words: never shown."""

    input_hash: bytes
    output_hash: bytes
    model_info: bytes
    """UTF-8 if all is well; hostile."""
    input_data: bytes
    output_data: bytes


@_register_event("RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)")
class RoleGranted(msgspec.Struct, frozen=True, gc=False):
    """Who may settle from then on."""

    role: bytes
    account: str
    sender: str


# --- payments -------------------------------------------------------------------------------------------------


@_register_event("Transfer(address indexed from, address indexed to, uint256 value)")
class Transfer(msgspec.Struct, frozen=True, gc=False):
    """Tokens moved."""

    sender: str
    receiver: str
    value: int
    """In the token's smallest unit."""


@_register_event("Settled()")
class Settled(msgspec.Struct, frozen=True, gc=False):
    """An x402 proxy moved tokens in this transaction."""


@_register_event("SettledWithPermit()")
class SettledWithPermit(msgspec.Struct, frozen=True, gc=False):
    """As `Settled`, with a permit beside it."""


@_register_event("Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount)")
class ChannelSettled(msgspec.Struct, frozen=True, gc=False):
    """An x402 payment channel paid out."""

    receiver: str
    token: str
    sender: str
    amount: int


_TOPICS[ModelInference] = event_topic(MODEL_INFERENCE)

ADMINISTRATIVE = frozenset(
    map(
        event_topic,
        (
            "RoleGranted(bytes32,address,address)",
            "RoleRevoked(bytes32,address,address)",
            "RoleAdminChanged(bytes32,bytes32,bytes32)",
            "OwnershipTransferred(address,address)",
            "OwnershipTransferStarted(address,address)",
            "Initialized(uint8)",
            "Initialized(uint64)",
            "Upgraded(address)",
            "AdminChanged(address,address)",
            "BeaconUpgraded(address)",
            "Paused(address)",
            "Unpaused(address)",
        ),
    )
)
"""Topics of a contract's own administration (OpenZeppelin contracts 4 and 5): never a use."""


def topic_of(event: type) -> bytes:
    """The first topic of an event's logs."""
    return _TOPICS[event]


def decode_event(log: Log) -> Event | DecodeRefused:
    """A log as the event its first topic names, or why it is none."""
    if not log.topics:
        return DecodeRefused("it has no topic")
    known = _LAYOUTS.get(log.topics[0])
    if known is None:
        if log.topics[0] == _TOPICS[ModelInference]:
            return _decode_nested(log)
        return DecodeRefused(f"no event of ours has the topic 0x{log.topics[0].hex()}")
    layout, made = known
    if made is BatchSettlement and (usual := _usual_batch(log)):
        return usual
    if len(log.topics) != layout.indexed + 1:
        return DecodeRefused(f"{layout.name} has {layout.indexed} indexed fields, this log {len(log.topics) - 1}")
    try:
        return made(*decode_fields(layout, log))
    except AbiDecodeError as error:
        return DecodeRefused(f"{layout.name}: {error}")


def _usual_batch(log: Log) -> BatchSettlement | None:
    """The shape nearly all settlements have, a blob id of 43 bytes; `None` for any other, which `decode_fields`
    reads."""
    data = log.data
    if len(data) == 160 and data[32:96] == _USUAL_HEAD and data[139:] == _USUAL_PADDING and len(log.topics) == 2:
        return BatchSettlement(log.topics[1], int.from_bytes(data[:32]), data[96:139])
    return None


def _decode_nested(log: Log) -> ModelInference | DecodeRefused:
    try:
        return model_inference(log)
    except AbiDecodeError as error:
        return DecodeRefused(f"ModelInferenceEvent: {error}")
