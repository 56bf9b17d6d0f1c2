"""Compiled templates on disk: taken where they fit, replaced where anything differs, never needed."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from bot.render import compiled_templates
from bot.render.compiled_templates import CompiledTemplates
from bot.render.environment import TEMPLATES
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "compiled"))


class Words(jinja2.Environment):
    """An environment that counts what it compiles."""

    compiled = 0

    def _parse(self, source: str, name: str | None, filename: str | None) -> jinja2.nodes.Template:
        type(self).compiled += 1
        return super()._parse(source, name, filename)


def said(folder: Path, kind: str = "text") -> tuple[str, int]:
    """What a template says in a new process, as it were, and how many were compiled for it."""
    Words.compiled = 0
    words = Words(loader=jinja2.FileSystemLoader(folder), bytecode_cache=CompiledTemplates(kind))
    return words.get_template("a.j2").render(), Words.compiled


def compiled_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "compiled").rglob("*") if path.is_file()]


def test_the_next_process_compiles_only_what_changed(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("one")
    assert said(tmp_path) == ("one", 1)
    assert said(tmp_path) == ("one", 0)
    (tmp_path / "a.j2").write_text("two")
    assert said(tmp_path) == ("two", 1)
    assert said(tmp_path, "page") == ("two", 1), "pages are compiled in another way"
    assert len(compiled_files(tmp_path)) == 2


def test_a_file_that_is_cut_off_or_damaged_is_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("one")
    said(tmp_path)
    (path,) = compiled_files(tmp_path)
    whole = path.read_bytes()
    heading = whole[: whole.index(b"\xe3")]
    damaged = [b"no code at all", heading + marshal.dumps(5), heading + bytes(50), whole.replace(b"\xe3", b"\0", 1)]
    for content in [whole[:length] for length in range(len(whole))] + damaged:
        path.write_bytes(content)
        assert said(tmp_path) == ("one", 1), content
    assert said(tmp_path) == ("one", 0)


def test_other_rules_or_another_jinja_compile_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.j2").write_text("one")
    said(tmp_path)
    monkeypatch.setattr(compiled_templates, "_compiler_version", lambda: "another")
    assert said(tmp_path) == ("one", 1)


def test_nothing_is_written_where_python_writes_no_compiled_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "a.j2").write_text("one")
    assert said(tmp_path) == said(tmp_path) == ("one", 1)
    assert compiled_files(tmp_path) == []


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "compiled").write_text("a file where the folder should be")
    (tmp_path / "a.j2").write_text("one")
    assert said(tmp_path) == said(tmp_path) == ("one", 1)


def test_the_command_compiles_every_template_for_everybody(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")}
    command = [sys.executable, "-m", "bot.render.compile_templates"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=PATIENCE)
    here = [path for path in compiled_files(tmp_path) if path.is_relative_to(Path(f"{tmp_path}/compiled{TEMPLATES}"))]
    assert {path.name.split(".")[0] for path in here} == {path.stem for path in TEMPLATES.rglob("*.j2")}
    assert len(here) == 2 * len(list(TEMPLATES.rglob("*.j2")))
    umask = os.umask(0)
    os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in here} == {0o666 & ~umask}
