"""Types in `config.yaml`: the base of every block, the blocks that networks and outlets extend, and single values
(languages, durations, ids, times of day, addresses)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, ClassVar, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from bot.i18n import LANGUAGES, nearest_language


class ConfigModel(BaseModel):
    """A block of `config.yaml`: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_yes_as_number(cls, value: object, info: ValidationInfo) -> object:
        """YAML reads `yes` as true, and pydantic would read true as 1."""
        known = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and known is not Any and bool not in (known, *get_args(known)):
            raise ValueError("wanted no yes or no, true or false here")
        return value

    @classmethod
    def obsolete_keys(cls, block: Mapping[str, object]) -> Mapping[str, str]:
        """Keys of an earlier version that have no effect now, each with what to do. They are ignored."""
        return {}


class HeadlineConfig(ConfigModel):
    """The figure that a network's post opens with. Its evidence is the same every day."""

    catalogue: str = Field(description="the catalogue of the figure that the post opens with")
    figure: str = Field(description="the key of the metric that the post opens with")


class NetworkConfig(ConfigModel):
    """Settings that every network has."""

    several: ClassVar[bool] = False
    """Whether this is a kind of network, of which there may be several, each under its own name."""
    kind: str = Field("", description="set only for a list of your own, which may have any name: `catalogue`")
    enabled: bool = Field(True, description="false: this network is neither collected nor published")
    headline: HeadlineConfig

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables with secrets that this block names, beside those of the network's module."""
        return ()


class OutletConfig(ConfigModel):
    """Settings that every outlet has."""

    enabled: bool = Field(True, description="false: nothing is posted there")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables with secrets that this block names, beside those of the outlet's module."""
        return ()

    @property
    def unused_secrets(self) -> tuple[str, ...]:
        """Secrets of the outlet's module that this block makes unnecessary."""
        return ()


def _supported_language(value: str) -> str:
    language = nearest_language(value)
    if language.partition("-")[0] != value.partition("-")[0]:
        raise ValueError(f"wanted one of {', '.join(LANGUAGES)}")
    return language


Language = Annotated[str, AfterValidator(_supported_language)]
"""A language that posts can be in; "es" means "es-ES"."""


def _require_time(value: object) -> object:
    """Accept only a text: YAML reads an unquoted 12:30 as the number 750, and pydantic would take that as seconds."""
    if isinstance(value, time) or (isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value)):
        return value
    raise ValueError('wanted a time of day as "HH:MM", in quotes')


TimeOfDay = Annotated[
    time, BeforeValidator(_require_time), PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str)
]
"""HH:MM, in quotes."""


def _number_as_text(value: object) -> object:
    """Turn a number back into text: YAML reads an unquoted channel id as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_number_as_text)]
"""A text that YAML may read as a number, such as an id without quotes."""
DiscordId = Annotated[Text, StringConstraints(pattern=r"^[0-9]{15,20}$")]
"""Discord's id of an account, a server or a channel."""


def _validated_duration(value: object) -> object:
    """Parse 90m, 36h or 2d. Raises `ValueError` for anything else, except for a `timedelta`."""
    match = re.fullmatch(r"([0-9]{1,4})\s*([mhd])", value) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, timedelta):
            return value
        raise ValueError("wanted a length of time such as 90m, 36h or 2d")
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])})


def parse_duration(text: str) -> timedelta:
    """Parse a duration such as 90m, 36h or 2d. Raises `ValueError`."""
    duration = _validated_duration(text)
    assert isinstance(duration, timedelta)
    return duration


def _shown_duration(value: timedelta) -> str:
    minutes = int(value.total_seconds() // 60)
    if minutes % 1440 == 0 and minutes > 99 * 1440:
        return f"{minutes // 1440}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


Duration = Annotated[timedelta, BeforeValidator(_validated_duration), PlainSerializer(_shown_duration, return_type=str)]
"""A duration: 90m, 36h, 2d."""


def on_this_machine(host: str) -> bool:
    """Whether a host is this machine: `localhost` or a loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _require_ip_address(host: str) -> str:
    try:
        return host if host == "localhost" else str(ip_address(host))
    except ValueError as error:
        raise ValueError("wanted an IP address, such as 127.0.0.1, or 0.0.0.0 for every address") from error


ListenAddress = Annotated[str, AfterValidator(_require_ip_address)]
"""An address of this machine to listen on."""


def _require_network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("wanted an IP address or a network, such as 10.0.0.0/8") from error


ProxyNetwork = Annotated[str, AfterValidator(_require_network)]
"""An IP address or a network of them."""


def _require_private_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and on_this_machine(parts.hostname))):
        return address
    raise ValueError("wanted an https:// address (http:// only on this machine)")


PrivateAddress = Annotated[str, AfterValidator(_require_private_address)]
"""An address that secrets are sent to, so it must be encrypted or on this machine."""


class PublicApiConfig(NetworkConfig):
    """Settings of a network whose public API is read once a day."""

    contact: str = Field(
        "",
        pattern=r"^[ -~]{0,100}$",
        description="an address or e-mail that the network can reach you at; it goes with every request",
    )
    silence: float = Field(
        4.0, gt=0, le=60, description="seconds until the first byte of an answer, for all silent hosts together"
    )
    timeout: float = Field(60.0, gt=0, le=600, description="seconds until the last byte of an answer")
