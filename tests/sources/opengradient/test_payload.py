"""Individual payloads: a model's name and a hash, and never a word of the texts."""

from __future__ import annotations

import json

import pytest

from bot.records import Unknown
from bot.sources.opengradient.merkle_batch import MAX_BYTES, BatchRefused, keccak
from bot.sources.opengradient.payload import Payload, parse_payload

SECRET = "my grandmother's recipe"
REQUEST = {"model": "openai/gpt-5-mini", "messages": [{"role": "user", "content": SECRET}], "temperature": 0.0}


def hashed(request: dict[str, object]) -> bytes:
    """Like the gateway: Python's JSON, keys sorted."""
    return keccak(json.dumps(request, sort_keys=True).encode())


def written(request: object, **output: object) -> bytes:
    """Like the facilitator: JavaScript's JSON, which writes the number 0.0 as 0."""
    document = {
        "input": request,
        "output": {"model": "x", "usage": {"prompt_tokens": 5, "completion_tokens": 7}} | output,
    }
    return (
        json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        .replace('"temperature":0.0', '"temperature":0')
        .encode()
    )


def test_a_payload_that_hashes_to_what_was_signed_names_its_model() -> None:
    payload = parse_payload(written(REQUEST), hashed(REQUEST))
    assert payload == Payload("openai/gpt-5-mini", hashed(REQUEST))


def test_fields_the_enclave_does_not_sign_change_nothing() -> None:
    stream = REQUEST | {"stream": True, "user": "somebody", "max_tokens": None}
    payload = parse_payload(written(stream), hashed(REQUEST))
    assert isinstance(payload, Payload) and payload.model == "openai/gpt-5-mini"


def test_fields_the_enclave_signs_are_part_of_it() -> None:
    request = REQUEST | {
        "max_tokens": 100,
        "stop": ["\n"],
        "temperature": 0.7,
        "tools": [{"type": "function", "é": "ü"}],
    }
    assert isinstance(parse_payload(written(request), hashed(request)), Payload)
    assert parse_payload(written(request), hashed(request)).model == "openai/gpt-5-mini"  # type: ignore[union-attr]
    other = parse_payload(written(REQUEST), hashed(request))
    assert isinstance(other, Payload) and isinstance(other.model, Unknown)


def test_a_model_swapped_after_signing_is_not_believed() -> None:
    swapped = REQUEST | {"model": "my-own-model"}
    payload = parse_payload(written(swapped), hashed(REQUEST))
    assert isinstance(payload, Payload)
    assert payload.model == Unknown("its payload is not the request that was signed")


def test_nothing_that_was_said_gets_out() -> None:
    for raw, expected in (
        (written(REQUEST, choices=[{"message": {"content": SECRET}}]), hashed(REQUEST)),
        (written(REQUEST), b""),
        (SECRET.encode(), b""),
        (json.dumps({"input": SECRET}).encode(), b""),
        (json.dumps({SECRET: 1}).encode() * 2, b""),
        (json.dumps({"input": {SECRET: SECRET, "temperature": SECRET}}).encode(), b""),
    ):
        assert SECRET not in repr(parse_payload(raw, expected))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"input": null}',
        b'{"input": [1]}',
        b'{"input": {"temperature": "hot"}}',
        b'{"input": {"temperature": true}}',
        b'{"input": {"temperature": 1' + b"0" * 5000 + b"}}",
        b'{"input": {"temperature": 1' + b"0" * 400 + b"}}",
        b'{"input": {"temperature": NaN}}',
        b'{"input": {}, "input": {}}',
        b'{"input": ' + b"[" * 1_000_000,
        b'{"input": {"messages": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"}}",
        b" " * (MAX_BYTES + 1),
    ],
)
def test_bytes_that_are_no_payload_are_refused(raw: bytes) -> None:
    assert isinstance(parse_payload(raw, b""), BatchRefused)


@pytest.mark.parametrize("name", [None, 3, "", ["x"]])
def test_a_signed_request_without_a_model_names_none(name: object) -> None:
    request = REQUEST | {"model": name}
    signed = {key: value for key, value in request.items() if value is not None}
    payload = parse_payload(written(request), hashed(signed))
    assert isinstance(payload, Payload) and payload.model == Unknown("its payload names no model")
