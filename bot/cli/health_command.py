"""`health`: one line about the worker or the web server on this machine, for the probe of a container; or the query of
that name, about the sources.

For a process it asks its /health and imports nothing that takes time: a container asks every minute. So it reads the
two addresses from `config.yaml` by itself; `run` and `web` check the whole file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click

ADDRESSES = {
    "worker": ("host", "127.0.0.1", "port", 9464),
    "web": ("monitoring_host", "127.0.0.1", "monitoring_port", 9465),
}
"""By process: the keys of its address under `worker` and `web`, with their defaults."""
SOURCES = "sources"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - such a server also answers on loopback
SECONDS = 5.0
MOST_BYTES = 64 * 1024


@click.command()
@click.argument("what", type=click.Choice([*ADDRESSES, SOURCES]), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; for the sources.")
@click.pass_context
def health(ctx: click.Context, what: str | None, as_json: bool) -> int:
    """Say in one line whether the worker or the web server here is healthy; exits with 0 or 1.

    Without a name, whichever of both runs here must be healthy, as in a container that runs one of them.

    `health sources` shows the state of each source instead: last good reading, completeness, held days, other counts
    of the same use, revisions.
    """
    if what == SOURCES:
        from bot.cli.query_commands import health as of_sources

        return int(ctx.invoke(of_sources, as_json=as_json))
    if as_json:
        raise click.UsageError(f"--json: only for {SOURCES}", ctx)
    return _probe(ctx.obj, what)


def _probe(path: Path, process: str | None) -> int:
    settings = _read_settings(path)
    if isinstance(settings, str):
        click.echo(settings)
        return 1
    answers = {name: _ask(name, settings) for name in ([process] if process else ADDRESSES)}
    running = {name: answer for name, answer in answers.items() if answer[0] is not None} or answers
    click.echo("; ".join(f"{name}: {text}" for name, (_, text) in running.items()))
    return 0 if all(ok for ok, _ in running.values()) else 1


def _read_settings(path: Path) -> Mapping[str, Any] | str:
    """The blocks of the file, or why it cannot be read."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        return f"{path}: cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
    return document if isinstance(document, dict) else f"{path}: wanted a mapping of keys"


def _ask(name: str, settings: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Whether a process is healthy, `None` if it does not answer; and the words for it."""
    host_key, host, port_key, port = ADDRESSES[name]
    block = settings.get(name)
    block = block if isinstance(block, dict) else {}
    host, port = str(block.get(host_key, host)), block.get(port_key, port)
    if type(port) is not int or not 0 < port < 65536:
        return None, f"cannot be asked: {name}.{port_key} is {port}"
    connection = HTTPConnection(EVERYWHERE.get(host, host), port, timeout=SECONDS)
    try:
        connection.request("GET", "/health", headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status == 200, _described(answer.status, answer.read(MOST_BYTES))
    except (OSError, HTTPException):
        return None, f"no answer at {host} port {port}"
    finally:
        connection.close()


def _described(status: int, body: bytes) -> str:
    facts: object = None
    with suppress(ValueError):
        facts = json.loads(body)
    words = ["healthy" if status == 200 else f"unhealthy (status {status})"]
    if isinstance(facts, dict):
        if facts.get("database", "readable") != "readable":
            words.append(f"database: {facts['database']}")
        if isinstance(age := facts.get("heartbeat_age_seconds"), int | float):
            words.append(f"last cycle {age:.0f} s ago")
        elif "heartbeat_age_seconds" in facts:
            words.append("no cycle is finished yet")
    return " ".join(", ".join(words).split())[:300]
