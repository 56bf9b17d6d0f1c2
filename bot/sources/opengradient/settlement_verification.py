"""Judging OpenGradient's settlements: blobs fetched, keys looked up, the rules of `_acceptance` applied in groups."""

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
from bot.records import EventBatch, SafeName, SourceRef, Unknown, model_identity, short_date
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
"""Settlements judged at a time."""
SIDE_BY_SIDE = 8
"""Blobs read at a time, over all aggregators: what is polite to a public server, and 2,300 batches a day take two
minutes at half a second each."""
ROUND = 300.0
"""Seconds that one round may read blobs; the rest stays due, the oldest first."""
LEAVES = 2000
"""Leaves kept in one transaction."""
PATIENCE = timedelta(hours=6)
"""Until a settlement is tried again whose blob was missed for more than a day, or whose key is not known."""
SHORTEST = timedelta(minutes=5)
NAMED_FOR = timedelta(days=4)
"""How long after its settlement a payload is looked for that would name the model: as long as a day is read again."""

Outcome = BlobMissing | Batch | BatchRefused


@dataclass(frozen=True, slots=True)
class ModelAttribution:
    """Which listed model one settlement's payload or log names."""

    model: SafeName | None = None
    read: tuple[SourceRef, ...] = ()
    """The payload, where it was read."""
    late: str = ""
    """Why the payload is not there yet; empty where there is none to come."""


def blob_ref(settlement: Settlement, blob: Blob) -> SourceRef:
    """Where a settlement's blob can be looked up. Its instant is the settlement's, whenever it was read."""
    return SourceRef(f"walrus:{settlement.blob}", settlement.at, blob.sha256)


@dataclass(frozen=True, slots=True)
class SettlementVerifier:
    """Everything it takes to judge."""

    chain: ChainReader
    walrus: Walrus
    registries: TeeRegistries
    relays: tuple[str, ...]
    signers: tuple[str, ...]
    """Both lower-case."""
    executor: Executor | None = None
    """What checks signatures where there are many; `None`: processes of this machine, started for it."""
    round_seconds: float = ROUND

    @property
    def rules_hash(self) -> str:
        """What the rules depend on: what is pinned, and which leaves can be read."""
        registries = sorted(address.lower() for address in self.registries.addresses)
        encodings = sorted(map(list, VERSIONS))
        pinned = json.dumps([sorted(self.relays), sorted(self.signers), registries, encodings])
        return hashlib.sha256(pinned.encode()).hexdigest()[:16]

    def verdict_batches(self, memory: SourceStateReader, now: datetime, since: date) -> Iterator[EventBatch]:
        """Judgements of what is due, the oldest first and as much as fits into a round, with the blobs they rest on.
        Raises `SourceError`; what was yielded before stays good."""
        listed, ends = memory.model_names("llm"), time.monotonic() + self.round_seconds
        while due := memory.due_settlements("llm", now, since, self.rules_hash, GROUP):
            made = self._judge_settlements(memory, due, now, listed, ends)
            for judged in chunk_judged(made):
                day = judged[0][0].at.date()
                told = f"{len(judged)} settlements of {short_date(day)} judged"
                refs = tuple(dict.fromkeys(ref for *_, read in judged for ref in read))
                judgements = tuple(judgement for _, judgement, _ in judged)
                alarm = unrecognised_alarm(judgements, day)
                yield EventBatch(
                    "opengradient", "llm", told, refs=refs, days=(day,), judgements=judgements, alarm=alarm
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
        senders = self._fetch_senders([one for one, _ in due]) if self.signers else {}
        asked = [settlement_input(one, senders.get(one.place.partition(":")[0])) for one, _ in due]
        blobs = self._read_blobs(asked, now, ends)
        due = due[: len(blobs)]
        pairs = [(one, _blob_outcome(blob)) for one, blob in zip(asked, blobs, strict=False)]
        leaves = [leaf for one, outcome in pairs for leaf in leaves_of(one, outcome)]
        backed, verified = memory.counted_leaves("llm", (leaf.key for leaf in leaves))
        keys = self.registries.enclave_keys({leaf.tee_id for leaf in leaves if leaf.version == 3})
        seen = CountedLeaves(backed, verified)
        if len(leaves) >= WORTH_A_POOL:
            with nullcontext(self.executor) if self.executor else process_pool() as workers:
                found = rules.judge_settlements(pairs, seen, keys, self.signers, self.relays, workers)
        else:
            found = rules.judge_settlements(pairs, seen, keys, self.signers, self.relays)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            names = list(pool.map(lambda v, one: self._attribute_model(v, one[0], now, listed), found, due))
        made = []
        for v, (_, outcome), blob, (one, tries), named in zip(found, pairs, blobs, due, names, strict=True):
            read = (blob_ref(one, blob),) if isinstance(blob, Blob) else named.read
            made.append((one, self._settlement_verdict(v, outcome, one, tries, now, named), read))
        return made

    def _fetch_senders(self, settlements: Sequence[Settlement]) -> Mapping[str, str]:
        txs = list(dict.fromkeys(one.place.partition(":")[0] for one in settlements))
        return {tx: found.sender for tx, found in self.chain.transactions_by_hash(txs).items()}

    def read_outcome(self, settlement: SettlementInput, now: datetime) -> Outcome:
        """What stands behind a settlement: its blob read, or why there is none."""
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
        """A batch's blob, or why there is none to be had or none is needed."""
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
        """The listed model that a single settlement names: by its payload, if that is the request that was signed, or
        by the log itself where that is of the first relay."""
        leaf = v.settlement.leaf
        if leaf is None:
            return ModelAttribution()
        if leaf.timestamp is None:
            said = logged_model(settlement) if v.backed == 1 else ""
            model = canonical_name(model_identity(said)) if said else None
            return ModelAttribution(model if model in listed else None)
        if v.verified != 1 or not settlement.blob:
            return ModelAttribution()
        found = self.walrus.fetch_blob(settlement.blob, settlement.at, now, lambda raw: _names_model(raw, leaf))
        if not isinstance(found, Blob) or not found.matches:
            late = now < settlement.at + NAMED_FOR
            return ModelAttribution(late="its payload could not be read yet, so its model is not known" if late else "")
        told = parse_payload(found.content, leaf.input_hash)
        assert isinstance(told, Payload) and not isinstance(told.model, Unknown)
        model = canonical_name(told.model)
        return ModelAttribution(model if model in listed else None, (blob_ref(settlement, found),))

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
        unknown = next((found.reason for found in (v.backed, v.verified) if isinstance(found, Unknown)), "")
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
            reason=unknown or ("; ".join(gaps) if state != "expired" else ""),
            standings={standing: n for standing, n in v.standing_counts.items() if standing != "verified"},
            backs=tuple(v.newly.backed),
            verifies=tuple(v.newly.verified),
            models={named.model: 1} if named.model else {},
            next_try=due,
            rules=self.rules_hash,
        )


Judged = tuple[Settlement, SettlementVerdict, tuple[SourceRef, ...]]
"""What was judged, how, and what was read for it."""


def chunk_judged(judged_settlements: Iterable[Judged]) -> Iterator[list[Judged]]:
    """Judgements in lots of one day and of at most `LEAVES` leaves, or of one: a long transaction keeps all other
    writers waiting."""
    lot: list[Judged] = []
    leaves = 0
    for one in judged_settlements:
        of = len(one[1].backs) + len(one[1].verifies)
        if lot and (leaves + of > LEAVES or one[0].at.date() != lot[0][0].at.date()):
            yield lot
            lot, leaves = [], 0
        lot.append(one)
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
    """A settlement as the rules want it."""
    tx, _, index = settlement.place.rpartition(":")
    at, root, leaf = int(settlement.at.timestamp()), bytes.fromhex(settlement.root), _attested_leaf(settlement)
    sent = (settlement.relay, signer, settlement.size, settlement.blob)
    return SettlementInput(tx, int(index), at, *sent, root, leaf)


def _attested_leaf(settlement: Settlement) -> Leaf | None:
    """What a single settlement attests. The first relay's had neither enclave nor signature nor time: what it logged
    is a leaf of version 1."""
    if not settlement.attested:
        return None
    tee, input_hash, output_hash, signature, timestamp, *_ = json.loads(settlement.attested)
    hashes = bytes.fromhex(input_hash), bytes.fromhex(output_hash)
    if not timestamp:
        return Leaf(1, b"", *hashes, b"", None)
    return Leaf(3, bytes.fromhex(tee), *hashes, bytes.fromhex(signature), int(timestamp))


def logged_model(settlement: Settlement) -> str:
    """The model that a log of the first relay names, as its sender wrote it; empty where it names none."""
    _, *named = json.loads(settlement.attested)[4:] if settlement.attested else ("",)
    return str(named[0]) if named else ""


def leaves_of(settlement: SettlementInput, outcome: Outcome) -> tuple[Leaf, ...]:
    """The leaves that stand behind a settlement, whether or not they will count."""
    if settlement.leaf is not None:
        return (settlement.leaf,)
    return outcome.leaves if isinstance(outcome, Batch) and outcome.root == settlement.root else ()


def _batch_root(raw: bytes) -> bytes | None:
    found = parse_batch(raw)
    return found.root if isinstance(found, Batch) else None


def _names_model(raw: bytes, leaf: Leaf) -> bool:
    found = parse_payload(raw, leaf.input_hash)
    return isinstance(found, Payload) and not isinstance(found.model, Unknown)
