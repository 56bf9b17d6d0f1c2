"""Choices from `config.yaml` and secrets from the environment. Every mistake is listed, none stops the reading.

Sources and outlets declare their own settings as subclasses of `Network` and `Outlet`; `load` is handed those classes,
so that adding a file under `sources/` or `outlets/` needs no edit here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bot.records import FootfallError

T = TypeVar("T", bound="Choice")


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


class Config(Choice):
    """The whole of `config.yaml`."""

    data: Path = Field(Path("data"), description="folder of the database, the lake and downloaded records")
    out: Path = Field(Path("out"), description="folder that the site and the pictures are written to")
    networks: dict[str, Any] = Field(default_factory=dict, description="one block a network")
    outlets: dict[str, Any] = Field(default_factory=dict, description="one block an outlet")
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
) -> Settings:
    """Read `path` and the environment. `wrong` tells what a network's block alone cannot: keys that are mistaken, each
    with what was found and wanted. Raises `ConfigError` with all mistakes."""
    document = _document(path)
    mistakes: list[str] = []
    chosen = _blocks(path, document, "networks", "network", networks, mistakes)
    blocks = {"networks": chosen, "outlets": _blocks(path, document, "outlets", "outlet", outlets, mistakes)}
    for name, block in chosen.items():
        mistakes += [f"{path}: networks.{name}.{key}: {what}" for key, what in wrong(name, block)]
    try:
        config = Config.model_validate({**document, "networks": {}, "outlets": {}})
    except ValidationError as error:
        mistakes += _lines(path, "", error)
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


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
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


def _lines(path: Path, prefix: str, error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = prefix + ".".join(str(part) for part in problem["loc"])
        found = "" if problem["type"] in ("missing", "extra_forbidden") else f": found {_shown(problem['input'])}"
        wanted = "no such key" if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {where.rstrip('.')}{found}: {wanted}")
    return lines


def _shown(value: object) -> str:
    """What was found, clipped, and without the user name and password that an address may hold."""
    return re.sub(r"//[^/@]*@", "//***@", repr(value))[:60]
