"""Judging OpenGradient's settlements: blobs fetched, keys looked up, the rules of `_acceptance` applied in groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.records import Haul, Judgement, Name, Settlement, State, Unknown
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

Outcome = Missing | Batch | Refused


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
        """Judgements of all that is due. Raises `SourceError`; what was yielded before stays good."""
        listed = memory.names("llm")
        while due := memory.due("llm", now, since, self.mark, GROUP):
            made = self._judged(memory, due, now, listed)
            for some in small(made):
                told = f"{len(some)} settlements judged"
                yield Haul("opengradient", "llm", told, judgements=tuple(some))

    def _judged(
        self, memory: Memory, due: Sequence[tuple[Settlement, int]], now: datetime, listed: frozenset[Name]
    ) -> list[Judgement]:
        senders = self._senders([one for one, _ in due]) if self.signers else {}
        asked = [(as_ruled(one, senders.get(one.place.partition(":")[0])), tries) for one, tries in due]
        outcomes = [self.outcome(one, now) for one, _ in asked]
        pairs = [(one, outcome) for (one, _), outcome in zip(asked, outcomes, strict=True)]
        leaves = [leaf for one, outcome in pairs for leaf in behind(one, outcome)]
        backed, verified = memory.seen("llm", (leaf.key for leaf in leaves))
        keys = self.registries.keys({leaf.tee_id for leaf in leaves if leaf.version == 3})
        seen = rules.Seen(backed, verified)
        if len(leaves) >= WORTH_A_POOL:
            with nullcontext(self.executor) if self.executor else pool() as workers:
                found = rules.accepted(pairs, seen, keys, self.signers, self.relays, workers)
        else:
            found = rules.accepted(pairs, seen, keys, self.signers, self.relays)
        made = zip(found, outcomes, due, strict=True)
        return [self._judgement(v, outcome, one, tries, now, listed) for v, outcome, (one, tries) in made]

    def _senders(self, asked: Sequence[Settlement]) -> Mapping[str, str]:
        txs = list(dict.fromkeys(one.place.partition(":")[0] for one in asked))
        return {tx: found.sender for tx, found in self.chain.transactions(txs).items()}

    def outcome(self, one: rules.Settlement, now: datetime) -> Outcome:
        """What stands behind a settlement: its blob read, or why there is none."""
        if one.leaf is not None or one.relay not in self.relays:
            return Missing("the log itself holds what it attests", retry=False, final=True)
        if not one.blob_id:
            return Missing("its log names no blob", retry=False, final=True)
        settled_at = datetime.fromtimestamp(one.at, now.tzinfo)
        found = self.walrus.blob(one.blob_id, settled_at, now, lambda raw: _root(raw) == one.root)
        return batch(found.content) if isinstance(found, Blob) else found

    def _model(self, leaf: Leaf, one: Settlement, now: datetime, listed: frozenset[Name]) -> Name | None:
        """The listed model that an individual payload names, if it is the request that was signed."""
        if not one.blob:
            return None
        found = self.walrus.blob(one.blob, one.at, now, lambda raw: _names(raw, leaf))
        told = payload(found.content, leaf.input_hash) if isinstance(found, Blob) else None
        if not isinstance(told, Payload) or isinstance(told.model, Unknown):
            return None
        model = canonical(told.model)
        return model if model in listed else None

    def _judgement(
        self, v: rules.Verdicts, outcome: Outcome, one: Settlement, tries: int, now: datetime, listed: frozenset[Name]
    ) -> Judgement:
        state = _state(v, outcome)
        unknown = next((found.reason for found in (v.backed, v.verified) if isinstance(found, Unknown)), "")
        leaf = v.settlement.leaf
        named = self._model(leaf, one, now, listed) if leaf is not None and v.verified == 1 else None
        due = None
        if state == "pending":
            due = max(next_try(one.at, tries + 1) or now + PATIENCE, now + SHORTEST)
        return Judgement(
            one.place,
            state,
            v.claimed,
            v.backed,
            v.verified,
            signer=v.settlement.signer or "",
            reason=unknown or ("; ".join(v.gaps) if state != "expired" else ""),
            standings={standing: n for standing, n in v.counts.items() if standing != "verified"},
            backs=tuple(v.newly.backed),
            verifies=tuple(v.newly.verified),
            models={named: 1} if named else {},
            next_try=due,
            rules=self.mark,
        )


def small(made: Sequence[Judgement]) -> Iterator[list[Judgement]]:
    """Judgements in lots of at most `LEAVES` leaves, or of one: a long transaction keeps all other writers waiting."""
    lot: list[Judgement] = []
    leaves = 0
    for one in made:
        of = len(one.backs) + len(one.verifies)
        if lot and leaves + of > LEAVES:
            yield lot
            lot, leaves = [], 0
        lot.append(one)
        leaves += of
    if lot:
        yield lot


def _state(v: rules.Verdicts, outcome: Outcome) -> State:
    if not v.recognised:
        return "stranger"
    if v.again or isinstance(v.backed, Unknown) or isinstance(v.verified, Unknown):
        return "pending"
    return "expired" if isinstance(outcome, Missing) and v.settlement.leaf is None else "verdict"


def as_ruled(one: Settlement, signer: str | None = None) -> rules.Settlement:
    """A settlement as the rules want it."""
    tx, _, index = one.place.rpartition(":")
    leaf = None
    if one.attested:
        tee, input_hash, output_hash, signature, timestamp = json.loads(one.attested)
        hashes = bytes.fromhex(tee), bytes.fromhex(input_hash), bytes.fromhex(output_hash)
        leaf = Leaf(3, *hashes, bytes.fromhex(signature), int(timestamp))
    at, root = int(one.at.timestamp()), bytes.fromhex(one.root)
    return rules.Settlement(tx, int(index), at, one.relay, signer, one.size, one.blob, root, leaf)


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
