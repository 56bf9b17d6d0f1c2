"""OpenGradient's logs as hauls: each range of blocks with its records, its window of completeness and its cursor.

The last days are read again once a day, since a node may have lagged; what is known already is kept once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.records import Blocks, Haul, Payment, Period, Ref, Settlement, Use, Window, instant
from bot.sources import Memory, SourceError
from bot.sources._evm import Chain, Chunk, Cursor, Filter, Log
from bot.sources._evm_events import (
    BatchSettlement,
    BatchSettlementV1,
    IndividualSettlement,
    ModelInference,
    Refused,
    Settled,
    SettledWithPermit,
    SettlementV1,
    SettlementWithMetadataV1,
    Transfer,
    blob_id,
    read,
    topic_of,
)
from bot.sources._raw import keeping

SETTLES = (BatchSettlement, IndividualSettlement, BatchSettlementV1, SettlementV1, SettlementWithMetadataV1)
LATE = 3
"""Days before today that are read again: nodes lag, proofs come late."""
RESUMED = timedelta(days=30)
"""A record that ends longer ago is not read up to today: that could take hours; `collect --since` does it."""
EMITTERS = 50
"""Unrecognised emitters kept of a day, at most; the sender of logs chooses how many there are."""
MOST = 500
"""Settlements kept in one transaction."""
TXS = 500
"""Transactions asked for at a time."""

ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Records:
    """What a range of logs says."""

    settlements: tuple[Settlement, ...] = ()
    uses: tuple[Use, ...] = ()
    payments: tuple[Payment, ...] = ()
    refused: int = 0
    """Logs that no compiler would write."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way of reading one chain for one catalogue."""

    name: str
    """Of its cursor."""
    catalogue: str
    chain: Chain
    wanted: Filter
    made: Callable[[Chunk], Records]
    lake: Path = field(repr=False)

    @property
    def place(self) -> str:
        return f"chain {self.chain.pin.chain_id}"

    def hauls(self, wanted: Period | None, memory: Memory, today: date) -> Iterator[Haul]:
        """What is new, range by range. Raises `SourceError`; what was yielded before stays good."""
        kept = memory.cursor(self.name)
        cursor = Cursor.read(kept) if kept else None
        again = memory.cursor(f"{self.name}:again") != today.isoformat()
        if wanted is not None:
            whole = Window(instant(wanted.first), min(wanted.ends, instant(today + ONE)))
            for gap in missing(whole, memory.covered(self.catalogue)):
                until = self.chain.first_block(_seconds(gap.ends))
                yield from self._read(self._start(gap.begins, cursor), until, cursor)
            return
        yield from self._read(self._span(cursor, memory, today, again), None, cursor)
        if again:
            yield Haul(
                "opengradient", self.catalogue, f"{self.place} again", cursors={f"{self.name}:again": today.isoformat()}
            )

    def _read(self, start: tuple[Cursor, datetime], until: int | None, cursor: Cursor | None) -> Iterator[Haul]:
        """From a cursor and the instant it stands for to a block, or the newest one."""
        since, begins = start
        for chunk in self.chain.logs(self.wanted, since, until):
            moves = cursor is None or chunk.cursor.next_block > cursor.next_block
            yield from self._hauls_of(chunk, begins, {self.name: chunk.cursor.text} if moves else {})
            begins = max(begins, _at(chunk.at))

    def _span(self, cursor: Cursor | None, memory: Memory, today: date, again: bool) -> tuple[Cursor, datetime]:
        """Where to go on, and the instant that stands for."""
        covered = memory.covered(self.catalogue)
        last = covered[-1].ends if covered else None
        late = instant(today - LATE * ONE)
        if cursor and last and (last < late or not again) and last > instant(today) - RESUMED:
            return cursor, last
        return self._start(late, cursor)

    def _start(self, begins: datetime, cursor: Cursor | None) -> tuple[Cursor, datetime]:
        """The first block at an instant or after it, and the instant from which on nothing is missing then."""
        first = self.chain.first_block(_seconds(begins))
        if first:
            before, start = self.chain.blocks([first - 1, first])
            if before is None and start is not None:  # The node has dropped what came before.
                begins = max(begins, _at(start.at))
        pin = self.chain.pin
        genesis = cursor.genesis if cursor else pin.genesis
        return Cursor(pin.chain_id, genesis, first), begins

    def _hauls_of(self, chunk: Chunk, begins: datetime, cursors: dict[str, str]) -> Iterator[Haul]:
        """A range's haul; of many settlements some go ahead of it: a long transaction keeps other writers waiting."""
        found, forget = self.made(chunk), chunk.forget_from
        while len(found.settlements) > MOST:
            some, rest = found.settlements[:MOST], found.settlements[MOST:]
            read = f"the first {MOST} settlements of blocks {chunk.from_block} to {chunk.to_block} of {self.place}"
            yield Haul("opengradient", self.catalogue, read, forget_from=forget, settlements=some)
            found, forget = replace(found, settlements=rest), None
        yield self._haul(chunk, found, begins, cursors, forget)

    def _haul(
        self, chunk: Chunk, found: Records, begins: datetime, cursors: dict[str, str], forget: int | None
    ) -> Haul:
        ends = max(begins, _at(chunk.at))
        blocks = f"blocks {chunk.from_block} to {chunk.to_block} of {self.place}"
        days = tuple(begins.date() + n * ONE for n in range((ends.date() - begins.date()).days + 1))
        url = f"evm:{self.chain.pin.chain_id}/blocks/{chunk.from_block}-{chunk.to_block}"
        return Haul(
            "opengradient",
            self.catalogue,
            f"{blocks}, {len(chunk.logs)} logs",
            refs=(Ref(url, _at(chunk.at), archived(self.lake, chunk, self.chain.pin.chain_id)),),
            days=days,
            window=Window(begins, ends),
            cursors=cursors,
            blocks=Blocks(chunk.from_block, chunk.to_block, dict(chunk.cursor.recent).get(chunk.to_block, "")),
            forget_from=forget,
            settlements=found.settlements,
            uses=found.uses,
            payments=found.payments,
            alarm=f"{found.refused} logs in {blocks} are none that a compiler writes; left out"
            if found.refused
            else "",
        )


def missing(whole: Window, covered: Sequence[Window]) -> Iterator[Window]:
    """What of a window is in none of those covered, oldest first."""
    begins = whole.begins
    for one in sorted(covered, key=lambda window: window.begins):
        if one.begins > begins:
            yield Window(begins, min(one.begins, whole.ends))
        begins = max(begins, one.ends)
        if begins >= whole.ends:
            return
    yield Window(begins, whole.ends)


def archived(lake: Path, chunk: Chunk, chain_id: int) -> str:
    """Keep a range's logs in the lake; the SHA-256 of what was kept."""
    with keeping(lake) as raw:
        about = {"chain": chain_id, "from": chunk.from_block, "to": chunk.to_block, "sha256": chunk.sha256}
        raw.add(json.dumps(about).encode())
        for log in chunk.logs:
            raw.add(json.dumps(_plain(log)).encode())
    return raw.sha256


def _plain(log: Log) -> dict[str, object]:
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


def settled(chunk: Chunk) -> Records:
    """Settlement logs of pinned relays."""
    made = [_settlement(log) for log in chunk.logs]
    found = tuple(one for one in made if one)
    return Records(settlements=found, refused=len(made) - len(found))


def _settlement(log: Log) -> Settlement | None:
    event = read(log)
    place, at = f"{log.tx}:{log.index}", _at(log.at)
    if isinstance(event, BatchSettlement):
        blob = blob_id(event.blob)
        named = "" if isinstance(blob, Refused) else blob
        return Settlement(place, log.block, at, log.address, event.size, named, event.root.hex())
    if isinstance(event, IndividualSettlement):
        blob = blob_id(event.blob)
        named = "" if isinstance(blob, Refused) else blob
        return Settlement(place, log.block, at, log.address, 1, named, "", _attested(event))
    if isinstance(event, BatchSettlementV1):
        return Settlement(place, log.block, at, log.address, event.size, "", event.root.hex())
    if isinstance(event, SettlementV1 | SettlementWithMetadataV1):
        return Settlement(place, log.block, at, log.address, 1)
    return None


def _attested(event: IndividualSettlement) -> str:
    """Hashes, signature and time: never anybody's words."""
    signature = event.signature[:4097].hex()
    fields = (event.tee.hex(), event.input_hash.hex(), event.output_hash.hex(), signature, str(event.timestamp))
    return json.dumps(fields)


def inferred(chain: Chain) -> Callable[[Chunk], Records]:
    """Inferences of Hub models, with who sent them; simulations are none. A sender that cannot be read stays empty."""

    def made(chunk: Chunk) -> Records:
        events = [(log, read(log)) for log in chunk.logs]
        real = [(log, one) for log, one in events if isinstance(one, ModelInference) and not one.simulated]
        senders = _senders(chain, list(dict.fromkeys(log.tx for log, _ in real)))
        uses = tuple(
            Use(
                f"{log.tx}:{log.index}",
                log.block,
                _at(log.at),
                caller=senders.get(log.tx, ""),
                content=one.cid.decode("ascii", "replace") if 0 < len(one.cid) <= 100 and one.cid.isascii() else "",
            )
            for log, one in real
        )
        return Records(uses=uses, refused=sum(not isinstance(one, ModelInference) for _, one in events))

    return made


def _senders(chain: Chain, txs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        for start in range(0, len(txs), TXS):
            found |= {tx: one.sender for tx, one in chain.transactions(txs[start : start + TXS]).items()}
    except SourceError:
        return found
    return found


def paid(chain: Chain, proxies: Sequence[str]) -> Callable[[Chunk], Records]:
    """Transfers to the operator; one is a session where a payment proxy settled in the same transaction."""
    settles = Filter(tuple(proxies), ((topic_of(Settled), topic_of(SettledWithPermit)),))

    def made(chunk: Chunk) -> Records:
        events = [(log, read(log)) for log in chunk.logs]
        moved = [(log, one) for log, one in events if isinstance(one, Transfer)]
        through: set[str] = set()
        if moved:
            # From a cursor without a past, so that this reading moves none of the others.
            first, last = moved[0][0].block, moved[-1][0].block
            for part in chain.logs(settles, Cursor(chain.pin.chain_id, chain.pin.genesis, first), last):
                through |= {log.tx for log in part.logs}
        payments = tuple(
            Payment(f"{log.tx}:{log.index}", log.block, _at(log.at), one.sender, one.value, log.tx in through)
            for log, one in moved
        )
        return Records(payments=payments, refused=len(events) - len(moved))

    return made


def emitters(chain: Chain, relays: Sequence[str], memory: Memory, today: date) -> Iterator[Haul]:
    """Once a day: who else emitted settlement events on the day before. Shown and alarmed, never added."""
    day = today - ONE
    if memory.cursor("emitters") == day.isoformat():
        return
    first, after = (chain.first_block(_seconds(instant(one))) for one in (day, today))
    counts: Counter[str] = Counter()
    wanted = Filter(topics=(tuple(map(topic_of, SETTLES)),))
    if after > first:
        for chunk in chain.logs(wanted, Cursor(chain.pin.chain_id, chain.pin.genesis, first), after - 1):
            counts.update(log.address for log in chunk.logs if log.address not in relays)
            if len(counts) > 100 * EMITTERS:
                counts = Counter(dict(counts.most_common(EMITTERS)))
    most = dict(counts.most_common(EMITTERS))
    named = ", ".join(sorted(most)[:3])
    alarm = f"{sum(counts.values())} settlement events of unrecognised emitters on {day}: {named}" if most else ""
    scanned = f"the emitters of {day} on chain {chain.pin.chain_id}"
    cursors = {"emitters": day.isoformat()}
    yield Haul("opengradient", "llm", scanned, days=(day,), cursors=cursors, strangers=most, alarm=alarm)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
