"""What tests share: a database of each kind, and Replicate's record in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import store
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
def db(url: str) -> Iterator[store.Store]:
    """An empty, migrated database, of each kind in turn."""
    opened = store.opened(url)
    yield opened
    opened.close()
