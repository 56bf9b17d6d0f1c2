"""Reading a file of a commit from a public repository; here one on this machine under its public address."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bot import sources
from bot.clients.git_history import read_commit_file
from bot.records import SourceError
from bot.sources.replicate import Settings, record_files

LISTED = [{"owner": "ann", "name": "one", "run_count": 10, "url": "x"}, {"owner": "bob", "name": "two", "run_count": 5}]


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A commit of a repository that git finds under the address of the public one."""
    repository = tmp_path / "repository"
    repository.mkdir()

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(["git", *who, *arguments], cwd=repository, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet")
    (repository / record_files.LIST).write_text(json.dumps(LISTED))
    git("add", ".")
    git("commit", "--quiet", "-m", "a night")
    for key in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
        git("config", key, "true")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{repository}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", record_files.REPOSITORY)
    return git("rev-parse", "HEAD")


def test_a_file_of_a_commit_is_read(commit: str) -> None:
    assert json.loads(read_commit_file(record_files.REPOSITORY, commit, record_files.LIST)) == LISTED


def test_a_commit_that_is_not_there_is_one_line_without_words_of_git(commit: str) -> None:
    with pytest.raises(SourceError, match=r"0000 *: git fetch failed with exit code \d+; check the network$") as error:
        read_commit_file(record_files.REPOSITORY, "0" * 40, record_files.LIST)
    assert "\n" not in str(error.value)


def test_a_ref_is_compared_with_the_public_list(commit: str) -> None:
    settings = Settings.model_validate({})
    same = record_files.list_checksum([("bob/two", 5), ("ann/one", 10)])
    url = f"{record_files.REFS}{commit}/{record_files.LIST}"
    assert sources.compare_with_public("replicate", settings, {"url": url, "sha256": same}) == sources.SAME
    assert sources.compare_with_public("replicate", settings, {"url": url, "sha256": "00"}) == sources.OTHERWISE
    assert sources.compare_with_public("replicate", settings, {"url": "npm:package@1/stats.json", "sha256": same}) == ""
    missing = url.replace(commit, "0" * 40)
    assert sources.compare_with_public("replicate", settings, {"url": missing, "sha256": same}).startswith(
        "not compared: "
    )
