"""Verifies OpenGradient's settlements in groups: fetches blobs, looks up keys and applies `acceptance_rules`."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from bot.chain import ChainReader
from bot.records import EventBatch, SafeName, SourceRef, Unknown, join_messages, message, model_identity, short_date
from bot.records.event_batch import Settlement, SettlementVerdict, State
from bot.sources import SourceStateReader
from bot.sources.opengradient import acceptance_rules as rules
from bot.sources.opengradient.llm_catalogue import canonical_name
from bot.sources.opengradient.merkle_batch import VERSIONS, Batch, BatchRefused, Leaf, parse_batch
from bot.sources.opengradient.payload import Payload, parse_payload
from bot.sources.opengradient.settlement_alarms import unrecognised_alarm
from bot.sources.opengradient.signatures import WORTH_A_POOL, process_pool
from bot.sources.opengradient.tee_registry import TeeRegistries
from bot.sources.opengradient.verification_types import CountedLeaves, SettlementInput, SettlementVerdicts
from bot.sources.opengradient.walrus import Blob, BlobMissing, Walrus, next_try

GROUP = 200
"""Settlements verified at a time."""
SIDE_BY_SIDE = 8
"""Blobs read at a time, over all aggregators: polite to a public server, and enough for 2,300 batches a day in two
minutes at half a second each."""
ROUND = 300.0
"""Seconds that one round may read blobs; the rest stays due, the oldest first."""
LEAVES = 2000
"""Leaves stored in one transaction."""
PATIENCE = timedelta(hours=6)
"""Time between attempts for a settlement whose blob was missing for more than a day, or whose key is unknown."""
SHORTEST = timedelta(minutes=5)
NAMED_FOR = timedelta(days=4)
"""How long after its settlement a payload is searched for the model's name: as long as a day is read again."""

Outcome = BlobMissing | Batch | BatchRefused


@dataclass(frozen=True, slots=True)
class ModelAttribution:
    """The listed model that one settlement's payload or log names."""

    model: SafeName | None = None
    read: tuple[SourceRef, ...] = ()
    """The payload, if it was read."""
    late: str = ""
    """Why the payload is not there yet; empty if none is expected."""


def blob_ref(settlement: Settlement, blob: Blob) -> SourceRef:
    """The ref of a settlement's blob. Its instant is the settlement's, whenever the blob was read."""
    return SourceRef(f"walrus:{settlement.blob}", settlement.at, blob.sha256)


@dataclass(frozen=True, slots=True)
class SettlementVerifier:
    """Everything that verification needs."""

    chain: ChainReader
    walrus: Walrus
    registries: TeeRegistries
    relays: tuple[str, ...]
    signers: tuple[str, ...]
    """Both lower-case."""
    executor: Executor | None = None
    """Checks many signatures; `None`: processes of this machine, started on demand."""
    round_seconds: float = ROUND

    @property
    def rules_hash(self) -> str:
        """A hash of what the rules depend on: what is pinned, and which leaves can be read."""
        registries = sorted(address.lower() for address in self.registries.addresses)
        encodings = sorted(map(list, VERSIONS))
        pinned = json.dumps([sorted(self.relays), sorted(self.signers), registries, encodings])
        return hashlib.sha256(pinned.encode()).hexdigest()[:16]

    def verdict_batches(self, memory: SourceStateReader, now: datetime, since: date) -> Iterator[EventBatch]:
        """Verdicts on what is due, the oldest first and as much as fits into a round, with the blobs they rest on.
        Raises `SourceError`; batches that were yielded before stay valid."""
        listed, ends = memory.model_names("llm"), time.monotonic() + self.round_seconds
        while due := memory.due_settlements("llm", now, since, self.rules_hash, GROUP):
            judged_settlements = self._judge_settlements(memory, due, now, listed, ends)
            for judged in chunk_judged(judged_settlements):
                day = judged[0][0].at.date()
                text = f"{len(judged)} settlements of {short_date(day)} judged"
                refs = tuple(dict.fromkeys(ref for *_, read in judged for ref in read))
                judgements = tuple(judgement for _, judgement, _ in judged)
                alarm = unrecognised_alarm(judgements, day)
                yield EventBatch(
                    "opengradient", "llm", text, refs=refs, days=(day,), judgements=judgements, alarm=alarm
                )
            if time.monotonic() > ends:
                yield EventBatch("opengradient", "llm", "as many blobs as fit into a round; the others follow")
                return

    def _judge_settlements(
        self,
        memory: SourceStateReader,
        due: Sequence[tuple[Settlement, int]],
        now: datetime,
        listed: frozenset[SafeName],
        ends: float,
    ) -> list[Judged]:
        senders = self._fetch_senders([settlement for settlement, _ in due]) if self.signers else {}
        inputs = [
            settlement_input(settlement, senders.get(settlement.place.partition(":")[0])) for settlement, _ in due
        ]
        blobs = self._read_blobs(inputs, now, ends)
        due = due[: len(blobs)]
        pairs = [(settlement_input, _blob_outcome(blob)) for settlement_input, blob in zip(inputs, blobs, strict=False)]
        leaves = [leaf for settlement_input, outcome in pairs for leaf in leaves_of(settlement_input, outcome)]
        backed, verified = memory.counted_leaves("llm", (leaf.key for leaf in leaves))
        keys = self.registries.enclave_keys({leaf.tee_id for leaf in leaves if leaf.version == 3})
        seen = CountedLeaves(backed, verified)
        if len(leaves) >= WORTH_A_POOL:
            with nullcontext(self.executor) if self.executor else process_pool() as workers:
                verdicts = rules.judge_settlements(pairs, seen, keys, self.signers, self.relays, workers)
        else:
            verdicts = rules.judge_settlements(pairs, seen, keys, self.signers, self.relays)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            names = list(pool.map(lambda v, each: self._attribute_model(v, each[0], now, listed), verdicts, due))
        judged = []
        for v, (_, outcome), blob, (settlement, tries), named in zip(verdicts, pairs, blobs, due, names, strict=True):
            read = (blob_ref(settlement, blob),) if isinstance(blob, Blob) else named.read
            judged.append((settlement, self._settlement_verdict(v, outcome, settlement, tries, now, named), read))
        return judged

    def _fetch_senders(self, settlements: Sequence[Settlement]) -> Mapping[str, str]:
        txs = list(dict.fromkeys(settlement.place.partition(":")[0] for settlement in settlements))
        return {tx: transaction.sender for tx, transaction in self.chain.transactions_by_hash(txs).items()}

    def read_outcome(self, settlement: SettlementInput, now: datetime) -> Outcome:
        """A settlement's parsed batch or blob, or why there is none."""
        return _blob_outcome(self.read_blob(settlement, now))

    def _read_blobs(
        self, settlements: Sequence[SettlementInput], now: datetime, ends: float
    ) -> list[Blob | BlobMissing]:
        """Their blobs, read side by side, from the first on and until the round is over; at least some."""
        blobs: list[Blob | BlobMissing] = []
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for start in range(0, len(settlements), 4 * SIDE_BY_SIDE):
                if blobs and time.monotonic() > ends:
                    break
                some = settlements[start : start + 4 * SIDE_BY_SIDE]
                blobs += pool.map(partial(self.read_blob, now=now), some)
        return blobs

    def read_blob(self, settlement: SettlementInput, now: datetime) -> Blob | BlobMissing:
        """A batch's blob, or why it is missing or not needed."""
        if settlement.leaf is not None or settlement.relay not in self.relays:
            return BlobMissing("the log itself holds what it attests", retry=False, final=True)
        if not settlement.blob_id:
            return BlobMissing("its log names no blob", retry=False, final=True)
        settled_at = datetime.fromtimestamp(settlement.at, now.tzinfo)
        root = settlement.root
        return self.walrus.fetch_blob(settlement.blob_id, settled_at, now, lambda raw: _batch_root(raw) == root)

    def _attribute_model(
        self, v: SettlementVerdicts, settlement: Settlement, now: datetime, listed: frozenset[SafeName]
    ) -> ModelAttribution:
        """The listed model that a single settlement names: in its payload, if that is the signed request, or in the log
        of the first relay."""
        leaf = v.settlement.leaf
        if leaf is None:
            return ModelAttribution()
        if leaf.timestamp is None:
            identity = logged_model(settlement) if v.backed == 1 else ""
            model = canonical_name(model_identity(identity)) if identity else None
            return ModelAttribution(model if model in listed else None)
        if v.verified != 1 or not settlement.blob:
            return ModelAttribution()
        blob = self.walrus.fetch_blob(settlement.blob, settlement.at, now, lambda raw: _names_model(raw, leaf))
        if not isinstance(blob, Blob) or not blob.matches:
            late = now < settlement.at + NAMED_FOR
            return ModelAttribution(late=message("payload_not_read") if late else "")
        payload = parse_payload(blob.content, leaf.input_hash)
        assert isinstance(payload, Payload) and not isinstance(payload.model, Unknown)
        model = canonical_name(payload.model)
        return ModelAttribution(model if model in listed else None, (blob_ref(settlement, blob),))

    def _settlement_verdict(
        self,
        v: SettlementVerdicts,
        outcome: Outcome,
        settlement: Settlement,
        tries: int,
        now: datetime,
        named: ModelAttribution,
    ) -> SettlementVerdict:
        state = _verdict_state(v, outcome)
        unknown = next((count.reason for count in (v.backed, v.verified) if isinstance(count, Unknown)), "")
        due = None
        if state == "pending" or named.late:
            due = max(next_try(settlement.at, tries + 1) or now + PATIENCE, now + SHORTEST)
        gaps = (*v.gaps, named.late) if named.late else v.gaps
        return SettlementVerdict(
            settlement.place,
            state,
            v.claimed,
            v.backed,
            v.verified,
            signer=v.settlement.signer or "",
            reason=unknown or (join_messages(gaps) if state != "expired" else ""),
            standings={standing: n for standing, n in v.standing_counts.items() if standing != "verified"},
            backs=tuple(v.newly.backed),
            verifies=tuple(v.newly.verified),
            models={named.model: 1} if named.model else {},
            next_try=due,
            rules=self.rules_hash,
        )


Judged = tuple[Settlement, SettlementVerdict, tuple[SourceRef, ...]]
"""A settlement, its verdict, and the sources read for it."""


def chunk_judged(judged_settlements: Iterable[Judged]) -> Iterator[list[Judged]]:
    """Verdicts in chunks of one day and at most `LEAVES` leaves (or one settlement), because a long transaction blocks
    other writers."""
    lot: list[Judged] = []
    leaves = 0
    for judged in judged_settlements:
        of = len(judged[1].backs) + len(judged[1].verifies)
        if lot and (leaves + of > LEAVES or judged[0].at.date() != lot[0][0].at.date()):
            yield lot
            lot, leaves = [], 0
        lot.append(judged)
        leaves += of
    if lot:
        yield lot


def _blob_outcome(blob: Blob | BlobMissing) -> Outcome:
    return parse_batch(blob.content) if isinstance(blob, Blob) else blob


def _verdict_state(v: SettlementVerdicts, outcome: Outcome) -> State:
    if not v.recognised:
        return "stranger"
    if v.retry or isinstance(v.backed, Unknown) or isinstance(v.verified, Unknown):
        return "pending"
    if v.settlement.leaf is not None or (isinstance(outcome, Batch) and outcome.root == v.settlement.root):
        return "verdict"
    return "expired" if isinstance(outcome, BlobMissing) else "refused"


def settlement_input(settlement: Settlement, signer: str | None = None) -> SettlementInput:
    """A settlement as the rules' input."""
    tx, _, index = settlement.place.rpartition(":")
    at, root, leaf = int(settlement.at.timestamp()), bytes.fromhex(settlement.root), _attested_leaf(settlement)
    sent = (settlement.relay, signer, settlement.size, settlement.blob)
    return SettlementInput(tx, int(index), at, *sent, root, leaf)


def _attested_leaf(settlement: Settlement) -> Leaf | None:
    """The leaf of a single settlement. Logs of the first relay have no enclave, signature or time; their leaf is of
    version 1."""
    if not settlement.attested:
        return None
    tee, input_hash, output_hash, signature, timestamp, *_ = json.loads(settlement.attested)
    hashes = bytes.fromhex(input_hash), bytes.fromhex(output_hash)
    if not timestamp:
        return Leaf(1, b"", *hashes, b"", None)
    return Leaf(3, bytes.fromhex(tee), *hashes, bytes.fromhex(signature), int(timestamp))


def logged_model(settlement: Settlement) -> str:
    """The model that a log of the first relay names, as its sender wrote it; empty if there is none."""
    _, *named = json.loads(settlement.attested)[4:] if settlement.attested else ("",)
    return str(named[0]) if named else ""


def leaves_of(settlement: SettlementInput, outcome: Outcome) -> tuple[Leaf, ...]:
    """A settlement's leaves, whether or not they count."""
    if settlement.leaf is not None:
        return (settlement.leaf,)
    return outcome.leaves if isinstance(outcome, Batch) and outcome.root == settlement.root else ()


def _batch_root(raw: bytes) -> bytes | None:
    batch = parse_batch(raw)
    return batch.root if isinstance(batch, Batch) else None


def _names_model(raw: bytes, leaf: Leaf) -> bool:
    payload = parse_payload(raw, leaf.input_hash)
    return isinstance(payload, Payload) and not isinstance(payload.model, Unknown)
