"""The three faces in step: each question has one name, the same options and the same answer in Discord, on the command
line and on the web."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from discord import AppCommandOptionType

from bot import queries
from bot.cli import app_context, cli
from bot.discord_bot import COMMANDS, Query
from bot.discord_bot.query import ASKED, query_options, query_summary
from bot.queries import QueryContext
from bot.web.api import QUESTIONS, RequestParams
from tests import query_contexts
from tests.discord_bot import test_commands

CONFIG = """
data: {folder}
out: {folder}/out
networks: {{replicate: {{headline: {{catalogue: models, figure: models_used}}}}}}
hidden_names: ["{hidden}"]
"""
DISCORDS_OWN = {"private"}
BY_BUTTON = {"page"}
"""Options elsewhere that are buttons in Discord."""
CLIS_OWN = {"as_json"}


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
    made = app_context.AppContext(home / "config.yaml")
    yield replace(made.query_context, clock=lambda: query_contexts.NOW)
    made.close()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_has_the_options_of_its_twins(command: object) -> None:
    name = command.name  # type: ignore[attr-defined]
    twin = cli.get_command(click.Context(cli), name)
    assert twin is not None
    mine = {option.name for option in command.parameters} - DISCORDS_OWN  # type: ignore[attr-defined]
    assert mine == {param.name for param in twin.params} - CLIS_OWN - BY_BUTTON == set(query_options(name))
    page = next(question for question in QUESTIONS if question.asks is ASKED[name])
    assert mine == set(page.takes) - BY_BUTTON | set(re.findall(r"\{(\w+)", page.path))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_an_option_is_required_bounded_and_defaulted_as_on_the_command_line(command: object) -> None:
    twin = cli.get_command(click.Context(cli), command.name)  # type: ignore[attr-defined]
    assert twin is not None
    params = {param.name: param for param in twin.params}
    asks = inspect.signature(ASKED[command.name]).parameters  # type: ignore[attr-defined]
    for option in command.parameters:  # type: ignore[attr-defined]
        if option.name in DISCORDS_OWN:
            continue
        param = params[option.name]
        assert option.required == isinstance(param, click.Argument), option.name
        if not option.required and param.default is not None and not _unset(param.default):
            assert option.default == param.default == asks[option.name].default, option.name
        if isinstance(param.type, click.IntRange):
            assert option.type is AppCommandOptionType.integer
            assert (option.min_value, option.max_value) == (param.type.min, param.type.max), option.name
        if isinstance(param.type, click.Choice):
            assert [choice.value for choice in option.choices] == list(param.type.choices), option.name


def _unset(default: object) -> bool:
    return type(default).__name__ == "Sentinel" or "UNSET" in repr(default)


def test_a_command_says_in_the_same_words_what_its_question_does() -> None:
    told = {question.asks: question.summary_line for question in QUESTIONS}
    for command in COMMANDS:
        assert command.description == query_summary(command.name) == told[ASKED[command.name]]
        twin = cli.get_command(click.Context(cli), command.name)
        assert twin is not None and (inspect.cleandoc(twin.help or "") + " ").replace("\n", " ").startswith(
            f"{command.description} "
        )


@pytest.mark.parametrize(("name", "options"), test_commands.QUESTIONS)
def test_a_question_has_the_same_answer_on_all_three(
    desk: QueryContext, home: Path, name: str, options: dict[str, object]
) -> None:
    asked = {"network": "replicate", **options} if "network" in query_options(name) else dict(options)
    mine = Query(name, {key: str(value) for key, value in asked.items()}).find_answer(desk)
    page = next(question for question in QUESTIONS if question.asks is ASKED[name])
    text = {key: str(value) for key, value in asked.items()}
    assert page.answer(desk, RequestParams(text, text)) == mine
    told = CliRunner().invoke(cli, ["--config", str(home / "config.yaml"), *_arguments(name, text), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == json.loads(json.dumps(mine))


def _arguments(name: str, options: dict[str, str]) -> list[str]:
    twin = cli.get_command(click.Context(cli), name)
    assert twin is not None
    given = [options[param.name or ""] for param in twin.params if isinstance(param, click.Argument)]
    named = {param.name for param in twin.params if isinstance(param, click.Option)}
    return [name, *given, *[word for key, value in options.items() if key in named for word in (f"--{key}", value)]]


def test_every_question_of_the_archive_can_be_asked_in_discord() -> None:
    """Questions that only pages need are named here, so that a new one cannot be forgotten."""
    pages_only = {queries.known_networks, queries.kept_digests, queries.metric_definitions}
    assert {question.asks for question in QUESTIONS} - pages_only == set(ASKED.values())


def test_commands_are_within_discords_limits() -> None:
    """interactions/application-commands: discord.py and the in-process Discord let some of these pass."""
    for command in COMMANDS:
        told = [(command.name, command.description), *[(o.name, str(o.description)) for o in command.parameters]]
        for name, description in told:
            assert re.fullmatch(r"[-_a-z0-9]{1,32}", name) and 1 <= len(description) <= 100
        choices = [len(choice.name) + len(str(choice.value)) for o in command.parameters for choice in o.choices]
        assert sum(len(name) + len(description) for name, description in told) + sum(choices) <= 8000
        for option in command.parameters:
            assert not (option.autocomplete and option.choices)
