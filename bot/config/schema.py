"""The blocks of `config.yaml` that no network or outlet defines, `schedule` and `polls` among them, and
the model of the whole file."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from bot.config.types import ConfigModel, DiscordId, Duration, ListenAddress, ProxyNetwork, Text, TimeOfDay
from bot.records import PeriodName

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class ScheduleEntry(ConfigModel):
    """One regular post."""

    name: str = Field(min_length=1, max_length=60, description="name in the logs and in `schedule`; each name once")
    period: PeriodName = Field("day", description="day, week or month; each run publishes the newest one that is over")
    at: TimeOfDay = Field(time(2, 30), description='time of day as "HH:MM"')
    zone: str = Field("UTC", description="IANA time zone of `at`, such as Europe/Zurich")
    weekday: Weekday | None = Field(None, description="for a weekly post: monday to sunday; monday by default")
    day: int | None = Field(
        None, ge=1, le=28, description="for a monthly post: day of the month, 1 to 28; 1 by default"
    )
    networks: tuple[str, ...] = Field((), description="networks to publish; all configured ones by default")
    outlets: tuple[str, ...] = Field((), description="outlets to post to; all configured ones by default")
    destinations: tuple[Text, ...] = Field(
        (), description="channels and accounts to post to; all destinations of these outlets by default"
    )

    @property
    def isoweekday(self) -> int:
        """The weekday of a weekly post, Monday 1 to Sunday 7."""
        return WEEKDAYS.index(self.weekday or "monday") + 1

    @field_validator("zone")
    @classmethod
    def _require_known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("wanted an IANA time zone, such as UTC or Europe/Zurich") from error
        return zone

    @model_validator(mode="after")
    def _fits_its_period(self) -> ScheduleEntry:
        if self.weekday and self.period != "week":
            raise ValueError(f"weekday is for period: week, found period: {self.period}")
        if self.day and self.period != "month":
            raise ValueError(f"day is for period: month, found period: {self.period}")
        return self


class PollConfig(ConfigModel):
    """A question to readers that goes with the weekly post; see docs/operate.md."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,29}$", description="name of the poll, the same from week to week; each name once"
    )
    networks: tuple[str, ...] = Field(
        (), description="networks whose weekly post has the poll; all configured ones by default"
    )
    outlets: tuple[str, ...] = Field((), description="outlets that post the poll; all that have polls by default")
    question: str = Field(min_length=1, max_length=600, description="a template over the digest, with `d`, `c` and `f`")
    answers: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        min_length=2,
        max_length=4,
        description="2 to 4 templates; X shows 25 characters of each, Mastodon 50, Discord 55",
    )
    lasts: Duration = Field(
        timedelta(days=5),
        ge=timedelta(hours=1),
        le=timedelta(days=7),
        description="how long the poll is open, in whole hours; the digest of the week in which it closes reports the "
        "result",
    )

    @field_validator("lasts")
    @classmethod
    def _whole_hours(cls, lasts: timedelta) -> timedelta:
        if lasts % timedelta(hours=1):
            raise ValueError("wanted whole hours: Discord counts in them")
        return lasts


class WorkerConfig(ConfigModel):
    """How `python -m bot run` works."""

    port: int = Field(9464, ge=0, le=65535, description="port of the worker's /health and /metrics; 0 turns them off")
    host: ListenAddress = Field(
        "127.0.0.1",
        description="address that /health and /metrics listen on; beyond loopback, MONITORING_TOKEN must be set",
    )
    tick: int = Field(20, ge=1, le=600, description="seconds between two cycles of the worker")
    grace: float = Field(
        20.0, ge=0, le=600, description="seconds that the current step gets to finish when the worker is asked to stop"
    )
    collect_every: Duration = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=1),
        description="how long to wait before polling a source again that had nothing new",
    )

    slash: bool | None = Field(
        None,
        description="whether the worker answers Discord's slash commands; by default it does if DISCORD_TOKEN is set",
    )


SiteChoice = Literal["auto", "files", "database"]


class WebConfig(ConfigModel):
    """How `python -m bot web` serves the public, and where it shows its state."""

    site: SiteChoice = Field(
        "auto",
        description="where the pages come from: `files`, the folder that `site` writes; `database`, rendered when they "
        "are asked for; `auto`, the folder unless it is missing or older than the archive",
    )
    monitoring_port: int = Field(
        9465, ge=0, le=65535, description="port of the web server's /health and /metrics; 0 turns them off"
    )
    monitoring_host: ListenAddress = Field(
        "127.0.0.1", description="address that they listen on; beyond loopback, MONITORING_TOKEN must be set"
    )
    public_health: bool = Field(
        False,
        description="true: /health also answers on the public port, with nothing but whether the server is well, for "
        "the probe of a platform that knows only this port",
    )
    requests_per_second: float = Field(
        20.0,
        ge=0,
        le=100_000,
        description="requests that one address may make in the long run (IPv6: one /64 network); 0: no limit",
    )
    burst: int = Field(400, ge=1, le=1_000_000, description="requests that one address may make at once")
    trusted_proxies: tuple[ProxyNetwork, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="addresses or networks of proxies, whose X-Forwarded-For says who asks",
    )
    connections: int = Field(
        16_000,
        ge=10,
        le=1_000_000,
        description="most open connections; fewer if the limit of open files of the process is lower",
    )
    connections_per_address: int = Field(
        256,
        ge=0,
        le=1_000_000,
        description="most open connections of one address (IPv6: one /64 network), or requests under way for it behind "
        "a proxy; 0: no limit",
    )


class PublishConfig(ConfigModel):
    """Which periods are due, and how long to wait for their data."""

    max_age: Duration = Field(
        timedelta(hours=36), description="after downtime, a period is posted only if it ended less than this long ago"
    )
    deadline: Duration = Field(
        timedelta(hours=6),
        description="this long after its end, a period is published even if it is incomplete, with its gaps; before "
        "that, only if complete",
    )
    lease: Duration = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=12),
        description="after this time without a result, a delivery counts as unknown and is looked up; must be longer "
        "than any request takes",
    )

    @model_validator(mode="after")
    def _outlasts_the_deadline(self) -> PublishConfig:
        if self.max_age < self.deadline:
            raise ValueError("max_age is shorter than deadline, so a day that comes late would never be posted")
        return self


class DiscordConfig(ConfigModel):
    """Limits of the Discord bot, and its operators."""

    owners: tuple[DiscordId, ...] = Field(
        (),
        description="ids of the accounts that may use the operator's commands; without owners, these commands do not "
        "exist",
    )
    sharded_from: int = Field(
        1000, ge=1, le=2500, description="number of servers from which the bot connects in shards"
    )
    per_server: int = Field(5, ge=0, le=50, description="subscriptions that one server may have")
    subscriptions: int = Field(1000, ge=0, le=10_000, description="subscriptions of all servers together")
    per_member: int = Field(10, ge=0, le=20, description="models that one member may watch")
    watches: int = Field(10_000, ge=0, le=100_000, description="watches of all members together")


class CorrectionsConfig(ConfigModel):
    """When a correction gets a post of its own."""

    threshold: float = Field(
        0.01,
        ge=0,
        description="if the post can no longer be edited, a correction is posted only if the headline changed by at "
        "least this share",
    )


class LakeConfig(ConfigModel):
    """Where single events are stored, and how much of the machine a roll-up may use."""

    place: str | None = Field(
        None,
        pattern=r"^([a-z][a-z0-9+.-]*://[^\s@]+|[^:\s][^:]*)$",
        description="a folder, or an address such as `s3://bucket/folder`; by default `lake` in the data folder. Set "
        "keys and endpoint in the environment, under the names that fsspec and the provider use",
    )
    keep: Duration = Field(
        timedelta(days=400),
        ge=timedelta(days=35),
        description="how long the raw answers of networks are kept, from which `verify` proves figures; their hashes "
        "and all figures stay",
    )
    memory: str = Field(
        "400MB",
        pattern=r"^[0-9]{1,6} ?(MB|GB)$",
        description="memory that roll-ups may use in one process, all threads together; a very large day may use as "
        "much again",
    )
    threads: int = Field(
        2,
        ge=1,
        le=256,
        description="days that are rolled up at the same time on this machine, and threads for one very large day",
    )
    exact_callers_up_to: int = Field(
        20_000_000,
        ge=0,
        description="up to this many events, the callers of several days are counted exactly; above it, they are "
        "estimated",
    )


class ClusterConfig(ConfigModel):
    """A Dask cluster, for work that is too much for one machine."""

    address: str = Field(
        pattern=r"^(tcp|tls)://[^\s@/?#]+:[0-9]{1,5}$",
        description="address of the scheduler, `tcp://host:port` or `tls://host:port`",
    )
    ca: Path | None = Field(None, description="for `tls://`: PEM file of the certificate that signed all others")
    cert: Path | None = Field(None, description="for `tls://`: PEM file of our own certificate")
    key: Path | None = Field(None, description="for `tls://`: PEM file of our own private key")

    @model_validator(mode="after")
    def _require_complete_tls(self) -> ClusterConfig:
        given = [name for name in ("ca", "cert", "key") if getattr(self, name)]
        tls = self.address.startswith("tls://")
        if len(given) != (3 if tls else 0):
            wanted = "ca, cert and key with tls://" if tls else "tls:// with them"
            raise ValueError(f"found {', '.join(given) or 'no ca, cert and key'}; wanted {wanted}")
        return self


def _cluster_from_address(value: object) -> object:
    """Accept `cluster: tcp://host:port`."""
    return {"address": value} if isinstance(value, str) else value


def _lake_from_place(value: object) -> object:
    """Accept `lake: data/lake`."""
    return {"place": value} if isinstance(value, str) else value


class Config(ConfigModel):
    """The whole of `config.yaml`."""

    data: Path = Field(Path("data"), description="folder of the database, the lake and downloaded records")
    out: Path = Field(Path("out"), description="folder for the site and the pictures")
    networks: dict[str, Any] = Field(default_factory=dict, description="one block per network")
    outlets: dict[str, Any] = Field(default_factory=dict, description="one block per outlet")
    schedule: tuple[ScheduleEntry, ...] = Field(
        (
            ScheduleEntry.model_validate({"name": "daily"}),
            ScheduleEntry.model_validate({"name": "weekly", "period": "week", "at": "09:00"}),
        ),
        description="the regular posts; by default two, daily at 02:30 UTC and weekly on Mondays at 09:00 UTC",
    )
    polls: tuple[PollConfig, ...] = Field(
        (), description="questions for readers; if a network has several, each week asks the next one"
    )
    worker: WorkerConfig = WorkerConfig.model_validate({})
    web: WebConfig = WebConfig.model_validate({})
    publish: PublishConfig = Field(
        PublishConfig.model_validate({}), description="which periods are due, and how long to wait for their data"
    )
    corrections: CorrectionsConfig = Field(
        CorrectionsConfig.model_validate({}), description="when a correction gets a post of its own"
    )
    discord: DiscordConfig = Field(
        DiscordConfig.model_validate({}), description="limits of the Discord bot, and its operators"
    )
    lake: Annotated[LakeConfig, BeforeValidator(_lake_from_place)] = Field(
        LakeConfig.model_validate({}), description="where single events are stored; a plain text is its `place`"
    )
    cluster: Annotated[ClusterConfig | None, BeforeValidator(_cluster_from_address)] = Field(
        None,
        description="Dask cluster that rolls days up, reads ranges of blocks and checks signatures; by default this "
        "machine does; a plain text is its `address`",
    )
    hidden_names: tuple[str, ...] = Field(
        (), description='names shown as "a hidden model" everywhere; they still count'
    )
