"""Mistakes in `config.yaml`, each as one line: where, what was found, what was wanted, what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from bot.config.schema import Config, PollConfig, ScheduleEntry
from bot.config.types import ConfigModel, on_this_machine
from bot.records import COMPARISON, SafeName
from bot.redaction import clip_text

MONITORING_VARIABLE = "MONITORING_TOKEN"
"""The secret for /health and /metrics where other machines can reach them."""
SHORTEST_TOKEN = 16


def name_mistakes(
    path: Path,
    block: str,
    entries: Iterable[ScheduleEntry | PollConfig],
    networks: Iterable[str],
    outlets: Iterable[str],
) -> Iterator[str]:
    """Names in the schedule or the polls that do not exist or are given twice."""
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        if entry.name in seen:
            yield f"{path}: {block}.{number}.name: found {entry.name!r} twice; wanted each name once"
        seen.add(entry.name)
        for key, noun, known in (("networks", "network", networks), ("outlets", "outlet", outlets)):
            named = getattr(entry, key) if key in entry.model_fields_set else ()
            for name in sorted(set(named) - set(known)):
                meant = did_you_mean(name, known)
                yield f"{path}: {block}.{number}.{key}: {name}: no such {noun} here; configured: {meant}"


def twin_entries(entries: Sequence[ScheduleEntry]) -> Iterator[str]:
    """Entries that post the same at the same time as an earlier one."""
    for number, entry in enumerate(entries):
        for earlier, other in enumerate(entries[:number]):
            when = [(e.period, e.at, e.zone, e.isoweekday, e.day or 1) for e in (entry, other)]
            places = ((entry.networks, other.networks), (entry.outlets, other.outlets))
            pairs = (*places, (entry.destinations, other.destinations))
            if when[0] == when[1] and all(not (a and b) or set(a) & set(b) for a, b in pairs):
                if COMPARISON in (*entry.networks, *other.networks) and entry.networks != other.networks:
                    continue
                yield f"{number}: posts the same at the same time as schedule.{earlier}; remove one, or change its time"


def validation_lines(path: Path, prefix: str, error: ValidationError, model: type[ConfigModel]) -> list[str]:
    """The mistakes that a block's model found, each as one line."""
    lines = []
    for problem in error.errors():
        if problem["type"] == "literal_error" and problem.get("ctx", {}).get("expected") == "''":
            continue  # not left empty; what else was wanted has a line of its own
        # What a choice is called inside the validator is no key of the file.
        keys = [part for part in problem["loc"] if not _VALIDATOR.search(str(part))]
        where = prefix + ".".join(SafeName(str(part)) for part in keys)
        shown_input = (
            "" if problem["type"] in ("missing", "extra_forbidden") else f": found {_shown_value(problem['input'])}"
        )
        if any(_SECRET.search(str(part)) for part in keys[:-1]):
            shown_input = ""  # somebody may have put the secret itself there
        wanted = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "path_type":  # pydantic names Python's class, which has another name on each version
            wanted = "wanted a path"
        if problem["type"] == "extra_forbidden":
            *above, name = problem["loc"]
            wanted = _unknown_key(str(name), _block_at(model, above))
        if problem["type"] == "string_pattern_mismatch":
            wanted += _meaning(model, [part for part in keys if isinstance(part, str)])
        lines.append(f"{path}: {where.rstrip('.')}{shown_input}: {wanted}")
    return lines


_VALIDATOR = re.compile(r"^(function-\w+|literal)\[")
_SECRET = re.compile(r"token|secret|password|api_?key|credential", re.IGNORECASE)


def _unknown_key(name: str, block: type[ConfigModel] | None) -> str:
    """What to do about a key that does not exist."""
    if _SECRET.search(name):
        return "is a secret, which this file must not hold: move it into .env, under its name in .env.example"
    if block is None:
        return "no such key"
    close = get_close_matches(name, block.model_fields, n=1, cutoff=0.7)
    return f"no such key; did you mean {close[0]}?" if close else "no such key"


def _meaning(model: type[ConfigModel], keys: Sequence[str]) -> str:
    """What a setting is, in brackets; empty where that is not known."""
    block = _block_at(model, keys[:-1])
    field_info = block.model_fields.get(keys[-1]) if block and keys else None
    return f" ({field_info.description.partition(';')[0]})" if field_info and field_info.description else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """All known names; the nearest one as a question, if one is near."""
    names = sorted(known)
    close = get_close_matches(str(name), names, n=1, cutoff=0.7)
    return f"{', '.join(names) or 'none'}{f'; did you mean {close[0]}?' if close else ''}"


def _block_at(model: type[ConfigModel], where: Sequence[int | str]) -> type[ConfigModel] | None:
    """The block at a path of keys; `None` if the path leads into something else."""
    block: type[ConfigModel] | None = model
    for part in where:
        if isinstance(part, str) and block is not None:
            field_info = block.model_fields.get(part)
            block = _block_in(field_info.annotation) if field_info else None
    return block


def _block_in(annotation: Any) -> type[ConfigModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _block_in(part))), None)


def _shown_value(value: object) -> str:
    """The value that was found, clipped and without what may be a secret in an address: user name, password, path and
    query."""
    return clip_text(_BEHIND_HOST.sub(r"\1/***", re.sub(r"//[^/@]*@", "//***@", repr(value))), 60)


_BEHIND_HOST = re.compile(r"(\w://[^/?#\s'\"]*)[/?#][^\s'\",]+")


def exposed_pages(config: Config, environment: Mapping[str, str]) -> Iterator[str]:
    """Pages of the operator that other machines could read without a token."""
    if len(environment.get(MONITORING_VARIABLE, "")) >= SHORTEST_TOKEN:
        return
    wanted = f"wanted {MONITORING_VARIABLE} in .env with it ({SHORTEST_TOKEN} characters or more), or 127.0.0.1"
    for key, host, port in (
        ("worker.host", config.worker.host, config.worker.port),
        ("web.monitoring_host", config.web.monitoring_host, config.web.monitoring_port),
    ):
        if port and not on_this_machine(host):
            yield f"{key}: found {host}, {wanted}"
