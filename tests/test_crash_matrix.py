"""The publishing process is killed at every commit and at every network call, and started again. Whatever the point,
the platform's ledger then holds the post exactly once and the archive its receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from bot import daily, store
from bot.archive import Archive
from tests import publishing
from tests.peers.fork_server import ForkServer
from tests.peers.postgres import Postgres
from tests.publishing import LAST, Peers

PASSES = (0, 1300, 2600)
"""Seconds on the clock of the runs after the kill: at once, past the lease, past the time that a look-back settles."""
KILLED = -9


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as started:
        yield started


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        yield served


def chosen(points: list[str]) -> list[int]:
    """The numbers of the points to kill at: before every commit; of each request before its first piece, in its middle
    and once all of it is out. After a commit or an answer is the same as before what comes next: the world has not
    changed; of those only the very last is taken."""
    numbers: list[int] = []
    for kind, group in groupby(enumerate(points, 1), key=lambda numbered: numbered[1].split()[1]):
        run = [number for number, _ in group]
        if kind == "commit":
            numbers += run[::2]
        elif kind == "request":
            numbers += [run[0], run[len(run) // 2], run[-1]]
    return sorted({*numbers, len(points)})


def case(
    server: ForkServer, peers: Peers, outlet: str, config: Path, url: str, kill: int, workers: int
) -> tuple[str, int]:
    """Kill at one point, start again as often as it takes: how the post came to be, and the passes that it took."""
    argv = ["--config", str(config), "publish", "--day", str(LAST)]
    environ = {**peers.secrets, "DATABASE_URL": url}
    peers.forget()
    first = server.run({"argv": argv, "environ": environ, "kill": kill})[0]
    assert first["status"] == KILLED, f"point {kill} was not reached: {first}"
    before = len(peers.posts(outlet))
    passes = 0
    for shift in PASSES:
        passes += 1
        runs = server.run(*[{"argv": argv, "environ": environ, "shift": shift}] * workers)
        assert all(run["status"] in (0, 1, 3) for run in runs), runs
        if _state(url) == "sent":
            break
    return ("found there" if before else "sent after"), passes


def _state(url: str) -> str:
    opened = store.opened(url)
    rows = daily.outbox(opened).listed()
    opened.close()
    assert len(rows) == 1, "one outlet, one destination, one part"
    return rows[0].state


def check(peers: Peers, outlet: str, url: str, where: str) -> None:
    posts = peers.posts(outlet)
    opened = store.opened(url)
    receipts = Archive(opened).receipts("replicate", "day", LAST)
    opened.close()
    assert len(posts) == 1, f"{where}: the platform holds {len(posts)} posts"
    assert [(r.outlet, r.platform_id) for r in receipts] == [(outlet, posts[0])], where


def matrix(server: ForkServer, peers: Peers, outlet: str, folder: Path, url: str, workers: int) -> list[str]:
    """Every case of one outlet; a line each."""
    config = publishing.configured(folder, peers, (outlet,))
    publishing.fill(url)
    server.here("--config", str(config), "publish", "--day", str(LAST), "--dry-run", environ={"DATABASE_URL": url})
    argv = ["--config", str(config), "publish", "--day", str(LAST)]
    whole = server.run({"argv": argv, "environ": {**peers.secrets, "DATABASE_URL": url}})[0]
    assert whole["status"] == 0, whole
    lines = []
    for kill in chosen(whole["points"]):
        publishing.unpublish(url)
        name = whole["points"][kill - 1]
        how, passes = case(server, peers, outlet, config, url, kill, workers)
        check(peers, outlet, url, f"killed {name} (point {kill})")
        lines.append(f"{kill:4} {name:15} {how:12} in pass {passes}")
    return lines


def show(capsys: pytest.CaptureFixture[str], title: str, lines: list[str]) -> None:
    tally = Counter(line.split(maxsplit=3)[-1] for line in lines)
    with capsys.disabled():
        print(f"\ncrash matrix, {title}: {len(lines)} kills, one post and one receipt after each; {dict(tally)}")
        print("\n".join(lines))


@pytest.mark.parametrize("outlet", ["x", "discord"])
def test_a_worker_killed_anywhere_and_started_again_posts_once(
    server: ForkServer, peers: Peers, outlet: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = matrix(server, peers, outlet, tmp_path, f"sqlite:///{tmp_path / 'f.db'}", workers=1)
    assert len(lines) > 15
    show(capsys, f"{outlet} alone on SQLite", lines)


@pytest.mark.parametrize("outlet", ["x", "discord"])
def test_two_workers_after_a_kill_anywhere_post_once(
    server: ForkServer,
    peers: Peers,
    postgres: Postgres,
    outlet: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = matrix(server, peers, outlet, tmp_path, postgres.database(), workers=2)
    assert len(lines) > 15
    show(capsys, f"{outlet} with a second worker on PostgreSQL", lines)


def test_a_point_that_is_never_reached_is_noticed(server: ForkServer, peers: Peers, tmp_path: Path) -> None:
    """The matrix would prove nothing if processes outlived their kill."""
    url = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill(url)
    config = publishing.configured(tmp_path, peers, ("x",))
    with pytest.raises(AssertionError, match="was not reached"):
        case(server, peers, "x", config, url, 10_000, 1)
