"""The events that Footfall reads, by their signatures, and the values that they are decoded into.

A log that no compiler would write is refused with a reason, as a value, so that it can neither stop a collection nor be
counted. Signatures are those of the contracts' published source: relay, registry and precompile in
`OpenGradient/inference-facilitator`, `OpenGradient/og-evm` and the ABIs of the `opengradient` package; payments in
ERC-20, EIP-3009 and the x402 contracts.

Logs and events are frozen msgspec structs, not dataclasses: with a million dataclasses, garbage collection takes a
quarter of the total time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from bot.chain import Log
from bot.chain.abi import AbiDecodeError, EventLayout, decode_fields, decode_static, decode_string, event_topic

MODEL_INFERENCE = (
    "ModelInferenceEvent(string inferenceID,"
    "(uint8 mode,string modelCID,((string,(int128,int128)[],uint32[])[] numbers,(string,string[])[] strings) input)"
    " request,"
    "((string,(int128,int128)[],uint32[])[] numbers,(string,string[])[] strings,(string,string)[] jsons,"
    "bool is_simulation_result) response)"
)


class ModelInference(msgspec.Struct, frozen=True, gc=False):
    """A Model Hub model ran: the one event that names it. Numbers and texts that went in and out are not read."""

    inference_id: bytes
    mode: int
    """0 vanilla, 1 zero-knowledge proof, 2 enclave."""
    cid: bytes
    """The model file's content id: a Walrus blob id, or an older IPFS one; hostile."""
    simulated: bool
    """A simulation's result: never counted."""


def model_inference(log: Log) -> ModelInference:
    """The four fields that count, each at the place a compiler gives it; the tensors behind them are not looked at.
    Raises `AbiDecodeError`."""
    data = log.data
    if len(log.topics) != 1:
        raise AbiDecodeError("it has indexed fields")
    inference_id, request = decode_string(data, 0, 0x60)
    response = int.from_bytes(data[64:96])
    if int.from_bytes(data[32:64]) != request:
        raise AbiDecodeError("the request is not where it belongs")
    mode = decode_static("uint8", data[request : request + 32])
    cid, given = decode_string(data, request, 0x60, at=32)
    if int.from_bytes(data[request + 64 : request + 96]) != given - request or not given < response <= len(data):
        raise AbiDecodeError("the input or the response is not where it belongs")
    simulated = decode_static("uint8", data[response + 96 : response + 128])
    if response % 32 or simulated not in (0, 1) or not isinstance(mode, int):
        raise AbiDecodeError("the response is not where it belongs")
    return ModelInference(inference_id, mode, cid, simulated == 1)


Event = msgspec.Struct
"""Any of the classes below."""
E = TypeVar("E", bound=Event)

_USUAL_HEAD = (64).to_bytes(32) + (43).to_bytes(32)
_USUAL_PADDING = bytes(21)


@dataclass(frozen=True, slots=True)
class DecodeRefused:
    """A log that was not decoded, with the reason. Reads well after "refused: "."""

    reason: str


_LAYOUTS: dict[bytes, tuple[EventLayout, Callable[..., Event]]] = {}
_TOPICS: dict[type, bytes] = {}


def _register_event(signature: str) -> Callable[[type[E]], type[E]]:
    """Register a class for an event; its fields are the signature's, in order."""

    def register_class(event_class: type[E]) -> type[E]:
        _TOPICS[event_class] = event_topic(signature)
        _LAYOUTS[_TOPICS[event_class]] = (EventLayout.from_signature(signature), event_class)
        return event_class

    return register_class


@_register_event("BatchSettlement(bytes32 indexed merkleRoot, uint256 batchSize, bytes walrusBlobId)")
class BatchSettlement(msgspec.Struct, frozen=True, gc=False):
    """Many inferences, as a Merkle root over leaves in a Walrus blob."""

    root: bytes
    size: int
    """As the sender claims; up to 2**256 - 1."""
    blob: bytes
    """As sent; `walrus.blob_id` validates it."""


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
    """Seconds by the enclave's clock; up to 2**256 - 1."""
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
    """Before 2026-02-20: one inference that names its model. Input and output are users' texts: never shown."""

    input_hash: bytes
    output_hash: bytes
    model_info: bytes
    """UTF-8 if valid; hostile."""
    input_data: bytes
    output_data: bytes


@_register_event("RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)")
class RoleGranted(msgspec.Struct, frozen=True, gc=False):
    """An address that may settle from then on."""

    role: bytes
    account: str
    sender: str


@_register_event("Transfer(address indexed from, address indexed to, uint256 value)")
class Transfer(msgspec.Struct, frozen=True, gc=False):
    """A transfer of tokens."""

    sender: str
    receiver: str
    value: int
    """In the token's smallest unit."""


@_register_event("Settled()")
class Settled(msgspec.Struct, frozen=True, gc=False):
    """An x402 proxy moved tokens in this transaction."""


@_register_event("SettledWithPermit()")
class SettledWithPermit(msgspec.Struct, frozen=True, gc=False):
    """Like `Settled`, with a permit."""


@_register_event("Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount)")
class ChannelSettled(msgspec.Struct, frozen=True, gc=False):
    """An x402 payment channel paid out."""

    receiver: str
    token: str
    sender: str
    amount: int


_TOPICS[ModelInference] = event_topic(MODEL_INFERENCE)

LLM_CALLS = (
    "LLMCompletionEvent(string,(uint8,string,string,uint32,string[],uint32),(string))",
    "LLMChat(string,(uint8,string,(string,string,string,string,(string,string,string)[])[],"
    "(string,string,string)[],string,uint32,string[],uint32),"
    "(string,(string,string,string,string,(string,string,string)[])))",
)
"""Other events of the precompile 0xF4: calls of LLMs, of no Hub model. opengradient 1.1.4 `abi/inference.abi`."""
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
    """A log as the event of its first topic, or the reason why it is none."""
    if not log.topics:
        return DecodeRefused("it has no topic")
    known = _LAYOUTS.get(log.topics[0])
    if known is None:
        if log.topics[0] == _TOPICS[ModelInference]:
            return _decode_nested(log)
        return DecodeRefused(f"no event of ours has the topic 0x{log.topics[0].hex()}")
    layout, event_class = known
    if event_class is BatchSettlement and (usual := _usual_batch(log)):
        return usual
    if len(log.topics) != layout.indexed + 1:
        return DecodeRefused(f"{layout.name} has {layout.indexed} indexed fields, this log {len(log.topics) - 1}")
    try:
        return event_class(*decode_fields(layout, log))
    except AbiDecodeError as error:
        return DecodeRefused(f"{layout.name}: {error}")


def _usual_batch(log: Log) -> BatchSettlement | None:
    """The usual settlement, with a blob id of 43 bytes; `None` for any other, which `decode_fields` reads."""
    data = log.data
    if len(data) == 160 and data[32:96] == _USUAL_HEAD and data[139:] == _USUAL_PADDING and len(log.topics) == 2:
        return BatchSettlement(log.topics[1], int.from_bytes(data[:32]), data[96:139])
    return None


def _decode_nested(log: Log) -> ModelInference | DecodeRefused:
    try:
        return model_inference(log)
    except AbiDecodeError as error:
        return DecodeRefused(f"ModelInferenceEvent: {error}")
