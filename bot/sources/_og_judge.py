"""Judging OpenGradient's settlements: blobs fetched, keys looked up, the rules of `_acceptance` applied in groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.records import Haul, Judgement, Name, Ref, Settlement, State, Unknown, identity, spoken
from bot.sources import Memory
from bot.sources import _acceptance as rules
from bot.sources._evm import Chain
from bot.sources._leaves import Batch, Leaf, Refused, batch
from bot.sources._llm_models import canonical
from bot.sources._payloads import Payload, payload
from bot.sources._signatures import WORTH_A_POOL, pool
from bot.sources._tee import Registries
from bot.sources._walrus import Blob, Missing, Walrus, next_try

GROUP = 200
"""Settlements judged at a time."""
LEAVES = 2000
"""Leaves kept in one transaction."""
PATIENCE = timedelta(hours=6)
"""Until a settlement is tried again whose blob was missed for more than a day, or whose key is not known."""
SHORTEST = timedelta(minutes=5)
NAMED_FOR = timedelta(days=4)
"""How long after its settlement a payload is looked for that would name the model: as long as a day is read again."""

Outcome = Missing | Batch | Refused


@dataclass(frozen=True, slots=True)
class Named:
    """Which listed model one settlement's payload or log names."""

    model: Name | None = None
    read: tuple[Ref, ...] = ()
    """The payload, where it was read."""
    late: str = ""
    """Why the payload is not there yet; empty where there is none to come."""


def blob_ref(one: Settlement, blob: Blob) -> Ref:
    """Where a settlement's blob can be looked up. Its instant is the settlement's, whenever it was read."""
    return Ref(f"walrus:{one.blob}", one.at, blob.sha256)


@dataclass(frozen=True, slots=True)
class Court:
    """Everything it takes to judge."""

    chain: Chain
    walrus: Walrus
    registries: Registries
    relays: tuple[str, ...]
    signers: tuple[str, ...]
    """Both lower-case."""
    executor: Executor | None = None
    """What checks signatures where there are many; `None`: processes of this machine, started for it."""

    @property
    def mark(self) -> str:
        """What the rules depend on beside the code."""
        pinned = json.dumps([sorted(self.relays), sorted(self.signers)])
        return hashlib.sha256(pinned.encode()).hexdigest()[:16]

    def hauls(self, memory: Memory, now: datetime, since: date) -> Iterator[Haul]:
        """Judgements of all that is due, with the blobs they rest on. Raises `SourceError`; what was yielded before
        stays good."""
        listed = memory.names("llm")
        while due := memory.due("llm", now, since, self.mark, GROUP):
            made = self._judged(memory, due, now, listed)
            for judged in small(made):
                day = judged[0][0].at.date()
                told = f"{len(judged)} settlements of {spoken(day)} judged"
                refs = tuple(dict.fromkeys(ref for *_, read in judged for ref in read))
                judgements = tuple(judgement for _, judgement, _ in judged)
                yield Haul("opengradient", "llm", told, refs=refs, days=(day,), judgements=judgements)

    def _judged(
        self, memory: Memory, due: Sequence[tuple[Settlement, int]], now: datetime, listed: frozenset[Name]
    ) -> list[Judged]:
        senders = self._senders([one for one, _ in due]) if self.signers else {}
        asked = [as_ruled(one, senders.get(one.place.partition(":")[0])) for one, _ in due]
        blobs = [self.blob(one, now) for one in asked]
        pairs = [(one, _outcome(blob)) for one, blob in zip(asked, blobs, strict=True)]
        leaves = [leaf for one, outcome in pairs for leaf in behind(one, outcome)]
        backed, verified = memory.seen("llm", (leaf.key for leaf in leaves))
        keys = self.registries.keys({leaf.tee_id for leaf in leaves if leaf.version == 3})
        seen = rules.Seen(backed, verified)
        if len(leaves) >= WORTH_A_POOL:
            with nullcontext(self.executor) if self.executor else pool() as workers:
                found = rules.accepted(pairs, seen, keys, self.signers, self.relays, workers)
        else:
            found = rules.accepted(pairs, seen, keys, self.signers, self.relays)
        made = []
        for v, (_, outcome), blob, (one, tries) in zip(found, pairs, blobs, due, strict=True):
            named = self._named(v, one, now, listed)
            read = (blob_ref(one, blob),) if isinstance(blob, Blob) else named.read
            made.append((one, self._judgement(v, outcome, one, tries, now, named), read))
        return made

    def _senders(self, asked: Sequence[Settlement]) -> Mapping[str, str]:
        txs = list(dict.fromkeys(one.place.partition(":")[0] for one in asked))
        return {tx: found.sender for tx, found in self.chain.transactions(txs).items()}

    def outcome(self, one: rules.Settlement, now: datetime) -> Outcome:
        """What stands behind a settlement: its blob read, or why there is none."""
        return _outcome(self.blob(one, now))

    def blob(self, one: rules.Settlement, now: datetime) -> Blob | Missing:
        """A batch's blob, or why there is none to be had or none is needed."""
        if one.leaf is not None or one.relay not in self.relays:
            return Missing("the log itself holds what it attests", retry=False, final=True)
        if not one.blob_id:
            return Missing("its log names no blob", retry=False, final=True)
        settled_at = datetime.fromtimestamp(one.at, now.tzinfo)
        return self.walrus.blob(one.blob_id, settled_at, now, lambda raw: _root(raw) == one.root)

    def _named(self, v: rules.Verdicts, one: Settlement, now: datetime, listed: frozenset[Name]) -> Named:
        """The listed model that a single settlement names: by its payload, if that is the request that was signed, or
        by the log itself where that is of the first relay."""
        leaf = v.settlement.leaf
        if leaf is None:
            return Named()
        if leaf.timestamp is None:
            said = told_model(one) if v.backed == 1 else ""
            model = canonical(identity(said)) if said else None
            return Named(model if model in listed else None)
        if v.verified != 1 or not one.blob:
            return Named()
        found = self.walrus.blob(one.blob, one.at, now, lambda raw: _names(raw, leaf))
        if not isinstance(found, Blob) or not found.matches:
            late = now < one.at + NAMED_FOR
            return Named(late="its payload could not be read yet, so its model is not known" if late else "")
        told = payload(found.content, leaf.input_hash)
        assert isinstance(told, Payload) and not isinstance(told.model, Unknown)
        model = canonical(told.model)
        return Named(model if model in listed else None, (blob_ref(one, found),))

    def _judgement(
        self, v: rules.Verdicts, outcome: Outcome, one: Settlement, tries: int, now: datetime, named: Named
    ) -> Judgement:
        state = _state(v, outcome)
        unknown = next((found.reason for found in (v.backed, v.verified) if isinstance(found, Unknown)), "")
        due = None
        if state == "pending" or named.late:
            due = max(next_try(one.at, tries + 1) or now + PATIENCE, now + SHORTEST)
        gaps = (*v.gaps, named.late) if named.late else v.gaps
        return Judgement(
            one.place,
            state,
            v.claimed,
            v.backed,
            v.verified,
            signer=v.settlement.signer or "",
            reason=unknown or ("; ".join(gaps) if state != "expired" else ""),
            standings={standing: n for standing, n in v.counts.items() if standing != "verified"},
            backs=tuple(v.newly.backed),
            verifies=tuple(v.newly.verified),
            models={named.model: 1} if named.model else {},
            next_try=due,
            rules=self.mark,
        )


Judged = tuple[Settlement, Judgement, tuple[Ref, ...]]
"""What was judged, how, and what was read for it."""


def small(made: Iterable[Judged]) -> Iterator[list[Judged]]:
    """Judgements in lots of one day and of at most `LEAVES` leaves, or of one: a long transaction keeps all other
    writers waiting."""
    lot: list[Judged] = []
    leaves = 0
    for one in made:
        of = len(one[1].backs) + len(one[1].verifies)
        if lot and (leaves + of > LEAVES or one[0].at.date() != lot[0][0].at.date()):
            yield lot
            lot, leaves = [], 0
        lot.append(one)
        leaves += of
    if lot:
        yield lot


def _outcome(found: Blob | Missing) -> Outcome:
    return batch(found.content) if isinstance(found, Blob) else found


def _state(v: rules.Verdicts, outcome: Outcome) -> State:
    if not v.recognised:
        return "stranger"
    if v.again or isinstance(v.backed, Unknown) or isinstance(v.verified, Unknown):
        return "pending"
    return "expired" if isinstance(outcome, Missing) and v.settlement.leaf is None else "verdict"


def as_ruled(one: Settlement, signer: str | None = None) -> rules.Settlement:
    """A settlement as the rules want it."""
    tx, _, index = one.place.rpartition(":")
    at, root = int(one.at.timestamp()), bytes.fromhex(one.root)
    return rules.Settlement(tx, int(index), at, one.relay, signer, one.size, one.blob, root, _leaf(one))


def _leaf(one: Settlement) -> Leaf | None:
    """What a single settlement attests. The first relay's had neither enclave nor signature nor time: what it logged
    is a leaf of version 1."""
    if not one.attested:
        return None
    tee, input_hash, output_hash, signature, timestamp, *_ = json.loads(one.attested)
    hashes = bytes.fromhex(input_hash), bytes.fromhex(output_hash)
    if not timestamp:
        return Leaf(1, b"", *hashes, b"", None)
    return Leaf(3, bytes.fromhex(tee), *hashes, bytes.fromhex(signature), int(timestamp))


def told_model(one: Settlement) -> str:
    """The model that a log of the first relay names, as its sender wrote it; empty where it names none."""
    _, *named = json.loads(one.attested)[4:] if one.attested else ("",)
    return str(named[0]) if named else ""


def behind(one: rules.Settlement, outcome: Outcome) -> tuple[Leaf, ...]:
    """The leaves that stand behind a settlement, whether or not they will count."""
    if one.leaf is not None:
        return (one.leaf,)
    return outcome.leaves if isinstance(outcome, Batch) and outcome.root == one.root else ()


def _root(raw: bytes) -> bytes | None:
    found = batch(raw)
    return found.root if isinstance(found, Batch) else None


def _names(raw: bytes, leaf: Leaf) -> bool:
    found = payload(raw, leaf.input_hash)
    return isinstance(found, Payload) and not isinstance(found.model, Unknown)
