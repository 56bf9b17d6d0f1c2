"""Replicate's git history after the record: real repositories on this machine, honest and hostile ones."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot import ledger, pipeline, sources, store
from bot.clients import git_clone
from bot.records import Period, SourceError, Unknown
from bot.sources import make_source, replicate
from bot.sources.replicate.record_files import LIST, REFS
from tests import databases
from tests.peers.git_http import GitHttp
from tests.peers.served import Server, serving
from tests.record_slices import write_record

(MODELS,) = replicate.CATALOGUES
NOW = datetime(2025, 12, 1, tzinfo=UTC)
FIRST = datetime(2025, 9, 1, 0, 5, tzinfo=UTC)
ONE = timedelta(days=1)
RECORDED = 5
"""Nights that the record has."""
Counts = Mapping[str, int]


class Repository:
    """A repository to which a job commits the list."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nights: dict[str, Counts] = {}
        self.commits: list[str] = []
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        for key in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
            self.git("config", key, "true")

    def git(self, *arguments: str, at: datetime = FIRST) -> str:
        stamp = f"{int(at.timestamp())} +0000"
        env = {**os.environ, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp, "GIT_CONFIG_GLOBAL": os.devnull}
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, at: datetime) -> str:
        self.git("add", "--all", at=at)
        self.git("commit", "--quiet", "--message", "a night", at=at)
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]

    def night(self, at: datetime, counts: Counts) -> str:
        listed = [dict(zip(("owner", "name"), name.split("/"), strict=True), run_count=n) for name, n in counts.items()]
        self.nights[at.strftime("%Y-%m-%dT%H:%M:%SZ")] = counts
        return self.raw(at, json.dumps([{**model, "url": "x", "description": "é"} for model in listed]).encode())

    def raw(self, at: datetime, content: bytes) -> str:
        path = self.folder / LIST
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        return self.commit(at)


def counts_of(night: int, models: int = 60) -> dict[str, int]:
    """Every counter rises each night, each in its own step."""
    return {f"owner{n % 7}/model{n}": 1000 + night * (n + 1) for n in range(models)}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The nights of the record."""
    made = Repository(tmp_path / "repository")
    for night in range(RECORDED):
        made.night(FIRST + night * ONE, counts_of(night))
    return made


@pytest.fixture
def record(repository: Repository, tmp_path: Path) -> Path:
    folder = write_record(tmp_path / "record", dict(repository.nights))
    text = (folder / "snapshots.csv").read_text()
    for made_up, commit in zip([line.split(",")[1] for line in text.splitlines()[1:]], repository.commits, strict=True):
        text = text.replace(f"Z,{made_up}", f"Z,{commit}", 1)
    (folder / "snapshots.csv").write_text(text)
    return folder


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    yield opened
    opened.close()


Collect = Callable[..., str]


@pytest.fixture
def collect(db: store.Store, record: Path, repository: Repository, tmp_path: Path) -> Collect:
    def collected(history: str = str(repository.folder), wanted: Period | None = None, timeout: float = 60) -> str:
        settings = replicate.Settings(record=record, history=history, history_timeout=timeout)
        source = make_source("replicate", settings, tmp_path / "data", {}, lambda: NOW)
        return pipeline.collect(db, "replicate", source, wanted, lambda line: None).error

    return collected


def day_after(night: int) -> date:
    """The day that a night closes."""
    return (FIRST + (night - 1) * ONE).date()


def uses(db: store.Store, day: date) -> int | str:
    flow = ledger.load_period_data(db, MODELS, Period(day, day)).flow
    return flow.reason if isinstance(flow, Unknown) else flow.uses


PER_NIGHT = sum(range(1, 61))


# --- an honest history -----------------------------------------------------------------------------------------------


def test_the_nights_after_the_record_are_read_with_their_commits(
    repository: Repository, collect: Collect, db: store.Store
) -> None:
    for night in range(RECORDED, RECORDED + 3):
        repository.night(FIRST + night * ONE, counts_of(night))
    assert collect() == ""
    assert [uses(db, day_after(night)) for night in range(1, RECORDED + 3)] == [PER_NIGHT] * (RECORDED + 2)
    (*_, ref) = ledger.load_period_data(db, MODELS, Period(day_after(7), day_after(7))).refs
    assert ref.url in {f"{REFS}{commit}/{LIST}" for commit in repository.commits[-2:]}


def test_new_commits_are_read_the_next_time(repository: Repository, collect: Collect, db: store.Store) -> None:
    assert collect() == "" and "no reading" in str(uses(db, day_after(RECORDED)))
    repository.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    assert collect() == "" and uses(db, day_after(RECORDED)) == PER_NIGHT


def test_several_commits_of_a_day_and_a_missing_day(repository: Repository, collect: Collect, db: store.Store) -> None:
    first = FIRST + RECORDED * ONE
    repository.night(first, counts_of(RECORDED))
    repository.night(first + timedelta(minutes=7), counts_of(RECORDED + 9))
    repository.night(first + timedelta(hours=13), counts_of(RECORDED + 10))
    repository.night(first + 2 * ONE, counts_of(RECORDED + 2))
    assert collect() == ""
    assert uses(db, day_after(RECORDED)) == PER_NIGHT, "the first commit of a night closes its day"
    assert isinstance(uses(db, day_after(RECORDED + 1)), str) and isinstance(uses(db, day_after(RECORDED + 2)), str)
    both = ledger.load_period_data(db, MODELS, Period(day_after(RECORDED + 1), day_after(RECORDED + 2), "week")).flow
    assert not isinstance(both, Unknown) and both.uses == 2 * PER_NIGHT


def test_an_incomplete_list_is_held_and_its_return_is_no_record(
    repository: Repository, collect: Collect, db: store.Store
) -> None:
    """As on 18 September 2025: a tenth of the list gone, back in the next two nights."""
    for night in range(RECORDED, RECORDED + 6):
        counts = counts_of(night)
        gone = {5: 12, 6: 3}.get(night, 0) if night != RECORDED else 12
        repository.night(FIRST + night * ONE, dict(list(counts.items())[gone:]))
    assert collect() == ""
    assert "the list came 20% short" in str(uses(db, day_after(RECORDED)))
    assert uses(db, day_after(RECORDED + 4)) == PER_NIGHT
    known = [n for n in (uses(db, day_after(night)) for night in range(1, RECORDED + 6)) if isinstance(n, int)]
    assert max(known) <= PER_NIGHT and min(known) > 0.9 * PER_NIGHT


def test_counters_that_fall_are_no_use(repository: Repository, collect: Collect, db: store.Store) -> None:
    """As in November 2024: a restatement of a few counters."""
    counts = counts_of(RECORDED)
    fallen = {**counts, "owner0/model0": 3, "owner1/model1": 4}
    repository.night(FIRST + RECORDED * ONE, fallen)
    assert collect() == ""
    book = ledger.load_period_data(db, MODELS, Period(day_after(RECORDED), day_after(RECORDED)))
    assert not isinstance(book.flow, Unknown) and book.flow.uses == PER_NIGHT - 1 - 2
    assert any("fell" in gap for gap in book.gaps)


def test_a_ref_is_checked_against_the_clone(
    repository: Repository, record: Path, collect: Collect, db: store.Store, tmp_path: Path
) -> None:
    commit = repository.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    collect()
    day = day_after(RECORDED)
    ref = next(ref for ref in ledger.load_period_data(db, MODELS, Period(day, day)).refs if commit in ref.url)
    document = {"url": ref.url, "at": ref.at.isoformat(), "sha256": ref.sha256}
    settings = replicate.Settings(record=record, history=str(repository.folder))
    assert sources.verify_ref("replicate", settings, tmp_path, document)["state"] == "intact"
    altered = {**document, "sha256": "0" * 64}
    assert sources.verify_ref("replicate", settings, tmp_path, altered)["state"] == "altered"
    alone = replicate.Settings(record=record)
    assert sources.verify_ref("replicate", alone, tmp_path, document)["state"] == "not at hand"


def test_wanted_days_before_the_end_of_the_record_need_no_git(
    repository: Repository, collect: Collect, db: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert collect(wanted=Period(day_after(1), day_after(2))) == ""
    assert collect().endswith("git is not installed; install it, or leave networks.replicate.history out")
    assert uses(db, day_after(2)) == PER_NIGHT


# --- an address that is cloned ---------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[GitHttp, Server]]:
    peer = GitHttp(tmp_path)
    with serving(peer) as server:
        yield peer, server


def test_an_address_is_cloned_without_contents_and_brought_up_to_date(
    repository: Repository, collect: Collect, db: store.Store, served: tuple[GitHttp, Server], tmp_path: Path
) -> None:
    address = f"{served[1].url}/repository/.git"
    repository.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    assert collect(address) == "" and uses(db, day_after(RECORDED)) == PER_NIGHT
    clone = tmp_path / "data" / "replicate" / "history.git"
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch-check"],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.count(" blob ") == 1, "the one night that was wanted"
    repository.night(FIRST + (RECORDED + 1) * ONE, counts_of(RECORDED + 1))
    assert collect(address) == "" and uses(db, day_after(RECORDED + 1)) == PER_NIGHT


def test_a_history_that_was_rewritten_is_refused(
    repository: Repository, collect: Collect, db: store.Store, served: tuple[GitHttp, Server], tmp_path: Path
) -> None:
    address = f"{served[1].url}/repository/.git"
    repository.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    assert collect(address) == ""
    repository.git("reset", "--quiet", "--hard", repository.commits[RECORDED - 1])
    repository.night(FIRST + RECORDED * ONE + timedelta(minutes=1), counts_of(RECORDED + 5))
    repository.night(FIRST + (RECORDED + 1) * ONE, counts_of(RECORDED + 6))
    error = collect(address)
    assert "its history was rewritten" in error and len(error.splitlines()) == 1
    assert uses(db, day_after(RECORDED)) == PER_NIGHT and isinstance(uses(db, day_after(RECORDED + 1)), str)
    (tmp_path / "data" / "replicate" / "history.head").unlink()
    assert collect(address) == "" and uses(db, day_after(RECORDED + 1)) != PER_NIGHT


def test_another_address_takes_the_place_of_the_first(
    repository: Repository, collect: Collect, db: store.Store, served: tuple[GitHttp, Server], tmp_path: Path
) -> None:
    assert collect(f"{served[1].url}/repository/.git") == ""
    subprocess.run(["git", "clone", "--quiet", "--bare", repository.folder, tmp_path / "mirror"], check=True)
    repository.git("config", "http.uploadpack", "false")
    assert "git fetch failed" in collect(f"{served[1].url}/repository/.git")
    assert collect(f"{served[1].url}/mirror") == ""


def test_another_repository_is_refused(collect: Collect, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    assert "does not hold" in collect(str(other.folder))
    assert "no git repository" in collect(str(tmp_path / "record"))


def test_redirects_and_silence_are_one_line(
    collect: Collect, repository: Repository, served: tuple[GitHttp, Server], tmp_path: Path
) -> None:
    peer, server = served
    address = f"{server.url}/repository/.git"
    with serving(GitHttp(tmp_path)) as elsewhere:
        peer.redirect = elsewhere.url
        error = collect(address)
        assert "git fetch failed" in error and len(error.splitlines()) == 1 and not elsewhere.asked
    peer.redirect, peer.hang = "", True
    error = collect(address, timeout=0.5)
    assert error.endswith("git took more than 0.5 s; try again later") and len(error.splitlines()) == 1


# --- a hostile history -----------------------------------------------------------------------------------------------


def test_nights_that_cannot_be_read_are_left_out_and_the_others_stay(
    repository: Repository, collect: Collect, db: store.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_clone, "MOST_BYTES", 20_000)
    nights = iter(FIRST + n * ONE for n in range(RECORDED, 99))
    repository.night(next(nights), counts_of(RECORDED))
    bad = [repository.raw(next(nights), b"[" + b" " * 30_000 + b"]"), repository.raw(next(nights), b'[{"owner": "a"}]')]
    bad.append(repository.raw(next(nights), json.dumps([{"owner": "a/b", "name": "c", "run_count": 1}]).encode()))
    secret = tmp_path / "secret"
    secret.write_text(json.dumps([{"owner": "s", "name": "secret", "run_count": 1}]))
    (repository.folder / LIST).unlink()
    (repository.folder / LIST).symlink_to(secret)
    bad.append(repository.commit(next(nights)))
    (repository.folder / LIST).unlink()
    bad.append(repository.commit(next(nights)))
    last = next(nights)
    repository.night(last, counts_of(RECORDED + 6))
    error = collect()
    assert len(error.splitlines()) == 1 and "has no file models-lite.json" in error and "and 2 more" in error
    assert [commit[:12] in error for commit in bad].count(True) == 3
    assert uses(db, day_after(RECORDED)) == PER_NIGHT
    span = Period(day_after(RECORDED + 1), day_after(RECORDED + 6), "week")
    flow = ledger.load_period_data(db, MODELS, span).flow
    assert not isinstance(flow, Unknown) and flow.uses == 6 * PER_NIGHT


def test_each_fault_is_named(repository: Repository, collect: Collect) -> None:
    repository.raw(FIRST + RECORDED * ONE, b"not json")
    assert "is not a list of models" in collect()
    repository.raw(FIRST + (RECORDED + 1) * ONE, b'[{"owner": "a", "name": "b", "run_count": -5}]')
    assert collect().count("is not a list of models") == 2


def test_time_only_moves_forward(repository: Repository, collect: Collect, db: store.Store) -> None:
    repository.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    repository.night(FIRST + 2 * ONE, counts_of(40))
    repository.night(NOW + ONE, counts_of(41))
    repository.night(FIRST + (RECORDED + 1) * ONE, counts_of(RECORDED + 1))
    error = collect()
    assert error.count("its time is not after that of the night before, or in the future") == 2
    assert [uses(db, day_after(night)) for night in (3, RECORDED, RECORDED + 1)] == [PER_NIGHT] * 3


def test_hooks_and_settings_of_a_repository_run_nothing(
    repository: Repository, collect: Collect, db: store.Store, tmp_path: Path
) -> None:
    mark, program = tmp_path / "ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    repository.night(FIRST + RECORDED * ONE, counts_of(RECORDED))
    for key in ("core.fsmonitor", "core.sshCommand", "gpg.program", "core.pager", "diff.external", "core.askPass"):
        repository.git("config", key, str(program))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "remote.origin.url", f"ext::{program}")
    repository.git("config", "remote.origin.promisor", "true")
    hooks = repository.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "reference-transaction", "post-rewrite"):
        (hooks / hook).write_text(program.read_text())
        (hooks / hook).chmod(0o755)
    mark.unlink(missing_ok=True)
    assert collect() == "" and uses(db, day_after(RECORDED)) == PER_NIGHT
    assert not mark.exists()


@pytest.mark.parametrize(
    "place",
    ["ext::sh -c true", "git://example.org/x", "ssh://example.org/x", "http://example.org/x", "--upload-pack=x"],
)
def test_other_protocols_are_refused(place: str) -> None:
    with pytest.raises(ValidationError, match="wanted"):
        replicate.Settings(history=place)


def test_doctor_looks_at_the_newest_commit(
    repository: Repository, record: Path, served: tuple[GitHttp, Server], tmp_path: Path
) -> None:
    newest = repository.commits[-1][:12]
    for place in (str(repository.folder), f"{served[1].url}/repository/.git"):
        settings = replicate.Settings(record=record, history=place)
        assert replicate.check_reachable(settings, tmp_path / "data", {}).endswith(f"answers, newest commit {newest}")
    assert not (tmp_path / "data").exists()
    with pytest.raises(SourceError, match="no git repository"):
        replicate.check_reachable(replicate.Settings(record=record, history=str(record)), tmp_path, {})
