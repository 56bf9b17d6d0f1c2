"""Live checks of payments: whether transfers still count as payments, and which other contracts settle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bot.chain import ChainReader, Filter, Log
from bot.records import CheckResult
from bot.sources.opengradient.events import ChannelSettled, Transfer, decode_event, topic_of
from bot.sources.opengradient.payments import SETTLES, payout_filter, transfer_filter

LOOKED_BACK = 6_000
"""Blocks of Base to search for payments: more than three hours."""
TRACED = 5
"""Most transfers whose settling contract is looked up."""
FIX = "if a new proxy settles, add it to networks.opengradient.proxies"


@dataclass(frozen=True, slots=True)
class PaymentContracts:
    """The payment settings; addresses in lower case."""

    token: str
    payees: Collection[str]
    proxies: tuple[str, ...]
    channel: str


def check_payments(chain: ChainReader, pinned: PaymentContracts, seen: Collection[str]) -> Iterator[CheckResult]:
    """`seen`: the payment addresses of active enclaves."""
    payees = sorted({*pinned.payees, *seen})
    new = sorted(set(seen) - set(pinned.payees))
    added = f", {len(new)} of them by the registries: {', '.join(new)}" if new else ""
    told = f"{len(payees)} addresses are paid{added}"
    yield CheckResult("payees", True, told, "pin those that stay in networks.opengradient.payees")
    for proxy in pinned.proxies:
        code = len(chain.contract_code(proxy))
        yield CheckResult(f"payment proxy {proxy}", code > 0, f"{code} bytes of code", FIX)
    since = max(0, chain.final_head().number - LOOKED_BACK)
    yield _check_channel(chain, pinned, payees, since)
    yield from _check_settlers(chain, pinned, payees, since)


def _check_channel(chain: ChainReader, pinned: PaymentContracts, payees: Sequence[str], since: int) -> CheckResult:
    code = len(chain.contract_code(pinned.channel))
    found = chain.all_logs(payout_filter(pinned.channel, pinned.token, payees), since) if code else []
    told = f"{code} bytes of code, {len(found)} payouts to the operator in the last {LOOKED_BACK} blocks"
    fix = "one payout bundles many payers: sessions and paid leave them out, and the digest says so"
    return CheckResult(f"payment channel {pinned.channel}", not found, told if code else "not deployed", fix)


def _check_settlers(
    chain: ChainReader, pinned: PaymentContracts, payees: Sequence[str], since: int
) -> Iterator[CheckResult]:
    """The contracts through which the last transfers were settled."""
    paid = chain.all_logs(transfer_filter(pinned.token, payees), since)
    moved = [log for log in paid if isinstance(decode_event(log), Transfer)]
    by = chain.all_logs(Filter(pinned.proxies, (tuple(map(topic_of, SETTLES)),)), since) if moved else []
    settled = {log.tx: log.address for log in by}
    through = Counter(settled[log.tx] for log in moved if log.tx in settled)
    other = [log for log in moved if log.tx not in settled]
    found = [f"{n} through {proxy}" for proxy, n in through.most_common()]
    found += [f"{len(other)} through none that is pinned"] if other else []
    told = ", ".join(found) or "none"
    yield CheckResult(f"transfers to the operator in the last {LOOKED_BACK} blocks", not other, told, FIX)
    strangers = Counter(log.address for one in other[-TRACED:] for log in _settling_logs(chain, one))
    for address, n in strangers.most_common():
        told = f"settled {n} of the last {TRACED} such transfers, not pinned"
        yield CheckResult(f"settler {address}", False, told, FIX)


def _settling_logs(chain: ChainReader, transfer_log: Log) -> list[Log]:
    """The settlement logs of any contract in a transfer's transaction."""
    wanted = Filter(topics=((*map(topic_of, SETTLES), topic_of(ChannelSettled)),))
    block = transfer_log.block
    return [log for log in chain.all_logs(wanted, block, block) if log.tx == transfer_log.tx]
