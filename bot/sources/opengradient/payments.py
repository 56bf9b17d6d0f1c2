"""Payments in OPG on Base: the transfer to the operator that an x402 proxy settled is one session.

Every other transfer to it is kept, told apart and never counted: anybody may send money, and one payout of a payment
channel bundles many payers. Nor does a proxy's word vouch for all that its transaction moves, since anybody may call a
proxy from a contract that moves nothing in the name of many: each word makes one session at most, the transfer of more
than nothing nearest before it, after the word before.
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
    """Tokens that came to the operator."""
    return Filter((token,), ((topic_of(Transfer),), None, address_topics(payees)))


def payout_filter(channel: str, token: str, payees: Sequence[str]) -> Filter:
    """What a payment channel paid out to the operator."""
    return Filter((channel,), ((topic_of(ChannelSettled),), address_topics(payees), address_topics([token])))


def address_topics(addresses: Sequence[str]) -> tuple[bytes, ...]:
    """Addresses as a log's topics hold them."""
    return tuple(bytes(12) + bytes.fromhex(address[2:]) for address in sorted(addresses))


def payment_decoder(chain: ChainReader, proxies: Sequence[str], channel: str) -> Callable[[LogBatch], DecodedLogs]:
    """Transfers to the operator; those that a payment proxy settled are sessions."""
    settles = Filter(tuple(proxies), (tuple(map(topic_of, SETTLES)),))

    def decode_payments(chunk: LogBatch) -> DecodedLogs:
        events = [(log, decode_event(log)) for log in chunk.logs]
        moved = [(log, one) for log, one in events if isinstance(one, Transfer)]
        through = _settled_transfers(moved, _proxy_logs(chain, settles, [log for log, _ in moved]))
        payments = tuple(
            Payment(
                *(f"{log.tx}:{log.index}", log.block, at_utc(log.at), one.sender, one.value),
                session=one.value >= DUST and _log_position(log) in through,
            )
            for log, one in moved
        )
        bundled = sum(one.payer == channel and not one.session for one in payments)
        return DecodedLogs(payments=payments, refused=len(events) - len(moved), alarm=_bundle_alarm(bundled, channel))

    return decode_payments


def _bundle_alarm(count: int, channel: str) -> str:
    if not count:
        return ""
    return (
        f"{count} payouts of the payment channel {channel} to the operator: each bundles many payers, so none is "
        "counted as a session; sessions and paid are too small from here on"
    )


_Spot = tuple[int, int]
"""Block and position in it."""


def _log_position(log: Log) -> _Spot:
    return log.block, log.index


def _settled_transfers(moved: Sequence[tuple[Log, Transfer]], words: Sequence[Log]) -> set[_Spot]:
    """The transfers that are sessions: for each word of a proxy the last one of its transaction before it that moved
    anything, and none twice."""
    left: dict[str, list[_Spot]] = {}
    for log, one in sorted(moved, key=lambda each: _log_position(each[0])):
        if one.value > 0:
            left.setdefault(log.tx, []).append(_log_position(log))
    found = set()
    for word in sorted(words, key=_log_position):
        spots = left.get(word.tx, [])
        if before := [spot for spot in spots if spot < _log_position(word)]:
            found.add(before[-1])
            left[word.tx] = spots[len(before) :]
    return found


def _proxy_logs(chain: ChainReader, wanted: Filter, among: Sequence[Log]) -> list[Log]:
    """The wanted logs of the blocks that some logs span."""
    if not among:
        return []
    # From a cursor without a past, so that this reading moves none of the others.
    start = Cursor(chain.pin.chain_id, chain.pin.genesis, among[0].block)
    return chain.all_logs(wanted, start, among[-1].block)
