"""What every block of `config.yaml` is, and what sources and outlets make their own blocks from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Choice(BaseModel):
    """A block of `config.yaml`: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Headline(Choice):
    """The one figure a network opens with. It never changes evidence from day to day."""

    catalogue: str = Field(description="the catalogue whose figure leads the post")
    figure: str = Field(description="a metric's key")


class Network(Choice):
    """What every network can be told."""

    enabled: bool = Field(True, description="false: this network is neither collected nor published")
    headline: Headline


class Outlet(Choice):
    """What every outlet can be told."""

    enabled: bool = Field(True, description="false: nothing is posted there")
