from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from bot import cli
from bot.archive import Archive
from bot.cli import app_context
from bot.metrics import METRICS
from bot.records import Period, Receipt, SourceError
from tests import record_slices
from tests.patience import PATIENCE
from tests.worlds import snapshot

ROOT = Path(__file__).parents[2]
TOKEN = "r8_a-secret-that-must-not-be-seen"
DAY = "2025-01-12"
HEAVY = ("sqlalchemy", "discord", "tweepy", "duckdb", "matplotlib", "aiohttp", "jinja2", "httpx", "pydantic", "msgspec")


@dataclass(frozen=True)
class Ran:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def folder(watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's folder for this test, with the whole record."""
    # Another process may have the database open, whose extra files come and go.
    shutil.copytree(watched / "data", tmp_path / "data", ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    config = (watched / "config.yaml").read_text().replace(str(watched), str(tmp_path))
    (tmp_path / "config.yaml").write_text(config)
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REPLICATE_API_TOKEN", "FOOTFALL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in that folder."""

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        output = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, output.out, output.err)

    return ran


def process(*arguments: str, folder: Path = ROOT, **environment: str) -> Ran:
    """Run a command in a process, as an operator does."""
    completed = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return Ran(completed.returncode, completed.stdout, completed.stderr)


def refused(ran: Ran, code: int, says: str) -> None:
    """The command ended with one clear line and nothing else."""
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    assert re.search(says, line), line


# --- help --------------------------------------------------------------------------------------------------------


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = "import sys; from bot.cli import main\ntry: main(['--help'])\nexcept SystemExit as end: print(end.code)\n"
    completed = subprocess.run(
        [sys.executable, "-c", f"{code}print([m for m in {HEAVY!r} if m in sys.modules])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert completed.stdout.splitlines()[-2:] == ["0", "[]"]
    for command in cli.SUMMARIES:
        assert re.search(rf"^  {command} ", completed.stdout, re.MULTILINE), command


def test_every_command_has_a_summary_and_its_own_help(run: Run) -> None:
    assert sorted(name for names in cli.COMMANDS.values() for name in names) == sorted(cli.SUMMARIES)
    for command in cli.SUMMARIES:
        ran = run(command, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Usage: bot ")


def test_every_option_is_explained() -> None:
    context = click.Context(cli.cli)
    for name in cli.SUMMARIES:
        command = cli.cli.get_command(context, name)
        assert command is not None
        options = [p for p in command.params if isinstance(p, click.Option) and "port" not in p.opts[0]]
        assert [p.opts for p in options if not p.help and p.name not in ("by", "period")] == [], name


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    ran = run()
    assert ran.code == 2 and "Commands:" in ran.out + ran.err


# --- bad usage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("show --network nope", "^nope: no such network; known: replicate"),
        ("usage --network nope", "^nope: no such network; known: replicate"),
        ("collect --network nope", "^nope: no such network; known: replicate"),
        ("show --day 2999-01-01", r"^2999-01-01: is in the future; today is .* \(UTC\)"),
        ("usage --day 2999-01-01", "^2999-01-01: is in the future"),
        ("collect --since 2999-01-01", "^2999-01-01: is in the future"),
        ("collect --since 2025-01-09 --until 2025-01-02", "^--since 2025-01-09 is after --until 2025-01-02"),
        ("show --day 2024-12-16", "^replicate: 2024-12-16 is not covered; the ledger has 2024-12-17 to 2025-01-15"),
        ("show --day 2025-01-16", "^replicate: 2025-01-16 is not covered"),
        ("show --day 0001-01-01 --period week", "^replicate: 0001-01-01 is not covered"),
        ("compose --day 2025-01-16", "^replicate: 2025-01-16 is not covered"),
        ("verify 2025-01-16", "^replicate: 2025-01-16 is not covered"),
        ("show --period month --day 2025-01-15", "the month of 2025-01-15 ends 2025-01-31 and is not covered"),
        (
            "usage --day 2024-12-16",
            "^replicate: no day digest for 2024-12-16; there are 30, from 2024-12-17 to 2025-01",
        ),
        ("usage --period week", "no week digest yet; run: python -m bot compose --period week"),
        ("show --day 12.1.2025", "found '12.1.2025', wanted a day as YYYY-MM-DD"),
        ("show --day 20250112", "found '20250112', wanted a day as YYYY-MM-DD"),
        ("show --day 2025-02-30", "found '2025-02-30', wanted a day as YYYY-MM-DD"),
        ("show --period year", "'year' is not one of 'day', 'week', 'month'"),
        ("shw", r"^shw: no such command; did you mean show\?; see: bot --help"),
        ("xyzzy", "^xyzzy: no such command; known: demo, collect"),
        ("show --dya 2025-01-12", "^No such option '--dya'.*--day.*; see: bot show --help"),
        ("show now", r"extra argument \(now\); see: bot show --help"),
        ("model", "Missing argument 'MODEL'; see: bot model --help"),
        ("idle --days 0", "0 is not in the range"),
        ("trend models_usd", r"^models_usd: no such metric; did you mean models_used"),
        ("method nothing-like-it-at-all", "^nothing-like-it-at-all: no such metric"),
        (
            "model bytedance/sdxl-lightnin-4step",
            r"no such model on Replicate; did you mean bytedance/sdxl-lightning-4step",
        ),
        ("compare xyzzyxyzzy bytedance/sdxl-lightning-4step", "^xyzzyxyzzy: no such model"),
        (
            "verify none.json",
            "^none.json: cannot be read as a digest: No such file or directory; wanted a day as YYYY-",
        ),
        ("verify config.yaml", "^config.yaml: cannot be read as a digest"),
        ("--config none.yaml status", "^none.yaml: cannot be read: No such file"),
        ("preview --outlet fax", "fax: no such outlet; known: bluesky, discord, mastodon, site, text, webhook, x"),
    ],
)
def test_bad_usage_is_one_clear_line_and_exit_code_2(run: Run, arguments: str, says: str) -> None:
    refused(run(*arguments.split()), 2, says)


def test_a_process_ends_with_the_same_line_and_code(folder: Path) -> None:
    ran = process("show", "--network", "nope", folder=folder)
    refused(ran, 2, "^nope: no such network; known: replicate$")


def test_a_hostile_name_typed_by_somebody_is_not_sent_back_as_it_is(run: Run) -> None:
    for command in ("model", "trend", "method"):
        assert "\x1b" not in run(command, "a\x1b[31mb").err


# --- a broken configuration --------------------------------------------------------------------------------------


def test_every_mistake_of_a_configuration_is_a_line(run: Run, folder: Path) -> None:
    (folder / "config.yaml").write_text(
        "colour: red\n"
        "networks:\n"
        "  nope: {}\n"
        "  replicate: {headline: {catalogue: hub, figure: fame}, page_budget: 0, api: 'http://example.org'}\n"
    )
    for command in ("status", "show", "collect", "config", "doctor"):
        ran = run(command)
        assert ran.code == (1 if command == "doctor" else 2)
        err = ran.err if command != "doctor" else ran.out
        for line in (
            "config.yaml: networks.nope: no such network; known: catalogue, chutes, dockerhub, huggingface, "
            "olas, opengradient, openrouter, replicate",
            "config.yaml: networks.replicate.page_budget: found 0: Input should be greater than or equal to 1",
            "config.yaml: networks.replicate.api: found 'http://example.org': wanted https; plain http",
            "config.yaml: colour: no such key",
        ):
            assert line in err
        assert len(ran.err.splitlines()) == (0 if command == "doctor" else 4)


def test_a_headline_that_is_no_figure_of_the_network_is_a_mistake(run: Run, folder: Path) -> None:
    with (folder / "config.yaml").open("a") as file:
        file.write("    headline: {catalogue: hub, figure: fame}\n")
    first, second = run("show").err.splitlines()
    assert first == "config.yaml: networks.replicate.headline.catalogue: found 'hub', wanted one of models"
    assert second.startswith(
        "config.yaml: networks.replicate.headline.figure: found 'fame', wanted one of models_listed"
    )


def test_a_network_that_is_switched_off_is_not_there(run: Run, folder: Path) -> None:
    with (folder / "config.yaml").open("a") as file:
        file.write("    enabled: false\n")
    refused(run("show"), 2, "config.yaml: networks: none is configured")
    refused(run("show", "--network", "replicate"), 2, "replicate: no such network; known: none is configured")


# --- a broken database -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////proc/none/footfall.db", "its folder cannot be made"),
        ("sqlite:///config.yaml", "database sqlite:///config.yaml: cannot be opened: file is not a database"),
        ("sqlite:///data", "database sqlite:///data: cannot be opened: unable to open database file"),
        (f"postgresql://me:{TOKEN}@127.0.0.1:1/db", r"me:\*\*\*@127.0.0.1:1/db: cannot be opened: .*refused"),
        (f"postgresql://me@127.0.0.1:1/db?password={TOKEN}", "127.0.0.1:1/db: cannot be opened"),
        (
            f"postgresql://me:{TOKEN}@host:{TOKEN}/db",
            "^DATABASE_URL: is not a database address; wanted sqlite:///path or",
        ),
        (f"mysql://me:{TOKEN}@host/db", "^DATABASE_URL: found mysql, wanted sqlite or postgresql"),
        (TOKEN, "^DATABASE_URL: is not a database address"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    ran = run("status")
    refused(ran, 1, says)
    assert TOKEN not in ran.err


def test_a_database_of_a_newer_version_is_left_alone(run: Run, folder: Path) -> None:
    database = sqlite3.connect(folder / "data" / "footfall.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999_newer'")
    database.close()
    for command in ("status", "show", "collect"):
        refused(
            run(command), 1, r"is of a newer version \(revision 9999_newer\); install that Footfall or set DATABASE_URL"
        )


def test_before_anything_was_collected_the_cure_is_named(run: Run, folder: Path) -> None:
    shutil.rmtree(folder / "data")
    refused(run("show", "--day", DAY), 2, "^replicate: nothing was collected yet; run: python -m bot collect")
    for question in ("show", "usage", "inventory", "top", "idle", "why", "trend uses", "preview"):
        refused(run(*question.split()), 2, "run: python -m bot collect, or python -m bot demo, which needs no keys")
    assert run("status").code == 0
    assert run("compose").out == (
        "nothing to compose: replicate: nothing was collected yet; run: python -m bot collect, or python -m bot demo,"
        " which needs no keys\n"
    )


# --- answers -----------------------------------------------------------------------------------------------------

ANSWERS = (
    "show",
    "digest --network replicate",
    "usage",
    "inventory",
    "model bytedance/sdxl-lightning-4step",
    "top",
    "top --by rise --day 2025-01-12",
    "top --by fall --day 2025-01-12",
    "idle",
    "trend uses",
    "compare bytedance/sdxl-lightning-4step black-forest-labs/flux-schnell",
    "compare replicate replicate",
    "compare bytedance/sdxl-lightning-4step black-forest-labs/flux-schnell --day 2025-01-12",
    "new",
    "new --days 3 --day 2025-01-12",
    "records",
    "author stability-ai",
    "why",
    "why --day 2025-01-12",
    "method models_for_half",
    "networks",
    "status",
    "about",
    "sources",
    "metrics",
    "config",
    "doctor",
    "verify 2025-01-12",
    "preview --day 2025-01-12 --outlet text",
    "compose --day 2025-01-12",
    "collect",
)


@pytest.mark.parametrize("question", ANSWERS)
def test_everything_that_answers_answers_in_words_and_in_json(run: Run, question: str) -> None:
    words, as_json = run(*question.split()), run(*question.split(), "--json")
    assert (words.code, as_json.code) == (0, 0)
    assert words.out.strip() and "Traceback" not in words.err
    assert isinstance(as_json.json, dict | list) and as_json.json


def test_what_answers_takes_json_and_the_tests_ask_each(run: Run) -> None:
    context = click.Context(cli.cli)
    commands = {name: cli.cli.get_command(context, name) for name in cli.SUMMARIES}
    takes = {name for name, command in commands.items() if command and any(p.name == "as_json" for p in command.params)}
    works = {"copy-to", "deliveries", "demo", "lake", "migrate", "publish", "rehearse", "run", "send-test", "site"}
    works |= {"try", "web", "mcp"}
    assert takes == set(cli.SUMMARIES) - works
    # Tested with held days, the sources, the schedule and the probes; the record has no categories.
    elsewhere = {"confirm", "proof", "schedule", "health", "category"}
    assert {question.split()[0] for question in ANSWERS} == takes - elsewhere


def test_the_first_day_has_a_digest_of_its_list_and_says_why_its_use_is_unknown(run: Run) -> None:
    listed = run("compose", "--network", "replicate", "--day", "2024-12-17", "--json").json
    shown = run("show", "--network", "replicate", "--day", "2024-12-17", "--json").json
    assert [entry["catalogues"] for entry in listed] == [shown["catalogues"]]
    figures = shown["catalogues"][0]["figures"]
    assert figures["models_listed"]["value"] == 3583
    assert figures["uses"]["unknown"] == "the watch began at the end of 17 Dec 2024"


def documented(section: str) -> set[str]:
    """The keys of a table of `docs/digest.md`: the digest's own, or a catalogue's."""
    text = (ROOT / "docs" / "digest.md").read_text()
    head, _, tail = text.partition("## By category")[0].partition("A catalogue:")
    rows = re.findall(r"^\| (`.*?) \|", head if section == "digest" else tail, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


FIGURES = """
models_listed models_added models_removed authors_listed authors_used uses uses_7d uses_30d uses_change_7d models_used
models_used_7d models_used_30d share_used share_used_7d share_used_30d models_never_used uses_per_listed median_uses
top_1_share top_5_share top_10_share models_for_half models_for_90 models_outweighed gini_listed gini_used hhi
effective_models inventory_change_7d demand_gap_7d activation_30d share_attributed uses_reported
"""
"""The figures of a catalogue without callers, payments and proofs."""


def test_a_digest_has_the_keys_that_are_documented_and_every_figure(run: Run) -> None:
    document = run("show", "--network", "replicate", "--day", DAY, "--json").json
    assert document.keys() | {"periods", "unknown_before"} == documented("digest")  # which others have
    assert (document["network"], document["period"], document["day"]) == ("replicate", "day", DAY)
    assert (document["edition"], document["status"], document["headline"]["figure"]) == (1, "draft", "models_used")
    (block,) = document["catalogues"]
    assert block.keys() == documented("catalogue")
    assert (block["catalogue"], block["unit"], block["evidence"]) == ("models", "runs", "reported")
    assert set(block["figures"]) == set(FIGURES.split())
    for key, figure in block["figures"].items():
        unknown = {"unknown"} if figure["value"] is None else set()
        second = {"version"} if METRICS[key].version > 1 else set()
        assert figure.keys() == {"value", "unit", "label", "evidence", "refs"} | unknown | second, key
        assert all(0 <= place < len(document["refs"]) for place in figure["refs"])
    assert block["figures"]["uses"]["value"] == 8_692_748
    assert block["figures"]["share_used"]["value"] == 929 / 3783
    for row in block["top"]:
        assert row.keys() == {"rank", "model", "author", "uses", "share"}
    for finding in block["findings"]:
        assert finding.keys() == {"key", "text", "score", "values"} and finding["text"]
    for ref in document["refs"]:
        assert ref.keys() == {"url", "at", "sha256"} and len(ref["sha256"]) == 64


def test_without_a_network_json_is_a_list_of_all(run: Run) -> None:
    single, many = (run("show", *named, "--day", DAY, "--json").json for named in (("--network", "replicate"), ()))
    assert many == [single]


def test_show_and_digest_are_the_same(run: Run) -> None:
    assert run("show", "--day", DAY) == run("digest", "--day", DAY)


def test_a_covered_period_that_was_never_composed_is_composed_when_asked_for(run: Run, folder: Path) -> None:
    assert run("usage", "--period", "week", "--day", DAY).code == 2
    shown = run("show", "--period", "week", "--day", DAY, "--network", "replicate", "--json")
    assert (shown.json["day"], shown.json["last_day"]) == ("2025-01-06", "2025-01-12")
    assert run("usage", "--period", "week", "--day", DAY).code == 0
    again = run("show", "--period", "week", "--day", DAY, "--network", "replicate", "--json")
    assert again.json == shown.json, "asked twice it is composed once"


def test_a_name_hidden_after_its_digest_was_composed_is_shown_nowhere(run: Run, folder: Path) -> None:
    assert "bytedance/sdxl-lightning-4step" in run("show", "--day", DAY).out
    with (folder / "config.yaml").open("a") as file:
        file.write("hidden_names: [bytedance/sdxl-lightning-4step]\n")
    for question in ("show", "show --json", "top", "why"):
        ran = run(*question.split(), "--day", DAY)
        assert ran.code == 0 and "sdxl-lightning-4step" not in ran.out
    assert "a hidden model" in run("show", "--day", DAY).out
    refused(run("model", "bytedance/sdxl-lightning-4step"), 2, "this name is hidden here")
    assert run("verify", DAY).code == 0


def test_secrets_are_told_only_as_set_or_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "# REPLICATE_API_TOKEN: not set" in run("config").out
    monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
    words, as_json = run("config"), run("config", "--json")
    assert "# REPLICATE_API_TOKEN: set" in words.out and as_json.json["secrets"]["REPLICATE_API_TOKEN"] is True
    assert TOKEN not in words.out + words.err + as_json.out + as_json.err


def test_config_shows_no_secret_of_an_address(run: Run, folder: Path) -> None:
    address = "https://hooks.example/in?token=tok_0123456789"
    with (folder / "config.yaml").open("a") as file:
        file.write(f"outlets: {{webhook: {{enabled: false, addresses: {{ops: '{address}'}}}}}}\n")
    for shown in (run("config"), run("config", "--json")):
        assert "hooks.example/in?token=[redacted]" in shown.out and "tok_0123456789" not in shown.out + shown.err


def test_a_pipe_that_closes_early_is_no_traceback(folder: Path) -> None:
    completed = subprocess.run(
        f"{sys.executable} -m bot metrics | head -1",
        shell=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert completed.stdout.startswith("metric\t") and completed.stderr == ""


# --- completion --------------------------------------------------------------------------------------------------


def completed(words: str, run: Run) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_BOT_COMPLETE", "bash_complete")
        patch.setenv("COMP_WORDS", words)
        patch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
        ran = run()
    assert ran.err == ""
    return [line.removeprefix("plain,") for line in ran.out.split()]


def test_model_names_complete(run: Run) -> None:
    texts = completed("bot model bytedance/sdxl-l", run)
    assert texts == ["bytedance/sdxl-lightning-4step"]
    assert set(completed("bot compare a bytedance/sdxl-l", run)) == set(texts)
    assert "bytedance/sdxl-lightning-4step" in completed("bot model sdxl-lightning", run)
    assert completed("bot tren", run) == ["trend"]


def test_the_completion_that_the_readme_names_works_when_followed_to_the_letter(folder: Path) -> None:
    (line,) = [line for line in (ROOT / "README.md").read_text().splitlines() if "_BOT_COMPLETE" in line]
    text = f"""
python={shlex.quote(sys.executable)}
{line.strip()}
complete -p bot
cd {shlex.quote(str(folder))}
COMP_WORDS=(bot model bytedance/sdxl-l); COMP_CWORD=2; _bot_completion bot; echo "${{COMPREPLY[@]}}"; COMPREPLY=()
COMP_WORDS=(bot tren); COMP_CWORD=1; _bot_completion bot; echo "${{COMPREPLY[@]}}"
bot method uses --json
"""
    ran = subprocess.run(
        ["bash", "--norc", "-c", text],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    lines = ran.stdout.splitlines()
    assert ran.stderr == ""
    assert lines[0].endswith("-F _bot_completion bot")
    assert lines[1:3] == ["bytedance/sdxl-lightning-4step", "trend"]
    assert json.loads("\n".join(lines[3:]))["metric"] == "uses"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_shell_is_told_to_run_a_command_that_is_not_there(folder: Path, shell: str) -> None:
    ran = process(folder=folder, _BOT_COMPLETE=f"{shell}_source")
    assert (ran.code, ran.err) == (0, "") and ran.out.count(f"{sys.executable} -m bot") == 2
    assert "$1)" not in ran.out and " bot)" not in ran.out.replace("-m bot)", "") and "commands[bot]" not in ran.out


def test_a_shell_without_completion_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_BOT_COMPLETE", "tcsh_source")
    ran = run()
    assert (ran.code, ran.err) == (2, "tcsh: no completion for this shell; known: bash, zsh, fish\n")


def test_completion_is_silent_where_there_is_nothing_to_complete_from(run: Run, folder: Path) -> None:
    assert completed("bot model no-model-begins-so", run) == []
    (folder / "config.yaml").write_text("broken: [")
    assert completed("bot model bytedance/", run) == []


# --- verify ------------------------------------------------------------------------------------------------------


DIGESTS: dict[Path, str] = {}
"""The text of a day's digest, by the folder that all tests have a copy of."""


@pytest.fixture
def file(run: Run, folder: Path, watched: Path) -> Path:
    """A day's digest as a file."""
    path = folder / "digest.json"
    if watched not in DIGESTS:
        DIGESTS[watched] = run("show", "--network", "replicate", "--day", DAY, "--json").out
    path.write_text(DIGESTS[watched])
    return path


def altered(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def figure(document: dict[str, Any], key: str) -> dict[str, Any]:
    figure: dict[str, Any] = document["catalogues"][0]["figures"][key]
    return figure


def test_a_digest_of_the_archive_and_one_from_a_file_match(run: Run, file: Path) -> None:
    for named in (DAY, str(file), "2025-01-13"):
        ran = run("verify", named)
        assert ran.code == 0 and "match, 33 figures" in ran.out
        assert re.search(
            r"intact: https://github\.com/replicate/all-the-public-replicate-models/blob/[0-9a-f]{40}/", ran.out
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: figure(d, "uses").update(value=8_692_749), "models.uses: says 8692749, is 8692748"),
        (lambda d: figure(d, "share_used").update(value=929 / 3783 + 1e-12), "models.share_used: says 0.24557"),
        (
            lambda d: figure(d, "uses").update(value=None, unknown="who\x1b[2Jknows"),
            r"says unknown (who[2Jknows), is 869",
        ),
        (lambda d: figure(d, "uses_30d").update(value=1), "models.uses_30d: says 1, is unknown (watched for 26 of 30"),
        (lambda d: d["catalogues"][0]["top"][0].update(uses=1), 'models.top: row 1 says {"rank": 1, "model"'),
        (lambda d: d["catalogues"][0]["top"][3].update(model="my/model"), "models.top: row 4 says"),
        (lambda d: d["catalogues"][0]["top"].pop(), "models.top: row 25 says null"),
        (lambda d: d["catalogues"][0]["curve"].insert(0, [1, 0.9]), "models.curve: row 1 says [1, 0.9]"),
        (lambda d: d["catalogues"][0]["history"][2].update(uses=1), "models.history: row 3 says"),
        (lambda d: d["refs"].pop(), "refs: row 4 says null, is {"),
    ],
)
def test_what_was_altered_in_a_digest_is_found(
    run: Run, file: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    altered(file, change)
    ran = run("verify", str(file))
    assert (ran.code, ran.err) == (1, "")
    assert says in ran.out and "MISMATCH" in ran.out and "\x1b" not in ran.out


def test_what_was_altered_is_in_the_json(run: Run, file: Path) -> None:
    altered(file, lambda d: figure(d, "uses").update(value=8_692_749))
    ran = run("verify", str(file), "--json")
    assert ran.code == 1 and "models.uses: says 8692749, is 8692748" in ran.json[0]["mismatches"]


def test_a_digest_of_another_version_is_compared_over_what_both_know(run: Run, file: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        block = document["catalogues"][0]
        block["figures"]["fame"] = {**figure(document, "uses"), "value": 3}
        figure(document, "hhi").update(value=2, version=2)
        figure(document, "uses_30d").update(unknown="in other words", label="a renamed label")
        del block["figures"]["gini_used"], block["curve"], block["groups"]
        for row in (*block["history"], *block["top"]):
            row.pop("models_added", row.pop("share", None))

    altered(file, change)
    words, as_json = run("verify", str(file)), run("verify", str(file), "--json")
    assert (words.code, as_json.code) == (0, 0) and "match, 31 figures" in words.out
    assert "not compared: models.fame" in words.out and as_json.json[0]["not_compared"] == ["models.hhi", "models.fame"]


def test_a_digest_that_says_nothing_is_no_match(run: Run, file: Path) -> None:
    altered(file, lambda document: document["catalogues"].clear())
    ran = run("verify", str(file))
    assert ran.code == 1 and "NOTHING TO COMPARE" in ran.out


@pytest.mark.parametrize(
    "change",
    [
        lambda d: figure(d, "uses").update(refs=[-1]),
        lambda d: d.update(network=[]),
        lambda d: d.update(network="nope"),
        lambda d: d.update(day="yesterday"),
        lambda d: d.update(day="2999-01-01"),
        lambda d: d.update(day="2024-01-01"),
        lambda d: d.update(period="year"),
        lambda d: d.update(period="week"),
        lambda d: d.update(edition="first"),
        lambda d: d.update(composed_at="now"),
        lambda d: d.update(catalogues=3),
        lambda d: d.update(catalogues=[{}]),
        lambda d: d.update(refs=[{"url": 1}]),
        lambda d: figure(d, "uses").pop("value"),
        lambda d: d["catalogues"][0].update(figures=[]),
        lambda d: d["catalogues"][0].update(top=[1]),
        lambda d: d.pop("panels"),
        lambda d: d.clear(),
    ],
)
def test_a_file_that_is_no_digest_is_one_clear_line(
    run: Run, file: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    altered(file, change)
    refused(run("verify", str(file)), 2, r"digest\.json: not a digest: |no such network|not covered|in the future")


@pytest.mark.parametrize("content", ["", "[]", "3", "[" * 100_000, '"a digest"'])
def test_a_file_of_something_else_is_one_clear_line(run: Run, folder: Path, content: str) -> None:
    (folder / "other.json").write_text(content)
    refused(run("verify", "other.json"), 2, r"^other\.json: .*wanted a day as YYYY-MM-DD or a digest\.json$")


def use_record(folder: Path, record: Path, other: Path) -> None:
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace(str(record), str(other)))


def test_an_altered_record_is_found(run: Run, folder: Path, record: Path) -> None:
    nights = {head: dict(listed) for head, listed in record_slices.nights_between("2025-01-01", "2025-01-31").items()}
    altered_night = next(head for head in nights if head.startswith("2025-01-13"))
    nights[altered_night]["stability-ai/sdxl"] += 1
    use_record(folder, record, record_slices.write_record(folder / "altered", nights))
    ran = run("verify", DAY)
    assert ran.code == 1
    lines = [line for line in ran.out.splitlines() if line.startswith("  altered: ")]
    assert len(lines) == 1 and f" at {altered_night[:13]}" in lines[0]
    assert "intact: https://github.com" in ran.out


def test_a_network_without_that_day_keeps_no_other_from_being_verified(run: Run, folder: Path) -> None:
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("networks:\n", "networks:\n  opengradient: {}\n", 1))
    ran = run("verify", DAY)
    assert ran.code == 0 and "match, 33 figures" in ran.out
    assert "left out: opengradient: nothing was collected yet" in ran.err
    refused(run("verify", DAY, "--network", "opengradient"), 2, r"^opengradient: nothing was collected yet")


def test_a_record_that_is_not_at_hand_is_said_and_no_mismatch(run: Run, folder: Path, record: Path) -> None:
    use_record(folder, record, folder / "none")
    ran = run("verify", DAY)
    assert ran.code == 0 and "not at hand: https://github.com" in ran.out


# --- collecting --------------------------------------------------------------------------------------------------


class Halfway:
    """A source that fails after one snapshot."""

    def __init__(self, good: int) -> None:
        self.good = good

    def snapshots(self, wanted: Period | None) -> Iterator[Any]:
        for number in range(self.good):
            yield snapshot(date(2025, 3, 1 + number), {"a/b": number})
        raise SourceError("the source broke")


@pytest.mark.parametrize(("good", "code"), [(0, 1), (1, 3)])
def test_a_source_that_breaks_ends_1_and_one_that_breaks_halfway_3(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, good: int, code: int
) -> None:
    monkeypatch.setattr(app_context.AppContext, "make_source", lambda self, name: Halfway(good))
    ran = run("collect")
    assert ran.code == code
    assert ran.err.splitlines()[-1] == "the source broke"
    assert f"replicate: {good} new snapshots" in ran.out


def test_collecting_twice_keeps_one(run: Run) -> None:
    ran = run("collect", "--json")
    assert ran.code == 0
    assert ran.json == [
        {"network": "replicate", "new": 0, "known": 29, "last_day": "2025-01-15", "error": "", "left_out": 0}
    ]


def test_a_record_that_is_not_the_one_wanted_fails_with_its_cure(run: Run, folder: Path, record: Path) -> None:
    (folder / "other").mkdir()
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace(str(record), str(folder / "other")))
    ran = run("collect")
    assert ran.code == 1
    (line,) = ran.err.splitlines()
    assert "other/snapshots.csv" in line and "leave networks.replicate.record out" in line


def test_composing_an_issued_day_again_changes_nothing_that_was_said(run: Run, folder: Path, watched: Path) -> None:
    opened = app_context.AppContext(folder / "config.yaml")
    document = Archive(opened.store).find_digest("replicate", "day", date.fromisoformat(DAY))
    assert document is not None
    at = app_context.clock()
    Archive(opened.store).add_receipt(document, Receipt("x", "us", 1, "17", "https://example.org/17", at))
    opened.close()
    assert f"replicate {DAY}: edition 1, posted" in run("compose", "--day", DAY).out


def test_doctor_names_what_is_wrong_with_its_fix(run: Run, folder: Path, record: Path) -> None:
    assert run("doctor").code == 0
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace(str(record), str(folder / "none")))
    ran = run("doctor", "--json")
    assert ran.code == 1
    (bad,) = (check for check in ran.json if not check["ok"])
    assert "none/snapshots.csv" in bad["found"] and bad["fix"]


def test_every_metric_is_in_the_table(run: Run) -> None:
    assert [row["metric"] for row in run("metrics", "--json").json] == list(METRICS)
