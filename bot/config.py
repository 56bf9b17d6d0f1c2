"""Choices from `config.yaml` and secrets from the environment. Every mistake is listed, none stops the reading.

Sources and outlets declare their own settings as subclasses of `Network` and `Outlet`; `load` is handed those classes,
so that adding a file under `sources/` or `outlets/` needs no edit here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

import yaml
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from bot.records import FootfallError, Name, PeriodName
from bot.words import LANGUAGES, nearest

T = TypeVar("T", bound="Choice")


def _language(value: str) -> str:
    found = nearest(value)
    if found.partition("-")[0] != value.partition("-")[0]:
        raise ValueError(f"wanted one of {', '.join(LANGUAGES)}")
    return found


Language = Annotated[str, AfterValidator(_language)]
"""A language that posts can be in; "es" is taken for "es-ES"."""


class ConfigError(FootfallError):
    """Mistakes in the configuration, each one line: file, key path, what was found, what was wanted."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class Choice(BaseModel):
    """A block of `config.yaml`: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Headline(Choice):
    """The one figure a network opens with. It never changes evidence from day to day."""

    catalogue: str = Field(description="the catalogue whose figure leads the post")
    figure: str = Field(description="a metric's key")


class Network(Choice):
    """What every network can be told."""

    enabled: bool = Field(True, description="false: this network is neither collected nor published")
    headline: Headline


class Outlet(Choice):
    """What every outlet can be told."""

    enabled: bool = Field(True, description="false: nothing is posted there")


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


def _time(value: object) -> object:
    """YAML reads an unquoted 12:30 as the number 750, and pydantic would take that for seconds."""
    if isinstance(value, time) or (isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value)):
        return value
    raise ValueError('wanted a time of day as "HH:MM", in quotes')


def _text(value: object) -> object:
    """YAML reads an unquoted channel id as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ScheduleEntry(Choice):
    """One regular post."""

    name: str = Field(min_length=1, max_length=60, description="what the logs and `schedule` call it; each name once")
    period: PeriodName = Field("day", description="day, week or month: the newest one that is over is published")
    at: Annotated[time, BeforeValidator(_time)] = Field(time(2, 30), description='time of day as "HH:MM"')
    zone: str = Field("UTC", description="IANA time zone of `at`, such as Europe/Zurich")
    weekday: Weekday | None = Field(None, description="of a weekly post: monday to sunday; monday by default")
    day: int | None = Field(None, ge=1, le=28, description="of a monthly post: day of the month; 1 by default")
    networks: tuple[str, ...] = Field((), description="networks to publish; each configured one by default")
    outlets: tuple[str, ...] = Field((), description="outlets to post to; each configured one by default")
    destinations: tuple[Annotated[str, BeforeValidator(_text)], ...] = Field(
        (), description="channels and accounts to post to; all of those outlets by default"
    )

    @property
    def isoweekday(self) -> int:
        """The weekday of a weekly post, Monday 1 to Sunday 7."""
        return WEEKDAYS.index(self.weekday or "monday") + 1

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
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


def _duration(value: object) -> object:
    """90m, 36h or 2d as a length of time; what is none of these goes on to pydantic."""
    found = re.fullmatch(r"([0-9]{1,4})\s*([mhd])", value) if isinstance(value, str) else None
    if found is None:
        if isinstance(value, timedelta):
            return value
        raise ValueError("wanted a length of time such as 90m, 36h or 2d")
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[found[2]]: int(found[1])})


def duration(text: str) -> timedelta:
    """A length of time as people write it: 90m, 36h, 2d. Raises `ValueError`."""
    found = _duration(text)
    assert isinstance(found, timedelta)
    return found


def _shown_duration(value: timedelta) -> str:
    minutes = int(value.total_seconds() // 60)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(_shown_duration, return_type=str)]


class Poll(Choice):
    """A question put to readers with the weekly post; see docs/operate.md."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,29}$", description="what its result is called, from week to week; each name once"
    )
    networks: tuple[str, ...] = Field((), description="networks it goes with; each configured one by default")
    outlets: tuple[Literal["x", "discord"], ...] = Field(("x", "discord"), description="where it is asked")
    question: str = Field(min_length=1, max_length=600, description="a template over the digest: `d`, `c`, `f`")
    answers: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        min_length=2, max_length=4, description="templates too; X shows 25 characters of each, Discord 55"
    )
    lasts: Duration = Field(
        timedelta(days=5),
        ge=timedelta(hours=1),
        le=timedelta(days=7),
        description="how long it is open, in whole hours; it is told in the digest of the week in which it closes",
    )

    @field_validator("lasts")
    @classmethod
    def _whole_hours(cls, lasts: timedelta) -> timedelta:
        if lasts % timedelta(hours=1):
            raise ValueError("wanted whole hours: Discord counts in them")
        return lasts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Worker(Choice):
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
    def _loopback(cls, host: str) -> str:
        if host != "localhost" and not _is_loopback(host):
            raise ValueError("wanted a loopback address, such as 127.0.0.1: what is shown there is not for the world")
        return host


class Publish(Choice):
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


class Discord(Choice):
    """Whom the bot serves on Discord, and how many."""

    owners: tuple[Annotated[str, BeforeValidator(_text), StringConstraints(pattern=r"^[0-9]{15,20}$")], ...] = Field(
        (), description="ids of the accounts that may use the operator's commands; without any there are none"
    )
    sharded_from: int = Field(1000, ge=1, le=2500, description="servers from which on the bot connects in shards")
    per_server: int = Field(5, ge=0, le=50, description="subscriptions that one server may have")
    subscriptions: int = Field(1000, ge=0, le=10_000, description="subscriptions of all servers together")
    per_member: int = Field(10, ge=0, le=20, description="models that one member may watch")
    watches: int = Field(10_000, ge=0, le=100_000, description="watches of all members together")


class Corrections(Choice):
    """When a change is worth a post of its own."""

    threshold: float = Field(
        0.01, ge=0, description="share by which a headline must have moved where the post cannot be edited any more"
    )


class LakeChoice(Choice):
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


class ClusterChoice(Choice):
    """A Dask cluster, for what one machine is too small for."""

    address: str = Field(
        pattern=r"^(tcp|tls)://[^\s@/?#]+:[0-9]{1,5}$",
        description="of the scheduler, `tcp://host:port` or `tls://host:port`",
    )
    ca: Path | None = Field(None, description="of tls: file of the certificate that signed all others, PEM")
    cert: Path | None = Field(None, description="of tls: file of our own certificate, PEM")
    key: Path | None = Field(None, description="of tls: file of our own private key, PEM")

    @model_validator(mode="after")
    def _whole(self) -> ClusterChoice:
        given = [name for name in ("ca", "cert", "key") if getattr(self, name)]
        tls = self.address.startswith("tls://")
        if len(given) != (3 if tls else 0):
            wanted = "ca, cert and key with tls://" if tls else "tls:// with them"
            raise ValueError(f"found {', '.join(given) or 'no ca, cert and key'}; wanted {wanted}")
        return self


def _cluster(value: object) -> object:
    """`cluster: tcp://host:port` says the address alone."""
    return {"address": value} if isinstance(value, str) else value


def _lake(value: object) -> object:
    """`lake: data/lake` says the place alone."""
    return {"place": value} if isinstance(value, str) else value


class Config(Choice):
    """The whole of `config.yaml`."""

    data: Path = Field(Path("data"), description="folder of the database, the lake and downloaded records")
    out: Path = Field(Path("out"), description="folder that the site and the pictures are written to")
    networks: dict[str, Any] = Field(default_factory=dict, description="one block a network")
    outlets: dict[str, Any] = Field(default_factory=dict, description="one block an outlet")
    schedule: tuple[ScheduleEntry, ...] = Field(
        (ScheduleEntry.model_validate({"name": "daily"}),),
        description="the regular posts; by default one, daily at 02:30 UTC",
    )
    polls: tuple[Poll, ...] = Field(
        (), description="questions for readers; of several for one network, each week asks the next"
    )
    worker: Worker = Worker.model_validate({})
    publish: Publish = Field(Publish.model_validate({}), description="what is due, and how long it is waited for")
    corrections: Corrections = Field(
        Corrections.model_validate({}), description="when a change is worth a post of its own"
    )
    discord: Discord = Field(Discord.model_validate({}), description="whom the bot serves on Discord, and how many")
    lake: Annotated[LakeChoice, BeforeValidator(_lake)] = Field(
        LakeChoice.model_validate({}), description="where single events are kept; a text alone is its `place`"
    )
    cluster: Annotated[ClusterChoice | None, BeforeValidator(_cluster)] = Field(
        None, description="where days are added up, ranges of blocks read and signatures checked; by default here"
    )
    hidden_names: tuple[str, ...] = Field(
        (), description='names shown as "a hidden model" everywhere; they still count'
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices and secrets together."""

    config: Config
    database_url: SecretStr
    """Where the database is; a SQLite file under `config.data` unless DATABASE_URL says otherwise."""
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)

    def secret(self, name: str) -> str | None:
        """A secret's plain value, or `None` where it is not set."""
        held = self.secrets.get(name)
        return held.get_secret_value() if held else None


def load(
    path: Path,
    networks: Mapping[str, type[Network]],
    outlets: Mapping[str, type[Outlet]],
    secret_names: Iterable[str] = (),
    wrong: Callable[[str, Network], Iterable[tuple[str, str]]] = lambda name, block: (),
    unsaid: Callable[[Poll], Iterable[tuple[str, str]]] = lambda poll: (),
) -> Settings:
    """Read `path` and the environment. `wrong` tells what a network's block alone cannot, and `unsaid` what a poll's
    cannot: keys that are mistaken, each with what was found and wanted. Raises `ConfigError` with all mistakes."""
    mistakes: list[str] = []
    document = _document(path, mistakes)
    chosen = _blocks(path, document, "networks", "network", networks, mistakes)
    blocks = {"networks": chosen, "outlets": _blocks(path, document, "outlets", "outlet", outlets, mistakes)}
    for name, block in chosen.items():
        mistakes += [f"{path}: networks.{name}.{key}: {what}" for key, what in wrong(name, block)]
    try:
        config = Config.model_validate({**document, "networks": {}, "outlets": {}})
    except ValidationError as error:
        mistakes += _lines(path, "", error)
    else:
        mistakes += _misnamed(path, "schedule", config.schedule, networks, outlets)
        mistakes += _misnamed(path, "polls", config.polls, networks, outlets)
        for number, poll in enumerate(config.polls):
            mistakes += [f"{path}: polls.{number}.{key}: {what}" for key, what in unsaid(poll)]
    if mistakes:
        raise ConfigError(mistakes)
    config = config.model_copy(update=blocks)
    environment = _environment(path.parent)
    secrets = {name: SecretStr(environment[name]) for name in secret_names if environment.get(name)}
    url = environment.get("DATABASE_URL") or f"sqlite:///{config.data / 'footfall.db'}"
    return Settings(config, SecretStr(url), secrets)


def _environment(folder: Path) -> dict[str, str]:
    """The process's environment over the `.env` file beside the configuration."""
    try:
        from_file = {k: v for k, v in dotenv_values(folder / ".env").items() if v}
    except (OSError, UnicodeDecodeError) as error:
        # A decoding error quotes what it read, which may be a secret; not even its cause is kept.
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError([f"{folder / '.env'}: cannot be read: {why}"]) from None
    return {**from_file, **os.environ}


def _document(path: Path, mistakes: list[str]) -> dict[str, Any]:
    """The file's keys; one that is given twice is a mistake, since YAML would let the last one win in silence."""
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
        mistakes += [f"{path}: {doubled}" for doubled in _doubled(yaml.compose(text, yaml.SafeLoader), "", set())]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError([f"{path}: {where}not YAML: {what}"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: not YAML that can be read: {error}"]) from error
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ConfigError([f"{path}: found {type(document).__name__}, wanted a mapping of keys"])
    return document


def _doubled(node: yaml.Node | None, where: str, met: set[int]) -> Iterator[str]:
    """Keys that stand twice in one block, with their lines. Aliases may lead back to where they stand."""
    if node is None or id(node) in met:
        return
    met.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, one in enumerate(node.value):
            yield from _doubled(one, f"{where}{number}.", met)
    if isinstance(node, yaml.MappingNode):
        first: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            same, name, line = (key.tag, str(key.value)), Name(str(key.value), 60), key.start_mark.line + 1
            if same in first:
                yield f"{where}{name}: line {line}: found again, first on line {first[same]}; wanted each key once"
            first.setdefault(same, line)
            yield from _doubled(value, f"{where}{name}.", met)


def _blocks(
    path: Path,
    document: Mapping[str, Any],
    key: str,
    noun: str,
    known: Mapping[str, type[T]],
    mistakes: list[str],
) -> dict[str, T]:
    found = document.get(key) or {}
    if not isinstance(found, dict):
        mistakes.append(f"{path}: {key}: found {found!r}, wanted one block for each {noun}")
        return {}
    blocks: dict[str, T] = {}
    for name, block in found.items():
        if name not in known:
            mistakes.append(f"{path}: {key}.{name}: no such {noun}; known: {', '.join(sorted(known))}")
            continue
        try:
            blocks[name] = known[name].model_validate(block or {})
        except ValidationError as error:
            mistakes += _lines(path, f"{key}.{name}.", error)
    return blocks


def _misnamed(
    path: Path, block: str, entries: Iterable[ScheduleEntry | Poll], networks: Iterable[str], outlets: Iterable[str]
) -> Iterator[str]:
    """What the schedule or the polls name that there is not, or name twice."""
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        if entry.name in seen:
            yield f"{path}: {block}.{number}.name: found {entry.name!r} twice; wanted each name once"
        seen.add(entry.name)
        for key, noun, known in (("networks", "network", networks), ("outlets", "outlet", outlets)):
            for name in sorted(set(getattr(entry, key)) - set(known)):
                yield f"{path}: {block}.{number}.{key}: {name}: no such {noun}; known: {', '.join(sorted(known))}"


def _lines(path: Path, prefix: str, error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = prefix + ".".join(Name(str(part)) for part in problem["loc"])
        found = "" if problem["type"] in ("missing", "extra_forbidden") else f": found {_shown(problem['input'])}"
        wanted = "no such key" if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {where.rstrip('.')}{found}: {wanted}")
    return lines


def _shown(value: object) -> str:
    """What was found, clipped, and without the user name and password that an address may hold."""
    return re.sub(r"//[^/@]*@", "//***@", repr(value))[:60]
