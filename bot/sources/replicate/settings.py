"""Replicate's block of `config.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from bot.config import HeadlineConfig, NetworkConfig, on_this_machine

API = "https://api.replicate.com/v1/models"
"""https://replicate.com/docs/reference/http#models.list"""
TOKEN = "REPLICATE_API_TOKEN"  # noqa: S105  # the variable that holds it


class ReplicateSettings(NetworkConfig):
    """The block `networks.replicate`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    record: Path | None = Field(
        None,
        description="a folder with a record: snapshots.csv and runs-*.csv.xz; unset: the one that comes with Footfall",
    )
    history: str | None = Field(
        None,
        description="a clone of the public repository, or its https address to clone: the nights after the record are "
        "read from it with git; unset: the record alone",
    )
    history_timeout: float = Field(300.0, gt=0, le=3600, description="seconds that one step of git may take")
    live: bool = Field(True, description="true: read the API when REPLICATE_API_TOKEN is set, else the record")
    api: str = Field(API, description="where the list of models is; https, or http on this machine")
    page_budget: int = Field(2000, ge=1, le=100_000, description="most pages that one live reading may take")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds one request to the API may take")

    @classmethod
    def obsolete_keys(cls, block: Mapping[str, object]) -> Mapping[str, str]:
        """What said where to find the npm package that was read before the record came with Footfall."""
        gone = "the npm package is no longer read; remove this key"
        old = {"download_timeout": gone} if "download_timeout" in block else {}
        return {**old, "record": gone} if str(block.get("record", "")).endswith(".tgz") else old

    @field_validator("history")
    @classmethod
    def _validate_history(cls, history: str | None) -> str | None:
        """An address is cloned; anything else is a path, never another protocol of git."""
        if history is not None and "://" in history:
            return cls._validate_api(history)
        if history is not None and (history.startswith("-") or "::" in history):
            raise ValueError("wanted a folder, or https://host/path")
        return history

    @field_validator("api")
    @classmethod
    def _validate_api(cls, api: str) -> str:
        """The token is sent to this address."""
        parts = urlsplit(api)
        if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("wanted https://host/path, with no user name in it")
        if parts.scheme != "https" and not (parts.scheme == "http" and on_this_machine(parts.hostname)):
            raise ValueError("wanted https; plain http is for this machine only")
        return api


def is_closed(settings: ReplicateSettings, secrets: Mapping[str, str]) -> bool:
    """Whether nothing new can come: the record has ended, and there is no token to read the list as it is now."""
    return not (settings.live and secrets.get(TOKEN))
