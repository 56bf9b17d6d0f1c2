"""Members who watch models during the soak, some of whom take no direct messages: a day is repeated and reported to all
watchers. The real outlet sends; the local Discord reports what arrived.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from pydantic import SecretStr

from bot import ledger, pipeline
from bot.cli import outlet_setup
from bot.config import PublishConfig
from bot.deliveries import NOTICES, Delivery, EditionKey, OutboxPass, OutletHandle, flush_outbox
from bot.outlets import discord
from bot.outlets.discord.direct_messages import DirectMessageOutlet
from bot.outlets.discord.rest_client import DiscordRestClient
from bot.queries import QueryContext
from bot.subscriptions import ModelWatches
from bot.subscriptions.model_watches import OUTLET
from tests import query_contexts
from tests.patience import PATIENCE
from tests.worlds import snapshot

FIRST, COUNT = 700_000, 60
"""The accounts of the watchers; no other account has these numbers."""
WATCHED = tuple(f"owner{n}/model-{n}" for n in range(5))
"""Each changes from day to day by more than any threshold."""
SETTLED = PATIENCE
"""Seconds within which all messages of a day must be done."""


def account(number: int) -> int:
    return FIRST + number % COUNT


def closed(number: int) -> bool:
    """Whether a member's direct messages are closed from the start."""
    return number % COUNT % 3 == 0


def closes(number: int) -> bool:
    """Whether a member closes them in the middle."""
    return number % COUNT % 5 == 1


@dataclass(frozen=True, slots=True)
class Read:
    """The local Discord's report of direct messages."""

    messages: Mapping[tuple[int, str], int]
    """By account and title, which contains the day."""
    refused: int
    """Attempts with closed direct messages."""
    shut: frozenset[int]


@dataclass
class Told:
    """The bot's report of direct messages."""

    days: list[date] = field(default_factory=list)
    sent: int = 0
    ended: int = 0
    """Watches that ended because nothing could be delivered."""
    stuck: list[str] = field(default_factory=list)
    """Deliveries that did not end."""
    left: frozenset[int] = frozenset()
    """Accounts with a watch at the end."""
    strays: int = 0
    """Deliveries of members who no longer exist."""


class Publisher:
    """The part of the worker that notifies members."""

    def __init__(self, desk: QueryContext, api: str, token: SecretStr) -> None:
        self.told, self._desk = Told(), desk
        self._counts = query_contexts.counts(query_contexts.NEWEST)
        self._watches = ModelWatches(desk.store)
        self._plans = {"replicate": query_contexts.PLAN}
        self._outbox = pipeline.make_outbox(desk.store)
        self._publishing = pipeline.PublishContext(
            desk.store, desk.archive, self._outbox, PublishConfig.model_validate({}), 0.01
        )
        settings = discord.Settings.model_validate({"destinations": ["2" * 18], "api": api})
        self._now: Callable[[], datetime] = lambda: query_contexts.NOW
        self._discord = discord.DiscordOutlet(settings, DiscordRestClient(api, token), token, lambda: self._now())

    def run(self, over: threading.Event, pause: float = 1.0) -> Told:
        """Process one day after another until the end, and one more after that."""
        while True:
            last = over.wait(pause)
            self._day()
            if last:
                break
        self._discord.close()
        self._count()
        return self.told

    def _day(self) -> None:
        """Collect, plan and send one more day."""
        day = query_contexts.NEWEST + timedelta(days=len(self.told.days) + 1)
        self.told.days.append(day)
        moved = {name: self._counts[name] + (10 if day.day % 2 else 1000) for name in WATCHED}
        # Everything else goes on as before: a day on which hardly a counter moves is held.
        self._counts = {**query_contexts.counts(day), **moved}
        ledger.add_snapshot(self._desk.store, snapshot(day, self._counts))
        began, over = time.monotonic(), datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
        self._now = lambda: over + timedelta(minutes=30, seconds=time.monotonic() - began)
        assert pipeline.plan_notices(self._publishing, self._plans, self._watches, self._now())
        edition = EditionKey(NOTICES, "day", day, 1)
        while True:
            self._send()
            open_ = [
                delivery
                for delivery in self._outbox.edition_deliveries(edition)
                if delivery.state not in ("sent", "refused")
            ]
            if not open_ or time.monotonic() - began > SETTLED:
                break
            time.sleep(0.1)
        self.told.stuck += [
            f"{delivery.state}: {delivery.reason}"
            for delivery in self._outbox.edition_deliveries(edition)
            if delivery.state != "sent"
        ]
        self.told.sent += sum(delivery.state == "sent" for delivery in self._outbox.edition_deliveries(edition))

    def _send(self) -> None:
        """One pass over the outbox, like the worker's."""
        outlet_handles = {
            OUTLET: OutletHandle(
                DirectMessageOutlet(self._discord, self._watches.member_account),
                timedelta(seconds=1),
                lambda _: Decimal(0),
            )
        }
        says = pipeline.WatchContentProvider(self._desk.store, self._plans, query_contexts.PLAN.hidden)

        def gone(delivery: Delivery, reason: str) -> None:
            self.told.ended += "50007" in reason
            outlet_setup.on_destination_gone(self._publishing, delivery, reason, self._now())

        flush_outbox(
            OutboxPass(
                self._outbox, outlet_handles, says, lambda: self._now(), "soak", timedelta(minutes=15), gone=gone
            )
        )

    def _count(self) -> None:
        keys = {watch.member for watch in self._watches.all_watches()}
        self.told.left = frozenset(int(self._watches.member_account(key) or 0) for key in keys)
        self.told.strays = sum(
            delivery.destination not in keys for delivery in self._outbox.list_deliveries() if delivery.outlet == OUTLET
        )


def wrong(facts: Told, read: Read) -> Sequence[str]:
    """The faults, one line each."""
    last = f"Models you watch, {facts.days[-1].day} {facts.days[-1]:%B} {facts.days[-1].year}"
    heard = {who for who, title in read.messages if title == last}
    entries = {
        "no direct message arrived": not read.messages,
        "no direct message was refused": not read.refused,
        f"{read.refused} refusals ended {facts.ended} members' watches": read.refused != facts.ended,
        f"{len(facts.left & read.shut)} members with closed direct messages watch on": bool(facts.left & read.shut),
        f"{facts.strays} deliveries of members who are no more": bool(facts.strays),
        f"{facts.sent} sent, {sum(read.messages.values())} arrived": facts.sent != sum(read.messages.values()),
        f"{len(facts.left - heard)} of {len(facts.left)} who watch heard nothing of the last day": facts.left != heard,
        f"told twice: {Counter(read.messages).most_common(1)}": any(count > 1 for count in read.messages.values()),
        f"came to no end: {'; '.join(facts.stuck[:3])}": bool(facts.stuck),
    }
    return [line for line, is_so in entries.items() if is_so]


__all__ = ["Publisher", "Read", "Told", "account", "closed", "closes", "wrong"]
