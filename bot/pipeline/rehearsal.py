"""Rehearsals: reads a network once for yesterday into a ledger that is thrown away, and says what answered, in which
form, which facts hold, and what would be published. With a transcript in place of the network, it says the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from bot import ledger, sources
from bot.clients.recording import rpc_calls
from bot.clients.transcript import Exchange
from bot.config import NetworkConfig
from bot.deliveries import publish_gate
from bot.pipeline.collection import collect
from bot.pipeline.composition import build_digest
from bot.pipeline.digest_content import render_post
from bot.pipeline.network_plan import NetworkPlan
from bot.records import CheckResult, Period, try_check
from bot.redaction import redact
from bot.store import open_store

DEADLINE = timedelta(hours=6)
_SHOWN_KEYS = 12
_DEPTH = 3
_SPECIFIC = re.compile(r"[^/]{20,}|(?:0x)?[0-9a-f]{16,}|\d+")
"""A part of a path that stands for one thing, such as an id."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal found, as lines for the person who runs it."""

    facts: tuple[CheckResult, ...]
    collected: tuple[str, ...]
    """What was read, and what failed."""
    gate: str
    """Whether a post would go out, and why not."""
    post: str


def rehearse(
    plan: NetworkPlan, settings: NetworkConfig, secrets: Mapping[str, str], now: datetime, outlet: str = "text"
) -> Rehearsal:
    """Read a network as it is at `now` for the day before, and render its post for an outlet. Nothing is kept."""
    with TemporaryDirectory(prefix="footfall-rehearsal-") as scratch:
        return _rehearse_in(Path(scratch), plan, settings, secrets, now, outlet)


def _rehearse_in(
    data: Path, plan: NetworkPlan, settings: NetworkConfig, secrets: Mapping[str, str], now: datetime, outlet: str
) -> Rehearsal:
    facts = tuple(_check_facts(plan.network, data, settings, secrets, now))
    yesterday = now.date() - timedelta(days=1)
    lines: list[str] = []
    store = open_store(f"sqlite:///{data / 'rehearsal.db'}")
    try:
        for listing in sources.static_listings(plan.network, settings, yesterday):
            ledger.add_snapshot(store, listing)
        source = sources.make_source(plan.network, settings, data, secrets, lambda: now)
        result = collect(store, plan.network, source, Period(yesterday, yesterday), lines.append)
        document = build_digest(store, plan, Period(yesterday, yesterday), now)
    finally:
        store.close()
    gate = publish_gate(document, now, DEADLINE)
    shown = tuple(redact(line) for line in [*dict.fromkeys(lines), *result.error.splitlines()])
    verdict = "it would be posted" if gate.publish else f"nothing would be posted: {gate.reason}"
    return Rehearsal(facts, shown, verdict, render_post(document, outlet).parts[0])


def _check_facts(
    network: str, data: Path, settings: NetworkConfig, secrets: Mapping[str, str], now: datetime
) -> Iterator[CheckResult]:
    module = sources.load_network(network, settings)
    yield from try_check("reachable", "", lambda: module.check_reachable(settings, data, secrets))
    if live := getattr(module, "live_checks", None):
        yield from try_check("facts", "", lambda: list(live(settings, data, now)))


def answer_lines(exchanges: Sequence[Exchange]) -> list[str]:
    """What answered and the form of each answer, one line for each kind of request."""
    if not exchanges:
        return ["nothing was asked over HTTP: with these settings, this network is read from files or a database"]
    kinds: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        kinds.setdefault(_kind(exchange), []).append(exchange)
    return [line for kind, alike in sorted(kinds.items()) for line in _kind_lines(kind, alike)]


def _kind(exchange: Exchange) -> str:
    parts = urlsplit(exchange.url)
    path = "/".join("*" if _SPECIFIC.fullmatch(part) else part for part in parts.path.split("/"))
    methods = " + ".join(sorted({str(call["method"]) for call in rpc_calls(exchange.question)}))
    return f"{exchange.method} {parts.netloc}{path}{f' {methods}' if methods else ''}"


def _kind_lines(kind: str, alike: Sequence[Exchange]) -> Iterator[str]:
    outcomes = Counter(str(exchange.status) if not exchange.error else exchange.error for exchange in alike)
    size = sum(len(exchange.body) for exchange in alike)
    counts = ", ".join(f"{outcome} ({n})" for outcome, n in sorted(outcomes.items()))
    yield f"{kind}: {counts}, {size:,} bytes"
    shapes = Counter(_shape_of(exchange) for exchange in alike if exchange.status == 200 and exchange.body)
    yield from (f"  {shape}" for shape, _ in sorted(shapes.items(), key=lambda item: (-item[1], item[0]))[:3])


def _shape_of(exchange: Exchange) -> str:
    try:
        return json_shape(json.loads(exchange.content))
    except (ValueError, RecursionError):
        kind = exchange.headers.get("content-type", "no type named").partition(";")[0]
        return f"no JSON ({kind})"


def json_shape(value: Any, depth: int = _DEPTH) -> str:
    """The form of a JSON value without its contents: `{"models": [{"name": text}]}`."""
    if isinstance(value, Mapping):
        if depth == 0:
            return "{…}"
        keys = sorted(value)
        shown = [f"{_plain_key(key)}: {json_shape(value[key], depth - 1)}" for key in keys[:_SHOWN_KEYS]]
        return "{" + ", ".join(shown + (["…"] if len(keys) > _SHOWN_KEYS else [])) + "}"
    if isinstance(value, list):
        if depth == 0 or not value:
            return "[…]" if value else "[]"
        return "[" + " | ".join(dict.fromkeys(_shapes(value[:50], depth - 1))) + "]"
    kinds = {bool: "yes or no", int: "integer", float: "number", str: "text", type(None): "null"}
    return kinds.get(type(value), "other")


def _shapes(values: Iterable[Any], depth: int) -> Iterator[str]:
    yield from (json_shape(value, depth) for value in values)


def _plain_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", key) else "*"
