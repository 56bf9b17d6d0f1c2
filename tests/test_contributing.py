"""Follows the steps of CONTRIBUTING.md in a copy of the repository, with the files of the page."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot import web
from tests import publishing, query_contexts
from tests.discord_bot import rig
from tests.peers.prepared_python import PreparedPython

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = ("bot", "docs", "templates", "locales", "tests", "config.yaml", "pyproject.toml", "CONTRIBUTING.md")
_BLOCK = re.compile(r"^( *)```(?P<language>[a-z]+)\n(?P<text>.*?)^\1```$", re.DOTALL | re.MULTILINE)
_FILE_NAME = re.compile(r"(?:#|\{#|---) (?P<path>\S+)(?: #\})?")


class Tree:
    """A changing copy of the repository."""

    def __init__(self, folder: Path, python: PreparedPython) -> None:
        self.folder = folder
        self.python = python

    def follow(self, section: str) -> None:
        """Apply each block of a section, in order."""
        for block in _blocks(section):
            self.apply(block)

    def apply(self, block: str) -> None:
        """Edit, extend or create the file that a block names in its first line."""
        first_line, _, text = block.partition("\n")
        named = _FILE_NAME.fullmatch(first_line)
        assert named, f"no file is named in {first_line!r}"
        path = self.folder / named["path"]
        if first_line.startswith("---"):
            content = path.read_text(encoding="utf-8")
            for hunk in text.split("@@\n"):
                content = _edited(content, hunk, named["path"])
        elif path.exists():
            content = f"{path.read_text(encoding='utf-8')}\n\n{text}"
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = text
        path.write_text(content, encoding="utf-8")

    def run(self, *command: str) -> str:
        """The output of a Python module there; it must succeed."""
        environment = {"PATH": os.environ["PATH"], "TOYBOARD_KEY": "toyboard-key"}
        done = self.python.run(*command, folder=self.folder, environ=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bot(self, *arguments: str) -> str:
        """The output of a command."""
        return self.run("bot", *arguments)

    def digest(self) -> dict[str, dict[str, object]]:
        """The only catalogue of Toynet's newest digest."""
        (catalogue,) = json.loads(self.bot("show", "--network", "toynet", "--json"))["catalogues"]
        return dict(catalogue)


def _blocks(section: str) -> list[str]:
    """The code blocks of a section that name a file."""
    body = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (text,) = [part for part in body if part.startswith(section + "\n")]
    return [textwrap.dedent(block["text"]) for block in _BLOCK.finditer(text)]


def _edited(content: str, hunk: str, name: str) -> str:
    """A file after one edit: the lines that stay and go must each be in it exactly once."""
    lines = hunk.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    places = list(re.finditer(rf"^{re.escape(before)}", content, re.MULTILINE))
    assert len(places) == 1, f"{name}: holds {len(places)} times, wanted once:\n{before}"
    return content[: places[0].start()] + after + content[places[0].end() :]


@pytest.fixture(scope="module")
def python() -> Iterator[PreparedPython]:
    with PreparedPython() as started:
        yield started


@pytest.fixture(scope="module")
def watching(python: PreparedPython, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A copy in which the page's network was added and collected. Read-only: copy it."""
    tree = Tree(tmp_path_factory.mktemp("contributing") / "footfall", python)
    tree.folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            # Compiled files come along: each command would compile everything again.
            # Those that a process is about to write have a number behind their name.
            shutil.copytree(
                source, tree.folder / name, ignore=shutil.ignore_patterns("node_modules", "pictures", "*.pyc.*")
            )
        else:
            shutil.copy(source, tree.folder / name)
    tree.follow("Add a network")
    tree.bot("collect", "--network", "toynet")
    return tree


@pytest.fixture
def tree(watching: Tree, tmp_path: Path) -> Tree:
    """A writable copy of it."""
    return Tree(Path(shutil.copytree(watching.folder, tmp_path / "footfall")), watching.python)


def test_a_network_is_collected_composed_and_shown(tree: Tree) -> None:
    figures = tree.digest()["figures"]
    assert isinstance(figures, dict)
    assert [figures[key]["value"] for key in ("models_listed", "models_used", "uses")] == [3, 1, 250]
    assert "1 of 3 public models were used" in tree.bot("preview", "--network", "toynet", "--outlet", "x")


def test_a_metric_is_in_the_digest_and_has_an_independent_count(tree: Tree) -> None:
    tree.follow("Add a metric")
    figures = tree.digest()["figures"]
    assert isinstance(figures, dict)
    assert figures["top_3_share"]["value"] == 1 and figures["top_3_share"]["unit"] == "share"
    assert "that the 3 most used models carry together" in tree.bot("method", "top_3_share")
    tree.run(
        "pytest",
        "-q",
        "-p",
        "no:xdist",
        "tests/metrics/test_metrics.py",
        "-k",
        "every_metric_has_a_reference or in_its_order",
    )


def test_a_finding_is_in_the_digest_and_worded(tree: Tree) -> None:
    tree.follow("Add a finding")
    findings = tree.digest()["findings"]
    assert isinstance(findings, list)
    (few_used,) = [finding for finding in findings if finding["key"] == "few_used"]
    assert few_used["values"] == {"used": 1, "listed": 3}
    assert "Only 1 of 3 models had any use." in tree.bot("preview", "--network", "toynet", "--outlet", "text")


def test_an_outlet_is_one_module_that_is_shown_posted_to_corrected_and_documented(tree: Tree) -> None:
    before = {path.name for path in (tree.folder / "bot" / "outlets").iterdir()}
    tree.follow("Add an outlet")
    assert {path.name for path in (tree.folder / "bot" / "outlets").iterdir()} - before == {"toyboard.py"}
    (tree.folder / "board").mkdir()
    text = "1 of 3 public models were used"
    preview = tree.bot("preview", "--network", "toynet")
    assert "What Toyboard would get" in preview and text in preview and " of 1,000" in preview
    dry = tree.bot("publish", "--network", "toynet", "--dry-run")
    assert "DRY RUN toyboard to board" in dry and text in dry and not list((tree.folder / "board").iterdir())
    tree.bot("publish", "--network", "toynet", "--outlet", "toyboard")
    (notice,) = (tree.folder / "board").iterdir()
    assert text in notice.read_text(encoding="utf-8")
    publishing.tamper(f"sqlite:///{tree.folder / 'data' / 'footfall.db'}")
    tree.bot("publish", "--network", "toynet", "--outlet", "toyboard")
    (correction,) = set((tree.folder / "board").iterdir()) - {notice}
    assert correction.read_text(encoding="utf-8").startswith("Correction.")
    tree.run("docs.generate", "outlets.md", "config.md")
    assert "## Toyboard (`outlets.toyboard`)" in (tree.folder / "docs" / "outlets.md").read_text(encoding="utf-8")
    assert "`outlets.toyboard.destinations`" in (tree.folder / "docs" / "config.md").read_text(encoding="utf-8")


def test_an_added_outlet_holds_the_contract_and_refuses_polls(tree: Tree) -> None:
    tree.follow("Add an outlet")
    tree.run("pytest", "-q", "-p", "no:xdist", "tests/outlets/test_contract.py", "-k", "toyboard")
    config = tree.folder / "config.yaml"
    poll = "polls: [{name: more, question: 'More?', answers: ['Yes', 'No'], outlets: [toyboard]}]\n"
    config.write_text(config.read_text(encoding="utf-8") + poll, encoding="utf-8")
    with pytest.raises(AssertionError, match="toyboard: has no polls"):
        tree.bot("config")


def test_a_language_is_spoken(tree: Tree) -> None:
    *edits, translation = _blocks("Add a language")
    for edit in edits:
        tree.apply(edit)
    assert "nl: not translated: public models" in tree.run("locales")
    tree.apply(translation)
    assert "openbare modellen" in tree.bot("preview", "--network", "toynet", "--outlet", "x", "--locale", "nl")


def test_a_question_is_answered_alike_by_every_interface(tree: Tree) -> None:
    tree.bot("compose", "--network", "toynet")
    tree.follow("Add a query")
    assert "everything is known" in tree.bot("gaps", "--network", "toynet")
    assert json.loads(tree.bot("gaps", "--network", "toynet", "--json"))["question"] == "gaps"
    tree.run("tests.test_contributing")


async def _ask_gaps(folder: Path) -> None:
    """Send the query of the page to the web and Discord; runs inside the changed copy."""
    with query_contexts.desk(folder) as context:
        async with TestClient(TestServer(web.make_application(context, folder))) as client:
            response = await client.get(f"/api/v1/gaps?day={query_contexts.MISSING}")
            document = await response.json()
        (catalogue,) = document["catalogues"]
        assert document["question"] == "gaps" and catalogue["gaps"], document
        async with rig.discord_of(context, folder) as server:
            answer = rig.embed(await server.ask("gaps", day=str(query_contexts.MISSING)))
        # Discord gets the sentence with its Markdown escaped.
        assert catalogue["gaps"][0] in str(answer.description).replace("\\", ""), answer.description


def _named_paths(page: str) -> Iterator[str]:
    for text in re.findall(r"`([^`\n]+)`", page):
        if re.fullmatch(r"(bot|tests|docs|locales|templates|benchmarks)/[\w./-]*", text):
            yield text


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "tests/README.md"])
def test_every_path_that_is_named_exists(name: str) -> None:
    paths = set(_named_paths((ROOT / name).read_text(encoding="utf-8")))
    ignored = {"tests/node_modules"}
    assert paths
    assert [path for path in sorted(paths - ignored) if not (ROOT / path).exists()] == []


def test_every_constant_that_is_named_with_its_file_stands_there() -> None:
    pairs = re.findall(r"`(_?[A-Z][A-Z_]+)`(?:\s+\([^)]*\))?\s+in\s+`([\w/.]+\.py)`", PAGE)
    assert len(pairs) > 10
    for constant, path in pairs:
        assert re.search(rf"^{constant}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), (constant, path)


if __name__ == "__main__":
    home = Path("discord_and_web")
    home.mkdir()
    asyncio.run(_ask_gaps(home))
