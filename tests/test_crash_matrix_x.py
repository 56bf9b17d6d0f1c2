"""The crash matrix of X and of the site: see `tests.crash_matrix`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import publishing
from tests.crash_matrix import CHANNELS, matrix, show
from tests.peers.fork_server import ForkServer
from tests.peers.postgres import Postgres
from tests.publishing import Peers

SCENARIOS = ("x", "x, a thread", "x, a weekly poll", "x, a correction", "site")


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as started:
        yield started


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        for channel in CHANNELS:
            served.discord.channel(int(channel))
        yield served


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_worker_killed_anywhere_and_started_again_posts_each_part_once(
    server: ForkServer, peers: Peers, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = matrix(server, peers, name, tmp_path, f"sqlite:///{tmp_path / 'f.db'}", workers=1).killed()
    assert found.points >= 7
    show(capsys, f"{name}, alone on SQLite", found)


@pytest.mark.parametrize("name", SCENARIOS)
def test_two_workers_after_a_kill_anywhere_post_each_part_once(
    server: ForkServer,
    peers: Peers,
    postgres: Postgres,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = matrix(server, peers, name, tmp_path, postgres.database(), workers=2).killed()
    assert found.points >= 7
    show(capsys, f"{name}, with a second worker on PostgreSQL", found)


def test_a_point_that_is_never_reached_is_noticed(server: ForkServer, peers: Peers, tmp_path: Path) -> None:
    """The matrix would prove nothing if processes outlived their kill."""
    made = matrix(server, peers, "x", tmp_path, f"sqlite:///{tmp_path / 'f.db'}", 1)
    with pytest.raises(AssertionError, match="was not reached"):
        made.case(10_000, "nowhere")
