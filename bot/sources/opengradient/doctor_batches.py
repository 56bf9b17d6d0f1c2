"""The live checks of what Footfall must recognise: the logs of pinned relays, and the leaves of the newest batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from bot.chain import Filter, Log, LogBatch
from bot.records import CheckResult, Settlement
from bot.sources.opengradient import acceptance_rules as rules
from bot.sources.opengradient.log_decoding import decode_settlements
from bot.sources.opengradient.merkle_batch import Batch
from bot.sources.opengradient.settlement_verification import SettlementVerifier, leaves_of, settlement_input
from bot.sources.opengradient.verification_types import CountedLeaves, Standing

LOOKED_BACK = 20_000
"""Blocks to search for logs: a few of a node's windows."""
_UPDATE = "the format has changed: install a newer version of Footfall"
_FIXES: dict[Standing, str] = {
    "unknown key": "if the registry has moved, add its address to networks.opengradient.registries",
    "key not known": "correct networks.opengradient.registries",
    "bad signature": _UPDATE,
    "backed": _UPDATE,
    "not registered before its timestamp": "add the registry of before to networks.opengradient.registries",
}


def check_newest_batch(verifier: SettlementVerifier, now: datetime) -> Iterator[CheckResult]:
    """Whether all logs of pinned relays are of known events, and whether the newest batch is fully recognised."""
    settlements, unread = _relay_logs(verifier)
    summary = f"{len(unread)} logs are of no event that is known" if unread else "all are of known events"
    fix = f"if the relay has a new version, change networks.opengradient.relays; if not, {_UPDATE}"
    yield CheckResult("logs of pinned relays", not unread, f"{summary}, in the last {LOOKED_BACK} blocks", fix)
    batches = [settlement for settlement in settlements if settlement.blob and settlement.root]
    if batches:
        yield _batch_result(verifier, batches[-1], now)


def _relay_logs(verifier: SettlementVerifier) -> tuple[list[Settlement], list[Log]]:
    settlements: list[Settlement] = []
    unread: list[Log] = []
    since = max(0, verifier.chain.final_head().number - LOOKED_BACK)
    chunk: LogBatch
    for chunk in verifier.chain.read_logs(Filter(verifier.relays), since):
        read = decode_settlements(chunk)
        settlements += read.settlements
        unread += read.unread
    return settlements, unread


def _batch_result(verifier: SettlementVerifier, settlement: Settlement, now: datetime) -> CheckResult:
    given = settlement_input(settlement)
    outcome = verifier.read_outcome(given, now)
    leaves = leaves_of(given, outcome)
    if not leaves:
        reason = "its leaves do not hash to the root in the log" if isinstance(outcome, Batch) else outcome.reason
        fix = f"add an aggregator to networks.opengradient.aggregators; if it can be read, {_UPDATE}"
        return CheckResult("newest batch", False, reason, fix)
    keys = verifier.registries.enclave_keys({leaf.tee_id for leaf in leaves if leaf.version == 3})
    verdicts = rules.judge_settlement(given, outcome, CountedLeaves(), keys, (), verifier.relays)
    standings = Counter(verdict.standing for verdict in verdicts.leaves)
    text = ", ".join(f"{count} of {len(leaves)} leaves {standing}" for standing, count in standings.most_common())
    fixes = [_FIXES[standing] for standing, _ in standings.most_common() if standing in _FIXES]
    return CheckResult("newest batch", not fixes, text, "; ".join(dict.fromkeys(fixes)))
