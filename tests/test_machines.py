"""Unusual machines: folders with odd names, terminals of another encoding, strict umasks, blank variables."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot import lake, ledger
from bot.cli import main
from bot.cli.app_context import AppContext
from bot.lake import DayUpdate
from tests import publishing, worlds
from tests.lake.events import day_in, used
from tests.publishing import LAST

ROOT = Path(__file__).parents[1]
ODD = ["a?b", "a%20b", "a#b", "a b&c=d", "a'b\"c", "a[b]*{c}", "ä…模"]
NETWORK = "networks:\n  replicate: {headline: {catalogue: models, figure: models_used}}\n"


def configured(folder: Path, more: str = "") -> Path:
    """A folder with a configuration whose data and output are in it."""
    folder.mkdir(parents=True, exist_ok=True)
    places = f"data: {json.dumps(str(folder / 'data'))}\nout: {json.dumps(str(folder / 'out'))}\n"
    (folder / "config.yaml").write_text(f"{places}{NETWORK}{more}", encoding="utf-8")
    return folder / "config.yaml"


def filled(config: Path, model: str = "o/m") -> None:
    parts = AppContext(config)
    for number, day in enumerate(publishing.DAYS):
        ledger.add_snapshot(parts.store, worlds.snapshot(day, {f"{model}{n}": number * (n + 1) for n in range(5)}))
    parts.close()


def run(config: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REPLICATE_API_TOKEN")}
    command = [sys.executable, "-m", "bot", "--config", str(config), *arguments]
    return subprocess.run(
        command,
        cwd=config.parent,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        check=False,
    )


def modes(folder: Path) -> set[str]:
    """The rights of a folder and of all in it but the lock, which is for its owner alone."""
    return {
        oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.rglob("*")) if path.name != ".site.lock"
    }


# --- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a?b%20c#d", "a b&c=d'e\"f[g]*{h}ä…模"])
def test_a_data_folder_of_any_name_holds_everything_and_nothing_lands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = configured(tmp_path / name)
    filled(config)
    for command in (["show", "--day", str(LAST)], ["site"], ["preview", "--day", str(LAST)]):
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(config), *command])
        assert ended.value.code == 0
    assert (tmp_path / name / "data" / "footfall.db").stat().st_size > 100_000
    assert (tmp_path / name / "out" / "site" / "index.html").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ODD)
def test_a_lake_in_a_folder_of_any_name_is_written_and_added_up(tmp_path: Path, name: str) -> None:
    day, _ = lake.update_day(day_in(str(tmp_path / name / "lake")), DayUpdate(used(50)))
    day, _ = lake.update_day(day, DayUpdate(used(50, first=50)))
    assert lake.roll_up_day(lake.compact_day(day)).uses == sum(use.count for use in used(100))
    assert [path.name for path in tmp_path.iterdir()] == [name]


# --- terminals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_terminal_that_lacks_a_character_shows_another_and_nothing_ends(tmp_path: Path, encoding: str) -> None:
    config = configured(tmp_path)
    filled(config, "o/模型-🦙-")
    ran = run(config, "preview", "--day", str(LAST), PYTHONIOENCODING=encoding)
    assert ran.returncode == 0 and b"Traceback" not in ran.stderr, ran.stderr.decode(encoding)
    ran.stdout.decode(encoding)
    document = json.loads(run(config, "show", "--day", str(LAST), "--json", PYTHONIOENCODING=encoding).stdout)
    assert "模型-🦙" in json.dumps(document, ensure_ascii=False), "JSON has a spelling for every character"


def test_a_mistake_is_one_line_in_any_encoding(tmp_path: Path) -> None:
    ran = run(configured(tmp_path), "show", "--network", "模型", PYTHONIOENCODING="latin-1")
    assert ran.returncode == 2 and ran.stderr.count(b"\n") == 1


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o002])
def test_a_web_server_can_read_the_site_and_nobody_else_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = configured(tmp_path / "home")
    before = os.umask(umask)
    try:
        filled(config)
        for command in (["site"], ["preview", "--day", str(LAST)]):
            with pytest.raises(SystemExit) as ended:
                main(["--config", str(config), *command])
            assert ended.value.code == 0
    finally:
        os.umask(before)
    assert modes(tmp_path / "home" / "out") == {"0o755", "0o644"}
    kept = tmp_path / "home" / "data" / "footfall.db"
    assert stat.S_IMODE(kept.stat().st_mode) & umask == 0, "what is private is as private as the operator made it"


# --- variables -------------------------------------------------------------------------------------------------------


def test_a_blank_variable_is_not_set_for_libraries_either(tmp_path: Path) -> None:
    blank = dict.fromkeys(("FOOTFALL_CONFIG", "AWS_PROFILE", "HTTPS_PROXY", "DATABASE_URL", "DISCORD_TOKEN"), " ")
    config = configured(tmp_path)
    code = "import os, sys; from bot.cli import main\ntry: main(['migrate'])\nfinally: print(sorted(os.environ))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **blank}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=config.parent, env=environment, capture_output=True, text=True, check=True
    )
    assert f"database sqlite:///{tmp_path}/data/footfall.db: up to date" in ran.stdout
    assert not [name for name in blank if f"'{name}'" in ran.stdout.splitlines()[-1]]


# --- interpreters ----------------------------------------------------------------------------------------------------


def test_the_demo_is_tried_on_each_python_that_can_make_an_environment(tmp_path: Path) -> None:
    """One on PATH lacks ensurepip, like Debian's; the same version from pyenv has it. A later one is a preview."""
    printed = {
        "bin/python3.12": "case $2 in *ensurepip*) exit 1;; esac; echo 3 12 /lacking",
        "bin/python3.15": "echo 3 15 /preview",
        "pyenv/versions/3.12.1/bin/python3": "echo 3 12 /whole",
    }
    for name, script in printed.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYENV_ROOT": str(tmp_path / "pyenv")}
    done = subprocess.run(["bash", ROOT / ".ci/interpreters"], env=environ, capture_output=True, text=True, check=True)
    paths = done.stdout.splitlines()
    assert "/whole" in paths and not {"/lacking", "/preview"} & {*paths}
