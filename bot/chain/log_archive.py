"""Stores logs in the raw archive, one line of JSON each, so that what was read can be checked later."""

from __future__ import annotations

import json
from pathlib import Path

from bot.chain.cursor import LogBatch
from bot.chain.types import Log
from bot.clients.raw_archive import open_raw_archive


def archive_logs(lake: Path, chunk: LogBatch, chain_id: int) -> str:
    """Store a range's logs in the lake and return their SHA-256."""
    with open_raw_archive(lake) as raw:
        about = {"chain": chain_id, "from": chunk.from_block, "to": chunk.to_block, "sha256": chunk.sha256}
        raw.add(json.dumps(about).encode())
        for log in chunk.logs:
            raw.add(json.dumps(_log_document(log)).encode())
    return raw.sha256


def _log_document(log: Log) -> dict[str, object]:
    return {
        "block": log.block,
        "index": log.index,
        "tx": log.tx,
        "address": log.address,
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "block_hash": log.block_hash,
        "at": log.at,
    }
