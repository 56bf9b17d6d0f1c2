"""Explains one settlement of OpenGradient: log, blob, the computed root, and the verdict on each leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from bot.chain import ChainReader, Filter
from bot.clients.recording import open_client
from bot.records import Document, Settlement, Unknown
from bot.sources.opengradient import acceptance_rules as rules
from bot.sources.opengradient import log_decoding
from bot.sources.opengradient.merkle_batch import MAX_LEAVES, Batch
from bot.sources.opengradient.settings import PROOF_BUDGET, OpenGradientSettings, lowercase_addresses
from bot.sources.opengradient.settlement_verification import Outcome, SettlementVerifier, leaves_of, settlement_input
from bot.sources.opengradient.source import make_verifier
from bot.sources.opengradient.verification_types import CountedLeaves, LeafVerdict, SettlementInput

Seen = Callable[[str, Iterable[bytes]], tuple[dict[bytes, str], dict[bytes, str]]]
SHOWN = 100
"""Most leaves to list."""
EXPLORER = "https://explorer.opengradient.ai"
BLOBS = "https://walruscan.com/mainnet/blob"
"""Where a person can look up a blob."""


def explain_settlements(
    settings: OpenGradientSettings,
    data: Path,
    now: datetime,
    known: Sequence[Settlement],
    tx: str,
    seen: Seen,
) -> list[Document]:
    """Explain settlements: those `known`, or those of the transaction on chain. Raises `SourceError`."""
    with ExitStack() as stack:
        client = stack.enter_context(open_client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        chain = stack.enter_context(settings.settlements.open_chain(None, min(settings.budget, PROOF_BUDGET)))
        judges = make_verifier(settings, data, chain, client)
        settlements = known or (settlements_on_chain(chain, lowercase_addresses(settings.relays), tx) if tx else ())
        return [explain_settlement(judges, settlement, seen, now) for settlement in settlements]


def explain_settlement(court: SettlementVerifier, settlement: Settlement, seen: Seen, now: datetime) -> Document:
    """The verdict of the rules on one settlement now. Reads the aggregators and the registries; a failure is a reason,
    not an error."""
    ruled = settlement_input(settlement)
    outcome = court.read_outcome(ruled, now)
    leaves = leaves_of(ruled, outcome)
    backed, verified = seen("llm", (leaf.key for leaf in leaves))
    keys = court.registries.enclave_keys({leaf.tee_id for leaf in leaves if leaf.version == 3})
    verdicts = rules.judge_settlement(ruled, outcome, CountedLeaves(backed, verified), keys, (), court.relays)
    tx = settlement.place.partition(":")[0]
    return {
        "place": settlement.place,
        "block": settlement.block,
        "at": settlement.at.isoformat(),
        "relay": settlement.relay,
        "pinned": settlement.relay in court.relays,
        "size": str(settlement.size) if settlement.size <= MAX_LEAVES else f"more than {MAX_LEAVES}",
        "root": settlement.root and "0x" + settlement.root,
        "blob": {"id": settlement.blob, "found": _blob_summary(ruled, outcome)},
        "root_check": _root_check(ruled, outcome),
        "backed": _count_or_reason(verdicts.backed),
        "verified": _count_or_reason(verdicts.verified),
        "gaps": list(verdicts.gaps),
        "leaves": [_leaf_document(verdict) for verdict in verdicts.leaves[:SHOWN]],
        "leaves_not_shown": max(0, len(verdicts.leaves) - SHOWN),
        "links": {
            "transaction": f"{EXPLORER}/tx/{tx}",
            "relay": f"{EXPLORER}/address/{settlement.relay}",
            "blob": f"{BLOBS}/{settlement.blob}" if settlement.blob else "",
        },
    }


def _blob_summary(ruled: SettlementInput, outcome: Outcome) -> str:
    if ruled.leaf is not None:
        return "not needed: the log itself holds what is attested"
    if isinstance(outcome, Batch):
        return f"{len(outcome.leaves)} leaves of version {outcome.version}"
    return outcome.reason


def _root_check(ruled: SettlementInput, outcome: Outcome) -> str:
    if ruled.leaf is not None:
        return "not needed"
    if not isinstance(outcome, Batch):
        return "not possible without a readable blob"
    return "match" if outcome.root == ruled.root else "MISMATCH: the leaves hash to another root"


def _leaf_document(verdict: LeafVerdict) -> Document:
    return {
        "key": verdict.leaf.key.hex(),
        "enclave": "0x" + verdict.leaf.tee_id.hex(),
        "input": "0x" + verdict.leaf.input_hash.hex(),
        "output": "0x" + verdict.leaf.output_hash.hex(),
        "verdict": verdict.standing,
        "reason": verdict.reason,
    }


def _count_or_reason(count: int | Unknown) -> int | str:
    return f"unknown: {count.reason}" if isinstance(count, Unknown) else count


def settlements_on_chain(chain: ChainReader, relays: tuple[str, ...], tx: str) -> tuple[Settlement, ...]:
    """A transaction's settlements on chain. Raises `SourceError`."""
    block = chain.transactions_by_hash([tx])[tx].block
    wanted = Filter(relays, log_decoding.SETTLES)
    chunks = list(chain.read_logs(wanted, block, block))
    settlements = (settlement for chunk in chunks for settlement in log_decoding.decode_settlements(chunk).settlements)
    return tuple(settlement for settlement in settlements if settlement.place.startswith(f"{tx}:"))
