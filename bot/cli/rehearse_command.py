"""The command that tries a network out: `rehearse`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic import BaseModel

from bot.cli.app_context import AppContext, clock, pass_app_context

if TYPE_CHECKING:
    from bot.clients.transcript import Transcript
    from bot.config import NetworkConfig

REPLAYED = "replayed"
"""Stands for a secret where a transcript is replayed."""
FASTEST = 1e6


@click.command()
@click.argument("network")
@click.option(
    "--minutes", type=click.FloatRange(0.1, 120), default=10.0, show_default=True, help="Most minutes to read for."
)
@click.option(
    "--save", type=click.Path(path_type=Path), help="File for the transcript.  [default: NETWORK.transcript.xz]"
)
@click.option("--replay", type=click.Path(path_type=Path), help="Read this transcript instead of the network.")
@pass_app_context
def rehearse(parts: AppContext, network: str, minutes: float, save: Path | None, replay: Path | None) -> int:
    """Try a network out: what answers, in which form, which facts hold, and what would be published for yesterday.

    It only reads, at the polite rate, and keeps nothing but one file with all answers, without secrets. Whoever has the
    file can replay it offline with the same result.
    """
    from bot.clients.transcript import load_transcript, save_transcript

    parts.network_plan(network)
    if replay is not None:
        _replay(parts, network, load_transcript(replay))
        return 0
    transcript = _record(parts, network, minutes)
    path = save or Path(f"{network}.transcript.xz")
    save_transcript(path, transcript)
    click.echo(f"\n{len(transcript.exchanges)} answers are in {path} ({path.stat().st_size:,} bytes).")
    return 0


def _record(parts: AppContext, network: str, minutes: float) -> Transcript:
    from bot.clients.recording import Recorder, tapped
    from bot.clients.transcript import FORMAT, Header, Transcript, make_disguise
    from bot.redaction import known_secrets

    settings = parts.settings.config.networks[network]
    secrets = parts.network_secrets(network)
    written = _portable_settings(settings)
    recorder = Recorder(make_disguise(written, [*known_secrets(), *secrets.values()]), 60 * minutes, time.monotonic)
    now = clock().astimezone(UTC)
    with tapped(recorder):
        lines = list(_rehearsal_lines(parts, network, settings, secrets, now, recorder.exchanges))
    header = Header(FORMAT, network, now, recorder.disguise.of_settings(written), sorted(secrets))
    click.echo("\n".join(map(recorder.disguise.of_text, lines)))
    return Transcript(header, tuple(recorder.exchanges))


def _replay(parts: AppContext, network: str, transcript: Transcript) -> None:
    from pydantic import ValidationError

    from bot import sources
    from bot.clients.recording import Replayer, tapped
    from bot.clients.transcript import TranscriptError

    header = transcript.header
    if header.network != network:
        raise TranscriptError(f"found a transcript of another network, wanted one of {network}")
    own = parts.settings.config.networks[network]
    module = sources.load_network(network, own)
    try:
        held = _laid_over(type(own), own.model_dump(), _without_paths(type(own), _at_once(header.settings)))
        settings: NetworkConfig = type(own).model_validate(held)
    except (ValidationError, TypeError, AttributeError) as error:
        raise TranscriptError(f"the transcript's settings are none of {network}; ask for the file again") from error
    secrets = {name: REPLAYED for name in module.SECRETS if name in header.secrets}
    with tapped(Replayer(transcript.exchanges)):
        lines = list(_rehearsal_lines(parts, network, settings, secrets, header.at, transcript.exchanges))
    click.echo("\n".join(lines))


def _rehearsal_lines(
    parts: AppContext, network: str, settings: NetworkConfig, secrets: Mapping[str, str], now: datetime, exchanges: Any
) -> Iterator[str]:
    from bot.pipeline.rehearsal import answer_lines
    from bot.pipeline.rehearsal import rehearse as run_rehearsal

    found = run_rehearsal(parts.make_plan(network, settings), settings, secrets, now, parts.text_outlet())
    yield f"{network} as of {now:%Y-%m-%d %H:%M} UTC"
    yield from ("", "What answers, and in which form:", *answer_lines(exchanges))
    yield from ("", "Which facts hold:")
    for fact in found.facts:
        mark = "?" if fact.ok is None else "yes" if fact.ok else "NO"
        fix = f" -> {fact.fix}" if fact.fix and not fact.ok else ""
        yield f"{mark}: {fact.name}: {'; '.join(fact.text.splitlines())}{fix}"
    yield from ("", "What was read:", *found.collected)
    yield from ("", f"For yesterday {found.gate}. The post would read:", "", found.post)


def _portable_settings(settings: NetworkConfig) -> dict[str, Any]:
    """A network's settings without paths of this machine and without who to reach us at."""
    dumped = _without_paths(type(settings), settings.model_dump(mode="json"))
    return {key: value for key, value in dumped.items() if key != "contact"}


def _without_paths(kind: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of settings without paths, those of nested settings included: a transcript names no file of the machine
    that it comes from, and none of the machine that replays it."""
    fields, kept = kind.model_fields, {}
    for key, value in values.items():
        if key in fields and "Path" not in str(fields[key].annotation):
            nested = _nested_kind(fields[key].annotation)
            kept[key] = _without_paths(nested, value) if nested and isinstance(value, Mapping) else value
    return kept


def _laid_over(kind: type[BaseModel], own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Our own settings with the given ones in their place; paths stay ours."""
    merged = {**own, **given}
    for key, value in given.items():
        nested = _nested_kind(kind.model_fields[key].annotation)
        if nested and isinstance(value, Mapping) and isinstance(own.get(key), Mapping):
            merged[key] = _laid_over(nested, own[key], value)
    return merged


def _nested_kind(annotation: Any) -> type[BaseModel] | None:
    """The settings that a field holds, or may hold."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _at_once(value: Any) -> Any:
    """Settings without waiting between requests, since nobody is asked."""
    if isinstance(value, dict):
        return {key: FASTEST if key == "rate" else _at_once(held) for key, held in value.items()}
    return [_at_once(held) for held in value] if isinstance(value, list) else value
