"""No sequence of crashes, failures, editions, second workers and operators' decisions posts twice or loses a post."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot import deliveries, pipeline
from bot.archive import Archive
from bot.deliveries import Delivery, EditionKey, OutboxPass, OutletHandle
from tests import databases
from tests.fake_outlet import HOWS, Crash, Fake, Ledger
from tests.test_archive import document

DAY = date(2025, 1, 12)
START = datetime(2025, 1, 13, 2, 30, tzinfo=UTC)
PLACES = ("one", "two")
LEASE = timedelta(minutes=15)
SETTLE = timedelta(minutes=3)
"""How long the platform may hide a post from a look-back; the fake hides some for a shorter time."""


class Publishing(RuleBasedStateMachine):
    """Two workers, one database, a platform with two channels, an operator; time only advances."""

    def __init__(self) -> None:
        super().__init__()
        self.store = databases.memory()
        self.archive = Archive(self.store)
        self.outbox = pipeline.make_outbox(self.store)
        self.now = START
        self.ledger = Ledger()
        self.uses = 5

    def teardown(self) -> None:
        try:
            self.settle_down()
        finally:
            self.store.close()

    # --- what happens ---------------------------------------------------------------------------------------------

    @rule(uses=st.integers(1, 3))
    def compose(self, uses: int) -> None:
        self.uses = uses
        self.archive.save_digest(document(uses))

    @rule()
    @precondition(lambda self: self.archive.find_digest("replicate", "day", DAY))
    def plan(self) -> None:
        kept = self.archive.find_digest("replicate", "day", DAY)
        assert kept is not None
        for place in PLACES:
            self.outbox.plan(
                EditionKey("replicate", "day", DAY, kept["edition"]), "x", place, 2, self.now, None, "post"
            )

    @rule(
        hows=st.lists(st.sampled_from(HOWS), max_size=6),
        worker=st.sampled_from("ab"),
        crash=st.one_of(st.none(), st.integers(1, 12)),
    )
    def publish(self, hows: list[str], worker: str, crash: int | None) -> None:
        fake = Fake(self.ledger, lambda: self.now, hows)
        self._flush(fake, worker, crash)

    @rule(hows=st.lists(st.sampled_from(HOWS), max_size=3))
    def a_slow_worker_is_overtaken(self, hows: list[str]) -> None:
        """While one worker is sending, the other runs a pass."""
        fake = Fake(self.ledger, lambda: self.now, hows)
        fake.meanwhile = lambda: self._flush(Fake(self.ledger, lambda: self.now, []), "b", None)
        self._flush(fake, "a", None)

    @rule(minutes=st.sampled_from([1, 4, 16, 70]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(data=st.data())
    @precondition(lambda self: self.outbox.list_deliveries())
    def retry(self, data: st.DataObject) -> None:
        delivery = data.draw(st.sampled_from(self.outbox.list_deliveries()))
        if delivery.state in ("planned", "refused", "skipped", "unknown") and not self._newer(delivery):
            self.outbox.retry(delivery.id, self.now)

    @rule(data=st.data())
    @precondition(lambda self: self.outbox.list_deliveries(["unknown"]))
    def resolve(self, data: st.DataObject) -> None:
        """The operator looks and resolves the delivery correctly."""
        delivery = data.draw(st.sampled_from(self.outbox.list_deliveries(["unknown"])))
        there = self.ledger.find(delivery.destination, delivery.marker)
        self.outbox.resolve(delivery.id, f"https://x.example/{there}" if there else None, self.now)

    @rule()
    def lift(self) -> None:
        self.outbox.lift_pause("x")

    # --- what holds -----------------------------------------------------------------------------------------------

    @invariant()
    def nothing_was_posted_twice(self) -> None:
        assert self.ledger.twice() == []

    @invariant()
    def what_is_sent_is_there_and_has_its_receipt(self) -> None:
        for delivery in self.outbox.list_deliveries(["sent"]):
            assert delivery.platform_id in {
                p.platform_id for p in self.ledger.posts if p.destination == delivery.destination
            }
            proofs = self.archive.digest_receipts("replicate", "day", DAY, delivery.edition)
            assert (delivery.destination, delivery.part, delivery.platform_id) in {
                (r.destination, r.part, r.platform_id) for r in proofs
            }

    @invariant()
    def a_later_part_never_comes_before_the_one_it_answers(self) -> None:
        for post in self.ledger.posts:
            if post.part and post.edition == 1:
                assert any(p.platform_id == post.reply_to for p in self.ledger.posts), post

    @invariant()
    def what_went_out_is_what_the_archive_says_of_that_edition(self) -> None:
        for post in self.ledger.posts:
            kept = self.archive.find_digest("replicate", "day", DAY, post.edition)
            assert kept is not None and post.text.startswith(
                f"{kept['catalogues'][0]['figures']['uses']['value']} uses"
            )

    def settle_down(self) -> None:
        """Without further failures, every delivery ends, and nothing that is planned is lost."""
        for delivery in self.outbox.list_deliveries(["unknown"]):
            if delivery.not_before is None:
                self.resolve_truly(delivery)
        self.outbox.lift_pause("x")
        for _ in range(12):
            self.now += timedelta(hours=2)
            if self.archive.find_digest("replicate", "day", DAY):
                self.plan()
            self._flush(Fake(self.ledger, lambda: self.now, []), "c", None)
            self.nothing_was_posted_twice()
        self.what_is_sent_is_there_and_has_its_receipt()
        assert not self.outbox.list_deliveries(["planned", "sending", "unknown"])
        assert {p.platform_id for p in self.ledger.posts} == {
            delivery.platform_id for delivery in self.outbox.list_deliveries(["sent"])
        }

    def resolve_truly(self, delivery: Delivery) -> None:
        there = self.ledger.find(delivery.destination, delivery.marker)
        self.outbox.resolve(delivery.id, f"https://x.example/{there}" if there else None, self.now)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _newer(self, delivery: Delivery) -> bool:
        return any(
            o.edition > delivery.edition and o.destination == delivery.destination
            for o in self.outbox.list_deliveries()
        )

    def _flush(self, fake: Fake, worker: str, crash: int | None) -> None:
        fake.crash_at = crash
        outbox = fake.crashing(self.outbox)
        ready = {"x": OutletHandle(fake, SETTLE, lambda _: Decimal("0.01"), Decimal("9999"))}
        run = OutboxPass(outbox, ready, fake.content(self.archive), lambda: self.now, worker, LEASE)
        with contextlib.suppress(Crash):
            deliveries.flush_outbox(run)


PublishingTest = pytest.mark.filterwarnings("error")(Publishing.TestCase)
PublishingTest.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
