"""The three interfaces agree: each query has the same answer in Discord, on the command line and on the web."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from bot.cli import app_context, cli
from bot.discord_bot import COMMANDS, Query
from bot.queries import QueryContext
from bot.queries.registry import API_QUERIES, NETWORK, QUERIES
from bot.web.api import query_parameters
from tests import query_contexts
from tests.discord_bot import test_commands
from tests.web.test_web import same_answer, served

CONFIG = """
data: {folder}
out: {folder}/out
networks: {{replicate: {{headline: {{catalogue: models, figure: models_used}}}}}}
hidden_names: ["{hidden}"]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder, hidden=query_contexts.SECRET))
    with query_contexts.desk(folder):
        pass
    return folder


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueryContext]:
    monkeypatch.setattr(app_context, "clock", lambda: query_contexts.NOW)
    context = app_context.AppContext(home / "config.yaml")
    yield replace(context.query_context, clock=lambda: query_contexts.NOW)
    context.close()


@pytest.fixture
def ask(desk: QueryContext, tmp_path: Path) -> Iterator[httpx.Client]:
    with served(desk, tmp_path) as client:
        yield client


@pytest.mark.parametrize(("name", "options"), test_commands.QUESTIONS)
def test_a_question_has_the_same_answer_on_all_three(
    desk: QueryContext, home: Path, ask: httpx.Client, name: str, options: dict[str, object]
) -> None:
    query = QUERIES[name]
    given = {"network": "replicate"} if NETWORK in query.options else {}
    given |= {key: str(value) for key, value in options.items()}
    answer = json.loads(json.dumps(Query(name, given).find_answer(desk)))
    parameters = {key: given[key] for key in query_parameters(API_QUERIES[name]) if key in given}
    parameters |= {"offset": str(answer["page"] * 100 - 100)} if "page" in answer else {}
    page = ask.get(query.address.format(**given), params=parameters)
    assert page.status_code == 200 and same_answer(page.json(), answer)
    ran = CliRunner().invoke(cli, ["--config", str(home / "config.yaml"), *_arguments(name, given), "--json"])
    assert ran.exit_code == 0 and json.loads(ran.stdout) == answer, ran.output


def _arguments(name: str, options: dict[str, str]) -> list[str]:
    twin = cli.get_command(click.Context(cli), name)
    assert twin is not None
    if name == "health":  # without its argument it is the probe of a container
        return [name, "sources"]
    given = [options[param.name or ""] for param in twin.params if isinstance(param, click.Argument)]
    named = {param.name for param in twin.params if isinstance(param, click.Option)}
    return [name, *given, *[word for key, value in options.items() if key in named for word in (f"--{key}", value)]]


def test_commands_are_within_discords_limits() -> None:
    """interactions/application-commands: discord.py and the in-process Discord let some of these pass."""
    for command in COMMANDS:
        pairs = [(command.name, command.description), *[(o.name, str(o.description)) for o in command.parameters]]
        for name, description in pairs:
            assert re.fullmatch(r"[-_a-z0-9]{1,32}", name) and 1 <= len(description) <= 100
        choices = [len(choice.name) + len(str(choice.value)) for o in command.parameters for choice in o.choices]
        assert sum(len(name) + len(description) for name, description in pairs) + sum(choices) <= 8000
        for option in command.parameters:
            assert not (option.autocomplete and option.choices)
