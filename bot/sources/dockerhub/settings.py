"""Docker Hub's block of `config.yaml`."""

from __future__ import annotations

from pydantic import Field

from bot.config import HeadlineConfig, PrivateAddress, PublicApiConfig


class DockerHubSettings(PublicApiConfig):
    """The block `networks.dockerhub`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    api: PrivateAddress = Field(
        "https://hub.docker.com", description="where the list is; https, or http on this machine"
    )
    page_budget: int = Field(20, ge=2, le=1000, description="most pages of the list in one reading of it")
