"""Chutes' block of `config.yaml`."""

from __future__ import annotations

from pydantic import Field

from bot.config import HeadlineConfig, PrivateAddress, PublicApiConfig


class ChutesSettings(PublicApiConfig):
    """The block `networks.chutes`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    api: PrivateAddress = Field(
        "https://api.chutes.ai", description="where the counts and the list are; https, or http on this machine"
    )
    gateway: PrivateAddress = Field(
        "https://llm.chutes.ai", description="the gateway, whose list is read if the first list cannot be"
    )
    page_budget: int = Field(100, ge=1, le=10_000, description="most pages of the list in one reading")
