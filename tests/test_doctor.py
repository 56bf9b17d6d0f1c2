"""The results of `doctor` for a database and a disk that fail: each cause by its name, with its own fix."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import outlets, store
from bot.cli import app_context, doctor
from bot.cli.app_context import clock
from bot.store import _error_causes
from tests import databases
from tests.peers.postgres import Postgres


def database(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> doctor.CheckResult:
    """The check of the database at a URL."""
    (folder / "config.yaml").write_text(f"data: {folder}\nout: {folder}/out\nnetworks: {{}}\n")
    monkeypatch.setenv("DATABASE_URL", url)
    context = app_context.AppContext(folder / "config.yaml")
    try:
        return doctor._database(context)
    finally:
        context.close()


def pragma(words: str) -> Callable[[Path], None]:
    """A database that SQLite itself makes fail."""

    def damage(_path: Path) -> None:
        @sa.event.listens_for(sa.Engine, "connect")
        def _set(raw: sqlite3.Connection, _record: object) -> None:
            raw.execute(words)

        LISTENERS.append(_set)

    return damage


LISTENERS: list[Callable[..., None]] = []


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def corrupt(path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened:
        (page,) = opened.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'cursors'").fetchone()
        (size,) = opened.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def lock_up(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "text", "cure"),
    [
        (pragma("PRAGMA query_only = 1"), "readonly", _error_causes.READ_ONLY),
        (pragma("PRAGMA max_page_count = 1"), "full", _error_causes.FULL),
        (overwrite, "not a database", _error_causes.MALFORMED),
        (corrupt, "malformed", _error_causes.MALFORMED),
        (lock_up, "unable to open", _error_causes.NO_PERMISSION),
    ],
    ids=["read-only", "full", "no database", "malformed", "cannot be opened"],
)
def test_each_cause_on_sqlite_has_its_own_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None], text: str, cure: str
) -> None:
    url = databases.sqlite(tmp_path / "f.db")
    damage(tmp_path / "f.db")
    try:
        check_result = database(tmp_path, monkeypatch, url)
    finally:
        while LISTENERS:
            sa.event.remove(sa.Engine, "connect", LISTENERS.pop())
    assert (check_result.ok, check_result.fix) == (False, cure), check_result
    assert text in check_result.text


def test_each_cause_on_postgresql_has_its_own_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    url = postgres.database()
    assert database(tmp_path, monkeypatch, url).ok
    read_only = f"{url}{'&' if '?' in url else '?'}options=-c%20default_transaction_read_only%3Don"
    check_result = database(tmp_path, monkeypatch, read_only)
    assert (
        check_result.ok is False
        and "read-only" in check_result.text
        and check_result.fix == _error_causes._POSTGRESQL["25006"]
    )
    nobody = database(tmp_path, monkeypatch, "postgresql://a:b@127.0.0.1:1/none")
    assert nobody.ok is False and nobody.fix == _error_causes.UNREACHABLE
    missing = database(tmp_path, monkeypatch, str(url).replace(sa.make_url(url).database or "", "nosuch"))
    assert missing.ok is False and missing.fix == _error_causes._POSTGRESQL["3D000"]


def test_trying_leaves_nothing(db: store.Store) -> None:
    db.try_writing()
    with db.read_transaction() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(store.cursors)) == 0


@pytest.mark.parametrize(
    ("code", "cure"), [(errno.EROFS, "mount the disk"), (errno.ENOSPC, "make room"), (errno.EACCES, "writable")]
)
def test_each_cause_of_a_folder_has_its_own_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, cure: str
) -> None:
    def refuses(**_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuses)
    folder = doctor._check_folder("data folder", tmp_path)
    assert folder.ok is False and os.strerror(code) in folder.text and cure in folder.fix


def test_a_disk_that_is_nearly_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._check_folder("data folder", tmp_path).ok
    monkeypatch.setattr(doctor, "LITTLE", 2**63)
    folder = doctor._check_folder("data folder", tmp_path)
    assert folder.ok is False and "nearly full" in folder.text and "make room" in folder.fix


def test_a_disk_that_the_lake_soon_fills_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = tmp_path / "lake" / "raw" / "replicate" / "packs" / f"{clock().date() - timedelta(days=1)}.sqlite"
    assert doctor._check_growth(tmp_path).text == "unknown until a day of it is over"
    pack.parent.mkdir(parents=True)
    pack.write_bytes(b"x" * 2_000_000)
    check = doctor._check_growth(tmp_path)
    assert check.ok and check.text.startswith("2.0 MB on a typical day; the disk lasts for ")
    monkeypatch.setattr(doctor, "FEW_DAYS", 2**63)
    check = doctor._check_growth(tmp_path)
    assert not check.ok and "lower lake.keep" in check.fix


def test_posts_for_x_are_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(f"data: {tmp_path}\nout: {tmp_path}/out\nnetworks: {{}}\n")
    context = app_context.AppContext(tmp_path / "config.yaml")
    assert doctor._sample_post(context, "x", False).ok

    def missing(_text: str) -> int:
        raise ModuleNotFoundError("No module named 'pkg_resources'")

    declared = outlets.post_format("x")
    monkeypatch.setattr(outlets, "post_format", lambda name: replace(declared, size=missing))
    sample_post = doctor._sample_post(context, "x", False)
    assert sample_post.ok is False and "pkg_resources" in sample_post.text and "requirements.txt" in sample_post.fix
    monkeypatch.setattr(outlets, "post_format", lambda name: replace(declared, size=len))
    assert doctor._sample_post(context, "x", False).ok is False, "it weighs wrongly"


def test_one_network_and_one_outlet_are_not_several(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"data: {tmp_path}\nnetworks: {{replicate: {{}}}}\noutlets: {{site: {{}}}}\n")
    assert doctor._describe_config(app_context.AppContext(tmp_path / "config.yaml")).startswith("1 network, 1 outlet;")
