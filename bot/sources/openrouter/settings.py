"""OpenRouter's block of `config.yaml`."""

from __future__ import annotations

from pydantic import Field

from bot.config import HeadlineConfig, PrivateAddress, PublicApiConfig


class OpenRouterSettings(PublicApiConfig):
    """The block `networks.openrouter`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="uses"), description="the figure the post opens with"
    )
    api: PrivateAddress = Field(
        "https://openrouter.ai/api",
        description="where exports, history and the list are; https, or http on this machine",
    )
