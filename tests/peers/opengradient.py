"""A small OpenGradient on real parts: one EVM node with its contracts, an aggregator, a Hub and a facilitator."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from eth_utils import keccak

from bot.records import start_of_day
from bot.sources.opengradient.settings import ChainConfig, OpenGradientSettings
from bot.sources.opengradient.source import OpenGradient
from tests.peers.aggregator import Aggregator
from tests.peers.anvil import Contract, Node, anvil
from tests.peers.enclave import dump, enclaves, hashed, hexed
from tests.peers.model_hub import ModelHub, model
from tests.peers.served import Handler, Server, serving

CHAIN = 10740
FIRST = date(2026, 10, 5)
SECOND = FIRST + timedelta(days=1)
NOW = datetime(2026, 10, 7, 2, 0, tzinfo=UTC)
PAYEE = "0x" + "9d" * 20
PRECOMPILE = "0x00000000000000000000000000000000000000F4"
CID, OTHER_CID = "Q" * 43, "Z" * 43
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


def seconds(day: date, hour: int, minute: int = 0) -> int:
    return int((start_of_day(day) + timedelta(hours=hour, minutes=minute)).timestamp())


def blob_id(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


@dataclass
class Facilitator:
    """A handler factory for `served.serving`."""

    requests: dict[str, int] = field(default_factory=dict)

    def __call__(self, server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            days = [NOW.date() - timedelta(days=n) for n in range(89, -1, -1)]
            daily = [
                {"day": d.isoformat(), "requestCount": self.requests.get(d.isoformat(), 0), "costOpg": "0.5"}
                for d in days
            ]
            return web.json_response({"totalRequests": 9, "totalCostOpg": "1", "daily": daily})

        return answer


@dataclass
class World:
    """All servers, and the history."""

    node: Node
    aggregator: Aggregator
    hub: ModelHub
    facilitator: Facilitator
    settings: OpenGradientSettings
    relay: Contract
    stranger: Contract
    registry: Contract
    old_registry: Contract
    precompile: Contract
    models: Contract
    token: Contract
    proxy: Contract

    def source(self, data: Path, now: datetime = NOW, **changed: Any) -> OpenGradient:
        return OpenGradient(self.settings.model_copy(update=changed), data, lambda: now)

    def batch(self, at: int, values: Sequence[Sequence[str]], size: int | None = None, **where: Any) -> dict[str, Any]:
        """Settle a batch at an instant, with its blob in the aggregator."""
        raw = dump(values)
        self.aggregator.blobs = {**self.aggregator.blobs, blob_id(raw): raw}
        return self.root(at, _root(raw), len(values) if size is None else size, blob_id(raw), **where)

    def root(
        self, at: int, root: bytes, size: int, blob: str, relay: Contract | None = None, sender: str | None = None
    ) -> dict[str, Any]:
        self.node.at(at)
        return (relay or self.relay).send("batchSettle", root, size, blob.encode(), sender=sender)

    def single(self, at: int, named: str) -> dict[str, Any]:
        """An individual settlement whose payload names its model."""
        request = {"model": named, "messages": [{"role": "user", "content": "a secret prompt"}], "temperature": 0.0}
        input_hash = keccak(json.dumps(request, sort_keys=True).encode())
        output_hash, enclave = hashed("out", at), enclaves()[1]
        raw = json.dumps({"input": request, "output": {"model": named}}).encode()
        self.aggregator.blobs = {**self.aggregator.blobs, blob_id(raw): raw}
        signature = enclave.signature(input_hash, output_hash, at)
        self.node.at(at + 5)
        hashes = (enclave.tee_id, input_hash, output_hash)
        return self.relay.send("settleIndividual", *hashes, at, PAYEE, blob_id(raw).encode(), signature)

    def infer(self, at: int, cid: str, simulated: bool = False, sender: int = 1) -> None:
        self.node.at(at)
        self.precompile.send("infer", f"id {at}", 0, cid, simulated, sender=self.node.accounts[sender])


def _root(raw: bytes) -> bytes:
    from bot.sources.opengradient.merkle_batch import Batch, parse_batch

    batch = parse_batch(raw)
    assert isinstance(batch, Batch)
    return batch.root


@contextmanager
def world() -> Iterator[World]:
    """Two days with most of the possible events."""
    with ExitStack() as stack:
        born = str(seconds(FIRST - timedelta(days=1), 20))
        node = stack.enter_context(anvil("--timestamp", born, "--chain-id", str(CHAIN)))
        aggregator = Aggregator({}, None)
        hub = ModelHub([model("one", "ann", "vision", CID), model("two", "bob", "risk"), model("three", "ann", "risk")])
        facilitator = Facilitator({FIRST.isoformat(): 12, SECOND.isoformat(): 7})
        urls = [stack.enter_context(serving(aggregator)).url for aggregator in (aggregator, hub, facilitator)]
        deploys = {name: node.deploy(name, *args) for name, args in _CONTRACTS.items()}
        stranger = node.deploy("SettlementRelay", True)
        chain = ChainConfig(endpoints=(node.url,), chain_id=CHAIN, finality=0, rate=500.0, concurrency=4)
        settings = OpenGradientSettings(
            settlements=chain,
            hub_chain=chain,
            base=chain,
            relays=(deploys["SettlementRelay"].address,),
            registries={deploys["TeeRegistryNew"].address: "new", deploys["TeeRegistryOld"].address: "old"},
            aggregators=(urls[0],),
            hub=urls[1],
            facilitator=urls[2],
            token=deploys["Token"].address,
            payees=(PAYEE,),
            proxies=(deploys["UptoProxy"].address,),
            budget=120.0,
            look=30.0,
        )
        yield World(
            *(node, aggregator, hub, facilitator, settings, deploys["SettlementRelay"], stranger),
            *(deploys["TeeRegistryNew"], deploys["TeeRegistryOld"], node.place("Precompile", PRECOMPILE)),
            *(deploys["InferenceHub"], deploys["Token"], deploys["UptoProxy"]),
        )


_CONTRACTS: dict[str, tuple[object, ...]] = {
    "SettlementRelay": (True,),
    "TeeRegistryNew": (),
    "TeeRegistryOld": (),
    "InferenceHub": (),
    "Token": (),
    "UptoProxy": (),
}


def two_days(w: World) -> None:
    """The first day: honest and dishonest settlements, Hub models, payments. The second: invalid keys and
    signatures."""
    keys, owner = enclaves(), w.node.accounts[0]
    w.registry.send("register", 0, owner, "https://10.0.0.1", keys[0].der)
    w.old_registry.send("register", 0, owner, "https://10.0.0.2", keys[1].der)
    honest = [keys[0].value(("first", n), seconds(FIRST, 9)) for n in range(5)]
    w.batch(seconds(FIRST, 9, 10), honest)
    w.batch(seconds(FIRST, 9, 20), [*reversed(honest), keys[1].value("late", seconds(FIRST, 9))])
    w.root(seconds(FIRST, 10), b"\x22" * 32, 2**255, "N" * 43)
    w.single(seconds(FIRST, 11), "openai/gpt-4.1")
    w.batch(seconds(FIRST, 12), [keys[0].value("elsewhere", seconds(FIRST, 12))], relay=w.stranger)
    w.infer(seconds(FIRST, 13), CID)
    w.infer(seconds(FIRST, 13, 1), CID, sender=2)
    w.infer(seconds(FIRST, 13, 2), CID, simulated=True)
    w.infer(seconds(FIRST, 13, 3), OTHER_CID)
    w.node.at(seconds(FIRST, 13, 4))
    w.models.send("run", w.precompile.address, "twin", CID)
    for minute, payer in enumerate((3, 3, 4)):
        w.node.at(seconds(FIRST, 14, minute))
        w.proxy.send("settle", w.token.address, w.node.accounts[payer], PAYEE, 10**18 + minute)
    w.node.at(seconds(FIRST, 15))
    w.token.send("move", w.node.accounts[5], PAYEE, 10**24)
    forged = keys[0].value("forged", seconds(SECOND, 9))
    forged[3] = hexed(b"\x01" * 256)
    second = [keys[0].value(("second", n), seconds(SECOND, 9)) for n in range(3)]
    w.batch(seconds(SECOND, 9, 10), [*second, forged, keys[2].value("unregistered", seconds(SECOND, 9))])
    w.registry.send("heartbeat", keys[0].tee_id)
    w.node.at(seconds(NOW.date(), 0, 1))
    w.registry.send("heartbeat", keys[0].tee_id)
    w.node.at(seconds(NOW.date(), 0, 2))
    w.node.mine()
