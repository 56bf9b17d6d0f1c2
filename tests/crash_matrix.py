"""Kills the publishing process at every commit and every network call and starts it again. After each kill, the
platform's ledger must hold each part exactly once and the archive its receipt: for single posts, many channels,
threads, polls, corrections and the site.

A plain post on X by a single worker is killed at every point. With a second worker, and in the other scenarios, evenly
spread points are taken, and the output says how many of how many; some are left out with a second worker. `make
crash-matrix` takes all of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from bot import pipeline, store
from bot.archive import Archive
from bot.deliveries import Delivery
from tests import publishing
from tests.peers.fork_server import ForkServer
from tests.publishing import CHANNEL, LAST, LONG, Peers

PASSES = (0, 1300, 2600)
"""Seconds on the clock of the runs after the kill: at once, after the lease, after the look-back's settle time."""
KILLED = -9
PLAIN = 4
"""Number of points of a plain post with a second worker."""
FULL = os.environ.get("CRASH_MATRIX") == "full"
CHANNELS = (CHANNEL, "200000000000000011", "200000000000000012")
WEEK = date(2025, 3, 3)
POLL = """
polls:
  - {name: more, question: "Will more be used next week?", answers: [More, As many, Fewer]}
"""


@dataclass(frozen=True)
class Scenario:
    """A scenario of publishing that is killed."""

    name: str
    outlet: str
    check: Callable[[Peers, list[Delivery], str], None]
    """Gets peers, outbox and the database's URL; raises if anything is duplicated or lost."""
    argv: tuple[str, ...] = ("--day", str(LAST))
    fill: Callable[[str], None] = publishing.fill
    settings: Callable[[str], str] = str
    """Changes the configuration."""
    corrects: bool = False
    """An edition is out already, and a figure has changed since."""
    most: int | None = None
    """How many points are taken with a second worker, and twice as many alone; `None`: `PLAIN`, and all alone."""
    varies: bool = False
    """Several sends run at once, so that two runs differ in their points."""
    same_start: bool = False
    """Until the part is claimed, the run commits what X's plain post does, which is killed at every point of it; any
    request before only reads."""
    alone: bool = False
    """It adds nothing to the plain post for a second worker, who waits for the same claim."""


# --- what must hold in the end ---------------------------------------------------------------------------------------


def receipted(url: str, rows: list[Delivery]) -> list[str]:
    """The platform's ids of the archive's receipts, for the newest edition."""
    newest, edition = rows[-1], max(row.edition for row in rows)
    opened = store.open_store(url)
    receipts = Archive(opened).digest_receipts(newest.network, newest.period, newest.day, edition)
    opened.close()
    return [receipt.platform_id for receipt in receipts]


def once(count: int) -> Callable[[Peers, list[Delivery], str], None]:
    """Check that there are so many posts, each with one receipt."""

    def check(peers: Peers, rows: list[Delivery], url: str) -> None:
        posts = peers.posts(rows[0].outlet)
        assert len(posts) == len(rows) == count, f"the platform holds {len(posts)} posts, the outbox {len(rows)} rows"
        assert sorted(receipted(url, rows)) == sorted(posts)
        assert len({(row.destination, row.part) for row in rows}) == count

    return check


def thread(peers: Peers, rows: list[Delivery], url: str) -> None:
    once(2)(peers, rows, url)
    first, second = peers.x.posts
    assert (first["reply_to"], second["reply_to"]) == (None, first["id"])


def polled(peers: Peers, rows: list[Delivery], url: str) -> None:
    """Check that one poll was posted and that the outbox has it as posted."""
    once(2 if rows[0].outlet == "discord" else 1)(peers, rows, url)
    requests = [row["body"] for row in peers.x.posts] + list(peers.discord.messages)
    requests += peers.others["mastodon"].posts if peers.others else []
    assert sum(bool(row.get("poll")) for row in requests) == 1
    opened = store.open_store(url)
    kept = [poll for row in rows if (poll := pipeline.make_outbox(opened).polls.delivery_poll(row.id))]
    opened.close()
    assert [poll.question for poll in kept] == ["Will more be used next week?"]


def corrected(peers: Peers, rows: list[Delivery], url: str) -> None:
    """Check one correction: an edit or, if the post is too old, a second post."""
    texts = [post["sent"] for post in peers.x.posts]
    texts += [str(message["embeds"][0]["description"]) for message in peers.discord.messages]
    assert sum("Correction" in text for text in texts) == 1 and len(texts) <= 2, texts
    assert len(texts) == 1 or rows[0].outlet == "x"
    assert len(receipted(url, rows)) == 1 and receipted(url, rows)[0] in peers.posts(rows[0].outlet)


def at_least_once(peers: Peers, rows: list[Delivery], url: str) -> None:
    """Check that a message arrived, each time with the same id, and has one receipt."""
    ids = peers.posts(rows[0].outlet)
    assert len(rows) == 1 and len(set(ids)) == 1 and receipted(url, rows) == [ids[0]], ids


def replied(peers: Peers, rows: list[Delivery], url: str) -> None:
    """Check that one reply corrects the post."""
    first, second = peers.others["bluesky"].posts
    assert second["text"].startswith("Correction") and second["reply"]["parent"]["uri"].endswith(first["id"])
    assert receipted(url, rows) == [second["id"]]


def edited(peers: Peers, rows: list[Delivery], url: str) -> None:
    """Check that the post was edited."""
    (status,) = peers.others["mastodon"].posts
    assert status["sent"].startswith("Correction") and receipted(url, rows) == [status["id"]]


def site_written(peers: Peers, rows: list[Delivery], url: str) -> None:
    (row,) = rows
    assert row.url and Path(row.url).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert receipted(url, rows) == [row.platform_id]


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("x", "x", once(1)),
        Scenario("discord", "discord", once(1), most=4, same_start=True),
        Scenario("discord, three channels", "discord", once(3), settings=lambda text: text.replace(
            f'["{CHANNEL}"]', json.dumps(CHANNELS)), most=3, varies=True),
        Scenario("x, a thread", "x", thread, ("--day", str(LONG[-1])), publishing.fill_long,
                 lambda text: text.replace("x: {", "x: {thread: true, "), most=3),
        Scenario("x, a weekly poll", "x", polled, ("--period", "week", "--day", str(WEEK)), settings=lambda t: t + POLL,
                 most=3, alone=True),
        Scenario("discord, a weekly poll", "discord", polled, ("--period", "week", "--day", str(WEEK)),
                 settings=lambda text: text + POLL, most=3, alone=True),
        Scenario("x, a correction", "x", corrected, corrects=True, most=3),
        Scenario("discord, a correction", "discord", corrected, corrects=True, most=3),
        Scenario("site", "site", site_written, most=3),
        Scenario("bluesky", "bluesky", once(1), most=4, same_start=True),
        Scenario("bluesky, a correction", "bluesky", replied, corrects=True, most=3, alone=True),
        Scenario("mastodon", "mastodon", once(1), most=4, same_start=True),
        Scenario("mastodon, a correction", "mastodon", edited, corrects=True, most=3, alone=True),
        Scenario("mastodon, a weekly poll", "mastodon", polled, ("--period", "week", "--day", str(WEEK)),
                 settings=lambda text: text + POLL, most=3, alone=True),
        Scenario("webhook", "webhook", at_least_once, most=3, same_start=True),
    )
}  # fmt: skip


# --- killing ---------------------------------------------------------------------------------------------------------


def worthwhile(points: list[str]) -> list[int]:
    """The points where a kill may matter: before every commit; of each request before its first piece, in its middle
    and after its end. The state after a commit or response is that before the next point, so only the very last of
    those is taken."""
    numbers: list[int] = []
    for kind, group in groupby(enumerate(points, 1), key=lambda numbered: numbered[1].split()[1]):
        run = [number for number, _ in group]
        if kind == "commit":
            numbers += run[::2]
        elif kind == "request":
            numbers += [run[0], run[len(run) // 2], run[-1]]
    return sorted({*numbers, len(points)})


def spread(points: list[int], most: int | None) -> list[int]:
    """At most so many points, evenly spread, including the first and the last."""
    if most is None or FULL or len(points) <= most:
        return points
    return [points[n * (len(points) - 1) // (most - 1)] for n in range(most)]


COMMITS_TO_CLAIM = 4
"""Commits of a plain post, from the start of the run to the one that claims its part."""


def since_claim(points: list[str]) -> int:
    """The number of the commit that claims the last part: the last one with a request after it."""
    numbered = list(enumerate(points, 1))
    last_request = max(number for number, name in numbered if name == "before request")
    return max(number for number, name in numbered if name == "before commit" and number < last_request)


def together(names: Iterable[str]) -> list[str]:
    """The scenarios that are killed beside a second worker."""
    return [name for name in names if FULL or not SCENARIOS[name].alone]


@dataclass(frozen=True)
class Killed:
    """One scenario after all its kills."""

    lines: list[str]
    """The result of each kill."""
    points: int
    """Number of points to kill at."""


@dataclass(frozen=True)
class Matrix:
    """One scenario on one database."""

    scenario: Scenario
    server: ForkServer
    peers: Peers
    url: str
    config: Path
    workers: int

    @property
    def argv(self) -> list[str]:
        return ["--config", str(self.config), "publish", *self.scenario.argv]

    @property
    def environ(self) -> dict[str, str]:
        return {**self.peers.secrets, "DATABASE_URL": self.url}

    @property
    def run(self) -> dict[str, object]:
        return {"argv": self.argv, "environ": self.environ}

    def prepare(self) -> None:
        """Prepare the state before the run that is killed."""
        publishing.unpublish(self.url)
        self.peers.forget()
        if self.scenario.corrects:
            assert self.server.run(self.run)[0]["status"] == 0
            publishing.tamper(self.url)

    def killed(self) -> Killed:
        """Run every case."""
        self.warm()
        self.prepare()
        whole = self.server.run(self.run)[0]
        assert whole["status"] == 0, whole
        self.scenario.check(self.peers, self.rows(), self.url)
        some = self.scenario.most
        most = (some or PLAIN) if self.workers > 1 else some and some * 2
        every = worthwhile(whole["points"])
        first = 1
        if self.scenario.same_start or self.scenario.name == "x":
            claimed = since_claim(whole["points"])
            assert whole["points"][:claimed].count("before commit") == COMMITS_TO_CLAIM, whole["points"]
            first = claimed if self.scenario.same_start and not FULL else 1
        taken = spread([number for number in every if number >= first], most)
        return Killed([self.case(kill, whole["points"][kill - 1]) for kill in taken], len(every))

    def warm(self) -> None:
        """Publish in the prepared process itself: forks inherit pictures, compiled statements and templates."""
        self.server.here(*self.argv, environ=self.environ)
        if self.scenario.corrects:
            publishing.tamper(self.url)
            self.server.here(*self.argv, environ=self.environ)

    def accepted(self) -> list[str]:
        """The cases of a kill right after a request after which the platform has a post."""
        self.warm()
        self.prepare()
        points = self.server.run(self.run)[0]["points"]
        left = [number for number in worthwhile(points) if points[number - 1] == "after request"]
        cases = [self.restarted(number, points[number - 1], True) for number in left if self.kill(number)]
        assert cases, "no kill left a post"
        return cases

    def kill(self, number: int) -> bool:
        """Kill at one point; returns whether the platform has a post of it."""
        self.prepare()
        before = Counter(self.peers.posts(self.scenario.outlet))
        first = self.server.run({**self.run, "kill": number})[0]
        ended = self.scenario.varies and first["status"] == 0 and number > len(first["points"])
        assert first["status"] == KILLED or ended, f"point {number} was not reached: {first}"
        return bool(Counter(self.peers.posts(self.scenario.outlet)) - before)

    def case(self, kill: int, name: str) -> str:
        """Kill at one point and restart as often as needed; returns how the posts came about and the passes."""
        return self.restarted(kill, name, self.kill(kill))

    def restarted(self, kill: int, name: str, posted: bool) -> str:
        how = "found there" if posted else "sent after"
        passes = 0
        for shift in PASSES:
            passes += 1
            runs = self.server.run(*[{**self.run, "shift": shift}] * self.workers)
            assert all(run["status"] in (0, 1, 3) for run in runs), runs
            rows = self.rows()
            if rows and all(row.state == "sent" for row in rows):
                break
        where = f"{self.scenario.name}: killed {name} (point {kill})"
        assert {row.state for row in rows} == {"sent"}, (
            f"{where}: {[(row.label, row.state, row.reason) for row in rows]}"
        )
        try:
            self.scenario.check(self.peers, rows, self.url)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from error
        return f"{kill:4} {name:15} {how:12} in pass {passes}"

    def rows(self) -> list[Delivery]:
        opened = store.open_store(self.url)
        deliveries = pipeline.make_outbox(opened).list_deliveries()
        opened.close()
        return list(deliveries)


# --- what the test modules share -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as started:
        yield started


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers(others=True) as served:
        for channel in CHANNELS:
            served.discord.channel(int(channel))
        yield served


@dataclass(frozen=True)
class Killing:
    """Everything that is needed to kill one scenario's process at every point."""

    server: ForkServer
    peers: Peers
    folder: Path
    postgres: Callable[[], str]
    """Creates a PostgreSQL database and returns its URL."""
    capsys: pytest.CaptureFixture[str]

    def matrix(self, name: str, workers: int) -> Matrix:
        """One worker uses SQLite; two share a PostgreSQL database."""
        scenario = SCENARIOS[name]
        url = f"sqlite:///{self.folder / 'f.db'}" if workers == 1 else self.postgres()
        config = publishing.configured(self.folder, self.peers, (scenario.outlet,))
        config.write_text(scenario.settings(config.read_text(encoding="utf-8")), encoding="utf-8")
        scenario.fill(url)
        return Matrix(scenario, self.server, self.peers, url, config, workers)

    def apart(self, name: str, ahead: timedelta) -> None:
        """Kill after a whole request, so that the platform has it, on a machine with a wrong clock."""
        with self.peers.behind(ahead):
            lines = self.matrix(name, workers=1).accepted()
        assert any("found there" in line for line in lines), lines

    def everywhere(self, name: str, workers: int) -> None:
        """Kill at every chosen point, and print the results and the share of points."""
        result = self.matrix(name, workers).killed()
        assert result.points >= 7
        tally = Counter(line.split(maxsplit=3)[-1] for line in result.lines)
        some = "every point" if len(result.lines) == result.points else f"{len(result.lines)} of {result.points} points"
        title = f"{name}, {'alone on SQLite' if workers == 1 else 'with a second worker on PostgreSQL'}"
        with self.capsys.disabled():
            print(f"\ncrash matrix, {title}: killed at {some}, each part once with its receipt; {dict(tally)}")
            print("\n".join(result.lines))


@pytest.fixture
def killing(
    server: ForkServer,
    peers: Peers,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> Killing:
    def address() -> str:
        url: str = request.getfixturevalue("postgres").database()
        return url

    return Killing(server, peers, tmp_path, address, capsys)
