"""Payments in OPG on Base: a transfer to the operator that an x402 proxy settled is one session.

Every other transfer to the operator is stored, shown separately and never counted: anybody may send money, and one
payout of a payment channel bundles many payers. A proxy's log does not prove everything that its transaction moves,
since any contract may call a proxy for many empty transfers: each log makes at most one session, the nearest non-zero
transfer before it and after the previous log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.chain import ChainReader, Cursor, Filter, Log, LogBatch
from bot.records import Payment
from bot.sources.opengradient.events import ChannelSettled, Settled, SettledWithPermit, Transfer, decode_event, topic_of
from bot.sources.opengradient.log_decoding import DecodedLogs, at_utc

SETTLES = (Settled, SettledWithPermit)
DUST = 10**12
"""Smallest units of OPG, a millionth of it: a payment of less buys nothing and is no session. The cheapest answer of
the gateway's price list costs some twenty times as much."""


def transfer_filter(token: str, payees: Sequence[str]) -> Filter:
    """Transfers to the operator."""
    return Filter((token,), ((topic_of(Transfer),), None, address_topics(payees)))


def payout_filter(channel: str, token: str, payees: Sequence[str]) -> Filter:
    """Payouts of a payment channel to the operator."""
    return Filter((channel,), ((topic_of(ChannelSettled),), address_topics(payees), address_topics([token])))


def address_topics(addresses: Sequence[str]) -> tuple[bytes, ...]:
    """Addresses as log topics."""
    return tuple(bytes(12) + bytes.fromhex(address[2:]) for address in sorted(addresses))


def payment_decoder(chain: ChainReader, proxies: Sequence[str], channel: str) -> Callable[[LogBatch], DecodedLogs]:
    """Decode transfers to the operator; those that a payment proxy settled are sessions."""
    settles = Filter(tuple(proxies), (tuple(map(topic_of, SETTLES)),))

    def decode_payments(chunk: LogBatch) -> DecodedLogs:
        events = [(log, decode_event(log)) for log in chunk.logs]
        moved = [(log, event) for log, event in events if isinstance(event, Transfer)]
        through = _settled_transfers(moved, _proxy_logs(chain, settles, [log for log, _ in moved]))
        payments = tuple(
            Payment(
                *(f"{log.tx}:{log.index}", log.block, at_utc(log.at), transfer.sender, transfer.value),
                session=transfer.value >= DUST and _log_position(log) in through,
            )
            for log, transfer in moved
        )
        bundled = sum(payment.payer == channel and not payment.session for payment in payments)
        unsettled = tuple(
            log
            for (log, _), payment in zip(moved, payments, strict=True)
            if not payment.session and payment.amount >= DUST and payment.payer != channel
        )
        alarm = _bundle_alarm(bundled, channel)
        return DecodedLogs(payments=payments, refused=len(events) - len(moved), unsettled=unsettled, alarm=alarm)

    return decode_payments


def _bundle_alarm(count: int, channel: str) -> str:
    if not count:
        return ""
    return (
        f"{count} payouts of the payment channel {channel} to the operator: each bundles many payers, so none is "
        "counted as a session; sessions and paid are too small from here on"
    )


_Spot = tuple[int, int]
"""Block and log index."""


def _log_position(log: Log) -> _Spot:
    return log.block, log.index


def _settled_transfers(moved: Sequence[tuple[Log, Transfer]], words: Sequence[Log]) -> set[_Spot]:
    """The transfers that are sessions: for each proxy log, the last non-zero transfer before it in its transaction,
    each at most once."""
    left: dict[str, list[_Spot]] = {}
    for log, transfer in sorted(moved, key=lambda each: _log_position(each[0])):
        if transfer.value > 0:
            left.setdefault(log.tx, []).append(_log_position(log))
    transfers = set()
    for word in sorted(words, key=_log_position):
        spots = left.get(word.tx, [])
        if before := [spot for spot in spots if spot < _log_position(word)]:
            transfers.add(before[-1])
            left[word.tx] = spots[len(before) :]
    return transfers


def _proxy_logs(chain: ChainReader, wanted: Filter, among: Sequence[Log]) -> list[Log]:
    """The wanted logs in the range of blocks of some other logs."""
    if not among:
        return []
    # From a cursor without history, so that this read moves no other cursor.
    start = Cursor(chain.pin.chain_id, chain.pin.genesis, among[0].block)
    return chain.all_logs(wanted, start, among[-1].block)
