"""Decodes OpenGradient's logs: settlements and inferences of Hub models. The only requests are for senders."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.chain import ChainReader, Log, LogBatch
from bot.chain.abi import event_topic
from bot.records import Gauge, Payment, Settlement, SourceError, Use
from bot.sources.opengradient.events import (
    ADMINISTRATIVE,
    LLM_CALLS,
    BatchSettlement,
    BatchSettlementV1,
    IndividualSettlement,
    ModelInference,
    SettlementV1,
    SettlementWithMetadataV1,
    decode_event,
    topic_of,
)
from bot.sources.opengradient.walrus import blob_id

_SETTLES = (BatchSettlement, IndividualSettlement, BatchSettlementV1, SettlementV1, SettlementWithMetadataV1)
SETTLES = (tuple(map(topic_of, _SETTLES)),)
"""The topics of settlement logs, for a `Filter`."""
_OF_PRECOMPILE = ((topic_of(ModelInference),), *((event_topic(signature),) for signature in LLM_CALLS))
TXS = 500
"""Transactions to request at a time."""
_MODEL = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99}")
"""The form of a model's name; any other text there could be a user's words."""


@dataclass(frozen=True, slots=True)
class DecodedLogs:
    """The content of a range of logs."""

    settlements: tuple[Settlement, ...] = ()
    uses: tuple[Use, ...] = ()
    payments: tuple[Payment, ...] = ()
    refused: int = 0
    """Logs that no compiler would write."""
    unread: tuple[Log, ...] = ()
    """Logs of a pinned contract that are of no event that is known; they may be uses."""
    unsettled: tuple[Log, ...] = ()
    """Transfers worth a payment that no known contract settled; they may be sessions."""
    archived: tuple[Log, ...] | None = None
    """The logs to archive; `None`: all. Others may hold a user's words."""
    alarm: str = ""

    def block_gauges(self) -> tuple[Gauge, ...]:
        """How many unread logs, and how many unsettled transfers, each block holds."""
        return (*_count_by_block("logs_unread", self.unread), *_count_by_block("transfers_unsettled", self.unsettled))


def _count_by_block(key: str, logs: Sequence[Log]) -> Iterator[Gauge]:
    for at, count in Counter(log.at for log in logs).items():
        yield Gauge(key, at_utc(at).date(), at_utc(at), count)


def decode_settlements(chunk: LogBatch) -> DecodedLogs:
    """Settlements among all logs of pinned relays. Logs that are neither settlements nor administration are kept
    apart as unread: a relay may get a new event."""
    decoded = [(log, _decode_settlement(log)) for log in chunk.logs]
    unread = tuple(log for log, settlement in decoded if settlement is None and not _is_administrative(log))
    return DecodedLogs(settlements=tuple(settlement for _, settlement in decoded if settlement), unread=unread)


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
    """Hashes, signature and time: never a user's words."""
    signature = event.signature[:4097].hex()
    fields = (event.tee.hex(), event.input_hash.hex(), event.output_hash.hex(), signature, str(event.timestamp))
    return json.dumps(fields)


def _attested_v1_json(event: SettlementV1 | SettlementWithMetadataV1) -> str:
    """Hashes, and the model if the log has one in the form of a name; input and output stay in the lake."""
    hashes = event.input_hash.hex(), event.output_hash.hex()
    info = event.model_info if isinstance(event, SettlementWithMetadataV1) else b""
    named = [info.decode("ascii")] if _MODEL.fullmatch(info) else []
    return json.dumps(["", *hashes, "", "", *named])


def inference_decoder(chain: ChainReader) -> Callable[[LogBatch], DecodedLogs]:
    """Decode uses of Hub models with their senders; simulations are left out. An unknown sender is empty. Logs that are
    neither these nor calls of LLMs, which no longer run there, are kept apart as unread."""

    def decode_inferences(chunk: LogBatch) -> DecodedLogs:
        events = [(log, decode_event(log)) for log in chunk.logs]
        real = [(log, event) for log, event in events if isinstance(event, ModelInference) and not event.simulated]
        senders = _fetch_senders(chain, list(dict.fromkeys(log.tx for log, _ in real)))
        uses = tuple(
            Use(
                f"{log.tx}:{log.index}",
                log.block,
                at_utc(log.at),
                caller=senders.get(log.tx, ""),
                content=event.cid.decode("ascii", "replace")
                if 0 < len(event.cid) <= 100 and event.cid.isascii()
                else "",
            )
            for log, event in real
        )
        ours = [(log, event) for log, event in events if log.topics[:1] == (topic_of(ModelInference),)]
        return DecodedLogs(
            uses=uses,
            refused=sum(not isinstance(event, ModelInference) for _, event in ours),
            unread=tuple(log for log, _ in events if log.topics[:1] not in _OF_PRECOMPILE),
            archived=tuple(log for log, _ in ours),
        )

    return decode_inferences


def _fetch_senders(chain: ChainReader, txs: Sequence[str]) -> dict[str, str]:
    senders: dict[str, str] = {}
    try:
        for start in range(0, len(txs), TXS):
            senders |= {
                tx: transaction.sender
                for tx, transaction in chain.transactions_by_hash(txs[start : start + TXS]).items()
            }
    except SourceError:
        return senders
    return senders


def at_utc(seconds: int) -> datetime:
    """A block's time as a UTC instant."""
    return datetime.fromtimestamp(seconds, UTC)
