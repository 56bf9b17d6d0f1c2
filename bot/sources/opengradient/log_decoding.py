"""What OpenGradient's logs say: settlements, and the inferences of Hub models. Nothing is asked but who sent them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.chain import ChainReader, Log, LogBatch
from bot.records import Payment, Settlement, SourceError, Use
from bot.sources.opengradient.events import (
    ADMINISTRATIVE,
    BatchSettlement,
    BatchSettlementV1,
    IndividualSettlement,
    SettlementV1,
    SettlementWithMetadataV1,
    decode_event,
    topic_of,
)
from bot.sources.opengradient.inference_event import ModelInference
from bot.sources.opengradient.walrus import blob_id

_SETTLES = (BatchSettlement, IndividualSettlement, BatchSettlementV1, SettlementV1, SettlementWithMetadataV1)
SETTLES = (tuple(map(topic_of, _SETTLES)),)
"""The topics of settlement logs, as a `Filter` takes them."""
TXS = 500
"""Transactions asked for at a time."""
_MODEL = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99}")
"""What may be a model's name; anything else in its place could be somebody's words."""


@dataclass(frozen=True, slots=True)
class DecodedLogs:
    """What a range of logs says."""

    settlements: tuple[Settlement, ...] = ()
    uses: tuple[Use, ...] = ()
    payments: tuple[Payment, ...] = ()
    refused: int = 0
    """Logs that no compiler would write."""
    unread: tuple[Log, ...] = ()
    """Logs of a pinned contract that are of no event that is known; they may be uses."""
    alarm: str = ""


def decode_settlements(chunk: LogBatch) -> DecodedLogs:
    """Settlements among all logs of pinned relays. What is neither one nor administration is not read, and kept apart:
    a relay may get a new event."""
    made = [(log, _decode_settlement(log)) for log in chunk.logs]
    unread = tuple(log for log, one in made if one is None and not _is_administrative(log))
    return DecodedLogs(settlements=tuple(one for _, one in made if one), unread=unread)


def _is_administrative(log: Log) -> bool:
    return bool(log.topics) and log.topics[0] in ADMINISTRATIVE


def _decode_settlement(log: Log) -> Settlement | None:
    event = decode_event(log)
    place, at = f"{log.tx}:{log.index}", at_utc(log.at)
    if isinstance(event, BatchSettlement):
        blob = blob_id(event.blob) or ""
        return Settlement(place, log.block, at, log.address, event.size, blob, event.root.hex())
    if isinstance(event, IndividualSettlement):
        return Settlement(place, log.block, at, log.address, 1, blob_id(event.blob) or "", "", _attested_json(event))
    if isinstance(event, BatchSettlementV1):
        return Settlement(place, log.block, at, log.address, event.size, "", event.root.hex())
    if isinstance(event, SettlementV1 | SettlementWithMetadataV1):
        return Settlement(place, log.block, at, log.address, 1, attested=_attested_v1_json(event))
    return None


def _attested_json(event: IndividualSettlement) -> str:
    """Hashes, signature and time: never anybody's words."""
    signature = event.signature[:4097].hex()
    fields = (event.tee.hex(), event.input_hash.hex(), event.output_hash.hex(), signature, str(event.timestamp))
    return json.dumps(fields)


def _attested_v1_json(event: SettlementV1 | SettlementWithMetadataV1) -> str:
    """Hashes, and the model where the log names one in the form of a name; what went in and out stays in the lake."""
    hashes = event.input_hash.hex(), event.output_hash.hex()
    info = event.model_info if isinstance(event, SettlementWithMetadataV1) else b""
    named = [info.decode("ascii")] if _MODEL.fullmatch(info) else []
    return json.dumps(["", *hashes, "", "", *named])


def inference_decoder(chain: ChainReader) -> Callable[[LogBatch], DecodedLogs]:
    """Inferences of Hub models, with who sent them; simulations are none. A sender that cannot be read stays empty."""

    def decode_inferences(chunk: LogBatch) -> DecodedLogs:
        events = [(log, decode_event(log)) for log in chunk.logs]
        real = [(log, one) for log, one in events if isinstance(one, ModelInference) and not one.simulated]
        senders = _fetch_senders(chain, list(dict.fromkeys(log.tx for log, _ in real)))
        uses = tuple(
            Use(
                f"{log.tx}:{log.index}",
                log.block,
                at_utc(log.at),
                caller=senders.get(log.tx, ""),
                content=one.cid.decode("ascii", "replace") if 0 < len(one.cid) <= 100 and one.cid.isascii() else "",
            )
            for log, one in real
        )
        return DecodedLogs(uses=uses, refused=sum(not isinstance(one, ModelInference) for _, one in events))

    return decode_inferences


def _fetch_senders(chain: ChainReader, txs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        for start in range(0, len(txs), TXS):
            found |= {tx: one.sender for tx, one in chain.transactions_by_hash(txs[start : start + TXS]).items()}
    except SourceError:
        return found
    return found


def at_utc(seconds: int) -> datetime:
    """A block's time."""
    return datetime.fromtimestamp(seconds, UTC)
