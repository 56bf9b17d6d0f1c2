"""Stored subscriptions and watches, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
import sqlalchemy as sa

from bot import store
from bot.records import SafeName
from bot.store import Store
from bot.subscriptions import (
    ChannelSubscriptions,
    ModelWatches,
    SubscriptionError,
    SubscriptionLimits,
    SubscriptionOptions,
)
from tests.worlds import CATALOGUE

NOW = datetime(2025, 3, 28, 9, tzinfo=UTC)
TERMS = SubscriptionOptions(time(23, 5), "Asia/Kathmandu", ("a", "b"), "zh-CN", 0.125, (time(0), time(6, 30)))


def test_what_is_kept_comes_back_as_it_was(db: Store) -> None:
    channels = ChannelSubscriptions(db)
    kept, new = channels.save_subscription("1", "2", TERMS, NOW)
    assert new and kept.terms == TERMS and kept.since == NOW
    again, new = channels.save_subscription("1", "2", SubscriptionOptions(time(9), "UTC"), NOW.replace(day=29))
    assert not new and (again.id, again.since) == (kept.id, NOW) and again.terms.quiet is None
    assert (
        channels.all_subscriptions() == channels.server_subscriptions("1") == (again,)
        and channels.server_subscriptions("2") == ()
    )


def test_ending_takes_what_was_named_and_nothing_where_nothing_was(db: Store) -> None:
    channels = ChannelSubscriptions(db)
    for guild, channel in (("1", "10"), ("1", "11"), ("2", "20")):
        channels.save_subscription(guild, channel, TERMS, NOW)
    assert channels.end_subscriptions() == () and len(channels.all_subscriptions()) == 3
    assert channels.end_subscriptions(guild="2", channel="10") == ()
    assert [subscription.channel for subscription in channels.end_subscriptions(guild="1")] == ["10", "11"]
    assert [subscription.channel for subscription in channels.end_subscriptions(channel="20")] == ["20"]


def test_no_more_are_kept_than_may_be_however_many_ask_at_once(db: Store) -> None:
    channels, watches = (
        ChannelSubscriptions(db, SubscriptionLimits(per_server=3)),
        ModelWatches(db, SubscriptionLimits(per_member=3)),
    )
    refused: list[str] = []

    def ask(number: int) -> None:
        for job in (
            lambda: channels.save_subscription("1", f"{number}", TERMS, NOW),
            lambda: watches.save_watch("7", "en", CATALOGUE, SafeName(f"o/m{number}"), 0.5, NOW),
        ):
            try:
                job()
            except SubscriptionError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(channels.all_subscriptions()), len(watches.all_watches()), len(refused)) == (3, 3, 10)


def test_the_bound_of_all_servers_together_holds(db: Store) -> None:
    channels = ChannelSubscriptions(db, SubscriptionLimits(subscriptions=1))
    channels.save_subscription("1", "10", TERMS, NOW)
    with pytest.raises(SubscriptionError, match="ask its operator"):
        channels.save_subscription("2", "20", TERMS, NOW)


def test_a_member_has_one_key_until_the_last_watch_ends(db: Store) -> None:
    watches = ModelWatches(db)
    first, _ = watches.save_watch("7", "en", CATALOGUE, SafeName("o/a"), 0.5, NOW)
    second, _ = watches.save_watch("7", "tr", CATALOGUE, SafeName("o/b"), 0.5, NOW)
    assert first.member == second.member and watches.member_account(first.member) == "7"
    assert {account_watch.locale for account_watch in watches.account_watches("7")} == {"tr"}, (
        "a message is in the language of the last time"
    )
    assert watches.end_watch("8", first.id) is None
    assert watches.end_watch("7", first.id) and watches.member_account(first.member) == "7"
    assert watches.end_watch("7", second.id) and watches.member_account(first.member) is None
    with db.read_transaction() as connection:
        assert connection.execute(sa.select(store.members)).all() == []
    third, _ = watches.save_watch("7", "en", CATALOGUE, SafeName("o/a"), 0.5, NOW)
    assert third.member != first.member


def test_a_model_that_is_watched_again_has_the_new_share_and_one_watch(db: Store) -> None:
    watches = ModelWatches(db)
    first, _ = watches.save_watch("7", "en", CATALOGUE, SafeName("o/a"), 0.5, NOW)
    again, new = watches.save_watch("7", "en", CATALOGUE, SafeName("o/a"), 0.25, NOW)
    assert not new and again == replace(first, share=0.25) and watches.account_watches("7") == (again,)
