"""Olas' block of `config.yaml`. The defaults are facts, each with its source."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot import chain
from bot.config import HeadlineConfig, PrivateAddress, PublicApiConfig

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]

GNOSIS = 100
API = ("https://rpc.gnosischain.com", "https://rpc.eu-central-2.gateway.fm/v4/gnosis/non-archival/mainnet")
"""valory-xyz/ai-registry-mech docs/configuration.json @ 53811b7e."""
MARKETPLACE = "0x735FAAb1c4Ec41128c367AFb5c3baC73509f70bB"
"""MechMarketplaceProxy on Gnosis; the same file."""
FIRST_BLOCK = 38_662_005
"""The first block that the project's own fee subgraph reads: valory-xyz/autonolas-subgraph-studio @ 8a65abe1."""
FACTORIES = {
    "0x8b299c20f87e3fcbff0e1b86dc0acc06ab6993ef": "fixed price in xDAI",
    "0x31ffdc795fdf36696b8edf7583a3d115995a45fa": "fixed price in OLAS",
    "0x65fd74c29463afe08c879a3020323dd7df02da57": "subscription",
}
"""How a mech is paid, by the factory that made it; valory-xyz/mech-client @ 0951ec82."""
OTHER = "another way of payment"


class OlasSettings(PublicApiConfig):
    """The block `networks.olas`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="mechs", figure="models_used"), description="the figure the post opens with"
    )
    api: tuple[PrivateAddress, ...] = Field(
        API, min_length=1, description="JSON-RPC addresses of the chain; https, or http on this machine"
    )
    agree: int = Field(1, ge=1, description="how many addresses must give the same answer")
    chain_id: int = Field(GNOSIS, ge=1, description="id of the chain; an address of another chain is refused")
    marketplace: Address = Field(MARKETPLACE, description="the contract of the marketplace")
    first_block: int = Field(FIRST_BLOCK, ge=0, description="the first block that may hold an event of it")
    backfill: int = Field(30, ge=1, le=90, description="days before today that a first start reads")
    window: int = Field(500, ge=1, le=100_000, description="blocks per request; halved if a node refuses")
    list_window: int = Field(
        10_000, ge=1, le=1_000_000, description="blocks per request for the list of mechs alone; halved if refused"
    )
    list_requests: int = Field(
        2000, ge=1, le=100_000, description="most requests for the list of mechs in one reading; the next one continues"
    )
    rate: float = Field(3.0, gt=0, le=100, description="requests per second to one address")
    timeout: float = Field(15.0, gt=0, le=120, description="seconds one request may take")
    budget: float = Field(30.0, gt=0, le=600, description="seconds that one query may take, all attempts together")

    @property
    def contract(self) -> str:
        """The marketplace's address as in logs."""
        return self.marketplace.lower()

    def open_chain(
        self,
        genesis: str | None = None,
        budget: float | None = None,
        window: int | None = None,
        tries: int | None = None,
    ) -> chain.ChainReader:
        """A reader of the chain's final blocks."""
        about = f"; contact: {self.contact}" if self.contact else ""
        agent = f"Footfall (daily counts of the use of AI models{about})"
        endpoints = [chain.Endpoint(url, rate=self.rate, timeout=self.timeout, agent=agent) for url in self.api]
        return chain.ChainReader(
            chain.ChainIdentity(self.chain_id, genesis),
            endpoints,
            finality="finalized",
            agree=self.agree,
            budget=self.budget if budget is None else budget,
            tries=tries,
            window=self.window if window is None else window,
        )
