"""What every block of `config.yaml` is, and what sources and outlets make their own blocks from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ConfigModel(BaseModel):
    """A block of `config.yaml`: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HeadlineConfig(ConfigModel):
    """The one figure a network opens with. It never changes evidence from day to day."""

    catalogue: str = Field(description="the catalogue whose figure leads the post")
    figure: str = Field(description="a metric's key")


class NetworkConfig(ConfigModel):
    """What every network can be told."""

    enabled: bool = Field(True, description="false: this network is neither collected nor published")
    headline: HeadlineConfig


class OutletConfig(ConfigModel):
    """What every outlet can be told."""

    enabled: bool = Field(True, description="false: nothing is posted there")
