"""OpenGradient's panels: the enclaves in the registries, and what the facilitator reports about itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx

from bot.chain import ChainReader, Reverted
from bot.chain.quorum import run_in_thread
from bot.clients.http import decoded_chunks, host_label
from bot.clients.raw_archive import open_raw_archive
from bot.clients.recording import open_client
from bot.records import EventBatch, Gauge, SourceError, SourceRef
from bot.sources import SourceStateReader
from bot.sources.opengradient import facilitator, tee_registry
from bot.sources.opengradient.settings import OpenGradientSettings

CLOSES_WITHIN = timedelta(hours=6)
"""A sample this soon after midnight UTC stands for the day before, because it changes little."""

NOBODY = "0x" + "00" * 20

LIST_EVERY = timedelta(hours=6)
"""Least time between two walks of the Hub's list on one day: fifty requests, and only the first can close a day."""


def sample_day(at: datetime) -> date:
    return (at - CLOSES_WITHIN).date()


def listing_cursor(now: datetime) -> dict[str, str]:
    """The cursor with the time of the last walk of the Hub's list."""
    return {"hub:list": now.isoformat()}


def should_list_hub(memory: SourceStateReader, now: datetime) -> bool:
    """Whether the last walk of the Hub's list is old enough; each day begins with a walk."""
    kept = memory.cursor("hub:list")
    before = datetime.fromisoformat(kept) if kept else None
    return before is None or before.date() != now.date() or not timedelta() < now - before < LIST_EVERY


def payees_cursor(payees: Collection[str]) -> dict[str, str]:
    """The cursor with every address at which the operator was ever paid: a stopped enclave is paid for a while."""
    return {"payees": json.dumps(sorted(payees))}


def stored_payees(memory: SourceStateReader) -> frozenset[str]:
    """Those addresses, as stored."""
    return frozenset(json.loads(memory.cursor("payees") or "[]"))


def contract_caller(chain: ChainReader) -> Callable[[str, bytes], bytes | None]:
    """Calls contracts at one block: the newest final one at the first call."""
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
    """One sample of all registries together, and the payment addresses of active enclaves. An address without code is
    left out if another one has a registry. If no enclave is active, the registry may have moved: that is an alarm, and
    the figures of active enclaves are unknown. Raises `SourceError`: one missing registry would make every figure too
    small."""
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
            "owners_active": len({enclave.owner for enclave in active.values()}),
        }
    moved = "no registry lists an active enclave: check networks.opengradient.registries; see: python -m bot doctor"
    day = sample_day(now)
    ref = SourceRef(f"evm:{chain.pin.chain_id}/registries/{'+'.join(registries)}", now)
    gauges = tuple(Gauge(key, day, now, value) for key, value in shown.items())
    payees = frozenset(enclave.payment_address for enclave in active.values()) - {NOBODY}
    summary = f"{len(registries)} registries on chain {chain.pin.chain_id}, {len(active)} enclaves active"
    alarm = "" if active else moved
    return EventBatch("opengradient", "tee", summary, refs=(ref,), days=(day,), gauges=gauges, alarm=alarm), payees


def _registry_answer(call: Callable[[str, bytes], bytes | None], address: str, data: bytes) -> bytes:
    answer = call(address, data)
    if not answer:
        raise SourceError(f"registry {address}: did not answer; remove it from `registries:` if it is gone")
    return answer


def reported_requests(
    client: httpx.Client, base: str, now: datetime, days: int, raw_folder: Path
) -> Iterator[EventBatch]:
    """The facilitator's reports of the last days. Raises `SourceError`."""
    usage = facilitator.fetch_usage(client, base, now)
    with open_raw_archive(raw_folder) as raw:
        raw.add(usage.content)
    ref = replace(usage.ref, sha256=raw.sha256)
    first = now.date() - timedelta(days=days)
    requests = {day: daily_report.requests for day, daily_report in usage.days.items() if first <= day < now.date()}
    gauges = tuple(Gauge("requests_reported", day, now, n) for day, n in requests.items() if isinstance(n, int))
    for catalogue in ("payments", "llm"):
        of = tuple(gauge.day for gauge in gauges)
        words = f"the facilitator's own count of {len(gauges)} days"
        yield EventBatch("opengradient", catalogue, words, refs=(ref,), days=of, gauges=gauges)


def unreachable_of(settings: OpenGradientSettings) -> dict[str, str]:
    """The configured addresses that do not answer."""
    return unreachable_endpoints(settings.endpoint_figures, settings.look, settings.rpc_endpoints)


def unreachable_endpoints(urls: Mapping[str, str], seconds: float, chains: Collection[str] = ()) -> dict[str, str]:
    """Those of the addresses (each with the figures that depend on it) that do not answer within so many seconds, each
    with one line. Any answer counts, even a refusal; of `chains` only JSON-RPC does. All are tried at once."""
    futures = {url: run_in_thread(_probe_endpoint, url, seconds, url in chains) for url in urls}
    lines: dict[str, str] = {}
    ends = time.monotonic() + seconds
    for url, waiting in futures.items():
        try:
            reason = waiting.result(max(0.0, ends - time.monotonic()))
        except TimeoutError:
            reason = _too_slow(seconds)
        if reason:
            lines[url] = f"{host_label(url)}: {reason}; {urls[url]} stay unknown until it answers"
    return lines


def _too_slow(seconds: float) -> str:
    """The same message for the socket's limit and ours, which is as long."""
    return f"no answer within {seconds:g} s"


_QUESTION = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
_ENOUGH = 4096
"""Bytes of a response that are read."""


def _probe_endpoint(url: str, seconds: float, rpc: bool) -> str:
    """Why an address does not answer, or not in JSON-RPC if that is required; empty if it does."""
    method, question = ("POST", _QUESTION) if rpc else ("GET", None)
    try:
        client = open_client(timeout=seconds, follow_redirects=False)
        with client, client.stream(method, url, json=question) as answer:
            head = next(decoded_chunks(answer, _ENOUGH), b"") if rpc else b""
    except httpx.TimeoutException:
        return _too_slow(seconds)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"no answer ({type(error).__name__})"
    if not rpc or answer.status_code == 429 or b'"result"' in head:
        return ""
    return f"answered {answer.status_code}, and not in JSON-RPC"
