"""An individual settlement's blob: reads which model answered, and nothing else.

The blob holds a user's full prompt and answer. They are hashed here and go no further: only a model's name and a hash
leave this module.

Anybody may attach any blob to somebody else's proof (og-evm's `settleIndividual` leaves the blob id free), so a
payload's model counts only if its request hashes to the input that the enclave signed (tee-gateway,
`chat_controller.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.records import SafeName, Unknown, message, model_identity
from bot.sources.opengradient.merkle_batch import MAX_BYTES, BatchRefused, keccak

SIGNED_KEYS = ("model", "messages", "max_tokens", "stop", "tools", "response_format", "web_search")
"""The keys of a request that the gateway hashes if present, besides `temperature`, which is always there as a float."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What may be used of an individual settlement's blob."""

    model: SafeName | Unknown
    """As the client named it; `llm_catalogue.canonical_name` makes it comparable."""
    input_hash: bytes
    """Computed from the request."""


def parse_payload(raw: bytes, input_hash: bytes) -> Payload | BatchRefused:
    """Parse a payload and check it against the `inputHash` of its log. Never raises, whatever the bytes, and no reason
    quotes them."""
    if len(raw) > MAX_BYTES:
        return BatchRefused(f"{len(raw):,} bytes, wanted at most {MAX_BYTES:,}")
    try:
        document = json.loads(raw, object_pairs_hook=_unique_keys, parse_constant=_reject_constant)
        request = _require_object(_require_object(document).get("input"))
        recomputed = _input_hash(request)
    except RecursionError:
        return BatchRefused("not a payload: nested too deeply")
    except (ValueError, TypeError, OverflowError) as error:
        return BatchRefused(f"not a payload ({type(error).__name__})")
    if recomputed != input_hash:
        return Payload(Unknown(message("payload_not_signed")), recomputed)
    model = request.get("model")
    named = model_identity(model) if isinstance(model, str) and model else Unknown(message("payload_names_no_model"))
    return Payload(named, recomputed)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key that is given twice")
    return document


def _reject_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _require_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _input_hash(request: dict[str, object]) -> bytes:
    """The gateway's hash: Python's JSON of the signed keys, sorted."""
    signed = {key: request[key] for key in SIGNED_KEYS if request.get(key) is not None}
    temperature = request.get("temperature", 0.0)
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise TypeError("temperature is no number")
    signed["temperature"] = float(temperature)
    return keccak(json.dumps(signed, sort_keys=True).encode())
