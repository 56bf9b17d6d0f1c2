"""`rehearse` against local servers, for every network: replayed offline, a transcript says the same."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from bot.cli import main
from bot.clients.transcript import FORMAT, Header, Transcript, save_transcript
from bot.pipeline.rehearsal import answer_lines, json_shape
from tests.peers.chutes_api import ChutesApi
from tests.peers.dockerhub_api import DockerHubApi
from tests.peers.huggingface_api import HuggingFaceApi
from tests.peers.opengradient import NOW, two_days, world
from tests.peers.openrouter_api import OpenRouterApi
from tests.peers.replicate_api import ReplicateApi
from tests.peers.served import serving

CANARY = "r8_CANARYcanary0123456789canary"
KEYED = "v2/CANARYcanary0123456789endpoint"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@contextmanager
def networks(name: str) -> Iterator[tuple[dict[str, Any], datetime]]:
    """A network's settings for its local servers, and the instant to rehearse at."""
    if name == "opengradient":
        with world() as og:
            two_days(og)
            settings = og.settings.model_dump(mode="json")
            # Anvil answers at any path, as a provider does whose addresses hold a key.
            settings["base"]["endpoints"] = [f"{og.node.url}/{KEYED}"]
            yield settings, NOW
    elif name == "chutes":
        with serving(ChutesApi()) as api:
            yield {"api": api.url, "gateway": api.url}, datetime(2026, 9, 8, 3, tzinfo=UTC)
    elif name == "openrouter":
        with serving(OpenRouterApi()) as api:
            yield {"api": api.url}, datetime(2026, 9, 8, 3, tzinfo=UTC)
    elif name == "dockerhub":
        with serving(DockerHubApi()) as api:
            yield {"api": api.url}, datetime(2026, 9, 30, 0, 10, tzinfo=UTC)
    elif name == "huggingface":
        hub = HuggingFaceApi()
        hub.set_counters({f"org/m{number}": 1000 + number for number in range(40)})
        with serving(hub) as api:
            yield {"api": api.url}, datetime(2026, 11, 20, 0, 10, tzinfo=UTC)
    else:
        models = [
            {
                "owner": "ann",
                "name": f"m{n}",
                "run_count": n * 10,
                "created_at": "2026-01-01T00:00:00Z",
                "visibility": "public",
            }
            for n in range(5)
        ]
        with ReplicateApi(models) as replicate:
            yield {"api": replicate.url}, datetime(2026, 9, 8, 0, 5, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("REPLICATE_API_TOKEN", CANARY)
    monkeypatch.setenv("OPENROUTER_API_KEY", CANARY)
    return tmp_path


def written(folder: Path, network: str, settings: dict[str, Any]) -> str:
    path = folder / "config.yaml"
    path.write_text(json.dumps({"data": str(folder / "data"), "networks": {network: settings}}), encoding="utf-8")
    return str(path)


REHEARSED = sorted({*sources.network_names()} - {"catalogue", "olas"})
"""Without a list of your own, which has a test below, and Olas, whose node is started for its own tests only."""


@pytest.mark.parametrize("network", REHEARSED)
def test_a_transcript_says_offline_what_the_network_said(
    network: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with networks(network) as (settings, now):
        config = written(folder, network, settings)
        monkeypatch.setattr("bot.cli.rehearse_command.clock", lambda: now)
        assert run("--config", config, "rehearse", network, "--minutes", "3", "--save", "answers.xz") == 0
        live = capsys.readouterr().out
    assert "200 (" in live and "What was read:" in live, live
    assert not (folder / "data" / "footfall.db").exists() and list(folder.rglob("*.db")) == []
    bare = folder / "bare.yaml"
    bare.write_text(json.dumps({"data": str(folder / "data"), "networks": {network: {}}}), encoding="utf-8")
    assert run("--config", str(bare), "rehearse", network, "--replay", "answers.xz") == 0
    assert capsys.readouterr().out.strip() == live.rpartition("\n\n")[0].strip()
    content = lzma.decompress((folder / "answers.xz").read_bytes())
    assert b"CANARY" not in content and "CANARY" not in live and "authorization" not in content.decode().lower()


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [
        ("chutes", {}, "found a transcript of another network, wanted one of replicate"),
        ("replicate", {"headline": 5}, "the transcript's settings are none of replicate; ask for the file again"),
        ("replicate", {"api": "ftp://elsewhere"}, "the transcript's settings are none of replicate"),
    ],
)
def test_a_transcript_that_does_not_fit_is_one_line(
    network: str, settings: dict[str, Any], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = Header(FORMAT, network, datetime(2026, 10, 7, 2, tzinfo=UTC), settings, [])
    save_transcript(folder / "answers.xz", Transcript(header, []))
    config = written(folder, "replicate", {})
    assert run("--config", config, "rehearse", "replicate", "--replay", "answers.xz") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_a_transcript_names_no_file_of_the_machine_that_replays_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"record": "/etc", "live": False, "api": "https://api.replicate.com/v1/models"}
    header = Header(FORMAT, "replicate", datetime(2026, 10, 7, 2, tzinfo=UTC), settings, [])
    save_transcript(folder / "answers.xz", Transcript(header, []))
    run("--config", written(folder, "replicate", {}), "rehearse", "replicate", "--replay", "answers.xz")
    assert "/etc" not in "".join(capsys.readouterr())


def test_the_form_of_an_answer_is_shown_without_its_contents() -> None:
    value = {"models": [{"name": "secret prompt", "runs": 3}, {"name": "x", "runs": 1.5, "secret prompt": None}]}
    shape = "{models: [{name: text, runs: integer} | {name: text, runs: number, *: null}]}"
    assert json_shape(value) == shape
    assert json_shape([[[[1]]]]) == "[[[[…]]]]" and json_shape([]) == "[]"


def test_a_transcript_names_no_file_of_either_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also in nested settings; one that does, and was made by hand, leads to no file here."""
    ours, other = tmp_path / "ours.json", tmp_path / "other.json"
    ours.write_text('[{"name": "ours", "pulls": 1}]')
    other.write_text('[{"name": "other", "pulls": 1}]')
    config = f"data: {tmp_path}/data\nnetworks:\n  acme: {{kind: catalogue, title: Acme, models: {{file: {ours}, "
    (tmp_path / "c.yaml").write_text(f"{config}keys: {{counter: pulls}}}}}}\n")
    command = ("--config", str(tmp_path / "c.yaml"), "rehearse", "acme")
    saved = tmp_path / "acme.xz"
    assert run(*command, "--save", str(saved)) == 0
    assert str(tmp_path) not in lzma.decompress(saved.read_bytes()).decode()
    settings = {"models": {"file": str(other), "keys": {"counter": "pulls"}}}
    forged = Header(FORMAT, "acme", datetime.now(UTC), settings, [])
    save_transcript(saved, Transcript(forged, ()))
    capsys.readouterr()
    assert run(*command, "--replay", str(saved)) == 0
    shown = capsys.readouterr().out
    assert "ours.json answers, 1 model on" in shown and "other.json" not in shown


def test_a_network_that_asks_nobody_is_not_said_to_lack_a_key() -> None:
    (line,) = answer_lines([])
    assert "a database" in line and "key" not in line
