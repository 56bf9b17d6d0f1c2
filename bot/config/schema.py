"""The blocks of `config.yaml` that are Footfall's own, and the whole of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from bot.config.base import ConfigModel
from bot.config.schedule import PollConfig, ScheduleEntry
from bot.config.types import DiscordId, Duration, on_this_machine


class WorkerConfig(ConfigModel):
    """How `python -m bot run` works."""

    port: int = Field(9464, ge=0, le=65535, description="port of /health and /metrics on this machine; 0: none")
    host: str = Field("127.0.0.1", description="address they listen on; a loopback address")
    tick: int = Field(20, ge=1, le=600, description="seconds between two looks at what there is to do")
    grace: float = Field(
        20.0, ge=0, le=600, description="seconds that the step in hand gets to end when the worker is told to stop"
    )
    collect_every: Duration = Field(
        timedelta(minutes=15), ge=timedelta(minutes=1), description="until a source that had nothing new is asked again"
    )

    slash: bool | None = Field(
        None, description="answer Discord's slash commands too; by default wherever DISCORD_TOKEN is set"
    )

    @field_validator("host")
    @classmethod
    def _require_loopback(cls, host: str) -> str:
        if not on_this_machine(host):
            raise ValueError("wanted a loopback address, such as 127.0.0.1: what is shown there is not for the world")
        return host


class PublishConfig(ConfigModel):
    """What is due, and how long it is waited for."""

    max_age: Duration = Field(
        timedelta(hours=36), description="after downtime, older periods are posted only this long after their end"
    )
    deadline: Duration = Field(
        timedelta(hours=6),
        description="this long after a period's end, it is published with its gaps said; before, only when complete",
    )
    lease: Duration = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=12),
        description="a sending that has not reported back after this is looked for; longer than any sending takes",
    )


class DiscordConfig(ConfigModel):
    """Whom the bot serves on Discord, and how many."""

    owners: tuple[DiscordId, ...] = Field(
        (), description="ids of the accounts that may use the operator's commands; without any there are none"
    )
    sharded_from: int = Field(1000, ge=1, le=2500, description="servers from which on the bot connects in shards")
    per_server: int = Field(5, ge=0, le=50, description="subscriptions that one server may have")
    subscriptions: int = Field(1000, ge=0, le=10_000, description="subscriptions of all servers together")
    per_member: int = Field(10, ge=0, le=20, description="models that one member may watch")
    watches: int = Field(10_000, ge=0, le=100_000, description="watches of all members together")


class CorrectionsConfig(ConfigModel):
    """When a change is worth a post of its own."""

    threshold: float = Field(
        0.01, ge=0, description="share by which a headline must have moved where the post cannot be edited any more"
    )


class LakeConfig(ConfigModel):
    """Where single events are kept, and how much of the machine adding them up may take."""

    place: str | None = Field(
        None,
        pattern=r"^([a-z][a-z0-9+.-]*://[^\s@]+|[^:\s][^:]*)$",
        description="a folder, or an address such as `s3://bucket/folder`; by default `lake` in the data folder. Keys "
        "and endpoint stand in the environment, as fsspec and the provider name them",
    )
    memory: str = Field(
        "400MB",
        pattern=r"^[0-9]{1,6} ?(MB|GB)$",
        description="what adding up may take in one process, all threads together",
    )
    threads: int = Field(2, ge=1, le=256, description="days that are added up at a time on this machine")
    exact_callers_up_to: int = Field(
        20_000_000,
        ge=0,
        description="events of several days among which callers are counted one by one; of more, they are estimated",
    )


class ClusterConfig(ConfigModel):
    """A Dask cluster, for what one machine is too small for."""

    address: str = Field(
        pattern=r"^(tcp|tls)://[^\s@/?#]+:[0-9]{1,5}$",
        description="of the scheduler, `tcp://host:port` or `tls://host:port`",
    )
    ca: Path | None = Field(None, description="of tls: file of the certificate that signed all others, PEM")
    cert: Path | None = Field(None, description="of tls: file of our own certificate, PEM")
    key: Path | None = Field(None, description="of tls: file of our own private key, PEM")

    @model_validator(mode="after")
    def _require_complete_tls(self) -> ClusterConfig:
        given = [name for name in ("ca", "cert", "key") if getattr(self, name)]
        tls = self.address.startswith("tls://")
        if len(given) != (3 if tls else 0):
            wanted = "ca, cert and key with tls://" if tls else "tls:// with them"
            raise ValueError(f"found {', '.join(given) or 'no ca, cert and key'}; wanted {wanted}")
        return self


def _cluster_from_address(value: object) -> object:
    """`cluster: tcp://host:port` says the address alone."""
    return {"address": value} if isinstance(value, str) else value


def _lake_from_place(value: object) -> object:
    """`lake: data/lake` says the place alone."""
    return {"place": value} if isinstance(value, str) else value


class Config(ConfigModel):
    """The whole of `config.yaml`."""

    data: Path = Field(Path("data"), description="folder of the database, the lake and downloaded records")
    out: Path = Field(Path("out"), description="folder that the site and the pictures are written to")
    networks: dict[str, Any] = Field(default_factory=dict, description="one block a network")
    outlets: dict[str, Any] = Field(default_factory=dict, description="one block an outlet")
    schedule: tuple[ScheduleEntry, ...] = Field(
        (ScheduleEntry.model_validate({"name": "daily"}),),
        description="the regular posts; by default one, daily at 02:30 UTC",
    )
    polls: tuple[PollConfig, ...] = Field(
        (), description="questions for readers; of several for one network, each week asks the next"
    )
    worker: WorkerConfig = WorkerConfig.model_validate({})
    publish: PublishConfig = Field(
        PublishConfig.model_validate({}), description="what is due, and how long it is waited for"
    )
    corrections: CorrectionsConfig = Field(
        CorrectionsConfig.model_validate({}), description="when a change is worth a post of its own"
    )
    discord: DiscordConfig = Field(
        DiscordConfig.model_validate({}), description="whom the bot serves on Discord, and how many"
    )
    lake: Annotated[LakeConfig, BeforeValidator(_lake_from_place)] = Field(
        LakeConfig.model_validate({}), description="where single events are kept; a text alone is its `place`"
    )
    cluster: Annotated[ClusterConfig | None, BeforeValidator(_cluster_from_address)] = Field(
        None, description="where days are added up, ranges of blocks read and signatures checked; by default here"
    )
    hidden_names: tuple[str, ...] = Field(
        (), description='names shown as "a hidden model" everywhere; they still count'
    )
