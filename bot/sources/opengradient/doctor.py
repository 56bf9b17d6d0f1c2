"""Live checks of OpenGradient: the facts that the source depends on, each with the setting to change; and whether
transfers still count as payments, and which other contracts settle.

All checks end within seconds: a chain that does not answer is one finding and no wait.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx

from bot.chain import ChainReader, Filter, Log, Reverted
from bot.clients.http import HttpBody
from bot.clients.recording import open_client
from bot.records import CheckResult, SourceError, try_check
from bot.sources.opengradient import facilitator, log_decoding, model_hub, panels, tee_registry
from bot.sources.opengradient.blob_archive import blob_archive
from bot.sources.opengradient.doctor_batches import LOOKED_BACK, check_newest_batch
from bot.sources.opengradient.events import ChannelSettled, RoleGranted, Transfer, decode_event, topic_of
from bot.sources.opengradient.merkle_batch import keccak
from bot.sources.opengradient.payments import SETTLES, payout_filter, transfer_filter
from bot.sources.opengradient.settings import PROOF_BUDGET, OpenGradientSettings, lowercase_addresses
from bot.sources.opengradient.source import make_verifier
from bot.sources.opengradient.walrus import Walrus, blob_id

SENDERS = 200
"""Most settlements whose sender is looked up."""


def responds(settings: OpenGradientSettings, seconds: float) -> bool:
    """Whether the chain of settlements answers within so many seconds."""
    endpoints = dict.fromkeys(settings.settlements.endpoints, "")
    return settings.settlements.has_quorum(panels.unreachable_endpoints(endpoints, seconds, settings.rpc_endpoints))


def check_reachable(settings: OpenGradientSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """The addresses that answer, for `doctor`. Raises `SourceError`, one line per address."""
    if out := panels.unreachable_of(settings):
        raise SourceError("\n".join(out.values()))
    return f"all {len(settings.endpoint_figures)} addresses answer"


def live_checks(settings: OpenGradientSettings, data: Path, now: datetime) -> Iterator[CheckResult]:
    """The live checks of everything that answers."""
    out = panels.unreachable_of(settings)
    relays, signers = lowercase_addresses(settings.relays), lowercase_addresses(settings.signers)
    registries = {address.lower(): layout for address, layout in settings.registries.items()}
    paid: set[str] = set()
    with ExitStack() as stack:
        client = stack.enter_context(open_client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        if settings.settlements.has_quorum(out):
            chain = stack.enter_context(settings.settlements.open_chain(None, min(settings.budget, PROOF_BUDGET), out))
            walrus = Walrus(settings.aggregators, blob_archive(data), client)
            fix = "correct networks.opengradient.settlements.endpoints"
            yield from try_check("relays", fix, lambda: check_relays(chain, relays, signers))
            yield from try_check("registries", fix, lambda: check_registries(chain, registries))
            paid |= active_payees(chain, registries, now)
            yield from try_check("newest blob", fix, lambda: check_newest_blob(chain, relays, walrus))
            verifier = make_verifier(settings, data, chain, client)
            yield from try_check("newest batch", fix, lambda: check_newest_batch(verifier, now))
        if settings.base.has_quorum(out):
            base = stack.enter_context(settings.base.open_chain(None, min(settings.budget, PROOF_BUDGET), out))
            fix = "correct networks.opengradient.base.endpoints"
            pinned = PaymentContracts(
                *(
                    settings.token.lower(),
                    lowercase_addresses(settings.payees),
                    lowercase_addresses(settings.proxies),
                    settings.channel.lower(),
                )
            )
            yield from try_check("payments", fix, lambda: check_payments(base, pinned, paid))
        if settings.hub not in out:
            yield from check_hub(client, settings.hub)
        if settings.facilitator not in out:
            fix = "correct networks.opengradient.facilitator"
            look = partial(check_facilitator, client, settings.facilitator, now)
            yield from try_check("facilitator", fix, look)


def check_relays(chain: ChainReader, pinned: tuple[str, ...], signers: tuple[str, ...]) -> Iterator[CheckResult]:
    """Whether the relays have code, whether anybody may settle, who may and who does, and which others emit."""
    head = chain.final_head().number
    since = max(0, head - LOOKED_BACK)
    open_relays: list[str] = []
    for relay in pinned:
        code = len(chain.contract_code(relay))
        gone = "put the new address into networks.opengradient.relays"
        yield CheckResult(f"relay {relay}", code > 0, f"{code} bytes of code", gone)
        if code:
            call = keccak(b"batchSettle(bytes32,uint256,bytes)")[:4] + bytes(64) + (96).to_bytes(32) + bytes(32)
            closed = isinstance(chain.call_contract(relay, call), Reverted)
            open_relays += [] if closed else [relay]
            finding = "refuses strangers" if closed else "is open: anybody may claim any number"
            fix = "pin networks.opengradient.signers"
            yield CheckResult(f"batchSettle of {relay}", closed or bool(signers), finding, fix)
    granted = chain.all_logs(Filter(pinned, ((topic_of(RoleGranted),),)), since)
    holders = sorted({event.account for log in granted if isinstance(event := decode_event(log), RoleGranted)})
    text = ", ".join(holders[:5]) or f"no grant in the last {LOOKED_BACK} blocks"
    yield CheckResult("role holders", True, text, "networks.opengradient.signers")
    settled = chain.all_logs(Filter(topics=log_decoding.SETTLES), since)
    yield from _check_emitters(settled, pinned)
    txs = list(dict.fromkeys(log.tx for log in settled if log.address in pinned))[-SENDERS:]
    senders = (
        Counter(transaction.sender for transaction in chain.transactions_by_hash(txs).values())
        if txs
        else Counter[str]()
    )
    named = ", ".join(f"{who} ({n})" for who, n in senders.most_common(5)) or "no settlement seen"
    known = bool(senders) and senders.keys() <= set(signers)
    fix = "check these addresses, then pin them in networks.opengradient.signers"
    yield CheckResult("senders of the last settlements", known, named, fix)
    yield from propose_signers(senders, signers, holders, is_open=bool(open_relays))


def propose_signers(
    senders: Counter[str], signers: tuple[str, ...], holders: Collection[str], is_open: bool
) -> Iterator[CheckResult]:
    """For each frequent sender that is not pinned, the line of config.yaml that pins it, and why it may be trusted or
    not. `is_open`: anybody may settle on a pinned relay."""
    for sender, count in senders.most_common(3):
        if sender in signers:
            continue
        text = f"sent {count} of the last {senders.total()} settlements"
        if sender in holders:
            reason = "the relay granted it a role, so its operator trusts it"
        elif not is_open:
            reason = "the relay refuses senders without a role, so it has one"
        else:
            reason = "it holds no role that was granted lately and anybody may settle: it may be anyone"
        trusted = sender in holders or not is_open
        line = json.dumps({"signers": [*signers, sender]})[1:-1]
        fix = f"put under networks.opengradient: {line}" if trusted else "pin it only if you know whose it is"
        yield CheckResult(f"signer {sender}", None if trusted else False, f"{text}; {reason}", fix)


def _check_emitters(settled: list[Log], pinned: tuple[str, ...]) -> Iterator[CheckResult]:
    strangers = Counter(log.address for log in settled if log.address not in pinned)
    ours = sum(log.address in pinned for log in settled)
    text = f"{ours} events of pinned relays in the last {LOOKED_BACK} blocks"
    if strangers:
        text += f", and of others: {', '.join(f'{a} ({n})' for a, n in strangers.most_common(3))}"
    fix = "if the relay has moved, change networks.opengradient.relays; a drop to zero can be a deployment change"
    yield CheckResult("emitters of settlement events", ours > 0 and not strangers, text, fix)


def check_registries(chain: ChainReader, known: dict[str, tee_registry.Layout]) -> Iterator[CheckResult]:
    call = panels.contract_caller(chain)
    for address, layout in known.items():
        fix = "correct or remove it in networks.opengradient.registries"
        try:
            listed = len(tee_registry.decode_ids(call(address, tee_registry.call_registered()) or b""))
            active = len(tee_registry.decode_active(call(address, tee_registry.call_active()) or b"", layout))
        except SourceError as error:
            yield CheckResult(f"registry {address}", False, str(error).splitlines()[0], fix)
            continue
        yield CheckResult(f"registry {address}", True, f"{listed} enclaves listed, {active} active ({layout} layout)")


def active_payees(chain: ChainReader, known: dict[str, tee_registry.Layout], now: datetime) -> frozenset[str]:
    """The payment addresses of active enclaves; empty if the registries do not answer."""
    try:
        return panels.sample_enclaves(chain, known, now)[1]
    except SourceError:
        return frozenset()


def check_hub(client: httpx.Client, base: str) -> Iterator[CheckResult]:
    """Whether the Hub's list has a first page."""
    url = model_hub.listing_url(base)
    http_body = model_hub.get_with_retries(client, url, {"page": 0, "limit": 1}, lambda seconds: None)
    text = f"{len(http_body.content)} bytes" if isinstance(http_body, HttpBody) else http_body.reason
    yield CheckResult("Model Hub", isinstance(http_body, HttpBody), text, "correct networks.opengradient.hub")


def check_facilitator(client: httpx.Client, base: str, now: datetime) -> Iterator[CheckResult]:
    """Whether the facilitator's count can be read, and from which addresses it settles."""
    usage = facilitator.fetch_usage(client, base, now)
    signers = ", ".join(sorted(facilitator.fetch_signers(client, base))) or "none"
    yield CheckResult("facilitator", True, f"counts {len(usage.days)} days; settles from {signers}")


def check_newest_blob(chain: ChainReader, pinned: tuple[str, ...], walrus: Walrus) -> Iterator[CheckResult]:
    """Whether the newest settlement's blob can be read, and how old it is."""
    head = chain.final_head()
    logs = chain.all_logs(Filter(pinned, log_decoding.SETTLES), max(0, head.number - LOOKED_BACK))
    ids = [name for log in logs if (name := blob_id(getattr(decode_event(log), "blob", b"")))]
    if not ids:
        yield CheckResult("newest blob", False, f"no settlement in the last {LOOKED_BACK} blocks", "see emitters above")
        return
    at, now = datetime.fromtimestamp(logs[-1].at, UTC), datetime.fromtimestamp(head.at, UTC)
    got = walrus.fetch_blob(ids[-1], at, now)
    age = (now - at) // timedelta(minutes=1)
    text = getattr(got, "reason", "") or f"read, {age} minutes after its settlement"
    fix = "add an aggregator to networks.opengradient.aggregators"
    yield CheckResult("newest blob", not hasattr(got, "reason"), text, fix)


PAYMENTS_LOOKED_BACK = 6_000
"""Blocks of Base in which payments are looked for: more than three hours."""
TRACED = 5
"""Transfers whose settling contract is looked for."""
FIX = "if a new proxy settles, add it to networks.opengradient.proxies"


@dataclass(frozen=True, slots=True)
class PaymentContracts:
    """What the config says of payments; addresses in lower case."""

    token: str
    payees: Collection[str]
    proxies: tuple[str, ...]
    channel: str


def check_payments(chain: ChainReader, pinned: PaymentContracts, seen: Collection[str]) -> Iterator[CheckResult]:
    """`seen`: the addresses that active enclaves are paid at."""
    payees = sorted({*pinned.payees, *seen})
    new = sorted(set(seen) - set(pinned.payees))
    added = f", {len(new)} of them by the registries: {', '.join(new)}" if new else ""
    text = f"{len(payees)} addresses are paid{added}"
    yield CheckResult("payees", True, text, "pin those that stay in networks.opengradient.payees")
    for proxy in pinned.proxies:
        code = len(chain.contract_code(proxy))
        yield CheckResult(f"payment proxy {proxy}", code > 0, f"{code} bytes of code", FIX)
    since = max(0, chain.final_head().number - PAYMENTS_LOOKED_BACK)
    yield _check_channel(chain, pinned, payees, since)
    yield from _check_settlers(chain, pinned, payees, since)


def _check_channel(chain: ChainReader, pinned: PaymentContracts, payees: Sequence[str], since: int) -> CheckResult:
    code = len(chain.contract_code(pinned.channel))
    logs = chain.all_logs(payout_filter(pinned.channel, pinned.token, payees), since) if code else []
    text = f"{code} bytes of code, {len(logs)} payouts to the operator in the last {PAYMENTS_LOOKED_BACK} blocks"
    fix = "one payout bundles many payers: sessions and paid leave them out, and the digest says so"
    return CheckResult(f"payment channel {pinned.channel}", not logs, text if code else "not deployed", fix)


def _check_settlers(
    chain: ChainReader, pinned: PaymentContracts, payees: Sequence[str], since: int
) -> Iterator[CheckResult]:
    """Through which contracts the last transfers were settled."""
    paid = chain.all_logs(transfer_filter(pinned.token, payees), since)
    moved = [log for log in paid if isinstance(decode_event(log), Transfer)]
    by = chain.all_logs(Filter(pinned.proxies, (tuple(map(topic_of, SETTLES)),)), since) if moved else []
    settled = {log.tx: log.address for log in by}
    through = Counter(settled[log.tx] for log in moved if log.tx in settled)
    other = [log for log in moved if log.tx not in settled]
    texts = [f"{n} through {proxy}" for proxy, n in through.most_common()]
    texts += [f"{len(other)} through none that is pinned"] if other else []
    text = ", ".join(texts) or "none"
    yield CheckResult(f"transfers to the operator in the last {PAYMENTS_LOOKED_BACK} blocks", not other, text, FIX)
    strangers = Counter(log.address for log in other[-TRACED:] for log in _settling_logs(chain, log))
    for address, n in strangers.most_common():
        text = f"settled {n} of the last {TRACED} such transfers, not pinned"
        yield CheckResult(f"settler {address}", False, text, FIX)


def _settling_logs(chain: ChainReader, transfer_log: Log) -> list[Log]:
    """What any contract says of settling in a transfer's transaction."""
    wanted = Filter(topics=((*map(topic_of, SETTLES), topic_of(ChannelSettled)),))
    block = transfer_log.block
    return [log for log in chain.all_logs(wanted, block, block) if log.tx == transfer_log.tx]
