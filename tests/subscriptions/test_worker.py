"""Subscriptions in the worker: each at its time and in its zone, once, and not in its quiet hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot import pipeline, store, worker
from bot.archive import Archive
from bot.cli import outlet_setup
from bot.config import PublishConfig
from bot.deliveries import OutboxPass, OutletHandle
from bot.outlets import Outcome, Part, Refused, Sent
from bot.pipeline import publication
from bot.subscriptions import MISSES, ChannelSubscriptions, Subscription, SubscriptionOptions, delivery_misses
from bot.worker.state import WorkerState
from tests.databases import ON_BOTH, ON_SQLITE
from tests.worker.test_worker import Clock, Network, Wall
from tests.worlds import CATALOGUE, ONE, START, snapshot

pytestmark = ON_SQLITE

ZURICH, TOKYO = "Europe/Zurich", "Asia/Tokyo"


@dataclass
class Server(Wall):
    """Channels that accept posts, except missing ones."""

    gone: set[str] = field(default_factory=set)
    edited: list[str] = field(default_factory=list)

    def post(self, part: Part, destination: str) -> Outcome:
        if destination in self.gone:
            return Refused("404: Unknown Channel (code 10003)", gone=True)
        return super().post(part, destination)

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        self.edited.append(destination)
        return Sent(platform_id, "https://wall.example/edited")


@dataclass
class Bench:
    """A worker whose only destinations are subscriptions."""

    db: store.Store
    clock: Clock = field(default_factory=lambda: Clock(datetime(2025, 3, 28, 0, 10, tzinfo=UTC)))
    uses: Any = None

    def __post_init__(self) -> None:
        self.network, self.wall, self.channels = (
            Network(self.clock),
            Server(clock=self.clock),
            ChannelSubscriptions(self.db),
        )
        archive, outbox = Archive(self.db), pipeline.make_outbox(self.db)
        plan = pipeline.NetworkPlan("replicate", "Little", (CATALOGUE,), {"catalogue": "models", "figure": "uses"})
        self.desk = pipeline.PublishContext(self.db, archive, outbox, PublishConfig.model_validate({}), 0.01)
        outlet_handles = {"discord": OutletHandle(self.wall, timedelta(), lambda _: Decimal(0))}
        says = pipeline.DigestContentProvider(archive, outbox)
        self.round = worker.WorkCycle(
            worker.WorkerContext(
                self.db,
                self.desk,
                [(plan, self.network)],
                (),
                {},
                lambda: OutboxPass(
                    outbox, outlet_handles, says, self.clock, "one", timedelta(minutes=15), gone=self._gone
                ),
                self.clock,
                timedelta(minutes=15),
                self.channels.all_subscriptions,
            ),
            WorkerState(),
            "one",
        )

    def _gone(self, delivery: Any, reason: str) -> None:
        outlet_setup.on_destination_gone(self.desk, delivery, reason, self.clock())

    def subscribe(self, channel: str, at: str, zone: str = "UTC", **terms: Any) -> Subscription:
        kept, _ = self.channels.save_subscription(
            "1", channel, SubscriptionOptions(time.fromisoformat(at), zone, **terms), self.clock()
        )
        return kept

    def at(self, *parts: int) -> list[str]:
        """Run the worker at an instant; returns all destinations with posts so far."""
        self.clock.now = datetime(*parts, tzinfo=UTC)
        self.round.run_cycle()
        self.round.run_cycle()
        return [place for place, _ in self.wall.posts]

    def on(self, at: datetime) -> list[str]:
        """The same at a UTC instant."""
        return self.at(*at.timetuple()[:5])


@pytest.fixture
def bench(db: store.Store) -> Bench:
    return Bench(db)


def states(bench: Bench) -> dict[str, tuple[str, str]]:
    """Each destination's newest delivery."""
    return {delivery.destination: (delivery.state, delivery.reason) for delivery in bench.desk.outbox.list_deliveries()}


def test_each_is_served_at_its_time_and_zone_and_once(bench: Bench) -> None:
    bench.subscribe("1", "09:00", ZURICH)  # 08:00 UTC before the change of 30 March 2025, 07:00 after it
    bench.subscribe("2", "09:00", TOKYO)  # 00:00 UTC
    assert bench.at(2025, 3, 28, 0, 20) == [], "its first run is tomorrow's"
    assert bench.at(2025, 3, 28, 7, 59) == []
    assert bench.at(2025, 3, 28, 8, 0) == ["1"]
    assert bench.at(2025, 3, 28, 23, 59) == ["1"]
    assert bench.at(2025, 3, 29, 0, 10) == ["1", "2"]
    assert bench.at(2025, 3, 29, 8, 1) == ["1", "2", "1"]
    assert bench.at(2025, 3, 30, 6, 59) == ["1", "2", "1", "2"]
    assert bench.at(2025, 3, 30, 7, 0) == ["1", "2", "1", "2", "1"], "the clocks went forward"


def test_one_that_comes_later_is_served_without_a_new_start(bench: Bench) -> None:
    bench.subscribe("1", "08:00")
    assert bench.at(2025, 3, 28, 8, 0) == ["1"]
    bench.subscribe("2", "09:00")
    assert bench.at(2025, 3, 28, 9, 0) == ["1", "2"]
    bench.channels.end_subscriptions(channel="1")
    assert bench.at(2025, 3, 29, 10, 0) == ["1", "2", "2"]


def test_the_period_before_is_composed_once_for_all_that_want_to_hear_of_moves(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for channel in ("1", "2", "3"):
        bench.subscribe(channel, "08:00", share=0.0001)
    entries: list[Any] = []

    def counted(*pair: Any) -> Any:
        entries.append(pair)
        return pipeline.build_digest(*pair)

    monkeypatch.setattr(publication, "build_digest", counted)
    assert bench.at(2025, 3, 28, 8, 0) == [], "nothing moved"
    assert len(entries) == 1


def test_a_zone_that_this_machine_has_lost_costs_only_its_own_subscription(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.subscribe("1", "08:00", "Atlantis/Capital", quiet=(time(7), time(9)))
    bench.subscribe("2", "08:00")
    assert bench.at(2025, 3, 28, 8, 0) == ["2"]
    assert capsys.readouterr().out.count("Atlantis/Capital") == 1


def test_what_falls_into_quiet_hours_waits_for_their_end_and_says_so(bench: Bench) -> None:
    bench.subscribe("1", "23:30", quiet=(time(22), time(7, 30)))
    bench.subscribe("2", "23:30")
    assert bench.at(2025, 3, 28, 23, 31) == ["2"]
    assert states(bench)["1"] == ("planned", "quiet hours until 07:30 UTC")
    assert bench.at(2025, 3, 29, 7, 29) == ["2"]
    assert bench.at(2025, 3, 29, 7, 30) == ["2", "1"]


def test_quiet_hours_follow_the_clocks_of_their_zone(bench: Bench) -> None:
    bench.subscribe("1", "01:30", ZURICH, quiet=(time(1), time(9)))
    assert bench.at(2025, 3, 30, 0, 31) == []  # 01:31 in Zurich, an hour of 30 minutes before 03:00
    assert bench.at(2025, 3, 30, 6, 59) == []
    assert bench.at(2025, 3, 30, 7, 0) == ["1"], "09:00 is 07:00 UTC from that night on"


def test_a_still_day_is_skipped_with_its_reason_for_who_wants_moves_only(bench: Bench) -> None:
    bench.subscribe("1", "08:00", share=0.5)
    bench.subscribe("2", "08:00", share=0.0001)
    bench.subscribe("3", "08:00")
    assert bench.at(2025, 3, 28, 8, 0) == ["3"], "uses of each day are the same"
    state, reason = states(bench)["1"]
    assert state == "skipped" and reason.startswith("nothing moved by more than 50%: ")
    day = bench.clock().date() - ONE
    assert all(delivery.day == day for delivery in bench.desk.outbox.list_deliveries())


def test_a_day_that_moved_reaches_who_wants_moves_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.subscribe("1", "08:00", share=0.5)
    bench.subscribe("2", "08:00", share=2.5)
    last = bench.clock().date() - ONE

    def snapshots(wanted: Any) -> Any:
        for number in range((last - START).days + 1):
            jump = 6 * (START + number * ONE == last)  # on the last day 8 uses by each model's step, not 1
            yield snapshot(START + number * ONE, {"o/m0": 3 * number + jump})

    monkeypatch.setattr(bench.network, "snapshots", snapshots)
    assert bench.at(2025, 3, 28, 8, 0) == ["1"], "9 uses after 3: a rise of 200%"
    assert states(bench)["2"][0] == "skipped"


def test_after_downtime_the_newest_is_posted_and_never_a_burst(bench: Bench) -> None:
    bench.subscribe("1", "08:00")
    assert bench.at(2025, 3, 28, 8, 0) == ["1"]
    assert bench.at(2025, 4, 4, 12, 0) == ["1", "1"]
    pairs = [(delivery.day.isoformat(), delivery.state) for delivery in bench.desk.outbox.list_deliveries()]
    assert pairs[0] == ("2025-03-27", "sent") and pairs[-1] == ("2025-04-03", "sent")
    assert {state for _, state in pairs[1:-1]} == {"skipped"}


def test_a_channel_that_subscribes_again_has_missed_nothing(bench: Bench) -> None:
    bench.subscribe("1", "08:00")
    bench.at(2025, 3, 28, 8, 0)
    bench.channels.end_subscriptions(channel="1")
    bench.at(2025, 4, 20, 7, 0)
    bench.subscribe("1", "08:00")
    assert bench.at(2025, 4, 20, 8, 0) == ["1", "1"]
    assert len(bench.desk.outbox.list_deliveries()) == 2


@ON_BOTH
def test_a_correction_is_put_in_the_place_of_what_was_posted(bench: Bench) -> None:
    bench.subscribe("1", "08:00", quiet=(time(8, 30), time(23)))
    assert bench.at(2025, 3, 28, 8, 0) == ["1"]
    day = bench.clock().date() - ONE
    with bench.db.write_transaction() as connection:  # what was read turns out to have been wrong
        connection.execute(store.stretches.update().where(store.stretches.c.last_day == day).values(uses=10**6))
        connection.execute(store.usage.update().where(store.usage.c.last_day == day).values(uses=10**6))
    bench.round._plan_at.clear()
    assert bench.at(2025, 3, 28, 9, 0) == ["1"]
    assert bench.wall.edited == ["1"], "an edit makes no noise, so quiet hours do not hold it"


@ON_BOTH
def test_a_channel_that_stays_out_of_reach_for_a_week_ends_its_subscription_and_no_other(bench: Bench) -> None:
    for channel in ("1", "2"):
        bench.subscribe(channel, "08:00")
    bench.wall.gone.add("1")
    first = datetime(2025, 3, 28, 8)
    for number in range(MISSES):
        assert [subscription.channel for subscription in bench.channels.all_subscriptions()] == ["1", "2"], (
            f"ended after {number} days"
        )
        bench.on(first + number * ONE)
        assert states(bench)["1"][0] == "refused"
    assert [subscription.channel for subscription in bench.channels.all_subscriptions()] == ["2"]


def test_a_channel_that_is_within_reach_again_keeps_its_subscription(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of some days, several failures on one day, and a new process each day end no subscription."""
    most = 3  # the same with 7, only longer
    monkeypatch.setattr(delivery_misses, "MISSES", most)
    bench.subscribe("1", "08:00")
    first = datetime(2025, 3, 28, 8)
    for number in range(2 * most):
        reached = number == most - 1
        bench.wall.gone = set() if reached else {"1"}
        bench.on(first + number * ONE)
        again = Bench(bench.db, bench.clock)
        again.wall.gone = bench.wall.gone
        again.desk.outbox.retry(bench.desk.outbox.list_deliveries()[-1].id, again.clock()) if not reached else None
        again.on(first + number * ONE + timedelta(hours=1))
        left = [subscription.channel for subscription in bench.channels.all_subscriptions()]
        assert left == (["1"] if number < 2 * most - 1 else []), number


def test_what_was_subscribed_under_a_clock_that_was_ahead_is_served_now(bench: Bench) -> None:
    bench.clock.now = datetime(2030, 1, 1, tzinfo=UTC)
    bench.subscribe("1", "08:00")
    assert bench.at(2025, 3, 28, 7, 0) == []
    assert bench.at(2025, 3, 28, 8, 0) == ["1"]
