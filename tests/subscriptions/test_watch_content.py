"""Messages to members who watch a model: each cause, once a day, through the outbox."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from bot import ledger, pipeline, store, subscriptions
from bot.archive import Archive
from bot.cli import outlet_setup
from bot.config import PublishConfig
from bot.deliveries import OutboxPass, OutletHandle, flush_outbox
from bot.outlets.discord.direct_messages import DirectMessageOutlet
from bot.records import SafeName
from bot.subscriptions import MISSES, ModelWatches, SubscriptionLimits
from tests.databases import ON_BOTH, ON_SQLITE
from tests.outlets import rig_discord
from tests.peers.discord_api import CREATE, DiscordPeer, Fault
from tests.worlds import CATALOGUE, ONE, START, snapshot

pytestmark = ON_SQLITE

LAST = START + 24 * ONE
NOW = datetime.combine(LAST + ONE, datetime.min.time(), UTC) + timedelta(minutes=30)
BEFORE = NOW - timedelta(days=3)
ANN, BOB = "300000000000000001", "300000000000000002"
PLAN = pipeline.NetworkPlan(
    "replicate", "Little", (CATALOGUE,), {"catalogue": "models", "figure": "uses"}, ("o/hidden",)
)


def uses(name: str, day: date) -> int:
    """The world: the uses of a model on a day."""
    last, number = day == LAST, (day - START).days
    return {
        "o/steady": 10,
        "o/moves": 30 if last else 10,
        "o/falls": 4 if last else 10,
        "o/sleeper": 5 if last else 10 * (number < 3),
        "o/silent": 0 if last else 7,
        "o/new": 4 if last else 0,
        "o/idle": 0,
        "o/hidden": 900 if last else 1,
    }[name]


NAMES = ("o/steady", "o/moves", "o/falls", "o/sleeper", "o/silent", "o/new", "o/idle", "o/hidden")


@dataclass
class Room:
    """Publishing with Discord, and members' watches."""

    db: store.Store
    peer: DiscordPeer
    direct: DirectMessageOutlet
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.watches = ModelWatches(self.db)
        archive, self.outbox = Archive(self.db), pipeline.make_outbox(self.db)
        self.desk = pipeline.PublishContext(self.db, archive, self.outbox, PublishConfig.model_validate({}), 0.01)

    def watch(self, model: str, account: str = ANN, share: float = 0.5, since: datetime = BEFORE) -> None:
        self.watches.save_watch(account, "en", CATALOGUE, SafeName(model), share, since)

    def fill(self, until: date = LAST) -> None:
        """Collect the world up to a day."""
        counts = dict.fromkeys(NAMES, 100)
        counts |= {"o/new": 0, "o/idle": 0}
        day = START
        while day <= until:
            ledger.add_snapshot(self.db, snapshot(day, counts))
            day += ONE
            counts = {name: count + uses(name, day) for name, count in counts.items()} if day <= LAST else counts

    def plan(self) -> bool:
        return pipeline.plan_notices(self.desk, {"replicate": PLAN}, self.watches, self.now)

    def send(self) -> None:
        """One pass over the outbox, like the worker's."""
        outlet_handles = {"direct": OutletHandle(self.direct, timedelta(seconds=1), lambda _: Decimal(0))}
        notices = pipeline.WatchContentProvider(self.db, {"replicate": PLAN}, PLAN.hidden)

        def gone(delivery: object, reason: str) -> None:
            outlet_setup.on_destination_gone(self.desk, delivery, reason, self.now)  # type: ignore[arg-type]

        clock = lambda: self.now  # noqa: E731
        flush_outbox(
            OutboxPass(
                self.outbox,
                outlet_handles,
                notices,
                clock,
                "me",
                timedelta(minutes=15),
                gone=gone,
            )
        )

    def told(self, account: str = ANN) -> list[str]:
        """The texts that a member got, message by message."""
        channel = self.peer.direct.get(int(account))
        shown = [message for message in self.peer.messages if message["channel_id"] == str(channel)]
        return [_read(document["embeds"][0]) for document in shown]


def _read(embed: dict[str, Any]) -> str:
    fields = [f"**{field['name']}**, {field['value']}" for field in embed["fields"]]
    return "\n".join([embed["title"], embed["description"], *fields]).replace("\\", "")


@pytest.fixture
def room(db: store.Store) -> Iterator[Room]:
    with rig_discord.hurried(), DiscordPeer(bucket=(1000, 1.0), nonce_window=0.0) as peer:
        outlet = rig_discord.outlet(peer)
        yield Room(db, peer, DirectMessageOutlet(outlet, ModelWatches(db).member_account))
        outlet.close()


def test_each_cause_is_told_in_one_message_and_what_stands_still_is_not(room: Room) -> None:
    room.fill()
    for name in NAMES:
        room.watch(name)
    assert room.plan()
    room.send()
    (text,) = room.told()
    assert text.startswith("Models you watch, 25 March 2025")
    for words in (
        "**o/moves**, Little: **30 runs**, +200.0% against 10 the day before",
        "**o/falls**, Little: **4 runs**, −60.0% against 10 the day before",
        "**o/sleeper**, Little: awake again: **5 runs**, the first use since 3 March 2025",
        "**o/silent**, Little: gone quiet: no use seen, after **49 runs** in the 7 days before",
        "**o/new**, Little: used for the first time since we watch: **4 runs**",
    ):
        assert words in text
    for name in ("steady", "idle", "hidden"):
        assert name not in text


def test_a_move_within_the_chosen_share_is_not_told(room: Room) -> None:
    room.fill()
    room.watch("o/moves", share=3.0)
    room.watch("o/moves", BOB, share=1.9)
    room.plan()
    room.send()
    assert room.told(ANN) == [] and len(room.told(BOB)) == 1


def test_it_is_told_once_whatever_is_planned_sent_or_started_again(room: Room) -> None:
    room.fill()
    room.watch("o/moves")
    for _ in range(3):
        assert room.plan()
        room.send()
        room.now += timedelta(hours=7)
    assert len(room.told()) == 1


@ON_BOTH
def test_a_lost_answer_is_looked_for_and_not_sent_again(room: Room) -> None:
    room.fill()
    room.watch("o/moves")
    room.plan()
    room.peer.fail(Fault(drop=True, after=True), on=CREATE)
    room.send()
    room.now += timedelta(minutes=2)
    room.send()
    assert len(room.peer.messages) == 1
    assert [delivery.state for delivery in room.outbox.list_deliveries()] == ["sent"]


def test_nothing_is_known_yet_is_waited_for_and_unknown_is_no_cause(room: Room) -> None:
    room.fill(LAST - ONE)
    room.watch("o/moves")
    assert not room.plan(), "the day is not known"
    room.now += timedelta(hours=6)
    assert room.plan() and room.outbox.list_deliveries() == ()


def test_days_over_before_the_watch_began_are_not_told(room: Room) -> None:
    room.fill()
    room.watch("o/moves", since=NOW)
    assert room.plan() and room.outbox.list_deliveries() == ()


@ON_BOTH
def test_direct_messages_closed_for_a_week_end_the_watches_with_a_note_that_names_nobody(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.fill()
    for name in ("o/moves", "o/falls"):
        room.watch(name)
    room.watch("o/moves", BOB)
    room.peer.shut.add(int(ANN))
    room.plan()
    with caplog.at_level(logging.INFO):
        room.send()
        for number in range(1, MISSES):
            assert len(room.watches.account_watches(ANN)) == 2, f"ended after {number} days"
            room.now = NOW + number * ONE
            (closed,) = room.outbox.list_deliveries(("refused",))
            room.outbox.retry(closed.id, room.now)
            room.send()
    assert room.watches.account_watches(ANN) == () and len(room.watches.account_watches(BOB)) == 1
    assert len(room.told(BOB)) == 1
    assert "direct: ended 2 subscriptions or watches" in caplog.text and "50007" in caplog.text
    assert ANN not in caplog.text and BOB not in caplog.text
    with room.db.read_transaction() as connection:
        accounts = connection.execute(sa.select(store.members.c.account)).scalars().all()
        places = connection.execute(sa.select(store.deliveries.c.destination)).scalars().all()
    assert accounts == [BOB] and len(places) == 1


@ON_BOTH
def test_misses_are_forgotten_once_something_got_through_though_its_record_goes(room: Room) -> None:
    room.fill()
    room.watch("o/moves")
    key = room.watches.all_watches()[0].member
    assert subscriptions.record_miss(room.db, "direct", key, NOW - ONE) == 1
    room.plan()
    room.send()
    room.watches.prune_messages(NOW + 30 * ONE)
    assert room.outbox.list_deliveries() == ()
    assert subscriptions.record_miss(room.db, "direct", key, NOW + 31 * ONE) == 1


def test_who_is_forgotten_between_planning_and_sending_is_not_written_to(room: Room) -> None:
    room.fill()
    room.watch("o/moves")
    room.plan()
    gone = room.watches.erase_member(account=ANN)
    assert (gone.watches, gone.messages) == (1, 1)
    room.send()
    assert room.peer.requests == []


def test_a_watch_ended_between_planning_and_sending_is_not_told(room: Room) -> None:
    room.fill()
    for name in ("o/moves", "o/steady"):
        room.watch(name)
    room.plan()
    room.watches.end_watch(
        ANN,
        next(
            account_watch.id for account_watch in room.watches.account_watches(ANN) if account_watch.model == "o/moves"
        ),
    )
    room.send()
    assert room.peer.messages == [] and [delivery.state for delivery in room.outbox.list_deliveries()] == ["refused"]


@ON_BOTH
def test_messages_leave_no_receipt_and_their_records_are_let_go_after_a_week(room: Room) -> None:
    room.fill()
    room.watch("o/moves")
    room.plan()
    room.send()
    with room.db.read_transaction() as connection:
        assert connection.execute(sa.select(store.receipts)).all() == []
    assert len(room.outbox.list_deliveries()) == 1
    room.now += timedelta(days=8)
    room.plan()
    assert room.outbox.list_deliveries() == ()


def test_a_network_whose_record_ended_or_that_is_gone_is_not_waited_for(room: Room) -> None:
    room.watch("o/moves")
    assert pipeline.plan_notices(room.desk, {}, room.watches, room.now)
    from dataclasses import replace

    assert pipeline.plan_notices(room.desk, {"replicate": replace(PLAN, closed=True)}, room.watches, room.now)


@pytest.mark.parametrize("locale", ["ar", "zh_CN", "es_ES", "vi", "tr"])
def test_a_message_can_be_in_each_language(room: Room, locale: str) -> None:
    room.fill()
    for name in NAMES:
        room.watch(name)
    room.watches.save_watch(ANN, locale, CATALOGUE, SafeName("o/moves"), 0.5, BEFORE)
    room.plan()
    room.send()
    assert len(room.told()) == 1


def test_the_most_that_may_be_watched_all_stands_in_one_message(room: Room) -> None:
    names = [f"author-of-a-long-name-{n}/{'*_model_*' * 6}{n}" for n in range(20)]
    watches = ModelWatches(room.db, SubscriptionLimits(per_member=20))
    for number in range(3):
        day = LAST + (number - 2) * ONE
        ledger.add_snapshot(room.db, snapshot(day, dict.fromkeys(names, 10 * number + 500 * (number == 2))))
    for name in names:
        watches.save_watch(ANN, "en", CATALOGUE, SafeName(name), 0.5, BEFORE)
    room.plan()
    room.send()
    (text,) = room.told()
    assert text.count("against 10 the day before") == 20
