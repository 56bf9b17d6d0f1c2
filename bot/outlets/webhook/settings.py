"""The block `outlets.webhook` of `config.yaml`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bot import config

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,29}$")]


def _require_web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise ValueError("wanted an https:// address without user name and password")
    return url


class WebhookSettings(config.OutletConfig):
    """The block `outlets.webhook`."""

    addresses: dict[Name, Annotated[str, AfterValidator(_require_web_address)]] = Field(
        default_factory=dict,
        description="addresses that get every post, each under a name of your own, which stands for it in lists and "
        "logs",
    )
    locales: dict[Name, config.Language] = Field(
        default_factory=dict, description="language of the text for each address, by name; English by default"
    )
    internal: bool = Field(
        False, description="true: addresses may also be on this machine (http:// too) or in a private network"
    )

    @property
    def destinations(self) -> tuple[str, ...]:
        """The names of the addresses."""
        return tuple(self.addresses)

    @model_validator(mode="after")
    def _only_public_ones(self) -> WebhookSettings:
        for name, url in self.addresses.items():
            parts = urlsplit(url)
            host = parts.hostname or ""
            local = config.on_this_machine(host)
            if parts.scheme == "http" and not (self.internal and local):
                raise ValueError(f"addresses.{name}: wanted https:// (http:// only on this machine, internal: true)")
            if (local or is_private(host)) and not self.internal:
                raise ValueError(f"addresses.{name}: is an internal address; allow it with internal: true")
        for name in self.locales.keys() - self.addresses.keys():
            raise ValueError(f"locales.{name}: no such address; known: {', '.join(self.addresses) or 'none'}")
        return self


def is_private(host: str) -> bool:
    """Whether a host is an IP address that is not public."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
