"""The block `outlets.discord` of `config.yaml`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from bot import config


class DiscordSettings(config.OutletConfig):
    """The block `outlets.discord`."""

    destinations: tuple[config.DiscordId, ...] = Field(
        (), description="ids of the channels that get every post; `{id: ..., locale: es-ES}` for another language"
    )
    locales: dict[config.DiscordId, config.Language] = Field(
        default_factory=dict, description="language of each channel, by id; English by default"
    )
    crosspost: bool = Field(
        True, description="true: posts in announcement channels are published to the channels that follow them"
    )
    api: config.PrivateAddress = Field("https://discord.com/api/v10", description="address of Discord's API")

    @model_validator(mode="before")
    @classmethod
    def _locales_beside_their_ids(cls, given: Any) -> Any:
        """Split destinations such as {id, locale} into `destinations` and `locales`."""
        listed = given.get("destinations") if isinstance(given, dict) else None
        if not isinstance(listed, list | tuple):
            return given
        spoken = dict(given.get("locales") or {})
        for channel in listed:
            if isinstance(channel, dict) and set(channel) == {"id", "locale"}:
                spoken[channel["id"]] = channel["locale"]
        plain = [
            channel["id"]
            if isinstance(channel, dict) and set(channel) <= {"id", "locale"} and "id" in channel
            else channel
            for channel in listed
        ]
        return {**given, "destinations": plain, "locales": spoken}

    @field_validator("destinations")
    @classmethod
    def _each_once(cls, destinations: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(destinations)) < len(destinations):
            raise ValueError("wanted each channel once")
        return destinations

    @field_validator("api")
    @classmethod
    def _paths_follow(cls, api: str) -> str:
        return api.rstrip("/")
