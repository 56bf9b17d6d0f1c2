"""The block `outlets.mastodon` of `config.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from bot import config
from bot.outlets.mastodon.text import CHARACTERS

User = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,28}[a-zA-Z0-9_])?$")]


class MastodonSettings(config.OutletConfig):
    """The block `outlets.mastodon`."""

    destinations: tuple[User, ...] = Field(
        (),
        max_length=1,
        description="name of the account that posts, without @ and server; at most one, because the token belongs to "
        "one account",
    )
    server: config.PrivateAddress | Literal[""] = Field("", description="address of the server, https://...")
    locale: config.Language = Field("en", description="language of the account's posts")
    visibility: Literal["public", "unlisted", "private"] = Field(
        "public", description="who sees the posts: public, unlisted (not on public timelines) or private (followers)"
    )
    characters: int = Field(
        CHARACTERS, ge=100, le=5000, description="longest post; more than 500 only if the server allows it"
    )
    thread: bool = Field(False, description="true: post all parts as a thread; false: post only the first part")

    @property
    def locales(self) -> dict[str, str]:
        """Account to its language."""
        return dict.fromkeys(self.destinations, self.locale)

    @field_validator("server")
    @classmethod
    def _paths_follow(cls, server: str) -> str:
        return server.rstrip("/")
