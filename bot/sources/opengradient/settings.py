"""OpenGradient's block of `config.yaml`. The defaults are facts, each with its source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from bot import chain
from bot.config import ConfigModel, HeadlineConfig, NetworkConfig

PROOF_BUDGET = 8.0
"""Most seconds that a person waits for a chain."""

Layout = Literal["old", "new"]
"""Of a registry's answer; as in `tee_registry`."""
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]


class ChainConfig(ConfigModel):
    """How to read a chain."""

    endpoints: tuple[Url, ...] = Field(min_length=1, description="JSON-RPC addresses")
    agree: int = Field(default=1, ge=1, description="how many endpoints must give the same answer")
    chain_id: int = Field(ge=1, description="id of the chain; an endpoint of another chain is refused")
    finality: int | Literal["safe", "finalized"] = Field(
        default=1, description="blocks behind the newest one, or `safe` or `finalized`"
    )
    rate: float = Field(default=5.0, gt=0, description="requests per second to one endpoint")
    concurrency: int = Field(default=2, ge=1, le=16, description="concurrent requests to one endpoint")
    timeout: float = Field(default=10.0, gt=0, le=120, description="seconds one request may take")
    window: int = Field(default=5000, ge=1, description="blocks per request; halved if a node refuses")

    def has_quorum(self, unreachable: Collection[str]) -> bool:
        """Whether enough endpoints for a quorum answer."""
        return sum(url not in unreachable for url in self.endpoints) >= self.agree

    def open_chain(
        self,
        genesis: str | None,
        budget: float,
        unreachable: Collection[str] = (),
        executor: Executor | None = None,
        tries: int | None = None,
    ) -> chain.ChainReader:
        """A reader of the chain that uses the endpoints that are not `unreachable`."""
        endpoints = [url for url in self.endpoints if url not in unreachable]
        lines = [
            chain.Endpoint(url, rate=self.rate, concurrency=self.concurrency, timeout=self.timeout) for url in endpoints
        ]
        pin = chain.ChainIdentity(self.chain_id, genesis)
        return chain.ChainReader(
            pin,
            lines,
            finality=self.finality,
            agree=self.agree,
            budget=budget,
            tries=tries,
            window=self.window,
            executor=executor,
        )


# Facts with their sources (compiled 22 Nov 2026). None was read from a live chain; `doctor` checks them.
SETTLEMENTS = ChainConfig(endpoints=("https://ogevmdevnet.opengradient.ai",), chain_id=10740)
"""og-evm `evmd/README.md`; opengradient 1.1.4 `client/llm.py`."""
HUB_CHAIN = ChainConfig(endpoints=("https://eth-devnet.opengradient.ai",), chain_id=10744)
"""The older chain, the only one with the precompile 0xF4; deprecated, and it may not answer."""
BASE = ChainConfig(
    endpoints=("https://base-rpc.publicnode.com",), chain_id=8453, finality="finalized", rate=2.0, window=2000
)
"""opengradient 1.1.4 `client/opg_token.py`."""
SETTLED_SINCE = date(2026, 1, 27)
"""inference-facilitator 1d1a8ea: chain 10740 from then on; chain 10744 before, on relays that are not pinned."""
INFERRED_SINCE = date(2025, 12, 16)
"""block-explorer-frontend: the first relay that it showed on chain 10744. Older inferences there are not read."""
PAID_SINCE = date(2026, 4, 21)
"""tee-gateway 8e74b4d: payments in OPG on Base, from the day the token was created."""
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
"""tee-gateway `definitions.py`; the payment addresses of active enclaves are added to these."""
PROXIES = ("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002", "0x402085c248EeA27D92E8b30b2C58ed07f9E20001")
"""x402 on Base: "upto" over Permit2, and "exact"."""
CHANNEL = "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003"
"""x402 "batch-settlement" on Base (og-x402 2.15.0): a transfer from it bundles many payers. Not known to be in use."""


class OpenGradientSettings(NetworkConfig):
    """The block `networks.opengradient`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="llm", figure="uses_verified"), description="the figure the post opens with"
    )
    settlements: ChainConfig = Field(SETTLEMENTS, description="the chain of settlements and registries")
    hub_chain: ChainConfig = Field(HUB_CHAIN, description="the chain on which Hub models run")
    base: ChainConfig = Field(BASE, description="the chain of payments")
    relays: tuple[Address, ...] = Field(RELAYS, description="addresses of the settlement contracts that count")
    signers: tuple[Address, ...] = Field(
        (),
        description="senders whose settlements count; without any, every sender's count and claimed use is unknown",
    )
    registries: dict[Address, Layout] = Field(
        dict(REGISTRIES), description="enclave registries and their layout, `new` or `old`"
    )
    aggregators: tuple[Url, ...] = Field(AGGREGATORS, description="Walrus aggregators, tried one after the other")
    hub: Url = Field(HUB, description="address of the Model Hub's list")
    facilitator: Url = Field(
        FACILITATOR, description="address of the facilitator, whose count of requests is shown as reported"
    )
    precompile: Address = Field(PRECOMPILE, description="contract that emits the inferences of Hub models")
    token: Address = Field(TOKEN, description="token of the payments")
    payees: tuple[Address, ...] = Field(PAYEES, description="addresses that the operator is paid at")
    proxies: tuple[Address, ...] = Field(PROXIES, description="payment proxies whose log makes a transfer a payment")
    channel: Address = Field(
        CHANNEL, description="payment channel whose payouts are reported separately and never counted"
    )
    added_llms: tuple[str, ...] = Field(
        (), description="`provider/name` of LLMs that are newer than the list in the code"
    )
    removed_llms: tuple[str, ...] = Field((), description="names of LLMs that are no longer served")
    budget: float = Field(
        20.0, gt=0, le=600, description="seconds that one query to a chain may take, all attempts together"
    )
    tries: int | None = Field(
        None, ge=1, description="most attempts for one query to a chain; by default as many as fit in `budget`"
    )
    look: float = Field(
        5.0, gt=0, le=60, description="seconds to wait for a first answer from an address before it is skipped"
    )

    @property
    def endpoint_figures(self) -> dict[str, str]:
        """All addresses that are read, with the figures that depend on them."""
        rests = dict.fromkeys(self.settlements.endpoints, "settled inferences and enclaves")
        rests |= dict.fromkeys(self.hub_chain.endpoints, "inferences of Hub models")
        rests |= dict.fromkeys(self.base.endpoints, "payments")
        rests |= dict.fromkeys(self.aggregators, "backed and verified inferences of new batches")
        return {**rests, self.hub: "the Hub's listed models", self.facilitator: "reported requests"}

    @property
    def rpc_endpoints(self) -> frozenset[str]:
        """The addresses that must answer JSON-RPC."""
        return frozenset((*self.settlements.endpoints, *self.hub_chain.endpoints, *self.base.endpoints))


def lowercase_addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses in lower case, as in logs."""
    return tuple(address.lower() for address in addresses)
