from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot import deliveries, pipeline, store
from bot.archive import Archive
from bot.deliveries import (
    RESENDS,
    Delivery,
    DeliveryError,
    EditionKey,
    OutboxPass,
    OutletHandle,
    expiry_time,
    periods_due,
    publish_gate,
)
from bot.outlets import (
    AccountRefused,
    Found,
    LookupInconclusive,
    Outcome,
    OutcomeUnknown,
    Part,
    Refused,
    RetryLater,
    Sent,
)
from bot.records import Document, Period, Poll
from tests.fake_outlet import Crash, Fake, Ledger
from tests.test_archive import document

DAY = date(2025, 1, 12)
NOW = datetime(2025, 1, 13, 2, 30, tzinfo=UTC)
LEASE, SETTLE = timedelta(minutes=15), timedelta(minutes=3)
PRICE = Decimal("0.02")


class World:
    """One database, one platform, a clock that the test sets."""

    def __init__(self, db: store.Store) -> None:
        self.archive, self.outbox = Archive(db), pipeline.make_outbox(db)
        self.now, self.ledger = NOW, Ledger()
        self.archive.save_digest(document())

    def plan(self, *places: str, parts: int = 1, edition: int = 1, until: datetime | None = None, **more: Any) -> str:
        texts = [self.outbox.plan(of(edition), "x", place, parts, self.now, until, **more) for place in places]
        return "".join(texts)

    def publish(
        self, *hows: str, worker: str = "a", budget: str = "99", crash: int | None = None, replaces: bool = True
    ) -> list[str]:
        """Run one pass; returns the states of all deliveries."""
        fake = Fake(self.ledger, lambda: self.now, hows)
        fake.crash_at, fake.replaces = crash, replaces
        ready: Mapping[str, OutletHandle] = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE, Decimal(budget))}
        content = fake.content(self.archive)
        with contextlib.suppress(Crash):
            deliveries.flush_outbox(
                OutboxPass(fake.crashing(self.outbox), ready, content, lambda: self.now, worker, LEASE)
            )
        return self.states()

    def states(self) -> list[str]:
        return [delivery.state for delivery in self.outbox.list_deliveries()]

    def only(self) -> Delivery:
        (delivery,) = self.outbox.list_deliveries()
        return delivery

    def later(self, **more: float) -> None:
        self.now += timedelta(**more)


def of(edition: int) -> EditionKey:
    return EditionKey("replicate", "day", DAY, edition)


@pytest.fixture
def world(db: store.Store) -> World:
    return World(db)


# --- one delivery --------------------------------------------------------------------------------------------------


def test_publishing_twice_posts_once_and_keeps_one_receipt(world: World) -> None:
    world.plan("one")
    assert world.publish() == ["sent"]
    world.plan("one")
    assert world.publish() == ["sent"]
    assert len(world.ledger.posts) == 1
    (receipt,) = world.archive.digest_receipts("replicate", "day", DAY)
    assert (receipt.destination, receipt.platform_id, receipt.url) == ("one", "1", "https://x.example/1")
    kept = world.archive.find_digest("replicate", "day", DAY)
    assert kept is not None and kept["status"] == "issued"


def test_what_was_not_accepted_is_tried_again_when_the_platform_says_so(world: World) -> None:
    world.plan("one")
    assert world.publish("later") == ["planned"]
    assert world.publish() == ["planned"]
    assert world.only().reason == "busy"
    world.later(minutes=3)
    assert world.publish() == ["sent"]
    assert world.only().attempts == 2


def test_an_unknown_outcome_that_the_platform_shows_is_adopted(world: World) -> None:
    world.plan("one")
    assert world.publish("unsure, accepted") == ["sent"]
    assert len(world.ledger.posts) == 1 and world.only().attempts == 1


def test_not_found_is_trusted_only_after_the_settle_time(world: World) -> None:
    world.plan("one")
    assert world.publish("accepted, shown late") == ["unknown"]
    world.later(minutes=1)
    assert world.publish() == ["unknown"]
    world.later(minutes=3)
    assert world.publish() == ["sent"]
    assert len(world.ledger.posts) == 1


def test_what_is_never_found_is_sent_again_a_few_times_and_then_waits_for_a_human(world: World) -> None:
    world.plan("one")
    for _ in range(RESENDS + 3):
        world.publish(*["unsure, not accepted"])
        world.later(minutes=10)
    delivery = world.only()
    assert (delivery.state, delivery.attempts, delivery.not_before) == ("unknown", RESENDS + 1, None)
    assert "deliveries resolve" in delivery.reason
    world.outbox.resolve(delivery.id, "https://x.example/77", world.now)
    assert world.only().platform_id == "77"
    assert [r.url for r in world.archive.digest_receipts("replicate", "day", DAY)] == ["https://x.example/77"]


def test_what_the_platform_says_it_has_is_looked_for_and_never_sent_again_unattended(world: World) -> None:
    world.plan("one")
    for _ in range(RESENDS + 3):
        assert world.publish("the platform says that it has it") == ["unknown"]
        world.later(minutes=10)
    delivery = world.only()
    assert (delivery.attempts, delivery.not_before) == (1, None) and "deliveries resolve" in delivery.reason
    world.outbox.resolve(delivery.id, None, world.now)
    assert world.publish() == ["sent"] and world.only().attempts == 2, "a human says that it is not out"


def test_the_platforms_time_of_the_first_claim_bounds_every_look_back(world: World) -> None:
    there, bounds = NOW - timedelta(days=30), list[datetime | None]()

    class Timed(Fake):
        def platform_time(self) -> datetime | None:
            return there

        def clock_offset(self) -> timedelta | None:
            return None

        def find(self, part: Part, destination: str) -> Found:
            bounds.append(part.since)
            return super().find(part, destination)

    world.plan("one")
    fake = Timed(world.ledger, lambda: world.now, ["unsure, not accepted", "unsure, not accepted", "unsure, accepted"])
    ready = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE)}
    for _ in range(9):
        deliveries.flush_outbox(
            OutboxPass(world.outbox, ready, fake.content(world.archive), lambda: world.now, "a", LEASE)
        )
        world.later(minutes=5)
        there += timedelta(hours=1)
    assert world.states() == ["sent"] and len(bounds) > 3
    assert set(bounds) == {NOW - timedelta(days=30)}


def test_what_is_found_late_bears_the_instant_at_which_it_went_out_and_its_poll_ends_by_that(world: World) -> None:
    poll = Poll("More?", ("Yes", "No"), timedelta(days=1), "more")

    class Late(Fake):
        def find(self, part: Part, destination: str) -> Found:
            outcome = super().find(part, destination)
            return replace(outcome, age=timedelta(hours=5)) if isinstance(outcome, Sent) else outcome

    world.plan("one")
    delivery, kept = world.only(), world.archive.find_digest("replicate", "day", DAY)
    assert kept is not None
    claimed = world.outbox.claim(delivery, kept, "t #0/1", PRICE, None, "a", world.now, LEASE, poll)
    assert claimed is not None
    fake = Late(world.ledger, lambda: world.now, ())
    world.ledger.accept(Part("t #0/1", delivery.marker), "one", world.now)
    world.later(hours=5)
    ready = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE)}
    deliveries.flush_outbox(OutboxPass(world.outbox, ready, fake.content(world.archive), lambda: world.now, "a", LEASE))
    assert world.states() == ["sent"]
    assert [receipt.at for receipt in world.archive.digest_receipts("replicate", "day", DAY)] == [NOW]
    (poll,) = world.outbox.polls.closed_polls("replicate", NOW, NOW + timedelta(days=9))
    assert poll.closes == NOW + timedelta(days=1)


def test_a_platform_whose_time_cannot_be_asked_for_bounds_nothing_and_costs_no_post(world: World) -> None:
    class Broken(Fake):
        def platform_time(self) -> datetime | None:
            raise ValueError("a bug")

        def clock_offset(self) -> timedelta | None:
            return None

    world.plan("one")
    fake = Broken(world.ledger, lambda: world.now, ())
    ready = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE)}
    deliveries.flush_outbox(OutboxPass(world.outbox, ready, fake.content(world.archive), lambda: world.now, "a", LEASE))
    assert world.states() == ["sent"] and world.only().platform_at is None


def test_a_lease_that_ran_out_makes_it_unknown_and_never_planned(world: World) -> None:
    world.plan("one")
    for step in range(1, 30):  # the first step after which the row is claimed
        if world.publish(crash=step) == ["sending"]:
            break
    assert world.publish(worker="b") == ["sending"]
    world.later(minutes=16)
    world.outbox.expire(world.now)
    assert world.states() == ["unknown"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), store.StoreError("database: is locked")])
def test_words_that_cannot_be_made_for_want_of_a_disk_or_a_database_are_made_later(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    world.plan("one")
    fake = Fake(world.ledger, lambda: world.now, ())
    failing = iter([error])

    def content(delivery: Delivery) -> deliveries.DeliveryContent:
        if why := next(failing, None):
            raise why
        return fake.content(world.archive)(delivery)

    ready: Mapping[str, OutletHandle] = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE)}
    run = OutboxPass(world.outbox, ready, content, lambda: world.now, "a", LEASE)
    with contextlib.suppress(store.StoreError):
        deliveries.flush_outbox(run)
    assert world.states() == ["planned"]
    deliveries.flush_outbox(run)
    assert world.states() == ["sent"]


@pytest.mark.parametrize(
    "outcome", [Refused("403: no"), AccountRefused("401: no"), RetryLater("busy: no", NOW), OutcomeUnknown("lost: no")]
)
def test_the_log_says_why_something_was_not_sent(
    world: World, caplog: pytest.LogCaptureFixture, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.plan("one")
    fake = Fake(world.ledger, lambda: world.now, ())
    monkeypatch.setattr(fake, "post", lambda part, destination: outcome)
    ready: Mapping[str, OutletHandle] = {"x": OutletHandle(fake, SETTLE, lambda _: PRICE)}
    deliveries.flush_outbox(OutboxPass(world.outbox, ready, fake.content(world.archive), lambda: world.now, "a", LEASE))
    lines = [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING]
    assert any("to x one" in line and getattr(outcome, "reason", "-") in line for line in lines), lines


def test_the_log_says_that_the_money_is_spent(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.plan("one")
    assert world.publish(budget="0.01") == ["refused"]
    assert "over the monthly budget" in caplog.text


FUTURE = datetime(2030, 1, 1, tzinfo=UTC)
"""The time of a wrong clock."""


def test_a_claim_of_a_wrong_clock_is_run_out(world: World) -> None:
    world.plan("one")
    kept = world.archive.find_digest("replicate", "day", DAY)
    assert kept is not None
    right, world.now = world.now, FUTURE
    assert world.outbox.claim(world.only(), kept, "text", PRICE, None, "a", world.now, LEASE)
    world.now = right
    world.outbox.expire(world.now)
    assert world.states() == ["unknown"]
    assert world.publish() == ["unknown"]
    world.later(minutes=10)
    assert world.publish() == ["sent"], "it is looked for, not found after the settle time, and sent"


def test_what_a_wrong_clock_let_wait_is_sent_now(world: World) -> None:
    world.plan("one")
    right, world.now = world.now, FUTURE
    world.outbox.postpone("x", "one", FUTURE + timedelta(minutes=2), "busy", FUTURE)
    world.now = right
    assert world.publish() == ["sent"]


HOURS_AHEAD = timedelta(hours=30)
"""An error of the clock that nothing else shows: less than the longest wait, more than a post may be late."""


@pytest.mark.parametrize(
    "outcome", [RetryLater("busy", NOW + HOURS_AHEAD + timedelta(minutes=2)), AccountRefused("401")]
)
def test_what_a_clock_some_hours_ahead_let_wait_is_sent_now(world: World, outcome: Outcome) -> None:
    world.plan("one")
    world.now += HOURS_AHEAD
    world.outbox.settle(_claimed(world), outcome, world.now)
    world.outbox.lift_pause("x")
    world.now -= HOURS_AHEAD
    assert world.publish() == ["sent"]


def test_quiet_hours_of_a_clock_some_hours_ahead_are_over_and_those_of_now_are_kept(world: World) -> None:
    world.plan("one")
    ahead = NOW + HOURS_AHEAD
    world.outbox.postpone("x", "one", ahead + timedelta(hours=8), "quiet", ahead)
    assert world.outbox.claimable_deliveries(world.now, ["x"])
    world.outbox.postpone("x", "one", NOW + timedelta(hours=8), "quiet", NOW)
    assert world.publish() == ["planned"]
    world.later(hours=8)
    assert world.publish() == ["sent"]


def test_what_a_clock_some_hours_ahead_left_in_doubt_is_asked_about_now_and_then_as_the_outlet_says(
    world: World,
) -> None:
    world.plan("one")
    world.now += HOURS_AHEAD
    world.outbox.settle(_claimed(world), OutcomeUnknown("no answer"), world.now)
    world.now -= HOURS_AHEAD
    (delivery,) = world.outbox.deliveries_to_look_up(world.now, ["x"])
    world.outbox.record_lookup(delivery, LookupInconclusive("away", world.now + timedelta(hours=1)), world.now, SETTLE)
    assert not world.outbox.deliveries_to_look_up(world.now, ["x"])
    world.later(hours=1, minutes=1)
    (delivery,) = world.outbox.deliveries_to_look_up(world.now, ["x"])
    world.outbox.record_lookup(delivery, LookupInconclusive("a human must look", None), world.now, SETTLE)
    assert not world.outbox.deliveries_to_look_up(world.now - HOURS_AHEAD, ["x"]), (
        "nobody is asked for what a human must look for"
    )


def test_what_a_clock_some_hours_ahead_was_to_pass_on_is_passed_on_now_and_once(world: World) -> None:
    world.plan("one", "two")
    delivery, two = world.outbox.list_deliveries()
    ahead = NOW + HOURS_AHEAD
    for row, pass_at in ((delivery, ahead + timedelta(minutes=15)), (two, None)):
        claimed = world.outbox.claim(row, _document(world), "text", PRICE, None, "a", NOW, LEASE)
        assert claimed is not None
        world.outbox.settle(claimed, Sent("1", "https://x.example/1", False, pass_at), ahead)
    assert [row.id for row in world.outbox.deliveries_to_crosspost(NOW, ["x"])] == [delivery.id]


def test_a_pause_of_a_wrong_clock_is_looked_into_and_an_operators_is_not(world: World) -> None:
    world.plan("one")
    right, world.now = world.now, FUTURE
    world.outbox.settle(_claimed(world), AccountRefused("401"), world.now)
    world.now = right
    assert [outlet.outlet for outlet in world.outbox.paused_outlets()] == ["x"]
    assert world.outbox.may_check("x", world.now) and not world.outbox.may_check("x", world.now)
    world.outbox.lift_pause("x")
    world.outbox.pause_outlet("x", world.now)
    assert not world.outbox.may_check("x", world.now + timedelta(days=400))


def test_what_a_wrong_clock_left_in_doubt_is_settled_now(world: World) -> None:
    world.plan("one")
    right, world.now = world.now, FUTURE
    world.outbox.settle(_claimed(world), OutcomeUnknown("no answer"), world.now)
    world.now = right
    assert world.publish() == ["unknown"]
    world.later(minutes=10)
    assert world.publish() == ["sent"]


def test_what_a_wrong_clock_was_to_pass_on_is_passed_on_now(world: World) -> None:
    world.plan("one")
    right, world.now = world.now, FUTURE
    world.outbox.settle(_claimed(world), Sent("1", "https://x.example/1", False, FUTURE), world.now)
    world.now = right
    for _ in range(25):
        (delivery,) = world.outbox.deliveries_to_crosspost(world.now, ["x"])
        world.outbox.record_crosspost(delivery, OutcomeUnknown("no answer"), world.now)
        world.later(hours=1)
    assert "given up" in world.only().reason, "a day after it went out, as this clock has it"


def _document(world: World) -> Document:
    kept = world.archive.find_digest("replicate", "day", DAY)
    assert kept is not None
    return kept


def _claimed(world: World) -> Delivery:
    claimed = world.outbox.claim(world.only(), _document(world), "text", PRICE, None, "a", world.now, LEASE)
    assert claimed is not None
    return claimed


def test_a_delivery_that_is_no_longer_due_is_skipped_with_its_last_error(world: World) -> None:
    world.plan("one", until=NOW + timedelta(hours=1))
    world.publish("later")
    world.later(hours=1)
    assert world.publish() == ["skipped"]
    assert world.only().reason == "no longer due: it could not be sent in time; last: busy"
    world.outbox.retry(world.only().id, world.now)
    assert world.publish() == ["sent"]


def test_a_bug_in_an_outlet_costs_neither_the_others_nor_a_second_post(world: World) -> None:
    world.plan("one", "two")
    assert world.publish("raises, accepted") == ["sent", "sent"]
    assert world.ledger.twice() == [] and len(world.ledger.posts) == 2


def test_an_outlet_that_cannot_show_its_receipts_costs_the_others_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refresh(_outlet: Fake) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Fake, "refresh", refresh, raising=False)
    world.plan("one", "two")
    assert world.publish() == ["sent", "sent"]
    assert "x: the newest receipts are not shown yet: failed with ValueError" in caplog.text


def test_a_refused_destination_spares_the_others(world: World) -> None:
    world.plan("one", "two")
    assert world.publish("refused") == ["refused", "sent"]


def test_a_refused_account_pauses_the_outlet_until_it_works_again(world: World) -> None:
    world.plan("one", "two")
    assert world.publish("stopped") == ["planned", "planned"]
    assert [(p.outlet, p.reason) for p in world.outbox.paused_outlets()] == [("x", "the account is refused")]
    world.later(minutes=10)
    assert world.publish() == ["planned", "planned"]
    world.later(hours=1)
    assert world.publish() == ["sent", "sent"]
    assert world.outbox.paused_outlets() == ()


def test_an_operator_lifts_a_pause(world: World) -> None:
    world.plan("one")
    world.publish("stopped")
    assert world.outbox.lift_pause("x") and not world.outbox.lift_pause("x")
    assert world.publish() == ["sent"]


# --- threads ---------------------------------------------------------------------------------------------------------


def test_a_part_is_sent_only_after_the_one_it_answers(world: World) -> None:
    world.plan("one", parts=3)
    assert world.publish("sent", "later") == ["sent", "planned", "planned"]
    world.later(minutes=3)
    assert world.publish() == ["sent", "sent", "sent"]
    assert [(p.part, p.reply_to) for p in world.ledger.posts] == [(0, None), (1, "1"), (2, "2")]


def test_a_refused_reply_leaves_the_thread_partial_until_an_operator_retries(world: World) -> None:
    world.plan("one", parts=3)
    assert world.publish("sent", "refused") == ["sent", "refused", "skipped"]
    assert world.outbox.list_deliveries()[2].reason == "the thread is partial: its part 2 was refused"
    world.plan("one", parts=3)
    assert world.publish() == ["sent", "refused", "skipped"]
    world.outbox.retry(world.outbox.list_deliveries()[1].id, world.now)
    assert world.publish() == ["sent", "sent", "sent"]


# --- money -----------------------------------------------------------------------------------------------------------


def test_the_months_budget_stops_spending_with_a_clear_state(world: World) -> None:
    world.plan("one", "two", "three")
    assert world.publish(budget="0.05") == ["sent", "sent", "refused"]
    (refused,) = world.outbox.list_deliveries(["refused"])
    assert "over the monthly budget: $0.04 of $0.05" in refused.reason and "deliveries retry" in refused.reason
    world.now = datetime(2025, 2, 1, tzinfo=UTC)
    world.outbox.retry(refused.id, world.now)
    assert world.publish(budget="0.05") == ["sent", "sent", "sent"]


def test_what_may_be_out_counts_against_the_budget(world: World) -> None:
    world.plan("one", "two")
    assert world.publish("accepted, shown late", budget="0.03") == ["unknown", "refused"]


# --- editions -------------------------------------------------------------------------------------------------------


def test_a_draft_on_its_way_out_keeps_its_words(world: World) -> None:
    world.plan("one")
    world.publish("accepted, shown late")
    assert world.archive.save_digest(document(6))["edition"] == 2
    first = world.archive.find_digest("replicate", "day", DAY, 1)
    assert first is not None and first["catalogues"][0]["figures"]["uses"]["value"] == 5
    assert world.plan("one", edition=2) == "what became of edition 1 is not known yet"


def test_a_new_edition_supersedes_what_was_not_sent(world: World) -> None:
    world.plan("one", "two")
    world.publish("sent", "later")
    world.archive.save_digest(document(6))
    world.plan("one", "two", edition=2)
    world.later(minutes=3)
    world.publish()
    shown = {
        (delivery.edition, delivery.destination): (delivery.state, delivery.kind)
        for delivery in world.outbox.list_deliveries()
    }
    assert shown[1, "two"] == ("skipped", "post") and shown[2, "two"] == ("sent", "post")
    assert shown[2, "one"] == ("sent", "correction")
    assert len(world.ledger.posts) == 2, "the correction took the place of the first post"


@pytest.mark.parametrize(
    ("otherwise", "state", "posts"), [("post", "sent", 2), ("skip", "skipped", 1), ("refuse", "refused", 1)]
)
def test_a_correction_that_cannot_be_edited_in(world: World, otherwise: str, state: str, posts: int) -> None:
    world.plan("one")
    world.publish()
    world.archive.save_digest(document(6))
    world.plan("one", edition=2, otherwise=otherwise)
    assert world.publish(replaces=False) == ["sent", state]
    assert len(world.ledger.posts) == posts


def test_a_post_composed_anew_between_rendering_and_claiming_is_not_sent(world: World) -> None:
    world.plan("one")
    old = world.archive.find_digest("replicate", "day", DAY)
    assert old is not None
    world.archive.save_digest(document(6))
    key = (old, "text", PRICE, None, "a", world.now, LEASE)
    assert world.outbox.claim(world.only(), *key) is None
    assert world.publish() == ["sent"] and world.ledger.posts[0].text.startswith("6 uses")


# --- operators ------------------------------------------------------------------------------------------------------


def test_retrying_what_is_unknown_asks_and_never_sends(world: World) -> None:
    world.plan("one")
    world.publish("accepted, shown late")
    world.outbox.retry(world.only().id, world.now)
    assert world.publish() == ["unknown"]
    assert len(world.ledger.posts) == 1


def test_what_is_known_cannot_be_resolved_or_retried(world: World) -> None:
    world.plan("one")
    world.publish()
    with pytest.raises(DeliveryError, match="is sent; wanted one that is unknown"):
        world.outbox.resolve(world.only().id, None, world.now)
    with pytest.raises(DeliveryError, match="is sent; wanted one that is planned, refused or skipped"):
        world.outbox.retry(world.only().id, world.now)
    with pytest.raises(DeliveryError, match="delivery 99: there is none"):
        world.outbox.get_delivery(99)


def test_silence_is_recorded_and_gives_way_to_news(world: World) -> None:
    world.outbox.record_skip(of(1), "x", "one", world.now, None, "nothing is known of 12 Jan 2025")
    world.outbox.record_skip(of(1), "x", "one", world.now, None, "nothing is known of 12 Jan 2025")
    assert (world.only().state, world.only().reason) == ("skipped", "nothing is known of 12 Jan 2025")
    world.plan("one")
    assert world.publish() == ["sent"]
    world.outbox.record_skip(of(1), "x", "one", world.now, None, "nothing")
    assert world.states() == ["sent"]


# --- several workers ------------------------------------------------------------------------------------------------


def test_many_workers_at_once_post_each_once(db: store.Store) -> None:
    world = World(db)
    places = [f"place {n}" for n in range(8)]
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait(120)
        world.plan(*places)
        world.publish(worker=name)

    _together(work, 4)
    assert world.states() == ["sent"] * 8
    assert sorted(post.destination for post in world.ledger.posts) == places


def test_workers_that_claim_the_same_delivery_get_it_once(db: store.Store) -> None:
    world = World(db)
    world.plan("one")
    kept, delivery = world.archive.find_digest("replicate", "day", DAY), world.only()
    assert kept is not None
    claims: list[Delivery | None] = []
    start = threading.Barrier(6)

    def work(name: str) -> None:
        start.wait(120)
        claims.append(world.outbox.claim(delivery, kept, "text", PRICE, Decimal(9), name, world.now, LEASE))

    _together(work, 6)
    assert len([claim for claim in claims if claim]) == 1


def _together(work: Callable[[str], None], workers: int) -> None:
    failures: list[BaseException] = []

    def tried(name: str) -> None:
        try:
            work(name)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=tried, args=(f"worker {n}",)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_a_worker_that_comes_back_after_its_lease_is_believed_only_when_it_is_out(db: store.Store) -> None:
    world = World(db)
    world.plan("one")
    kept = world.archive.find_digest("replicate", "day", DAY)
    assert kept is not None
    claimed = world.outbox.claim(world.only(), kept, "text", PRICE, None, "a", world.now, LEASE)
    assert claimed is not None
    world.later(minutes=16)
    world.outbox.expire(world.now)
    world.outbox.settle(claimed, RetryLater("busy", world.now), world.now)
    assert world.states() == ["unknown"]
    world.outbox.settle(claimed, Sent("9", "https://x.example/9"), world.now)
    assert world.states() == ["sent"]


# --- what is due ----------------------------------------------------------------------------------------------------

MAX_AGE = timedelta(hours=36)


@pytest.mark.parametrize(
    ("name", "now", "published", "wanted", "missed"),
    [
        ("day", "2025-01-13T02:30", None, ["2025-01-12"], []),
        ("day", "2025-01-13T02:30", "2025-01-11", ["2025-01-11", "2025-01-12"], []),
        ("day", "2025-01-13T11:59", "2025-01-10", ["2025-01-11", "2025-01-12"], []),
        ("day", "2025-01-13T13:00", "2025-01-08", ["2025-01-12"], ["2025-01-09", "2025-01-10", "2025-01-11"]),
        ("week", "2025-01-16T02:30", None, [], []),
        ("week", "2025-01-16T02:30", "2024-12-30", ["2025-01-06"], []),
        ("month", "2025-02-01T03:00", None, ["2025-01-01"], []),
    ],
)
def test_the_newest_period_is_due_and_older_ones_only_while_young(
    name: Any, now: str, published: str | None, wanted: list[str], missed: list[str]
) -> None:
    before = date.fromisoformat(published) if published else None
    due_periods = periods_due(name, datetime.fromisoformat(now).replace(tzinfo=UTC), date(2024, 12, 1), before, MAX_AGE)
    assert [p.first.isoformat() for p in due_periods.periods] == wanted
    assert [p.first.isoformat() for p in due_periods.missed] == missed


def test_nothing_is_due_before_the_watch_began() -> None:
    assert periods_due("day", NOW, None, None, MAX_AGE).periods == ()
    assert periods_due("day", NOW, date(2025, 1, 13), None, MAX_AGE).periods == ()


def test_a_week_is_due_until_the_next_one_is_over() -> None:
    week = Period.for_day(DAY, "week")
    assert expiry_time(week, MAX_AGE) == datetime(2025, 1, 20, tzinfo=UTC)
    assert expiry_time(Period.for_day(DAY), MAX_AGE) == datetime(2025, 1, 14, 12, tzinfo=UTC)


def digest(uses: int | None, listed: int | None) -> dict[str, Any]:
    digest = document(uses, headline={"catalogue": "models", "figure": "uses"})
    figures = digest["catalogues"][0]["figures"]
    figures["models_listed"] = {"value": listed, "label": "models listed", "unknown": "no snapshot"}
    return digest


def test_the_gate_waits_for_a_complete_digest_and_then_says_the_gaps() -> None:
    deadline, early, late = timedelta(hours=6), NOW, NOW + timedelta(hours=4)
    assert publish_gate(digest(5, 9), early, deadline).publish
    waiting = publish_gate(digest(None, 9), early, deadline)
    assert not waiting.publish and not waiting.final and "waiting until 13 Jan 06:00 UTC" in waiting.reason
    assert publish_gate(digest(None, 9), late, deadline).publish


def test_the_gate_waits_for_no_other_catalogue_than_the_headlines() -> None:
    made = digest(5, 9)
    other = {"catalogue": "other", "figures": {"uses": {"value": None, "unknown": "a dead chain", "label": "runs"}}}
    made["catalogues"].append(other)
    assert publish_gate(made, NOW, timedelta(hours=6)).publish


def test_when_nothing_is_known_nothing_is_published() -> None:
    silent = publish_gate(digest(None, None), NOW + timedelta(hours=4), timedelta(hours=6))
    assert not silent.publish and silent.final and silent.reason.startswith("nothing is known of 12 Jan 2025")
    assert not publish_gate(digest(None, None), NOW, timedelta(hours=6)).final
