"""The block `outlets.webhook` of `config.yaml`."""

from __future__ import annotations

import socket
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bot import config

Variable = Annotated[str, StringConstraints(pattern=r"^WEBHOOK_SECRET_[A-Z0-9_]{1,40}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,29}$")]


def _require_web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise ValueError("wanted an https:// address without user name and password")
    try:
        if parts.hostname.isascii():
            parts.hostname.encode("idna")  # as a resolver does; a label has 1 to 63 characters
        can_be_reached = parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        can_be_reached = False
    if not can_be_reached:
        raise ValueError("can never be reached: wanted a host with labels of at most 63 characters and a port")
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
    secrets: dict[Name, Variable] = Field(
        default_factory=dict,
        description="environment variable with the secret of an address, by name: WEBHOOK_SECRET_ and letters of your "
        "own; WEBHOOK_SECRET by default",
    )
    internal: bool = Field(
        False, description="true: addresses may also be on this machine (http:// too) or in a private network"
    )

    @property
    def destinations(self) -> tuple[str, ...]:
        """The names of the addresses."""
        return tuple(self.addresses)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables with secrets of single addresses."""
        return tuple(dict.fromkeys(self.secrets.values()))

    @property
    def unused_secrets(self) -> tuple[str, ...]:
        """The common secret, if each address has its own."""
        return ("WEBHOOK_SECRET",) if self.addresses and self.secrets.keys() == self.addresses.keys() else ()

    @model_validator(mode="after")
    def _only_public_ones(self) -> WebhookSettings:
        for name, url in self.addresses.items():
            parts = urlsplit(url)
            host = parts.hostname or ""
            local = is_this_machine(host)
            if parts.scheme == "http" and not (self.internal and local):
                raise ValueError(f"addresses.{name}: wanted https:// (http:// only on this machine, internal: true)")
            if (local or is_private(host)) and not self.internal:
                raise ValueError(f"addresses.{name}: is an internal address; allow it with internal: true")
        for key, named in (("locales", self.locales), ("secrets", self.secrets)):
            for name in sorted(named.keys() - self.addresses.keys()):
                raise ValueError(f"{key}.{name}: no such address; known: {', '.join(self.addresses) or 'none'}")
        return self


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, in any form that a resolver takes: `localhost`, a name below it, 127.1."""
    name, address = _plain(host), _address(host)
    return name.rpartition(".")[2] == "localhost" or (address is not None and address.is_loopback)


def is_private(host: str) -> bool:
    """Whether a host is an IP address that is not public, in any form that a resolver takes."""
    address = _address(host)
    return address is not None and (not address.is_global or address.is_multicast)


_WITH_IPV4 = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""IPv6 addresses that end in an IPv4 address: NAT64 (RFC 6052, 8215), and IPv4-compatible ones (RFC 4291)."""


def _plain(host: str) -> str:
    """A host as it is looked up: other dots and digits are taken for those of ASCII."""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").casefold().removesuffix(".")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is, also as `inet_aton` reads it (10.1, 0x7f000001); inside of IPv6, the IPv4 address
    that it leads to."""
    host = _plain(host).partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    if isinstance(address, IPv4Address):
        return address
    inner = IPv4Address(int(address) & 0xFFFF_FFFF) if any(address in network for network in _WITH_IPV4) else None
    return address.ipv4_mapped or address.sixtofour or inner or address
