"""`try`: what it shows of a network, and that it keeps nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli

CONFIG = """
networks:
  pulls: {kind: catalogue, enabled: false, title: Acme images, unit: pulls,
          models: {file: LIST, keys: {counter: pulls, author: owner}}}
  log: {kind: catalogue, title: Acme models, unit: requests, models: {file: LIST}, uses: {file: USES}}
  broken: {kind: catalogue, title: Broken, models: {file: LIST, keys: {counter: nothing}}}
"""


def run_try(folder: Path, network: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(folder / "config.yaml"), "try", network], standalone_mode=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    from bot.cli.app_context import clock

    yesterday = (clock().date()).fromordinal(clock().date().toordinal() - 1).isoformat()
    rows = [{"name": f"m{n}", "owner": "ann", "pulls": 1000 + n} for n in range(9)]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    uses = [{"name": "m1", "day": yesterday, "uses": 41}, {"name": None, "day": yesterday, "uses": 3}]
    (tmp_path / "uses.json").write_text(json.dumps(uses))
    text = CONFIG.replace("LIST", str(tmp_path / "list.json")).replace("USES", str(tmp_path / "uses.json"))
    (tmp_path / "config.yaml").write_text(text)
    return tmp_path


def test_a_counter_is_shown_with_its_first_rows_and_a_digest_without_use(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    result = run_try(folder, "pulls")
    assert result.return_value == 0, result.output
    for words in ("The first of 9 models, 9 with a counter", "m0, author ann, counter 1,000", "two nights"):
        assert words in result.output
    assert "pulls: read 2" in result.output and "kept" not in result.output
    assert "m5" not in result.output.split("== What X")[0], "five rows"
    assert "9 models on Acme images" in result.output
    assert sorted(folder.rglob("*")) == before, "nothing is kept"


def test_uses_by_day_are_shown_with_the_post_of_yesterday(folder: Path) -> None:
    result = run_try(folder, "log")
    assert result.return_value == 0, result.output
    assert "41 uses of 1 model, 3 more without a name" in result.output and "m1: 41" in result.output
    assert "What X would get: Acme models" in result.output and "models listed: 9" in result.output
    assert not (folder / "data").exists()


def test_a_mistake_is_said_and_the_command_fails(folder: Path) -> None:
    result = run_try(folder, "broken")
    assert result.return_value == 1
    assert "no row has 'nothing'; the first one has name, owner, pulls" in result.output
    assert "No digest" in result.output


def test_an_unknown_network_is_named(folder: Path) -> None:
    result = run_try(folder, "nowhere")
    assert "nowhere: no such network" in str(result.exception)
