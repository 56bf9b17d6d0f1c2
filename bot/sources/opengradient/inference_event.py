"""The only event that names a Model Hub model. It is nested, so it has its own decoder."""

from __future__ import annotations

import msgspec

from bot.chain import Log
from bot.chain.abi import AbiDecodeError, decode_static, decode_string

MODEL_INFERENCE = (
    "ModelInferenceEvent(string inferenceID,"
    "(uint8 mode,string modelCID,((string,(int128,int128)[],uint32[])[] numbers,(string,string[])[] strings) input)"
    " request,"
    "((string,(int128,int128)[],uint32[])[] numbers,(string,string[])[] strings,(string,string)[] jsons,"
    "bool is_simulation_result) response)"
)


class ModelInference(msgspec.Struct, frozen=True, gc=False):
    """The use of a Model Hub model. The numbers and texts of its input and output are not read."""

    inference_id: bytes
    mode: int
    """0 vanilla, 1 zero-knowledge proof, 2 enclave."""
    cid: bytes
    """The model file's content id: a Walrus blob id, or an older IPFS one; hostile."""
    simulated: bool
    """A simulation's result: never counted."""


def model_inference(log: Log) -> ModelInference:
    """The four fields that count, each at the offset that a compiler gives it; the tensors are not read. Raises
    `AbiDecodeError`."""
    data = log.data
    if len(log.topics) != 1:
        raise AbiDecodeError("it has indexed fields")
    inference_id, request = decode_string(data, 0, 0x60)
    response = int.from_bytes(data[64:96])
    if int.from_bytes(data[32:64]) != request:
        raise AbiDecodeError("the request is at the wrong offset")
    mode = decode_static("uint8", data[request : request + 32])
    cid, given = decode_string(data, request, 0x60, at=32)
    if int.from_bytes(data[request + 64 : request + 96]) != given - request or not given < response <= len(data):
        raise AbiDecodeError("the input or the response is at the wrong offset")
    simulated = decode_static("uint8", data[response + 96 : response + 128])
    if response % 32 or simulated not in (0, 1) or not isinstance(mode, int):
        raise AbiDecodeError("the response is at the wrong offset")
    return ModelInference(inference_id, mode, cid, simulated == 1)
