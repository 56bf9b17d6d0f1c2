"""The worker: one works, the others stand by; it recovers from failures, and it stops when asked to."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa
import yaml

from bot import ledger, pipeline, store, worker
from bot.archive import Archive
from bot.cli import main
from bot.config import PublishConfig, ScheduleEntry
from bot.deliveries import OutboxPass, OutletHandle
from bot.outlets import Found, NotFound, Outcome, Part, Sent
from bot.records import CheckResult, Period, Snapshot, SourceError
from bot.worker import cycle
from bot.worker.state import WorkerState
from tests import publishing, record_slices
from tests.databases import ON_SQLITE
from tests.patience import PATIENCE
from tests.peers.ports import reserved
from tests.peers.postgres import Postgres
from tests.worlds import CATALOGUE, ONE, START, snapshot

ROOT = Path(__file__).parents[2]
DAY = START + timedelta(days=9)
"""The last day when the tests begin; the network was watched from START on."""
CANARY = "canary-0123456789abcdef"


@dataclass
class Clock:
    now: datetime = datetime(DAY.year, DAY.month, DAY.day, 0, 10, tzinfo=UTC) + ONE

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Network:
    """Yields every day from START to the last one; may fail, or call something between snapshots."""

    clock: Clock
    failing: str = ""
    asked: list[datetime] = field(default_factory=list)
    between: Callable[[], None] = lambda: None
    settles_for: timedelta = timedelta()

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        self.asked.append(self.clock())
        if self.failing:
            raise SourceError(self.failing)
        for number in range((self.clock().date() - START).days):
            yield snapshot(START + number * ONE, {f"o/m{n}": number * (n + 1) for n in range(4)})
            self.between()


@dataclass
class Wall:
    """An outlet that accepts everything."""

    posts: list[tuple[str, datetime]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def post(self, part: Part, destination: str) -> Outcome:
        self.posts.append((destination, self.clock()))
        return Sent(str(len(self.posts)), f"https://wall.example/{len(self.posts)}")

    def find(self, part: Part, destination: str) -> Found:
        return NotFound()

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        return Sent(platform_id, "https://wall.example/edited")

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        return []

    def close(self) -> None:
        pass


ENTRIES = (
    ScheduleEntry.model_validate({"name": "early", "at": "02:30"}),
    ScheduleEntry.model_validate({"name": "late", "at": "09:00"}),
)


@dataclass
class Bench:
    """A small set of everything that a worker needs."""

    db: store.Store
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.network, self.wall = Network(self.clock), Wall(clock=self.clock)

    def made(self, name: str = "one") -> worker.WorkerContext:
        archive, outbox = Archive(self.db), pipeline.make_outbox(self.db)
        ready = {"site": OutletHandle(self.wall, timedelta(), lambda _: Decimal(0))}
        plan = pipeline.NetworkPlan("replicate", "Little", (CATALOGUE,), {"catalogue": "models", "figure": "uses"})
        return worker.WorkerContext(
            self.db,
            pipeline.PublishContext(self.db, archive, outbox, PublishConfig.model_validate({}), 0.01),
            [(plan, self.network)],
            ENTRIES,
            {"early": {"site": ("a",)}, "late": {"site": ("b",)}},
            lambda: OutboxPass(
                outbox, ready, pipeline.DigestContentProvider(archive, outbox), self.clock, name, timedelta(minutes=15)
            ),
            self.clock,
            timedelta(minutes=15),
            clock_offsets=lambda: {"x": timedelta(minutes=6)},
        )

    def round(self, name: str = "one", stopping: Callable[[], bool] = lambda: False) -> worker.WorkCycle:
        return worker.WorkCycle(self.made(name), WorkerState(), name, stopping)

    def at(self, hour: int, minute: int = 0) -> None:
        self.clock.now = self.clock.now.replace(hour=hour, minute=minute)


@pytest.fixture
def bench(db: store.Store) -> Bench:
    return Bench(db)


# --- rounds --------------------------------------------------------------------------------------------------------


def test_each_entry_posts_at_its_time_and_once(bench: Bench) -> None:
    step = bench.round()
    for hour, wanted in ((0, []), (2, []), (3, ["a"]), (5, ["a"]), (9, ["a", "b"]), (23, ["a", "b"])):
        bench.at(hour, 10)
        step.run_cycle()
        step.run_cycle()
        assert [place for place, _ in bench.wall.posts] == wanted


def test_a_new_process_goes_on_where_the_last_one_was(bench: Bench) -> None:
    bench.at(10)
    bench.round("one").run_cycle()
    bench.at(10, 15)
    bench.round("two").run_cycle()
    assert sorted(place for place, _ in bench.wall.posts) == ["a", "b"]


def test_one_works_the_others_stand_by_and_take_over_when_it_ends(bench: Bench) -> None:
    first, second = bench.round("one"), bench.round("two")
    bench.at(3)
    first.run_cycle()
    second.run_cycle()
    assert (first.state.leads, second.state.leads) == (True, False)
    assert len(bench.network.asked) == 1
    first.release_lease()
    second.run_cycle()
    assert second.state.leads
    assert len(bench.wall.posts) == 1


def test_a_worker_that_died_is_waited_for_and_then_replaced(bench: Bench) -> None:
    bench.round("one").run_cycle()
    second = bench.round("two")
    bench.clock.now += cycle.LEASE_LASTS - timedelta(seconds=1)
    second.run_cycle()
    assert not second.state.leads
    bench.clock.now += timedelta(seconds=1)
    second.run_cycle()
    assert second.state.leads


def test_a_source_is_asked_until_the_day_is_there_and_then_left_alone(bench: Bench) -> None:
    step = bench.round()
    bench.network.failing = "little: no answer"
    step.run_cycle()
    step.run_cycle()
    assert len(bench.network.asked) == 1, "asked again at once"
    bench.clock.now += timedelta(minutes=16)
    bench.network.failing = ""
    step.run_cycle()
    assert len(bench.network.asked) == 2
    bench.at(23)
    step.run_cycle()
    assert len(bench.network.asked) == 2, "nothing is missing"
    bench.clock.now += timedelta(hours=1, minutes=10)
    step.run_cycle()
    assert len(bench.network.asked) == 3, "a new day is over"


@ON_SQLITE
def test_raw_answers_are_maintained_once_a_day_and_again_after_a_failure(bench: Bench) -> None:
    calls: list[datetime] = []
    failing = [True]

    def maintain(now: datetime, go_on: Callable[[], None]) -> float | None:
        calls.append(now)
        go_on()
        if failing.pop() if failing else False:
            raise OSError("the disk is full")
        return 5e6

    worker_context = replace(bench.made(), maintain=maintain, folders={"data": ROOT})
    step = worker.WorkCycle(worker_context, WorkerState(), "one")
    start = bench.clock.now
    while bench.clock.now < start + timedelta(hours=20):
        step.run_cycle()
        bench.clock.now += timedelta(minutes=20)
    assert [instant - start for instant in calls] == [timedelta(), timedelta(hours=1)]
    assert step.state.failure_counts["maintain"] == 1
    bench.clock.now += timedelta(hours=10)
    step.run_cycle()
    assert len(calls) == 3, "a new day"
    step.state.beat, step.state.database = bench.clock(), ""
    with shown(bench, step) as port:
        values = measured(fetched(port, "/metrics")[1])
    assert values["footfall_lake_growth_bytes"] == 5e6
    assert values["footfall_disk_days_left"] == pytest.approx(
        values['footfall_disk_free_bytes{folder="data"}'] / 5e6, rel=0.1
    )


@ON_SQLITE
def test_a_source_whose_days_still_settle_is_asked_again_now_and_then(bench: Bench) -> None:
    bench.network.settles_for = timedelta(hours=20)
    step = bench.round()
    start = bench.clock.now
    while bench.clock.now < start + timedelta(hours=23):
        step.run_cycle()
        bench.clock.now += timedelta(minutes=10)
    assert [(instant - start) // timedelta(hours=1) for instant in bench.network.asked] == list(range(0, 20, 2))
    assert len(bench.wall.posts) == 2, "nothing changed, so nothing is said again"


def test_a_chain_that_stays_silent_is_asked_again_soon_though_the_list_is_in(bench: Bench) -> None:
    bench.network.settles_for = timedelta(days=3)
    worker_context = bench.made()
    (plan, source), *_ = worker_context.networks
    read_by_event = replace(plan, catalogues=(replace(CATALOGUE, evidences=("claimed",), place="the chain"),))
    step = worker.WorkCycle(
        replace(worker_context, networks=[(read_by_event, source)], entries=()), WorkerState(), "one"
    )
    step.run_cycle()
    bench.clock.now += timedelta(minutes=16)
    step.run_cycle()
    assert len(bench.network.asked) == 2


def test_days_that_still_settle_are_looked_at_by_a_new_process_at_once(bench: Bench) -> None:
    bench.network.settles_for = timedelta(days=3)
    bench.round("one").run_cycle()
    bench.round("one").run_cycle()
    assert len(bench.network.asked) == 2


@ON_SQLITE
def test_a_source_that_stays_out_is_asked_ever_less_often_until_midnight(bench: Bench) -> None:
    step = bench.round()
    bench.network.failing = "little: no answer"
    start = bench.clock.now
    while bench.clock.now < start + timedelta(hours=25):
        step.run_cycle()
        bench.clock.now += timedelta(minutes=10)
    days = [instant.date() for instant in bench.network.asked]
    assert 6 <= days.count(start.date()) <= 12
    first_hour = [
        instant for instant in bench.network.asked if instant.date() == start.date() + ONE and instant.hour == 0
    ]
    assert len(first_hour) >= 2, "each midnight is another chance"
    assert step.state.source_status == {"replicate": (None, "little: no answer")}


def test_a_disk_that_refuses_what_a_source_says_keeps_nothing_else_back(bench: Bench) -> None:
    step = bench.round()
    bench.at(10)
    step.run_cycle()
    sent = len(bench.wall.posts)

    def full() -> None:
        raise OSError(28, "No space left on device")

    bench.network.between = full
    bench.clock.now += timedelta(days=1)
    with bench.db.write_transaction() as connection:
        connection.execute(store.deliveries.update().values(state="planned", until=None, not_before=bench.clock.now))
    step.run_cycle()
    assert len(bench.wall.posts) > sent, "what was planned is sent"
    assert "No space left" in step.state.source_status["replicate"][1]


def test_a_clock_that_is_put_back_holds_nothing_up(bench: Bench) -> None:
    right, bench.clock.now = bench.clock.now, bench.clock.now.replace(year=2030)
    step = bench.round()
    bench.network.failing = "little: no answer"
    step.run_cycle()
    bench.clock.now, bench.network.failing = right.replace(hour=10), ""
    step.run_cycle()
    assert len(bench.network.asked) == 2 and len(bench.wall.posts) == 2


def test_told_to_stop_it_keeps_what_it_has_and_begins_nothing_new(bench: Bench) -> None:
    stop = threading.Event()
    bench.network.between = stop.set
    bench.at(10)
    with pytest.raises(worker.cycle.StoppingError):
        bench.round(stopping=stop.is_set).run_cycle()
    assert bench.wall.posts == []
    bench.network.between = lambda: None
    again = bench.round()
    again.run_cycle()
    assert len(bench.wall.posts) == 2, "the rest is taken up again"


# --- a worker ------------------------------------------------------------------------------------------------------


def running(
    bench: Bench, sides: list[worker.BackgroundService], grace: float = 20.0, opened: Any = None
) -> tuple[Any, Any, Any]:
    """A worker in a thread: itself, its thread and the list for its result."""

    @contextmanager
    def open_() -> Iterator[worker.WorkerContext]:
        yield bench.made()

    service = worker.Worker(opened or open_, bench.clock, "one", 1)
    answer: list[bool] = []
    thread = threading.Thread(target=lambda: answer.append(service.run(sides, grace)))
    thread.start()
    return service, thread, answer


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something in another thread."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_it_works_until_it_is_told_to_stop_and_gives_its_lease_back(bench: Bench) -> None:
    bench.at(10)
    service, thread, answer = running(bench, [])
    until(lambda: len(bench.wall.posts) == 2)
    service.stop.set()
    thread.join(120)
    assert answer == [True]
    second = bench.round("two")
    second.run_cycle()
    assert second.state.leads


def test_a_step_that_hangs_is_abandoned_in_time(bench: Bench) -> None:
    hangs, hang = threading.Event(), threading.Event()

    def between() -> None:
        hangs.set()
        hang.wait()

    bench.network.between = between
    service, thread, answer = running(bench, [], grace=0.5)
    until(hangs.is_set)
    service.stop.set()
    thread.join(120)
    assert answer == [False], "the step in hand still hangs"
    hang.set()
    until(lambda: not any(t.name == "rounds" for t in threading.enumerate()))


def test_a_round_that_fails_is_not_the_last_one(bench: Bench) -> None:
    bench.at(10)
    failures = iter([RuntimeError("a mistake of ours"), None])

    def fails_once() -> None:
        if error := next(failures, None):
            raise error

    bench.network.between = fails_once
    service, thread, answer = running(bench, [])
    until(lambda: len(bench.wall.posts) == 2)
    assert {step: count for step, count in service.state.failure_counts.items() if count} == {"round": 1}
    service.stop.set()
    thread.join(120)
    assert answer == [True]


@pytest.mark.parametrize("when", ["at the start", "on the way"])
def test_a_database_that_is_away_for_a_while_is_waited_for(postgres: Postgres, when: str) -> None:
    url = postgres.database()
    bench = Bench(store.open_store(url))
    bench.at(10)
    admin = store.Store(re.sub(r"/t\d+\?", "/postgres?", url))
    name = bench.db.engine.url.database

    def reachable(yes: bool) -> None:
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {str(yes).lower()}"))
            if not yes:
                end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                connection.execute(sa.text(end), {"name": name})

    @contextmanager
    def opened() -> Iterator[worker.WorkerContext]:
        again = store.open_store(url)
        yield bench.made()
        again.close()

    if when == "at the start":
        reachable(False)
    service, thread, answer = running(bench, [], opened=opened)
    if when == "on the way":
        until(lambda: len(bench.wall.posts) == 2)
        reachable(False)
    until(lambda: "not currently accepting connections" in service.state.database)
    beat = service.state.beat
    assert not worker.WorkerHealth(service.state, lambda: service.bench, bench.clock).health_report()[0]
    reachable(True)
    until(lambda: service.state.database == "" and len(bench.wall.posts) == 2)
    assert beat is not None, "it came round all the same"
    service.stop.set()
    thread.join(120)
    assert answer == [True]
    admin.close()
    bench.db.close()


def test_a_side_that_ends_is_started_again_and_stops_when_told(bench: Bench) -> None:
    runs: list[int] = []
    state, stop = WorkerState(), threading.Event()

    def side(stop: threading.Event) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise OSError("gone")
        if len(runs) == 2:
            return
        stop.wait()

    thread = worker.start_service(worker.BackgroundService("gateway", side), stop, state, first_pause=0.01)
    until(lambda: len(runs) == 3)
    assert state.restart_counts == {"gateway": 2}
    stop.set()
    thread.join(120)
    assert not thread.is_alive()


# --- what it shows -------------------------------------------------------------------------------------------------


@pytest.fixture
def port() -> Iterator[int]:
    with reserved() as kept:
        yield kept


def fetched(port: int, path: str, token: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=120) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def shown(bench: Bench, step: worker.WorkCycle, token: str = "") -> Iterator[int]:
    """/health and /metrics of a cycle, without a worker."""
    stop = threading.Event()
    worked = worker.WorkerHealth(step.state, lambda: step.bench, bench.clock)
    redact = lambda text: text.replace(CANARY, "[redacted]")  # noqa: E731
    with reserved() as port:
        pages = worker.BackgroundService("pages", worker.monitoring_service(worked, "127.0.0.1", port, redact, token))
        thread = worker.start_service(pages, stop, step.state)
        until(lambda: not _refused(port))
        yield port
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def _refused(port: int) -> bool:
    with socket.socket() as listener:
        return listener.connect_ex(("127.0.0.1", port)) != 0


def measured(text: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_its_pages_tell_how_it_does(bench: Bench) -> None:
    step = bench.round()
    bench.at(10)
    step.run_cycle()
    step.state.beat, step.state.database = bench.clock(), ""
    with shown(bench, step) as port:
        status, body = fetched(port, "/health")
        facts = json.loads(body)
        assert (status, facts["ok"], facts["behind_schedule_seconds"]) == (200, True, {"early": 0.0, "late": 0.0})
        values = measured(fetched(port, "/metrics")[1])
        assert values['footfall_deliveries{outlet="site",state="sent"}'] == 2
        assert values['footfall_newest_digest_age_seconds{network="replicate",period="day"}'] == 10 * 3600
        assert (
            values['footfall_source_last_success_timestamp_seconds{network="replicate"}'] == bench.clock().timestamp()
        )
        assert values['footfall_outlet_last_success_timestamp_seconds{outlet="site"}'] == bench.clock().timestamp()
        assert values['footfall_clock_offset_seconds{outlet="x"}'] == 360.0
        assert values["footfall_leader"] == values["footfall_database_up"] == 1
        bench.clock.now += timedelta(days=1)
        values = measured(fetched(port, "/metrics")[1])
        assert values['footfall_behind_schedule_seconds{entry="early"}'] == 7.5 * 3600
        status, body = fetched(port, "/health")
        assert (status, json.loads(body)["ok"]) == (503, False), "it has not come round for a day"
        assert fetched(port, "/config.yaml")[0] == 404


def test_whoever_does_not_show_the_token_learns_only_whether_it_is_well(bench: Bench) -> None:
    step = bench.round()
    bench.at(10)
    step.run_cycle()
    step.state.beat, step.state.database = bench.clock(), ""
    with shown(bench, step, "a-long-token-of-24-chars") as port:
        for token in ("", "a-long-token-of-24-charS", "é"):
            assert fetched(port, "/health", token) == (200, '{"ok": true}')
            assert fetched(port, "/metrics", token)[0] == 401
        assert "heartbeat_age_seconds" in fetched(port, "/health", "a-long-token-of-24-chars")[1]
        assert measured(fetched(port, "/metrics", "a-long-token-of-24-chars")[1])["footfall_leader"] == 1
        bench.clock.now += timedelta(days=1)
        assert fetched(port, "/health") == (503, '{"ok": false}')


def test_more_requests_at_once_than_it_has_threads_for_are_refused(bench: Bench) -> None:
    step = bench.round()
    step.state.beat, step.state.database = bench.clock(), ""
    with shown(bench, step) as port, ExitStack() as closing:
        idle = [closing.enter_context(socket.create_connection(("127.0.0.1", port), 60)) for _ in range(30)]
        refused = select.select(idle, [], [], 60)[0]
        assert refused and all(client.recv(1) == b"" for client in refused)
        for client in idle:
            client.close()
        until(lambda: _served(port))


def _served(port: int) -> bool:
    try:
        return fetched(port, "/metrics")[0] == 200
    except OSError:  # its threads are not free yet
        return False


def test_its_pages_count_the_days_that_are_held(bench: Bench) -> None:
    step = bench.round()
    bench.at(10)
    step.run_cycle()
    step.state.beat, step.state.database = bench.clock(), ""
    key = 'footfall_held_days{catalogue="models",network="replicate"}'
    with shown(bench, step) as port:
        assert measured(fetched(port, "/metrics")[1])[key] == 0
        ledger.add_snapshot(bench.db, snapshot(DAY + ONE, {}))
        assert measured(fetched(port, "/metrics")[1])[key] == 1
        assert json.loads(fetched(port, "/health")[1])["held_days"] == {"replicate models": 1}


def test_a_worker_that_never_posted_is_not_healthy(bench: Bench) -> None:
    """Its network cannot be read, so nothing was ever planned, and no outlet has its keys."""
    bench.network.failing = "little: no answer"
    worker_context = replace(bench.made(), unready=["x"], folders={"data": ROOT})
    step = worker.WorkCycle(worker_context, WorkerState(began=bench.clock()), "one")
    step.run_cycle()
    step.state.beat, step.state.database = bench.clock(), ""
    bench.clock.now += timedelta(hours=10)
    with shown(bench, step) as port:
        values = measured(fetched(port, "/metrics")[1])
    began = (bench.clock() - timedelta(hours=10)).timestamp()
    assert values['footfall_behind_schedule_seconds{entry="early"}'] > 6 * 3600
    assert values['footfall_newest_digest_age_seconds{network="replicate",period="day"}'] == 10 * 3600
    assert values['footfall_outlet_ready{outlet="x"}'] == 0 and values['footfall_outlet_ready{outlet="site"}'] == 1
    assert values["footfall_start_timestamp_seconds"] == began
    assert values['footfall_source_up{network="replicate"}'] == 0
    assert values['footfall_disk_free_bytes{folder="data"}'] > 0
    assert values['footfall_round_failures_total{step="round"}'] == 0, "so that the first one is an increase"


def test_a_refusal_is_shown_until_it_is_dealt_with(bench: Bench) -> None:
    step = bench.round()
    bench.at(10)
    step.run_cycle()
    name = 'footfall_newest_refusal_timestamp_seconds{outlet="site"}'
    step.state.database = ""
    with shown(bench, step) as port:
        assert name not in measured(fetched(port, "/metrics")[1])
        with bench.db.write_transaction() as connection:
            connection.execute(store.deliveries.update().values(state="refused"))
        assert measured(fetched(port, "/metrics")[1])[name] == bench.clock().timestamp()


def test_a_source_that_goes_out_is_noticed_before_its_day_is_over(bench: Bench) -> None:
    why, clocks = [""], list[datetime]()

    def probe(network: str) -> str:
        clocks.append(bench.clock())
        return why[0]

    step = worker.WorkCycle(replace(bench.made(), probe=probe), WorkerState(), "one")
    bench.at(10)
    step.run_cycle()
    assert len(bench.network.asked) == 1 and clocks == [], "it was asked just now"
    bench.at(14)
    why[0] = "little: no answer"
    step.run_cycle()
    assert step.state.source_status["replicate"][1] == "little: no answer"
    bench.at(14, 30)
    step.run_cycle()
    bench.at(15)
    why[0] = ""
    step.run_cycle()
    assert len(clocks) == 2 and step.state.source_status["replicate"] == (bench.clock(), "")
    with shown(bench, step) as port:
        step.state.database = ""
        name = 'footfall_day_deadline_timestamp_seconds{network="replicate"}'
        deadline = measured(fetched(port, "/metrics")[1])[name]
    midnight = bench.clock().replace(hour=0, minute=0) + timedelta(days=1)
    assert deadline == (midnight + timedelta(hours=1)).timestamp()


def test_its_pages_hold_no_secret(bench: Bench) -> None:
    step = bench.round()
    bench.network.failing = f"little: https://api.example/?key={CANARY}: found 500"
    step.run_cycle()
    with shown(bench, step) as port:
        pages = fetched(port, "/health")[1] + fetched(port, "/metrics")[1]
    assert "[redacted]" in pages and CANARY not in pages


def test_every_metric_that_an_alert_names_exists(bench: Bench) -> None:
    from bot.queries import QueryContext
    from bot.web.monitoring import WebMetrics

    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    named = {name for rule in alerts for name in re.findall(r"\bfootfall_\w+", rule["expr"])}
    step = bench.round()
    bench.at(10)
    step.run_cycle()
    step.state.began = step.state.beat = bench.clock()
    step.state.database, step.state.lake_growth = "", 1e6
    worker_context = replace(step.bench, folders={"data": ROOT})
    step.bench = worker_context
    with bench.db.write_transaction() as connection:
        mine = store.deliveries.c.destination == "b"
        connection.execute(store.deliveries.update().where(mine).values(state="refused"))
    with shown(bench, step) as port:
        known = set(re.findall(r"^# TYPE (\w+)", fetched(port, "/metrics")[1], re.MULTILINE))
    vitals = WebMetrics(QueryContext(bench.db, Archive(bench.db), {}, (), bench.clock))
    known |= set(re.findall(r"^# TYPE (\w+)", vitals.metrics_text(()).decode(), re.MULTILINE))
    assert len(named) >= 14 and named <= known
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in alerts if f"`{rule['alert']}`" not in guide] == []
    assert [name for name in known if name.startswith("footfall") and f"`{name}" not in guide] == []


# --- the process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_with_0_soon_after_the_signal_and_logs_json(
    tmp_path: Path, sign: signal.Signals, port: int
) -> None:
    config, record = tmp_path / "config.yaml", record_slices.write_night(tmp_path / "record")
    config.write_text(
        f"data: {tmp_path}\nout: {tmp_path}/out\n"
        f"networks: {{replicate: {{headline: {{catalogue: models, figure: models_used}}, record: {record}}}}}\n"
        f"worker: {{port: {port}, tick: 1, slash: false}}\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "FOOTFALL_CONFIG": str(config), "DISCORD_TOKEN": CANARY}
    started = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"], env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: not _refused(port) and fetched(port, "/health")[0] == 200, 120)
        started.send_signal(sign)
        _, text = started.communicate(timeout=120)
    finally:
        started.kill()
    assert started.returncode == 0
    lines = [json.loads(line) for line in text.splitlines()]
    assert "stopping" in [line["event"] for line in lines]
    assert CANARY not in text


def test_a_worker_says_which_database_it_uses_and_how_many_posts_that_knows_to_be_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compose file that sets DATABASE_URL to nothing does not take it from `.env`, which would mean a new database
    without any posts."""
    url, config = f"sqlite:///{tmp_path}/kept.db", tmp_path / "config.yaml"
    publishing.fill(url)
    record = record_slices.write_night(tmp_path / "record")
    config.write_text(
        f"data: {tmp_path}\nout: {tmp_path}/out\noutlets: {{site: {{}}}}\n"
        f"networks: {{replicate: {{headline: {{catalogue: models, figure: models_used}}, record: {record}}}}}\n"
        "worker: {port: 0, tick: 1, slash: false}\nschedule: []\n"
    )
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}\n")
    (tmp_path / ".env").chmod(0o600)
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("REPLICATE_API_TOKEN", "")
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(config), "publish", "--day", str(publishing.LAST)])
    assert ended.value.code == 0
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "FOOTFALL_CONFIG": str(config), "DATABASE_URL": ""}
    command = [sys.executable, "-m", "bot", "run"]
    with subprocess.Popen(command, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            lines = (json.loads(line)["event"] for line in process.stderr)
            assert next(line for line in lines if line.startswith("database ")) == f"database {url}; receipts: 1"
        finally:
            process.kill()
