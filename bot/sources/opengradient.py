"""OpenGradient runs AI models so that a stranger can check what was run. It keeps two populations of models that never
meet, and Footfall keeps them apart: *LLMs served in enclaves* (`llm`) and models of the *Model Hub* (`hub`). Dividing
the use of one by the list of the other is a mistake this product exists to avoid.

**`llm`: what is counted.** An enclave signs each answer. A relay settles answers in batches: a log on chain 10740 with
a Merkle root, a size and the id of a Walrus blob that holds the signed leaves. Three figures of different evidence
stand side by side and are never added:

* *claimed*: the sizes that recognised senders put into their logs. Any number can be put there, so it is known only
  where senders are pinned in `config.yaml`, and never more than the batch turns out to hold.
* *backed*: distinct leaves of blobs that can be read and whose Merkle root, computed again, is that of the log.
* *verified*: leaves whose RSA-PSS signature is that of an enclave which the registries list and which was registered
  before it signed. Nobody outside an enclave can make one. Known only when every settlement of the day has its verdict.

A day is the UTC day of the block that settled, for all three alike: a leaf waits up to a quarter of an hour for its
batch. The list of LLMs is that of the gateway's own registry, since no public list can be read; newer models are told
in `config.yaml`. Batches do not name models, only single settlements with a readable payload do.

**`hub`: what is counted.** The list is what the Model Hub's public pages show. Use is `ModelInferenceEvent` of the
precompile 0xF4 on chain 10744, the only event that names a Hub model; simulations are left out, and the Hub contract's
twin event is never counted. An event names a content id; whose it is, the listing or the model's files say.

**Beside them.** *Enclaves* (`tee`): what both registries show, sampled. *Payments* (`payments`): OPG on Base that came
to the operator through an x402 proxy, exact; and the facilitator's own count of requests, which anyone can inflate.
None of it is ever added to the above.

**What is not known.**

* Private inferences leave no proof, so verified answers are a lower bound of what was served.
* Web searches and images are settled as leaves too and cannot be told from chats.
* The network's own apps and tests cannot be told from other people's use.
* Whoever runs an enclave can ask it questions of their own.
* A drop to zero can be a change of deployment: a gateway can be set to emit no proofs.
* Batches from before about July 2026 can no longer be read: Walrus keeps a blob for at most 140 days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import httpx
from pydantic import Field

from bot.config import Choice, Headline, Network
from bot.records import Catalogue, Document, Haul, Period, Ref, Settlement, Snapshot, instant
from bot.sources import Memory, SourceError, _llm_models, _og_beside, _og_checks, _og_logs, _og_proof, _raw
from bot.sources._evm import Chain, Cursor, Endpoint, Filter, Pin, Unreachable
from bot.sources._evm_events import ModelInference, Transfer, topic_of
from bot.sources._hub import Inventory, inventory
from bot.sources._hub_files import Files
from bot.sources._og_judge import Court
from bot.sources._tee import Layout, Registries
from bot.sources._walrus import Walrus

TITLE = "OpenGradient"
OPG = ("OPG", 18)
CATALOGUES = (
    Catalogue(
        *("opengradient", "llm", "LLMs in enclaves", "inferences", "verified"),
        evidences=("claimed", "backed", "verified", "reported"),
        place="the settlement chain",
        token=OPG,
        caveats=(
            "Private inferences leave no proof, so what was served is more than what is verified.",
            "Web searches and images are proven as leaves too and cannot be told from chats.",
            "Use by the network's own apps and tests cannot be told from other people's.",
            "A drop to zero can be a change of deployment: proofs can be switched off.",
        ),
    ),
    Catalogue(
        *("opengradient", "hub", "Model Hub models", "inferences", "claimed"),
        evidences=("claimed",),
        place="the chain of Hub models",
        caveats=(
            "Models that are private on the Hub are not listed.",
            "Scheduled runs of the network's own workflows count like everybody's.",
        ),
    ),
)
PANELS = (
    Catalogue(
        *("opengradient", "tee", "enclaves", "enclaves", "claimed"),
        place="the enclave registries",
        panel=True,
        caveats=("A restarted enclave has a new key, so registrations count starts and not machines.",),
    ),
    Catalogue(
        *("opengradient", "payments", "payments", "payments", "claimed"),
        place="Base",
        panel=True,
        token=OPG,
        caveats=(
            "One payment is one session of many requests, and the network's chat app pays for everybody who uses it.",
            "The operator's own count of requests is its word: anyone who settles a payment can state any number.",
        ),
    ),
)
SECRETS = ()

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]


class ChainChoice(Choice):
    """How a chain is read."""

    endpoints: tuple[Url, ...] = Field(min_length=1, description="JSON-RPC addresses")
    agree: int = Field(default=1, ge=1, description="how many of them must give the same answer")
    chain_id: int = Field(ge=1, description="the chain's id; an endpoint of another is refused")
    finality: int | Literal["safe", "finalized"] = Field(default=1, description="blocks behind the newest, or a tag")
    rate: float = Field(default=5.0, gt=0, description="requests a second to one endpoint")
    concurrency: int = Field(default=2, ge=1, le=16, description="requests at a time to one endpoint")
    timeout: float = Field(default=10.0, gt=0, le=120, description="seconds one request may take")
    window: int = Field(default=5000, ge=1, description="blocks asked for at a time, halved where a node refuses")

    def opened(self, genesis: str | None, budget: float, executor: Executor | None = None) -> Chain:
        """The chain, ready to be asked."""
        lines = [
            Endpoint(url, rate=self.rate, concurrency=self.concurrency, timeout=self.timeout) for url in self.endpoints
        ]
        pin = Pin(self.chain_id, genesis)
        return Chain(
            pin, lines, finality=self.finality, agree=self.agree, budget=budget, window=self.window, executor=executor
        )


# Facts, each with where it stands (compiled 22 Nov 2026). None was read from a live chain: `doctor` looks.
SETTLEMENTS = ChainChoice(endpoints=("https://ogevmdevnet.opengradient.ai",), chain_id=10740)
"""og-evm `evmd/README.md`; opengradient 1.1.4 `client/llm.py`."""
HUB_CHAIN = ChainChoice(endpoints=("https://eth-devnet.opengradient.ai",), chain_id=10744)
"""The older chain, the only one with the precompile 0xF4; deprecated, and it may not answer at all."""
BASE = ChainChoice(
    endpoints=("https://base-rpc.publicnode.com",), chain_id=8453, finality="finalized", rate=2.0, window=2000
)
"""opengradient 1.1.4 `client/opg_token.py`."""
RELAYS = ("0xf1dc0d5Dcf2A01924faC78185B9227CF3EC839A5", "0xAa3bB22c5Ef24fe3837134A25A4D801308E2516d")
"""block-explorer-frontend `lib/inferences/address.ts`: since 24 Feb 2026, and before from 29 Jan 2026."""
REGISTRIES: Mapping[str, Layout] = {
    "0x703cB174AEadB35D611858369B4b1111dC9Abda6": "new",
    "0x4e72238852f3c918f4E4e57AeC9280dDB0c80248": "old",
}
"""opengradient 1.0.7 and newer; opengradient 1.0.4 and older."""
AGGREGATORS = ("https://aggregator.suicore.com", "https://aggregator.walrus-mainnet.walrus.space")
"""npm `og-fe-tee-verification` 0.0.3; docs.wal.app."""
HUB = "https://hub-api.opengradient.ai"
FACILITATOR = "https://facilitator.memchat.io"
"""tee-gateway `definitions.py`; the live value may differ."""
PRECOMPILE = "0x00000000000000000000000000000000000000F4"
TOKEN = "0xFbC2051AE2265686a469421b2C5A2D5462FbF5eB"  # noqa: S105  # OPG on Base
"""opengradient 1.1.4 `client/opg_token.py`."""
PAYEES = ("0x9deEBB5D1b22e4a6e027977CeAd13893A7E4cC1a",)
"""tee-gateway `definitions.py`; the addresses that active enclaves are paid at are added to these."""
PROXIES = ("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002", "0x402085c248EeA27D92E8b30b2C58ed07f9E20001")
"""x402 on Base: "upto" over Permit2, and "exact"."""
EXPLORER = "https://explorer.opengradient.ai"
BLOBS = "https://walruscan.com/mainnet/blob"
PROOF_BUDGET = 8.0
"""Seconds that a person waits for a chain at most."""


class Settings(Network):
    """What `config.yaml` may say under `networks.opengradient`."""

    headline: Headline = Field(
        Headline(catalogue="llm", figure="uses_verified"), description="the figure the post opens with"
    )
    settlements: ChainChoice = Field(SETTLEMENTS, description="the chain of settlements and registries")
    hub_chain: ChainChoice = Field(HUB_CHAIN, description="the chain on which Hub models run")
    base: ChainChoice = Field(BASE, description="the chain of payments")
    relays: tuple[Address, ...] = Field(RELAYS, description="settlement contracts that count")
    signers: tuple[Address, ...] = Field((), description="senders whose settlements count; none: anybody's, unclaimed")
    registries: dict[Address, Layout] = Field(dict(REGISTRIES), description="enclave registries and their layout")
    aggregators: tuple[Url, ...] = Field(AGGREGATORS, description="Walrus aggregators, asked in turn")
    hub: Url = Field(HUB, description="where the Model Hub's list is")
    facilitator: Url = Field(FACILITATOR, description="whose own count of requests is shown as reported")
    precompile: Address = Field(PRECOMPILE, description="the emitter of Hub models' inferences")
    token: Address = Field(TOKEN, description="the token that is paid in")
    payees: tuple[Address, ...] = Field(PAYEES, description="the operator's addresses")
    proxies: tuple[Address, ...] = Field(PROXIES, description="payment proxies whose log makes a transfer a payment")
    added_llms: tuple[str, ...] = Field((), description="provider/name of LLMs newer than the list in the source")
    removed_llms: tuple[str, ...] = Field((), description="names of LLMs that are not served any more")
    budget: float = Field(20.0, gt=0, le=600, description="seconds one question to a chain may take, with all tries")
    look: float = Field(
        5.0, gt=0, le=60, description="seconds an address has to answer at all before it is passed over"
    )


def _lower(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(address.lower() for address in addresses)


@dataclass(frozen=True, slots=True)
class OpenGradient:
    """The network, asked."""

    chosen: Settings
    data: Path
    clock: Callable[[], datetime]
    executor: Executor | None = None

    def hauls(self, wanted: Period | None, memory: Memory) -> Iterator[Snapshot | Haul]:
        """Every way of reading it in turn; what fails is said at the end. Raises `SourceError`."""
        out = _og_beside.silent(addresses(self.chosen), self.chosen.look, chains(self.chosen))
        errors = list(out.values())
        dead: set[str] = set()
        with ExitStack() as stack:
            for place, part in self._parts(wanted, memory, out, stack):
                if place in dead:
                    continue
                try:
                    yield from part()
                except SourceError as error:
                    errors += str(error).splitlines()
                    # What was tried for long enough once is not tried again for every figure.
                    dead |= {place} if isinstance(error, Unreachable) else set()
        if errors:
            raise SourceError("\n".join(dict.fromkeys(errors)))

    def _parts(
        self, wanted: Period | None, memory: Memory, out: Mapping[str, str], stack: ExitStack
    ) -> Iterator[tuple[str, Callable[[], Iterator[Snapshot | Haul]]]]:
        """What can be read now and where, in the order in which one part needs another."""
        chosen, now = self.chosen, self.clock()
        client = stack.enter_context(httpx.Client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        found: list[Inventory] = []
        payees: set[str] = set(_lower(chosen.payees))
        if enough(chosen.settlements, out):
            chain = stack.enter_context(self._opened(chosen.settlements, memory, "settlements"))
            relays = _lower(chosen.relays)
            wants = Filter(relays, (tuple(map(topic_of, _og_logs.SETTLES)),))
            reading = _og_logs.Reading("settlements", "llm", chain, wants, _og_logs.settled, self.lake)
            yield "settlements", lambda: reading.hauls(wanted, memory, now.date())
            yield "settlements", lambda: _og_logs.emitters(chain, relays, memory, now.date())
            if any(url not in out for url in chosen.aggregators):
                yield "settlements", lambda: self._judged(chain, client, memory, now)
            yield "settlements", lambda: self._enclaves(chain, now, payees)
        if chosen.hub not in out:
            yield "hub", lambda: self._inventory(client, memory, now, found)
        if enough(chosen.hub_chain, out):
            old = stack.enter_context(self._opened(chosen.hub_chain, memory, "hub"))
            wants_hub = Filter(_lower((chosen.precompile,)), ((topic_of(ModelInference),),))
            of_hub = _og_logs.Reading("hub", "hub", old, wants_hub, _og_logs.inferred(old), self.lake)
            yield "hub chain", lambda: of_hub.hauls(wanted, memory, now.date())
        if found:
            yield "hub", lambda: self._mapped(client, memory, found[0], now)
        if enough(chosen.base, out):
            base = stack.enter_context(self._opened(chosen.base, memory, "payments"))
            yield "base", lambda: self._paid(base, payees).hauls(wanted, memory, now.date())
        if chosen.facilitator not in out:
            yield "facilitator", lambda: _og_beside.reported(client, chosen.facilitator, now, _since(wanted, now))

    @property
    def lake(self) -> Path:
        return lake(self.data)

    def _opened(self, choice: ChainChoice, memory: Memory, name: str) -> Chain:
        kept = memory.cursor(name)
        return choice.opened(Cursor.read(kept).genesis if kept else None, self.chosen.budget, self.executor)

    def _judged(self, chain: Chain, client: httpx.Client, memory: Memory, now: datetime) -> Iterator[Haul]:
        since = now.date() - timedelta(days=_og_logs.LATE)
        yield from court(self.chosen, self.data, chain, client, self.executor).hauls(memory, now, since)

    def _enclaves(self, chain: Chain, now: datetime, payees: set[str]) -> Iterator[Haul]:
        haul, paid_at = _og_beside.enclaves(chain, self.chosen.registries, now)
        payees |= paid_at
        yield haul

    def _inventory(
        self, client: httpx.Client, memory: Memory, now: datetime, found: list[Inventory]
    ) -> Iterator[Snapshot]:
        known = [tuple(str(name).split("/", 1)) for name in memory.names("hub")]
        before = {(author, name) for author, name in known} if known else None
        with _raw.keeping(self.lake) as raw:
            made = inventory(client, self.chosen.hub, now, before, raw.add)
        found.append(made)
        read = made.snapshot
        early = now - instant(now.date()) <= _og_beside.CLOSES_WITHIN
        closes = now.date() - timedelta(days=1) if early else None
        note = "\n".join(filter(None, [read.note, f"The Hub's list was read at {now:%H:%M} UTC of {now:%-d %b %Y}."]))
        yield Snapshot(
            *(read.network, read.catalogue, read.at, read.ref, read.listings, read.readings),
            unplaced=read.unplaced,
            note=note,
            closes=closes,
        )

    def _mapped(self, client: httpx.Client, memory: Memory, found: Inventory, now: datetime) -> Iterator[Haul]:
        """Uses whose content id some model turns out to hold."""
        lost = memory.unattributed("hub", now.date() - timedelta(days=30))
        wanted = {use.content for use in lost} - found.content.keys() - found.disputed
        owners = dict(found.content)
        if wanted:
            files = Files(client, self.chosen.hub, self.data / "opengradient" / "hub_files.json")
            owners |= files.owners(wanted, found.entries, now.date())
        named = {use.content: owners[use.content] for use in lost if use.content in owners}
        if named:
            days = tuple(now.date() - timedelta(days=n) for n in range(30, -1, -1))
            yield Haul("opengradient", "hub", f"whose {len(named)} content ids are", days=days, owners=named)

    def _paid(self, chain: Chain, payees: set[str]) -> _og_logs.Reading:
        padded = tuple(bytes(12) + bytes.fromhex(payee[2:]) for payee in sorted(payees))
        wants = Filter(_lower((self.chosen.token,)), ((topic_of(Transfer),), None, padded))
        made = _og_logs.paid(chain, _lower(self.chosen.proxies))
        return _og_logs.Reading("payments", "payments", chain, wants, made, self.lake)


def addresses(chosen: Settings) -> dict[str, str]:
    """Everything that is asked, with the figures that rest on it."""
    rests = dict.fromkeys(chosen.settlements.endpoints, "settled inferences and enclaves")
    rests |= dict.fromkeys(chosen.hub_chain.endpoints, "inferences of Hub models")
    rests |= dict.fromkeys(chosen.base.endpoints, "payments")
    rests |= dict.fromkeys(chosen.aggregators, "backed and verified inferences of new batches")
    return {**rests, chosen.hub: "the Hub's listed models", chosen.facilitator: "reported requests"}


def chains(chosen: Settings) -> frozenset[str]:
    """The addresses of which JSON-RPC is wanted."""
    return frozenset((*chosen.settlements.endpoints, *chosen.hub_chain.endpoints, *chosen.base.endpoints))


def _since(wanted: Period | None, now: datetime) -> int:
    """Days back that the facilitator's count is wanted for."""
    return max(_og_logs.LATE, (now.date() - wanted.first).days) if wanted else _og_logs.LATE


def enough(choice: ChainChoice, out: Mapping[str, str]) -> bool:
    """Whether as many endpoints answer as must agree."""
    return sum(url not in out for url in choice.endpoints) >= choice.agree


def court(chosen: Settings, data: Path, chain: Chain, client: httpx.Client, executor: Executor | None = None) -> Court:
    """What judges settlements."""
    addresses = {address.lower(): layout for address, layout in chosen.registries.items()}
    registries = Registries(addresses, _og_beside.caller(chain), data / "opengradient" / "keys")
    walrus = Walrus(chosen.aggregators, lake(data) / "blobs", client)
    return Court(chain, walrus, registries, _lower(chosen.relays), _lower(chosen.signers), executor)


def source(
    chosen: Settings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> OpenGradient:
    """The network, ready to be asked."""
    return OpenGradient(chosen, data, clock, executor)


def answers(chosen: Settings, seconds: float) -> bool:
    """Whether the chain of settlements answers at all, within so many seconds."""
    asked = dict.fromkeys(chosen.settlements.endpoints, "")
    return enough(chosen.settlements, _og_beside.silent(asked, seconds, chains(chosen)))


def standing(chosen: Settings, until: date, days: int = 1) -> tuple[Snapshot, ...]:
    """The list of LLMs, which stands in the source, as of the end of each of the `days` up to one."""
    since = date.fromisoformat(_llm_models.AS_OF)
    listed = _llm_models.listings(chosen.added_llms, chosen.removed_llms)
    gone = sum(one.model in _llm_models.RETIRED for one in listed)
    note = (
        f"The list of LLMs is the gateway's own registry as of {since.day} {since:%b %Y}; {gone} of its names are "
        "retired and lead to newer models."
    )
    ref = Ref(_llm_models.SOURCE, instant(since))
    wanted = (until - timedelta(days=n) for n in range(days, -1, -1))
    return tuple(
        Snapshot("opengradient", "llm", instant(day + timedelta(days=1)), ref, listed, note=note, closes=day)
        for day in wanted
        if day >= since
    )


def lake(data: Path) -> Path:
    """Where raw bytes are kept."""
    return data / "lake" / "raw" / "opengradient"


def checksum(chosen: Settings, data: Path, url: str, sha256: str) -> str | None:
    """The sha256 of the bytes that a ref points at, as this machine holds them."""
    return _raw.checksum(lake(data), sha256)


def closed(chosen: Settings, secrets: Mapping[str, str]) -> bool:
    """Never: the network goes on."""
    return False


def reachable(chosen: Settings, data: Path, secrets: Mapping[str, str]) -> str:
    """What `doctor` finds when it looks at the addresses. Raises `SourceError`, one line an address."""
    asked = addresses(chosen)
    out = _og_beside.silent(asked, chosen.look, chains(chosen))
    if out:
        raise SourceError("\n".join(out.values()))
    return f"all {len(asked)} addresses answer"


def proofs(
    chosen: Settings, data: Path, now: datetime, known: Sequence[Settlement], tx: str, seen: _og_proof.Seen
) -> list[Document]:
    """Settlements explained: those `known`, else those that the chain has in a transaction. Raises `SourceError`."""
    links = _og_proof.Links(EXPLORER, BLOBS)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        chain = stack.enter_context(chosen.settlements.opened(None, min(chosen.budget, PROOF_BUDGET)))
        judges = court(chosen, data, chain, client)
        found = known or (_og_proof.on_chain(chain, _lower(chosen.relays), tx) if tx else ())
        return [_og_proof.proof(judges, one, seen, now, links) for one in found]


def checks(chosen: Settings, data: Path, now: datetime) -> Iterator[_og_checks.Look]:
    """The first live checks, of what answers at all."""
    out = _og_beside.silent(addresses(chosen), chosen.look, chains(chosen))
    relays, signers = _lower(chosen.relays), _lower(chosen.signers)
    registries = {address.lower(): layout for address, layout in chosen.registries.items()}
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        if enough(chosen.settlements, out):
            chain = stack.enter_context(chosen.settlements.opened(None, min(chosen.budget, PROOF_BUDGET)))
            walrus = Walrus(chosen.aggregators, lake(data) / "blobs", client)
            fix = "correct networks.opengradient.settlements.endpoints"
            yield from _og_checks.tried("relays", fix, lambda: _og_checks.relays(chain, relays, signers))
            yield from _og_checks.tried("registries", fix, lambda: _og_checks.registries(chain, registries))
            yield from _og_checks.tried("newest blob", fix, lambda: _og_checks.blobs(chain, relays, walrus))
        if chosen.hub not in out:
            yield from _og_checks.hub(client, chosen.hub)
        if chosen.facilitator not in out:
            fix = "correct networks.opengradient.facilitator"
            look = partial(_og_checks.facilitator, client, chosen.facilitator, now)
            yield from _og_checks.tried("facilitator", fix, look)
