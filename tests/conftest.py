"""What tests share: a database of each kind, and Replicate's record in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import daily, store
from bot.archive import Archive
from bot.cli.parts import Parts
from bot.lake import Lake
from bot.sources import _npm, replicate
from tests.peers.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    cluster = Postgres()
    yield cluster
    cluster.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'footfall.db'}"
    address: str = request.getfixturevalue("postgres").database()
    return address


@pytest.fixture
def db(url: str, tmp_path: Path) -> Iterator[store.Store]:
    """An empty, migrated database, of each kind in turn, with a lake in a folder."""
    opened = store.opened(url, Lake(str(tmp_path / "lake")))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def record() -> Path:
    """The tarball of Replicate's public record."""
    return _npm.tarball(replicate.PACKAGE, Path(__file__).parents[1] / "data", 180)


@pytest.fixture(scope="session")
def watched(record: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as an operator has it after a while: `config.yaml`, and in `data` a database that holds Replicate's
    whole record and a digest of each of its days. Not to be written to: copy it."""
    folder = tmp_path_factory.mktemp("watched")
    config = f"data: {folder / 'data'}\nout: {folder / 'out'}\nnetworks:\n  replicate:\n    record: {record}\n"
    (folder / "config.yaml").write_text(config)
    parts = Parts(folder / "config.yaml")
    plan, at = parts.plan("replicate"), datetime(2025, 2, 1, tzinfo=UTC)
    came = daily.collect(parts.store, plan.network, parts.source(plan.network), None, lambda _line: None)
    assert (came.new, came.error) == (29, "")
    for period in daily.covered(parts.store, plan, "day"):
        daily.compose(parts.store, Archive(parts.store), plan, period, at)
    parts.close()
    return folder
