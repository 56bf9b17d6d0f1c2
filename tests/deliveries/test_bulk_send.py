"""Bulk sends through the outbox: each delivery is claimed before its request, and none affects another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot import deliveries, store
from bot.deliveries import OutboxPass, OutletHandle, poll_store, sender
from bot.outlets import AccountRefused, Job, LookupInconclusive, Outcome, Part, RetryLater, Sent, Votes
from bot.store import StoreError
from tests.databases import ON_SQLITE
from tests.deliveries.test_deliveries import DAY, LEASE, PRICE, SETTLE, World
from tests.deliveries.test_deliveries import world as world  # noqa: PLC0414  the fixture
from tests.fake_outlet import Crash, Fake

PLACES = tuple(f"channel {n}" for n in range(12))


class Wide(Fake):
    """Sends up to four at once; `order` records when each job was drawn and done."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.order: list[str] = []
        self.breaks = False
        self.seen: dict[str, str] = {}
        self.passing: list[Outcome] = []

    def post_many(self, jobs: Iterable[Job], seen: Any) -> Iterator[tuple[str, Outcome]]:
        self.seen = dict(seen)
        flying: list[tuple[Part, str]] = []
        for part, destination in jobs:
            self.order.append(f"drew {destination}")
            flying.append((part, destination))
            if self.breaks:
                raise ValueError("a bug")
            if len(flying) == 4:
                yield self.landed(*flying.pop(0))
        while flying:
            yield self.landed(*flying.pop(0))

    def landed(self, part: Part, destination: str) -> tuple[str, Outcome]:
        self.order.append(f"landed {destination}")
        return part.marker, self.post(part, destination)

    def crosspost(self, destination: str, platform_id: str) -> Outcome:
        return self.passing.pop(0) if self.passing else Sent(platform_id, "https://x.example/", passed=True)

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        raise RuntimeError("a bug")


def flush(world: World, fake: Wide, crashing: bool = False, **more: Any) -> list[str]:
    ready = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE, Decimal(99))}
    outbox = fake.crashing(world.outbox) if crashing else world.outbox
    with contextlib.suppress(Crash):
        deliveries.flush_outbox(
            OutboxPass(outbox, ready, fake.content(world.archive), lambda: world.now, "a", LEASE, **more)
        )
    return world.states()


def wide(world: World, *hows: str) -> Wide:
    return Wide(world.ledger, lambda: world.now, hows)


def test_many_destinations_get_it_once_each_with_a_receipt(world: World) -> None:
    world.plan(*PLACES)
    assert flush(world, wide(world)) == ["sent"] * 12
    assert sorted(post.destination for post in world.ledger.posts) == sorted(PLACES)
    assert len(world.archive.digest_receipts("replicate", "day", DAY)) == 12
    flush(world, wide(world))
    assert world.ledger.twice() == [] and len(world.ledger.posts) == 12


def test_each_is_claimed_only_as_a_place_becomes_free(world: World) -> None:
    world.plan(*PLACES)
    fake = wide(world)
    flush(world, fake)
    drawn = landed = most = 0
    for line in fake.order:
        drawn, landed = drawn + line.startswith("drew"), landed + line.startswith("landed")
        most = max(most, drawn - landed)
    assert (drawn, landed, most) == (12, 12, 4)


def test_one_bad_destination_harms_no_other(world: World) -> None:
    world.plan(*PLACES)
    states = flush(world, wide(world, "sent", "refused", "later", "unsure, not accepted"))
    assert (states.count("sent"), states.count("refused"), states.count("planned"), states.count("unknown")) == (
        9, 1, 1, 1
    )  # fmt: skip


def test_a_bug_in_the_outlet_leaves_what_was_under_way_unknown_and_the_rest_planned(world: World) -> None:
    world.plan(*PLACES)
    fake = wide(world)
    fake.breaks = True
    content = fake.content(world.archive)
    run = OutboxPass(
        world.outbox, {"x": OutletHandle(fake, SETTLE, lambda _: PRICE)}, content, lambda: world.now, "a", LEASE
    )
    landing = list(sender._send_bulk(run, fake, world.outbox.claimable_deliveries(world.now, ["x"])))
    assert len(landing) == 1 and world.states().count("unknown") == 1 and world.states().count("planned") == 11


@ON_SQLITE
@pytest.mark.parametrize("step", range(1, 60, 3))
def test_a_crash_anywhere_leaves_what_was_under_way_to_be_looked_for(world: World, step: int) -> None:
    world.plan(*PLACES[:6])
    fake = wide(world)
    fake.crash_at = step
    flush(world, fake, crashing=True)
    for _ in range(4):
        world.later(minutes=16)
        flush(world, wide(world))
    assert world.states() == ["sent"] * 6
    assert world.ledger.twice() == [] and len(world.ledger.posts) == 6


def test_nothing_new_is_begun_once_told_to_stop(world: World) -> None:
    world.plan(*PLACES)
    fake = wide(world)
    states = flush(world, fake, stopping=lambda: len(fake.order) >= 3)
    assert 0 < states.count("sent") < 6 and "sending" not in states


def test_a_database_that_goes_away_is_not_taken_for_a_bug_of_the_outlet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.plan(*PLACES)

    def away(*_: object) -> None:
        raise StoreError("the database is away")

    monkeypatch.setattr(world.outbox, "settle", away)
    with pytest.raises(StoreError):
        flush(world, wide(world))
    assert set(world.states()) == {"sending", "planned"}


def test_only_what_was_asked_for_is_sent(world: World) -> None:
    world.plan("one", "two")
    other = frozenset({("another", "day", DAY)})
    assert flush(world, wide(world), only=other) == ["planned", "planned"]
    mine = frozenset({("replicate", "day", DAY)})
    assert flush(world, wide(world), only=mine) == ["sent", "sent"]


def test_destinations_that_took_a_post_before_are_told_with_its_link(world: World) -> None:
    world.plan("one", "two")
    fake = wide(world)
    flush(world, fake)
    assert fake.seen == {}
    delivery, two = world.outbox.list_deliveries()
    world.outbox.record_crosspost(two, Sent("2", "https://x.example/2", passed=True), world.now)
    assert world.outbox.known_destinations("x") == {"one": delivery.url}, (
        "where there are followers, it has to be seen again"
    )


# --- passing on ------------------------------------------------------------------------------------------------------


def sent_but_not_passed_on(world: World) -> Wide:
    world.plan("one")
    fake = wide(world)
    flush(world, fake)
    (delivery,) = world.outbox.list_deliveries()
    world.outbox.record_crosspost(delivery, RetryLater("10 an hour", world.now + timedelta(hours=1)), world.now)
    return fake


def test_what_could_not_be_passed_on_is_tried_again_when_the_platform_says_so(world: World) -> None:
    fake = sent_but_not_passed_on(world)
    assert (world.only().state, world.only().reason) == ("sent", "not passed on to followers yet: 10 an hour")
    world.later(minutes=30)
    fake.passing = [AccountRefused("never asked")]
    flush(world, fake)
    assert fake.passing, "too early"
    fake.passing = []
    world.later(minutes=31)
    flush(world, fake)
    assert (world.only().passed, world.only().pass_at, world.only().reason) == (True, None, "")
    assert len(world.ledger.posts) == 1, "passing on never means sending again"


def test_passing_on_is_given_up_after_a_day(world: World) -> None:
    fake = sent_but_not_passed_on(world)
    for _ in range(30):
        fake.passing = [RetryLater("10 an hour", world.now + timedelta(hours=1))]
        world.later(hours=1, minutes=1)
        flush(world, fake)
    assert world.only().pass_at is None and world.only().reason.endswith("10 an hour; given up")
    assert world.only().state == "sent"


def test_a_poll_whose_reading_breaks_is_read_again_later(world: World, db: store.Store) -> None:
    world.plan("one")
    (claimable_delivery,) = world.outbox.claimable_deliveries(world.now, ["x"])
    with db.write_transaction() as connection:
        poll_store.record_poll(connection, claimable_delivery.id, poll_store.Poll("?", ("a", "b"), timedelta(hours=1)))
    flush(world, wide(world))
    with db.write_transaction() as connection:
        poll_store.open_poll(connection, claimable_delivery.id, world.now)
    world.later(hours=2)
    flush(world, wide(world))
    (poll,) = world.outbox.polls.closed_polls("replicate", world.now - timedelta(days=1), world.now)
    assert poll.votes is None and "RuntimeError" in poll.reason
    assert world.outbox.polls.due_polls(world.now, ["x"]) == ()
    assert len(world.outbox.polls.due_polls(world.now + timedelta(minutes=16), ["x"])) == 1
