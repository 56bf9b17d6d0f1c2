"""The block `outlets.bluesky` of `config.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from bot import config

Handle = Annotated[
    str, StringConstraints(pattern=r"^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.){1,8}[a-zA-Z]{2,63}$")
]


class BlueskySettings(config.OutletConfig):
    """The block `outlets.bluesky`."""

    destinations: tuple[Handle, ...] = Field(
        (),
        max_length=1,
        description="handle of the account that posts, without @, such as footfall.bsky.social; at most one, because "
        "the app password belongs to one account",
    )
    locale: config.Language = Field("en", description="language of the account's posts")
    service: config.PrivateAddress = Field(
        "https://bsky.social", description="address of the account's server (its PDS or its entryway)"
    )
    thread: bool = Field(False, description="true: post all parts as a thread; false: post only the first part")

    @property
    def locales(self) -> dict[str, str]:
        """Account to its language."""
        return dict.fromkeys(self.destinations, self.locale)

    @field_validator("service")
    @classmethod
    def _paths_follow(cls, service: str) -> str:
        return service.rstrip("/")
