"""The cursor of a chain, and the batch of logs that is stored with it in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bot.chain.log_ranges import LogRange
from bot.chain.quorum import ChainIdentity
from bot.chain.types import Log
from bot.records import SourceError

_RECENT = 32
"""Number of blocks that a cursor remembers."""
_LOGS = 6
"""How many of a range's last logs have their blocks remembered, besides the range's ends."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a chain was read; stored with the records. `json_text` writes it as JSON, `from_json` reads it."""

    chain_id: int
    genesis: str | None
    """Hash of block 1 as pinned at the first run; `None` if no endpoint has had that block so far."""
    next_block: int
    recent: tuple[tuple[int, str], ...] = ()
    """Number and hash of blocks read, oldest first: the ends of the last ranges and some blocks between."""

    @property
    def json_text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Cursor:
        """Raises `SourceError` if the text is not a cursor."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise SourceError(f"a stored cursor is invalid: {error}; forget it to collect again") from error


@dataclass(frozen=True, slots=True)
class LogBatch:
    """The logs that match in a range of blocks, both ends included, and the cursor to store with them."""

    logs: tuple[Log, ...]
    cursor: Cursor
    from_block: int
    to_block: int
    at: int
    """Time of `to_block`, seconds since 1970 UTC; everything up to it is complete."""
    sha256: str
    """Hash of the range's end hashes and logs in canonical form; the same from every honest endpoint."""
    forget_from: int | None = None
    """After a re-organisation: delete all records from this block on before adding these."""


def continues_cursor(cursor: Cursor, log_range: LogRange) -> bool:
    """Whether a range's first block is the child of the last block read."""
    if not cursor.recent:
        return True
    number, name = cursor.recent[-1]
    return number != log_range.first.number - 1 or name == log_range.first.parent


def advance_cursor(cursor: Cursor, log_range: LogRange, pin: ChainIdentity) -> Cursor:
    """The cursor after a range. It also remembers blocks with logs, so that a rewind can be short."""
    known = dict(cursor.recent)
    known[log_range.first.number - 1] = log_range.first.parent
    known.update({log.block: log.block_hash for log in log_range.logs[-_LOGS:]})
    known[log_range.last.number] = log_range.last.hash
    recent = tuple(sorted((number, name) for number, name in known.items() if number >= 0))
    return Cursor(cursor.chain_id, pin.genesis, log_range.last.number + 1, recent[-_RECENT:])
