"""What OpenGradient shows beside its models: enclaves in the registries, and what the facilitator says of itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, timedelta

import httpx

from bot.chain import ChainReader, Reverted
from bot.chain.quorum import run_in_thread
from bot.clients.http import host_label
from bot.records import EventBatch, Gauge, SourceError, SourceRef
from bot.sources import SourceStateReader
from bot.sources.opengradient import facilitator, tee_registry
from bot.sources.opengradient.settings import OpenGradientSettings

CLOSES_WITHIN = timedelta(hours=6)
"""What is seen this soon after midnight UTC still stands for the day before: it moves little."""

NOBODY = "0x" + "00" * 20

LIST_EVERY = timedelta(hours=6)
"""Between two walks of the Hub's list on one day: some fifty requests, of which only the first can close a day."""


def sample_day(at: datetime) -> date:
    """The day that a sample stands for."""
    return (at - CLOSES_WITHIN).date()


def listing_cursor(now: datetime) -> dict[str, str]:
    """The cursor that says when the Hub's list was walked."""
    return {"hub:list": now.isoformat()}


def should_list_hub(memory: SourceStateReader, now: datetime) -> bool:
    """Whether the Hub's list was not walked just now; each day begins with a walk."""
    kept = memory.cursor("hub:list")
    before = datetime.fromisoformat(kept) if kept else None
    return before is None or before.date() != now.date() or not timedelta() < now - before < LIST_EVERY


def payees_cursor(payees: Collection[str]) -> dict[str, str]:
    """The cursor that holds every address the operator was ever paid at: an enclave that ends is paid for a while."""
    return {"payees": json.dumps(sorted(payees))}


def stored_payees(memory: SourceStateReader) -> frozenset[str]:
    """Those addresses, as kept."""
    return frozenset(json.loads(memory.cursor("payees") or "[]"))


def contract_caller(chain: ChainReader) -> Callable[[str, bytes], bytes | None]:
    """Calls of contracts at one block: the newest final one at the first call."""
    block: list[int] = []

    def call_contract(to: str, data: bytes) -> bytes | None:
        if not block:
            block.append(chain.final_head().number)
        answer = chain.call_contract(to, data, block[0])
        return None if isinstance(answer, Reverted) else answer

    return call_contract


def sample_enclaves(
    chain: ChainReader, registries: Mapping[str, tee_registry.Layout], now: datetime
) -> tuple[EventBatch, frozenset[str]]:
    """One sample of all registries together, and the addresses that active enclaves are paid at. An address without
    code is left out where another one has a registry. Where no enclave is active, the registry may have moved: that is
    no zero, and alarmed. Raises `SourceError`: what a registry leaves out would make every figure too small."""
    call = contract_caller(chain)
    registered: set[bytes] = set()
    enabled: set[bytes] = set()
    active: dict[bytes, tee_registry.Enclave] = {}
    gone = {address for address in registries if call(address, tee_registry.call_registered()) == b""}
    for address, layout in registries.items():
        if address in gone and len(gone) < len(registries):
            continue
        registered |= set(tee_registry.decode_ids(_registry_answer(call, address, tee_registry.call_registered())))
        enabled |= set(tee_registry.decode_ids(_registry_answer(call, address, tee_registry.call_enabled())))
        answer = _registry_answer(call, address, tee_registry.call_active())
        active |= {enclave.tee_id: enclave for enclave in tee_registry.decode_active(answer, layout)}
    shown = {"enclaves_registered": len(registered), "enclaves_enabled": len(enabled)}
    if active:
        shown |= {
            "enclaves_active": len(active),
            "machines_active": len(tee_registry.ids_by_machine(active.values())),
            "owners_active": len({one.owner for one in active.values()}),
        }
    moved = "no registry lists an active enclave: check networks.opengradient.registries; see: python -m bot doctor"
    day = sample_day(now)
    ref = SourceRef(f"evm:{chain.pin.chain_id}/registries/{'+'.join(registries)}", now)
    gauges = tuple(Gauge(key, day, now, value) for key, value in shown.items())
    payees = frozenset(one.payment_address for one in active.values()) - {NOBODY}
    told = f"{len(registries)} registries on chain {chain.pin.chain_id}, {len(active)} enclaves active"
    alarm = "" if active else moved
    return EventBatch("opengradient", "tee", told, refs=(ref,), days=(day,), gauges=gauges, alarm=alarm), payees


def _registry_answer(call: Callable[[str, bytes], bytes | None], address: str, data: bytes) -> bytes:
    found = call(address, data)
    if not found:
        raise SourceError(f"registry {address}: did not answer; remove it from `registries:` if it is gone")
    return found


def reported_requests(client: httpx.Client, base: str, now: datetime, days: int) -> Iterator[EventBatch]:
    """What the facilitator says of the last days. Raises `SourceError`."""
    usage = facilitator.fetch_usage(client, base, now)
    first = now.date() - timedelta(days=days)
    told = {day: one.requests for day, one in usage.days.items() if first <= day < now.date()}
    gauges = tuple(Gauge("requests_reported", day, now, n) for day, n in told.items() if isinstance(n, int))
    for catalogue in ("payments", "llm"):
        of = tuple(gauge.day for gauge in gauges)
        words = f"the facilitator's own count of {len(gauges)} days"
        yield EventBatch("opengradient", catalogue, words, refs=(usage.ref,), days=of, gauges=gauges)


def unreachable_of(settings: OpenGradientSettings) -> dict[str, str]:
    """Of all addresses that are asked, those where nobody answers."""
    return unreachable_endpoints(settings.endpoint_figures, settings.look, settings.rpc_endpoints)


def unreachable_endpoints(urls: Mapping[str, str], seconds: float, chains: Collection[str] = ()) -> dict[str, str]:
    """Of these addresses (each with what rests on it), those where nobody answers within so many seconds, each with one
    line that says so. Any answer counts, even a refusal; of `chains` only one in JSON-RPC. All are asked at once."""
    asked = {url: run_in_thread(_probe_endpoint, url, seconds, url in chains) for url in urls}
    lines: dict[str, str] = {}
    ends = time.monotonic() + seconds
    for url, waiting in asked.items():
        try:
            found = waiting.result(max(0.0, ends - time.monotonic()))
        except TimeoutError:
            found = _too_slow(seconds)
        if found:
            lines[url] = f"{host_label(url)}: {found}; {urls[url]} stay unknown until it answers"
    return lines


def _too_slow(seconds: float) -> str:
    """The same words whether the socket's limit is met first or ours, which is as long."""
    return f"no answer within {seconds:g} s"


_QUESTION = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
_ENOUGH = 4096
"""Bytes of an answer that are looked at."""


def _probe_endpoint(url: str, seconds: float, rpc: bool) -> str:
    """Why an address does not answer, or not in JSON-RPC where that is wanted; empty where it does."""
    method, question = ("POST", _QUESTION) if rpc else ("GET", None)
    try:
        client = httpx.Client(timeout=seconds, follow_redirects=False)
        with client, client.stream(method, url, json=question) as answer:
            head = next(answer.iter_bytes(_ENOUGH), b"") if rpc else b""
    except httpx.TimeoutException:
        return _too_slow(seconds)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"no answer ({type(error).__name__})"
    if not rpc or answer.status_code == 429 or b'"result"' in head:
        return ""
    return f"answered {answer.status_code}, and not in JSON-RPC"
