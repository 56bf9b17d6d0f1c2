"""Payments in OPG on Base: a transfer to the operator is one session where an x402 proxy settled in its transaction.

Every other transfer to it is kept, told apart and never counted: anybody may send money, and one payout of a payment
channel bundles many payers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.records import Payment
from bot.sources._evm import Chain, Chunk, Cursor, Filter, Log
from bot.sources._evm_events import ChannelSettled, Settled, SettledWithPermit, Transfer, read, topic_of
from bot.sources._og_logs import Records, at_utc

SETTLES = (Settled, SettledWithPermit)


def transfers(token: str, payees: Sequence[str]) -> Filter:
    """Tokens that came to the operator."""
    return Filter((token,), ((topic_of(Transfer),), None, padded(payees)))


def payouts(channel: str, token: str, payees: Sequence[str]) -> Filter:
    """What a payment channel paid out to the operator."""
    return Filter((channel,), ((topic_of(ChannelSettled),), padded(payees), padded([token])))


def padded(addresses: Sequence[str]) -> tuple[bytes, ...]:
    """Addresses as a log's topics hold them."""
    return tuple(bytes(12) + bytes.fromhex(address[2:]) for address in sorted(addresses))


def paid(chain: Chain, proxies: Sequence[str], channel: str) -> Callable[[Chunk], Records]:
    """Transfers to the operator; one is a session where a payment proxy settled in the same transaction."""
    settles = Filter(tuple(proxies), (tuple(map(topic_of, SETTLES)),))

    def made(chunk: Chunk) -> Records:
        events = [(log, read(log)) for log in chunk.logs]
        moved = [(log, one) for log, one in events if isinstance(one, Transfer)]
        through = _transactions(chain, settles, [log for log, _ in moved])
        payments = tuple(
            Payment(f"{log.tx}:{log.index}", log.block, at_utc(log.at), one.sender, one.value, log.tx in through)
            for log, one in moved
        )
        bundled = sum(one.payer == channel and not one.session for one in payments)
        return Records(payments=payments, refused=len(events) - len(moved), alarm=_bundled(bundled, channel))

    return made


def _bundled(count: int, channel: str) -> str:
    if not count:
        return ""
    return (
        f"{count} payouts of the payment channel {channel} to the operator: each bundles many payers, so none is "
        "counted as a session; sessions and paid are too small from here on"
    )


def _transactions(chain: Chain, wanted: Filter, among: Sequence[Log]) -> set[str]:
    """The transactions with wanted logs, over the blocks that some logs span."""
    if not among:
        return set()
    # From a cursor without a past, so that this reading moves none of the others.
    start = Cursor(chain.pin.chain_id, chain.pin.genesis, among[0].block)
    return {log.tx for part in chain.logs(wanted, start, among[-1].block) for log in part.logs}
