"""Hugging Face's block of `config.yaml`."""

from __future__ import annotations

from pydantic import Field

from bot.config import HeadlineConfig, PrivateAddress, PublicApiConfig


class HuggingFaceSettings(PublicApiConfig):
    """The block `networks.huggingface`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    api: PrivateAddress = Field(
        "https://huggingface.co", description="where the list is; https, or http on this machine"
    )
    provider: str = Field(
        "all",
        pattern=r"^[a-z0-9-]{1,60}$",
        description="the provider whose models are listed, such as groq or together; `all`: those of every provider",
    )
    author: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,96}$",
        description="an organisation whose models are listed instead, on offer for inference or not",
    )
    page_budget: int = Field(100, ge=1, le=1000, description="most pages of the list in one reading")
