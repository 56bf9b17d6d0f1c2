"""The base of every block of `config.yaml`, and the blocks that networks and outlets extend."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class ConfigModel(BaseModel):
    """A block of `config.yaml`: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def obsolete_keys(cls, block: Mapping[str, object]) -> Mapping[str, str]:
        """Keys of an earlier version that mean nothing any more, each with what to do. They are ignored."""
        return {}


class HeadlineConfig(ConfigModel):
    """The figure that a network's post opens with. Its evidence is the same every day."""

    catalogue: str = Field(description="the catalogue of the figure that the post opens with")
    figure: str = Field(description="the key of the metric that the post opens with")


class NetworkConfig(ConfigModel):
    """Settings that every network has."""

    enabled: bool = Field(True, description="false: this network is neither collected nor published")
    headline: HeadlineConfig


class OutletConfig(ConfigModel):
    """Settings that every outlet has."""

    enabled: bool = Field(True, description="false: nothing is posted there")
