"""Reads `config.yaml` and the environment, and reports all mistakes at once.

A blank environment variable counts as not set; an unusable one is reported by name, never with its value.
"""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

import yaml
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from bot.config.mistakes import (
    MONITORING_VARIABLE,
    did_you_mean,
    exposed_pages,
    name_mistakes,
    twin_entries,
    validation_lines,
)
from bot.config.schema import Config, PollConfig
from bot.config.types import ConfigModel, NetworkConfig, OutletConfig
from bot.records import COMPARISON, FootfallError, SafeName

DATA_FOLDER = "data"
"""The folder of the site's data releases, beside those of the networks."""

FOREIGN_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Secrets that libraries read by themselves."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables with addresses of proxies, in upper or lower case; secret if the address has a password."""
PROXY_NAMES = tuple(form for name in PROXIES for form in (name, name.lower()))
_TRANSPORTS = {"ws": "http", "wss": "https"}


def unset_blank(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that are not blank: a compose file sets unknown variables to nothing."""
    return {name: value for name, value in variables.items() if value and value.strip()}


def variable_mistakes(environment: Mapping[str, str], secret_names: Iterable[str]) -> Iterator[str]:
    """One line for each variable that cannot be used."""
    for name in (*secret_names, *FOREIGN_SECRETS):
        if problem := _token_problem(environment.get(name, "")):
            yield f"{name}: holds {problem}, which no key or token does; copy it again, or unset it"
    if not environment.get("DATABASE_URL", "").isprintable():
        yield "DATABASE_URL: holds a line break or another control character; copy it again, or unset it"
    for name in PROXY_NAMES:
        if name in environment and not _usable_proxy(environment[name]):
            yield f"{name}: wanted a proxy as http://host:port; correct it, or unset it"


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, unless `NO_PROXY` exempts it; for libraries that do not read
    these variables. Lower-case variables win over upper-case ones."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    scheme = _TRANSPORTS.get(parts.scheme, parts.scheme)
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _token_problem(text: str) -> str:
    if any(character in "\r\n" for character in text):
        return "a line break"
    if not text.isascii():
        return "a letter outside of ASCII"
    return "" if text.isprintable() and " " not in text else "a blank or a control character"


def _usable_proxy(text: str) -> bool:
    parts = _split_url(text if "://" in text else f"http://{text}")
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _split_url(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


T = TypeVar("T", bound=ConfigModel)


class ConfigError(FootfallError):
    """Mistakes in the configuration, each one line: file, key path, what was found, what was wanted."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The settings and the secrets."""

    config: Config
    database_url: SecretStr
    """Address of the database; a SQLite file under `config.data` unless DATABASE_URL is set."""
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """One line for each key of an earlier version, for an empty file and for a `.env` that others can read."""

    def secret_value(self, name: str) -> str | None:
        """The plain value of a secret; `None` if it is not set."""
        held = self.secrets.get(name)
        return held.get_secret_value() if held else None


def load(
    path: Path,
    networks: Mapping[str, type[NetworkConfig]],
    outlets: Mapping[str, type[OutletConfig]],
    secret_names: Iterable[str] = (),
    network_mistakes: Callable[[str, NetworkConfig], Iterable[tuple[str, str]]] = lambda name, block: (),
    poll_mistakes: Callable[[PollConfig], Iterable[tuple[str, str]]] = lambda poll: (),
) -> LoadedConfig:
    """Read `path` and the environment. `network_mistakes` and `poll_mistakes` find mistakes that the models of the
    blocks cannot see: each a key with what was found and wanted. Raises `ConfigError` with all mistakes."""
    mistakes: list[str] = []
    document, obsolete = _without_obsolete(path, _read_document(path, mistakes), networks)
    environment = _read_environment(path.parent)
    networks = _with_kinds(path, document.get("networks"), networks, mistakes)
    chosen = _validated_blocks(path, document, "networks", "network", networks, mistakes)
    reached = _validated_blocks(path, document, "outlets", "outlet", outlets, mistakes)
    for name, block in chosen.items():
        mistakes += [f"{path}: networks.{name}.{key}: {what}" for key, what in network_mistakes(name, block)]
    try:
        config = Config.model_validate({**document, "networks": {}, "outlets": {}})
    except ValidationError as error:
        mistakes += validation_lines(path, "", error, Config)
    else:
        mistakes += _config_mistakes(path, config, chosen, reached, poll_mistakes)
        mistakes += [f"{path}: {mistake}" for mistake in exposed_pages(config, environment)]
    own = [key for network in chosen.values() for key in network.secret_names]
    own += [key for outlet in reached.values() for key in outlet.secret_names]
    names = tuple(dict.fromkeys([MONITORING_VARIABLE, *secret_names, *own]))
    mistakes += variable_mistakes(environment, names)
    if mistakes:
        raise ConfigError(mistakes)
    config = config.model_copy(update={"networks": chosen, "outlets": reached})
    empty = () if document else (f"{path}: is empty, so no network is watched; copy the config.yaml of Footfall",)
    warnings = (*obsolete, *empty, *_env_warnings(path.parent))
    return replace(_loaded_config(config, environment, names), warnings=warnings)


def _config_mistakes(
    path: Path,
    config: Config,
    networks: Mapping[str, NetworkConfig],
    outlets: Mapping[str, OutletConfig],
    poll_mistakes: Callable[[PollConfig], Iterable[tuple[str, str]]],
) -> Iterator[str]:
    """What does not fit together: names of networks and outlets that are not on, entries at one time, polls."""
    watched, posted = ([name for name, block in held.items() if block.enabled] for held in (networks, outlets))
    yield from name_mistakes(path, "schedule", config.schedule, [*watched, COMPARISON], posted)
    yield from name_mistakes(path, "polls", config.polls, watched, posted)
    yield from (f"{path}: schedule.{mistake}" for mistake in twin_entries(config.schedule))
    for number, poll in enumerate(config.polls):
        yield from (f"{path}: polls.{number}.{key}: {what}" for key, what in poll_mistakes(poll))


def _with_kinds(
    path: Path, blocks: object, networks: Mapping[str, type[NetworkConfig]], mistakes: list[str]
) -> Mapping[str, type[NetworkConfig]]:
    """The settings of each network, also of the blocks that name a kind and have a name of their own."""
    made: dict[str, type[NetworkConfig]] = {}
    for name, block in blocks.items() if isinstance(blocks, dict) else ():
        kind = block.get("kind") if isinstance(block, dict) else None
        if not kind or kind == name:
            continue
        where = f"{path}: networks.{SafeName(str(name), 60)}"
        if kind not in networks or not networks[kind].several:
            kinds = ", ".join(sorted(key for key, settings in networks.items() if settings.several))
            mistakes.append(f"{where}.kind: found {SafeName(str(kind), 60)!r}, wanted one of {kinds}")
        elif name == COMPARISON:
            mistakes.append(f"{where}: this is the name of the comparison of all networks; wanted another name")
            made[name] = networks[kind]
        elif name == DATA_FOLDER:
            mistakes.append(f"{where}: this is the folder of the site's data releases; wanted another name")
            made[name] = networks[kind]
        elif name in networks or not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", str(name)):
            mistakes.append(f"{where}: wanted a name of its own: small letters, digits and _, at most 30")
        else:
            made[name] = networks[kind]
    return ChainMap(made, cast(dict[str, type[NetworkConfig]], networks))


def _without_obsolete(
    path: Path, document: dict[str, Any], networks: Mapping[str, type[NetworkConfig]]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The keys of the file without those of earlier versions, and one line for each of these."""
    blocks, lines = document.get("networks"), []
    if not isinstance(blocks, dict):
        return document, ()
    kept = dict(blocks)
    for name, block in blocks.items():
        if name in networks and isinstance(block, dict):
            obsolete = networks[name].obsolete_keys(block)
            kept[name] = {key: value for key, value in block.items() if key not in obsolete}
            lines += [f"{path}: networks.{name}.{key}: ignored: {why}" for key, why in obsolete.items()]
    return {**document, "networks": kept}, tuple(lines)


def _loaded_config(config: Config, environment: Mapping[str, str], secret_names: Iterable[str]) -> LoadedConfig:
    secrets = {name: SecretStr(environment[name]) for name in secret_names if environment.get(name)}
    url = environment.get("DATABASE_URL") or _sqlite_url(config.data / "footfall.db")
    return LoadedConfig(config, SecretStr(url), secrets)


def _read_environment(folder: Path) -> dict[str, str]:
    """The `.env` file beside the configuration, overridden by the process's environment."""
    try:
        from_file = unset_blank(dotenv_values(folder / ".env"))
    except (OSError, UnicodeDecodeError) as error:
        # A decoding error quotes what it read, which may be a secret, so its cause is dropped.
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError([f"{folder / '.env'}: cannot be read: {why}"]) from None
    return {**from_file, **unset_blank(os.environ)}


def _env_warnings(folder: Path) -> Iterator[str]:
    """A line if other users of this machine may read the secrets."""
    file = folder / ".env"
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if os.name == "posix" and mode & 0o044:
        yield f"{file}: other users of this machine can read it; run: chmod 600 {file}"


def _sqlite_url(path: Path) -> str:
    """The address of a SQLite file, with `%` and `?` encoded."""
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


def _read_document(path: Path, mistakes: list[str]) -> dict[str, Any]:
    """The keys of the file. A key given twice is a mistake: YAML would silently use the last one."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        document = loader.construct_document(node) if node else None
        mistakes += [f"{path}: {doubled}" for doubled in _duplicate_keys(node, "", set())]
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


def _duplicate_keys(node: yaml.Node | None, where: str, met: set[int]) -> Iterator[str]:
    """Keys that are given twice in one block, with their lines. Aliases may form loops."""
    if node is None or id(node) in met:
        return
    met.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, pair in enumerate(node.value):
            yield from _duplicate_keys(pair, f"{where}{number}.", met)
    if isinstance(node, yaml.MappingNode):
        first: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            same, name, line = (key.tag, str(key.value)), SafeName(str(key.value), 60), key.start_mark.line + 1
            if same in first:
                yield f"{where}{name}: line {line}: found again, first on line {first[same]}; wanted each key once"
            first.setdefault(same, line)
            yield from _duplicate_keys(value, f"{where}{name}.", met)


def _validated_blocks(
    path: Path,
    document: Mapping[str, Any],
    key: str,
    noun: str,
    known: Mapping[str, type[T]],
    mistakes: list[str],
) -> dict[str, T]:
    entries = document.get(key) or {}
    if not isinstance(entries, dict):
        mistakes.append(f"{path}: {key}: found {entries!r}, wanted one block for each {noun}")
        return {}
    blocks: dict[str, T] = {}
    for name, block in entries.items():
        if name not in known:
            mistakes.append(
                f"{path}: {key}.{SafeName(str(name), 60)}: no such {noun}; known: {did_you_mean(name, known)}"
            )
            continue
        try:
            blocks[name] = known[name].model_validate(block or {})
        except ValidationError as error:
            mistakes += validation_lines(path, f"{key}.{name}.", error, known[name])
    return blocks
