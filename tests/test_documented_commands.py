"""Every command line of the README and of docs/commands.md, run after the demo with two networks configured: one with
days, and one without days that cannot be reached."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from bot import cli, pipeline
from bot.cli import network_selection
from bot.cli.app_context import UsageError
from bot.store import StoreError

ROOT = Path(__file__).parents[1]
DAY = "2025-01-12"
MODEL = "bytedance/sdxl-lightning-4step"
SERVERS = {"run", "web", "mcp"}
"""Commands that run until they are stopped: only their options are parsed here; others run them."""
ONCE = {"demo", "site"}
"""Commands that take seconds: the demo runs before all others, the site with the README's lines."""
ARGUMENTS = {
    "verify": DAY,
    "proof": "0x" + "ab" * 32,
    "try": "replicate",
    "model": MODEL,
    "trend": "uses",
    "compare": f"{MODEL} black-forest-labs/flux-schnell",
    "author": "black-forest-labs",
    "category": "image --network replicate",
    "method": "models_for_half",
    "health": "sources",
    "deliveries retry": "99",
    "deliveries resolve": "99 --not-sent",
    "deliveries pause": "site",
    "deliveries lift": "site",
    "lake prune": "--older 400d",
    "rehearse": "replicate",
    "send-test": "--outlet discord",
    "copy-to": "sqlite:///copy.db",
}
EXIT_CODES = {
    "collect": 3,  # one network is read, the other cannot be reached
    "doctor": 1,  # and is named by doctor
    "proof": 1,
    "deliveries retry": 1,  # there is no delivery
    "deliveries resolve": 1,
    "deliveries lift": 2,  # nothing is paused
    "send-test": 2,  # no channel is configured
    "category": 2,  # the record has none
}
NOWHERE = "http://127.0.0.1:1"
CONFIG = f"""
data: data
out: out
networks:
  replicate: {{record: RECORD}}
  opengradient:
    headline: {{catalogue: llm, figure: uses_verified}}
    settlements: {{endpoints: ["{NOWHERE}"], chain_id: 10740, timeout: 1}}
    hub_chain: {{endpoints: ["{NOWHERE}"], chain_id: 10740, timeout: 1}}
    base: {{endpoints: ["{NOWHERE}"], chain_id: 8453, timeout: 1}}
    hub: {NOWHERE}
    facilitator: {NOWHERE}
    aggregators: ["{NOWHERE}"]
    budget: 1
outlets:
  site: {{}}
schedule:
  - {{name: daily, period: day, at: "02:30", zone: UTC}}
"""


def run(line: str) -> tuple[int, str, str]:
    """A command's exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main(shlex.split(line))
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def folder(record: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An operator's folder after the demo."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "config.yaml").write_text(CONFIG.replace("RECORD", str(record)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("DATABASE_URL", "REPLICATE_API_TOKEN", "FOOTFALL_CONFIG"):
            patch.delenv(name, raising=False)
        code, _, err = run("demo")
        assert code == 0, err
        yield folder


def readme_lines() -> list[str]:
    """The README's commands without their comments, and the commands that the comments name."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    \$python -m bot (.*)$", text, re.MULTILINE)
    commands = [part.strip() for line in lines for part in line.split("#")[0].split("&& $python -m bot")]
    also = [part.split()[0] for line in lines for part in line.partition("# also: ")[2].split(", ") if part]
    return [*commands, *also]


def documented() -> dict[str, str]:
    """Each command of docs/commands.md, also in groups, with its help."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(Usage: python -m bot ([a-z-]+).*?)^```", text, re.MULTILINE | re.DOTALL)
    commands: dict[str, str] = {}
    for help, name in blocks:
        members = re.findall(r"^  ([a-z]+)  +\S", help.partition("Commands:\n")[2], re.MULTILINE)
        commands |= {f"{name} {member}": "" for member in members} or {name: help}
    return commands


def lines_of(command: str, help: str) -> Iterator[str]:
    """A command with its arguments, then with each option and a value."""
    line = f"{command} {ARGUMENTS.get(command, '')}".strip()
    options = set(re.findall(r"^  (--[a-z-]+)", help, re.MULTILINE))
    if command in SERVERS | ONCE:
        yield f"{command} --help"
        return
    yield line
    chosen = {"--day": DAY, "--json": "", "--network": "replicate"}
    chosen |= {"--dry-run": f"--day {DAY}"} if "--dry-run" in options else {}
    chosen |= {"--period": "week"} if command not in ("verify", "publish") else {}
    for option in sorted(options & chosen.keys() - ({"--day", "--network"} if "--dry-run" in options else set())):
        yield f"{line} {option} {chosen[option]}"


def test_the_documents_hold_the_commands_there_are() -> None:
    names = {name.split()[0] for name in documented()}
    assert names == set(cli.SUMMARIES)
    assert {"show --day 2025-01-12", "usage", "web", "publish --dry-run", "site", "why"} <= set(readme_lines())
    assert set(ARGUMENTS) | set(EXIT_CODES) <= set(documented())


def test_every_command_line_of_the_readme_works_after_the_demo(folder: Path) -> None:
    ended = {}
    for line in readme_lines():
        name, _, rest = line.partition(" ")
        wanted = f"{name} --help" if name in SERVERS else f"{line} {'' if rest else ARGUMENTS.get(name, '')}"
        code, _, err = run(wanted)
        ended[line] = (code, "Traceback" in err)
    assert ended == {line: (EXIT_CODES.get(line.split()[0], 0), False) for line in readme_lines()}


@pytest.mark.parametrize("command", documented())
def test_every_documented_command_answers_for_the_network_that_can(folder: Path, command: str) -> None:
    for line in lines_of(command, documented()[command]):
        code, out, err = run(line)
        partly = 2 if line.startswith("confirm --day") else EXIT_CODES.get(command, 0)  # no list of that day is held
        assert code == (0 if "--network" in line and partly == 3 else partly), f"{line}: {code}: {err}"
        assert "Traceback" not in err
        assert out or code or command == "publish", line


@pytest.mark.parametrize("line", ["show", "digest", "usage", "inventory", "top", "idle", "why", "compose", "preview"])
def test_a_network_that_has_no_such_day_is_named_in_one_line_and_is_no_failure(folder: Path, line: str) -> None:
    code, out, err = run(f"{line} --day {DAY}")
    left = [text for text in err.splitlines() if text.startswith("left out: ")]
    assert (code, len(left)) == (0, 1) and "opengradient" in left[0] and "eplicate" in out


def test_a_network_that_fails_is_named_and_the_command_is_done_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    plans = [pipeline.NetworkPlan(name, name, (), {}) for name in ("broken", "absent", "whole")]

    def answer(plan: pipeline.NetworkPlan) -> str:
        if plan.network == "whole":
            return "its answer"
        raise (StoreError if plan.network == "broken" else UsageError)(f"{plan.network}: why")

    each = network_selection.answer_each(plans, answer)
    assert (each.answers, each.exit_code) == (["its answer"], 3)
    assert capsys.readouterr().err == "left out: broken: why\nleft out: absent: why\n"
    assert network_selection.answer_each(plans[1:], answer).exit_code == 0
    with pytest.raises(StoreError, match="broken: why"):
        network_selection.answer_each(reversed(plans[:2]), answer)


def test_a_day_that_no_network_has_ends_as_bad_usage_with_one_line_for_each(folder: Path) -> None:
    code, out, err = run("show --day 2020-01-01")
    assert (code, out) == (2, "")
    assert sorted(line.removeprefix("left out: ").split(":")[0] for line in err.splitlines()) == [
        "opengradient",
        "replicate",
    ]
