from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field, ValidationError

from bot import config, outlets, sources
from bot.config import ConfigError, HeadlineConfig, LoadedConfig
from bot.config.mistakes import validation_lines
from bot.outlets.webhook.settings import WebhookSettings

TOKEN = "r8_a-secret-that-must-not-be-seen"


class Wide(config.NetworkConfig):
    """A network with a few settings of its own."""

    headline: HeadlineConfig = HeadlineConfig(catalogue="models", figure="uses")
    api: str = "https://example.org"
    pages: int = Field(3, ge=1)


class Loud(config.OutletConfig):
    """An outlet."""

    handle: str = "@us"


def load(text: str, folder: Path, *names: str, **more: Any) -> LoadedConfig:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, {"wide": Wide, "other": Wide}, {"loud": Loud}, names, **more)


def mistakes(text: str, folder: Path, **more: Any) -> list[str]:
    """The errors of a configuration, without the file's name, with which each line must begin."""
    with pytest.raises(ConfigError) as error:
        load(text, folder, **more)
    assert str(error.value) == "\n".join(error.value.mistakes)
    assert error.value.exit_code == 2
    start = f"{folder / 'config.yaml'}: "
    assert all(line.startswith(start) and "\n" not in line for line in error.value.mistakes)
    return [line.removeprefix(start) for line in error.value.mistakes]


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "FOOTFALL_TOKEN", "FOOTFALL_KEY"):
        monkeypatch.delenv(name, raising=False)


# --- choices ---------------------------------------------------------------------------------------------------------


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    settings = load("", tmp_path)
    assert settings.config == config.Config()
    assert settings.database_url.get_secret_value() == "sqlite:///data/footfall.db"


def test_blocks_come_out_as_their_own_types(tmp_path: Path) -> None:
    settings = load("networks:\n  wide: {pages: 7}\n  other:\noutlets: {loud: {enabled: false}}", tmp_path)
    assert settings.config.networks == {"wide": Wide(pages=7), "other": Wide()}
    assert settings.config.outlets == {"loud": Loud(enabled=False)}


def test_the_shipped_configuration_is_right(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "config.yaml"
    settings = config.load(path, sources.settings_types(), outlets.settings_types())
    assert list(settings.config.networks) == ["replicate", "opengradient", "chutes", "openrouter"]


def test_choices_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    settings = load("networks: {wide: {}}", tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.config.networks["wide"].pages = 9


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_every_mistake_is_listed_at_once_with_key_found_and_wanted(tmp_path: Path) -> None:
    text = """
data: [a]
colour: red
hidden_names: one
networks:
  nope: {}
  wide:
    pages: 0
    pagse: 3
    enabled: maybe
    headline: {catalogue: models}
outlets:
  fax: {}
  loud: {handle: 7}
"""
    assert mistakes(text, tmp_path) == [
        "networks.nope: no such network; known: other, wide",
        "networks.wide.enabled: found 'maybe': Input should be a valid boolean, unable to interpret input",
        "networks.wide.headline.figure: Field required",
        "networks.wide.pages: found 0: Input should be greater than or equal to 1",
        "networks.wide.pagse: no such key; did you mean pages?",
        "outlets.fax: no such outlet; known: loud",
        "outlets.loud.handle: found 7: Input should be a valid string",
        "data: found ['a']: wanted a path",
        "hidden_names: found 'one': Input should be a valid tuple",
        "colour: no such key",
    ]


def test_what_a_block_alone_cannot_know_is_listed_with_the_rest(tmp_path: Path) -> None:
    texts = mistakes(
        "colour: red\nnetworks: {wide: {}}",
        tmp_path,
        network_mistakes=lambda name, block: [
            ("headline.figure", f"found {block.headline.figure!r}, wanted one of a, b")
        ],
    )
    assert texts == ["networks.wide.headline.figure: found 'uses', wanted one of a, b", "colour: no such key"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("networks: {wide: [", "line 1: not YAML: expected the node content, but found '<stream end>'"),
        ("a: 1\nb: : 2", "line 2: not YAML: mapping values are not allowed here"),
        ("a: \x01", "not YAML: unacceptable character #x0001: special characters are not allowed"),
        ("data: 2025-13-45", "not YAML that can be read: month must be in 1..12"),
        ("[" * 5000, "not YAML that can be read: maximum recursion depth exceeded"),
        ("a: &a [*a]", "a: no such key"),
        ("- wide", "found list, wanted a mapping of keys"),
        ("wide", "found str, wanted a mapping of keys"),
        ("networks: [wide]", "networks: found ['wide'], wanted one block for each network"),
        ("outlets: loud", "outlets: found 'loud', wanted one block for each outlet"),
        ("networks: {wide: 3}", "networks.wide: found 3: Input should be a valid dictionary or instance of Wide"),
        ("networks: {1: {}}", "networks.1: no such network; known: other, wide"),
        ("1: 2", "1: found 1: Keys should be strings"),
    ],
)
def test_what_is_no_configuration_is_one_clear_line(text: str, says: str, tmp_path: Path) -> None:
    (line,) = mistakes(text, tmp_path)
    assert line.startswith(says)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    for name, content in (("none.yaml", None), ("latin.yaml", b"a: \xff")):
        if content:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=rf"{name}: cannot be read: ") as error:
            config.load(tmp_path / name, {}, {})
        assert len(error.value.mistakes) == 1
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path, {}, {})


@pytest.mark.parametrize(
    "address", ["http://h.example/v2/KEY", "http://h.example?key=KEY", "ftp://h.example:8/KEY#KEY"]
)
def test_a_mistake_in_an_address_shows_its_host_and_no_key(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValidationError) as error:
        WebhookSettings.model_validate({"addresses": {"a": address}})
    (line,) = validation_lines(tmp_path, "", error.value, WebhookSettings)
    assert "KEY" not in line and "://h.example" in line, line


def test_what_was_found_is_clipped_and_shows_no_password(tmp_path: Path) -> None:
    (long,) = mistakes(f"data: [{'x' * 500}]", tmp_path)
    assert len(long) < 130
    (address,) = mistakes(f"networks: {{wide: {{pages: 'https://me:{TOKEN}@example.org/'}}}}", tmp_path)
    assert TOKEN not in address and "https://***@example.org" in address
    (stray,) = mistakes(f"networks: {{wide: {{token: {TOKEN}}}}}", tmp_path)
    assert stray.startswith("networks.wide.token: is a secret, which this file must not hold")


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_secret_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_TOKEN", TOKEN)
    settings = load("", tmp_path, "FOOTFALL_TOKEN", "FOOTFALL_KEY")
    assert settings.secret_value("FOOTFALL_TOKEN") == TOKEN
    assert settings.secret_value("FOOTFALL_KEY") is None, "a missing secret takes nothing else with it"


def test_the_file_beside_the_configuration_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"FOOTFALL_TOKEN={TOKEN}\nFOOTFALL_KEY=from-the-file\nDATABASE_URL=sqlite:///x.db\n")
    monkeypatch.setenv("FOOTFALL_KEY", "from-the-environment")
    settings = load("", tmp_path, "FOOTFALL_TOKEN", "FOOTFALL_KEY")
    assert settings.secret_value("FOOTFALL_TOKEN") == TOKEN
    assert settings.secret_value("FOOTFALL_KEY") == "from-the-environment"
    assert settings.database_url.get_secret_value() == "sqlite:///x.db"


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_variable_is_not_set_and_takes_nothing_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank: str
) -> None:
    (tmp_path / ".env").write_text(f"FOOTFALL_TOKEN={TOKEN}\nDATABASE_URL=sqlite:///x.db\n")
    monkeypatch.setenv("FOOTFALL_TOKEN", blank)
    monkeypatch.setenv("DATABASE_URL", blank)
    settings = load("", tmp_path, "FOOTFALL_TOKEN")
    assert settings.secret_value("FOOTFALL_TOKEN") == TOKEN
    assert settings.database_url.get_secret_value() == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f"{TOKEN}\n", "a line break"),
        (f"{TOKEN}\r", "a line break"),
        (f"{TOKEN}é", "a letter outside of ASCII"),
        (f"{TOKEN}\udce9", "a letter outside of ASCII"),
        (f" {TOKEN}", "a blank or a control character"),
        (f"{TOKEN}\x1b", "a blank or a control character"),
    ],
)
@pytest.mark.parametrize("name", ["FOOTFALL_TOKEN", "AWS_SECRET_ACCESS_KEY"])
def test_a_secret_that_no_header_can_carry_is_one_line_with_its_name_and_not_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(config.ConfigError) as error:
        load("", tmp_path, "FOOTFALL_TOKEN")
    assert error.value.mistakes == (f"{name}: holds {problem}, which no key or token does; copy it again, or unset it",)


@pytest.mark.parametrize("value", ["socks5://proxy:1080", "http://", "http://proxy:port", "ftp://proxy"])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_a_kind_that_not_every_library_knows_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(config.ConfigError) as error:
        load("", tmp_path)
    assert error.value.mistakes == (f"{name}: wanted a proxy as http://host:port; correct it, or unset it",)


def test_an_empty_secret_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FOOTFALL_TOKEN=\n")
    monkeypatch.setenv("FOOTFALL_KEY", "")
    monkeypatch.setenv("DATABASE_URL", "")
    settings = load("data: elsewhere", tmp_path, "FOOTFALL_TOKEN", "FOOTFALL_KEY")
    assert (settings.secret_value("FOOTFALL_TOKEN"), settings.secret_value("FOOTFALL_KEY")) == (None, None)
    assert settings.database_url.get_secret_value() == "sqlite:///elsewhere/footfall.db"


def test_secrets_that_nobody_asked_for_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_TOKEN", TOKEN)
    assert load("", tmp_path, "FOOTFALL_KEY").secrets == {}


def test_no_secret_shows_in_any_form_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_TOKEN", TOKEN)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{TOKEN}@host/db")
    settings = load("networks: {wide: {}}", tmp_path, "FOOTFALL_TOKEN")
    shown = [repr(settings), str(settings), f"{settings}", json.dumps(settings.config.model_dump(mode="json"))]
    shown += [json.dumps(dict(settings.secrets), default=str), str(settings.database_url)]
    assert "FOOTFALL_TOKEN" in repr(settings)
    assert not [text for text in shown if TOKEN in text]


def test_an_env_file_that_cannot_be_read_is_named_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"FOOTFALL_TOKEN=" + TOKEN.encode() + b"\xff")
    with pytest.raises(ConfigError, match=r"\.env: cannot be read: not UTF-8 text") as error:
        load("", tmp_path, "FOOTFALL_TOKEN")
    cause: BaseException | None = error.value
    assert cause is not None and cause.__cause__ is None and cause.__suppress_context__
    assert TOKEN not in str(error.value)


# --- keys given twice ------------------------------------------------------------------------------------------------

TWICE = """
data: a
networks:
  wide: {pages: 2}
  other:
    api: https://one.example
    "api": https://two.example
  wide: {pages: 0}
schedule:
  - {name: one, at: "02:30", name: two}
data: b
"""


def test_a_key_given_twice_is_a_mistake_among_the_others(tmp_path: Path) -> None:
    assert mistakes(TWICE, tmp_path) == [
        "networks.other.api: line 7: found again, first on line 6; wanted each key once",
        "networks.wide: line 8: found again, first on line 4; wanted each key once",
        "schedule.0.name: line 10: found again, first on line 10; wanted each key once",
        "data: line 11: found again, first on line 2; wanted each key once",
        "networks.wide.pages: found 0: Input should be greater than or equal to 1",
    ]


def test_aliases_are_no_key_given_twice_wherever_they_lead(tmp_path: Path) -> None:
    shared = "networks: {wide: &same {pages: 2}, other: *same}"
    assert load(shared, tmp_path).config.networks["other"].pages == 2
    assert mistakes("networks: &a {wide: *a}", tmp_path)
    assert mistakes('"a\\nb": 1\n"a\\nb": 2', tmp_path)[0].startswith("a b: line 2: found again")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("worker: {tick: yes}", "worker.tick: found True: wanted no yes or no, true or false here"),
        ("publish: {max_age: 1h, deadline: 6h}", "max_age is shorter than deadline, so a day that comes late"),
        (
            "schedule: [{name: a, networks: [wide]}]",
            "schedule.0.networks: wide: no such network here",
        ),
        ("schedule: [{name: a, outlets: [laud]}]", "schedule.0.outlets: laud: no such outlet here; configured: none"),
        ("schedule: [{name: a}, {name: b}]", "schedule.1: posts the same at the same time as schedule.0"),
        ("schedule: [{name: a, destinations: ['1']}, {name: b, destinations: ['1', '2']}]", "as schedule.0"),
        ("worker: {host: example}", "worker.host: found 'example': wanted an IP address, such as 127.0.0.1"),
        ("web: {trusted_proxies: [10.0.0.1/8]}", "web.trusted_proxies.0: found '10.0.0.1/8': wanted an IP address or"),
        ("web: {burst: yes}", "web.burst: found True: wanted no yes or no"),
        ("worker: {tik: 5}", "worker.tik: no such key; did you mean tick?"),
        ("schedule: [{name: a, zonne: UTC}]", "schedule.0.zonne: no such key; did you mean zone?"),
        ("netwroks: {}", "netwroks: no such key; did you mean networks?"),
        ("networks: {wider: {}}", "networks.wider: no such network; known: other, wide; did you mean wide?"),
    ],
)
def test_a_mistake_costs_one_line_and_names_what_was_meant(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(text, tmp_path)
    (mistake,) = error.value.mistakes
    assert line in mistake


@pytest.mark.parametrize(
    ("outlet", "start", "end"),
    [
        ("mastodon: {server: 'http://a.b'}", "mastodon.server: found 'http://a.b': wanted an https:// address",
         "(http:// only on this machine)"),
        ("bluesky: {destinations: ['@a']}", "bluesky.destinations.0: found '@a': ",
         "(handle of the account that posts, without @, such as footfall.bsky.social)"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_outlet_says_in_words_what_was_wanted(
    tmp_path: Path, outlet: str, start: str, end: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"outlets: {{{outlet}}}")
    with pytest.raises(ConfigError) as error:
        config.load(path, sources.settings_types(), outlets.settings_types())
    (mistake,) = error.value.mistakes
    assert mistake.startswith(f"{path}: outlets.{start}") and mistake.endswith(end)


@pytest.mark.parametrize(
    "text",
    [
        "schedule: [{name: a, at: '02:30'}, {name: b, at: '02:31'}]",
        "schedule: [{name: a, destinations: ['1']}, {name: b, destinations: ['2']}]",
        "schedule: [{name: a, period: week}, {name: b}]",
        "polls: [{name: a, question: 'Why?', answers: ['Yes', 'No']}]",
        "schedule: [{name: a, period: week}, {name: b, period: week, networks: [networks]}]",
    ],
)
def test_entries_that_post_different_things_may_share_a_time(tmp_path: Path, text: str) -> None:
    load(text, tmp_path)


EXPOSED = ("worker: {host: 0.0.0.0}", "web: {monitoring_host: '::'}", "worker: {host: 192.0.2.7}")


@pytest.mark.parametrize("text", EXPOSED)
@pytest.mark.parametrize("token", ["", "fifteen-letters"])
def test_monitoring_beyond_this_machine_needs_a_token_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, token: str
) -> None:
    monkeypatch.setenv("MONITORING_TOKEN", token)
    with pytest.raises(ConfigError) as error:
        load(text, tmp_path)
    (mistake,) = error.value.mistakes
    assert "host: found " in mistake and "wanted MONITORING_TOKEN in .env with it (16 characters or more)" in mistake
    assert not token or token not in mistake


@pytest.mark.parametrize("text", [*EXPOSED, "worker: {host: localhost}"])
def test_with_a_token_monitoring_may_listen_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MONITORING_TOKEN", "sixteen-letters-")
    assert load(text, tmp_path).secret_value("MONITORING_TOKEN") == "sixteen-letters-"


def test_monitoring_that_is_off_needs_no_token(tmp_path: Path) -> None:
    assert load("worker: {host: 0.0.0.0, port: 0}", tmp_path).config.worker.port == 0


@pytest.mark.parametrize(
    "block", ["discord_token: {}", "worker: {{api_key: {}}}", "networks: {{wide: {{password: {}}}}}"]
)
def test_a_secret_in_the_file_is_sent_to_the_environment_and_not_shown(tmp_path: Path, block: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(block.format(TOKEN), tmp_path)
    assert "is a secret, which this file must not hold: move it into .env" in str(error.value)
    assert TOKEN not in str(error.value)


def test_an_empty_file_and_a_readable_env_file_cost_a_line_each(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FOOTFALL_TOKEN=x\n")
    (tmp_path / ".env").chmod(0o644)
    empty, readable = load("# nothing", tmp_path).warnings
    assert "is empty, so no network is watched" in empty and "chmod 600" in readable
    (tmp_path / ".env").chmod(0o600)
    assert load("worker: {tick: 5}", tmp_path).warnings == ()


def test_what_config_prints_is_a_configuration(tmp_path: Path) -> None:
    loaded = load("schedule: [{name: a, at: '07:05'}]\npublish: {max_age: 2d}", tmp_path).config
    text = yaml.safe_dump({**json.loads(loaded.model_dump_json()), "networks": {}, "outlets": {}})
    assert load(text, tmp_path).config == loaded
