"""An independent Discord: the weekly digest with its card and poll through the outbox and the real outlet to simcord.
It has no nonces, so look-backs find a post by its text alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import discord as library
import simcord

from bot import deliveries, pipeline, store
from bot.archive import Archive
from bot.config import PublishConfig
from bot.deliveries import OutboxPass, OutletHandle
from bot.outlets import Outcome, OutcomeUnknown, Part
from tests import publishing
from tests.outlets.rig_discord import outlet
from tests.patience import PATIENCE
from tests.pipeline.test_polls import wording
from tests.worlds import CATALOGUE

PLAN = pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})
WEEK = date(2025, 3, 3)


class Losing:
    """The outlet with lost responses: its posts are out, and we do not know it."""

    def __init__(self, outlet: Any) -> None:
        self._outlet, self.loses = outlet, False

    def post(self, part: Part, destination: str) -> Outcome:
        outcome: Outcome = self._outlet.post(part, destination)
        return OutcomeUnknown("no answer in time") if self.loses else outcome

    def __getattr__(self, name: str) -> Any:
        if name == "post_many":
            raise AttributeError(name)
        return getattr(self._outlet, name)


class Newsroom:
    """Footfall with one announcement channel on simcord's Discord."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'f.db'}"
        publishing.fill(self.url)
        self.store = store.open_store(self.url)
        self.archive, self.outbox = Archive(self.store), pipeline.make_outbox(self.store)
        habits = pipeline.PostOptions(polls=(wording(question="Will more models be used next week?"),))
        self.desk = pipeline.PublishContext(
            self.store, self.archive, self.outbox, PublishConfig.model_validate({}), 0.01, habits
        )
        self.now = datetime.now(UTC)

    def publish(self, value: Any, channel: str) -> list[str]:
        pipeline.plan_deliveries(self.desk, PLAN, "week", {"discord": (channel,)}, self.now, WEEK)
        posts = pipeline.DigestContentProvider(self.archive, self.outbox, habits=self.desk.habits)
        ready = {"discord": OutletHandle(value, timedelta(minutes=1), lambda _: Decimal(0))}
        deliveries.flush_outbox(OutboxPass(self.outbox, ready, posts, lambda: self.now, "one", timedelta(minutes=15)))
        return [delivery.state for delivery in self.outbox.list_deliveries()]


Step = Callable[[Newsroom, Losing, Any, Any], Any]


def on_simcord(folder: Path, step: Step) -> Any:
    """Run a step with the outlet, the environment and the channel; the outlet uses simcord's loop."""

    async def live() -> Any:
        client = library.Client(intents=library.Intents.default())
        async with simcord.run(client, settle_timeout=PATIENCE) as env:
            channel = env.create_guild().create_news_channel("announcements")
            discord_outlet = outlet("http://127.0.0.1:9/api/v10")
            discord_outlet._wire._client, discord_outlet._wire._loop = client, asyncio.get_running_loop()
            room = Newsroom(folder)
            room.now = env.backend.clock.now()
            try:
                return await step(room, Losing(discord_outlet), env, channel)
            finally:
                room.store.close()

    return asyncio.run(live())


def messages(channel: Any) -> list[Any]:
    return list(channel.history())


def test_a_digest_with_its_card_and_its_poll_reaches_a_second_discord_and_is_passed_on(tmp_path: Path) -> None:
    async def step(
        room: Newsroom, value: Losing, env: Any, channel: Any
    ) -> tuple[list[str], list[Any], list[str], Any]:
        states = await asyncio.to_thread(room.publish, value, str(channel.id))
        assert await asyncio.to_thread(room.publish, value, str(channel.id)) == states
        calls = [entry.path.rsplit("/", 1)[1] for entry in env.http_requests if entry.method == "POST"]
        return states, messages(channel), calls, room.outbox.list_deliveries()

    states, shown, calls, rows = on_simcord(tmp_path, step)
    assert states == ["sent", "sent"]
    embed, poll = shown
    assert "5 of 5 public models" in embed.embeds[0].description and embed.attachments[0].description
    assert poll.poll.question == "Will more models be used next week?" and not poll.embeds
    assert [answer.text for answer in poll.poll.answers] == ["This", "That"]
    assert calls.count("messages") == 2 and calls.count("crosspost") >= 1
    assert rows[0].passed is True


def test_a_correction_edits_it_in_place_there_and_asks_no_second_poll(tmp_path: Path) -> None:
    async def step(room: Newsroom, value: Losing, env: Any, channel: Any) -> tuple[list[str], list[Any]]:
        await asyncio.to_thread(room.publish, value, str(channel.id))
        publishing.tamper(room.url)
        return await asyncio.to_thread(room.publish, value, str(channel.id)), messages(channel)

    states, shown = on_simcord(tmp_path, step)
    assert states == ["sent", "sent", "sent"] and len(shown) == 2
    assert "**Correction**" in shown[0].embeds[0].description and "~~" in shown[0].embeds[0].description
    assert shown[0].attachments, "the card stays"


def test_what_got_lost_on_the_way_back_is_found_by_its_words(tmp_path: Path) -> None:
    async def step(room: Newsroom, value: Losing, env: Any, channel: Any) -> tuple[list[str], list[Any], list[Any]]:
        value.loses = True
        states = await asyncio.to_thread(room.publish, value, str(channel.id))
        return states, messages(channel), list(room.outbox.list_deliveries())

    states, shown, rows = on_simcord(tmp_path, step)
    assert states == ["sent", "sent"] and len(shown) == 2
    assert [row.platform_id for row in rows] == [str(message.id) for message in shown]


def test_votes_there_are_read_back_once_the_poll_has_ended(tmp_path: Path) -> None:
    async def step(room: Newsroom, value: Losing, env: Any, channel: Any) -> list[Any]:
        await asyncio.to_thread(room.publish, value, str(channel.id))
        poll = messages(channel)[1]
        for name, answer in (("ann", 1), ("ben", 1), ("cid", 2)):
            env.backend.add_poll_vote(channel.id, poll.id, answer, channel.guild.add_member(env.create_user(name)).id)
        before, step = room.now, []
        for ended in (False, True):
            if ended:
                env.backend.expire_poll(channel.id, poll.id)
            room.now += timedelta(days=5, hours=1) if not ended else timedelta(hours=1)
            await asyncio.to_thread(room.publish, value, str(channel.id))
            step += room.outbox.polls.closed_polls("replicate", before, before + timedelta(days=7))
        return step

    still_open, ended = on_simcord(tmp_path, step)
    assert still_open.votes is None and "still being counted" in still_open.reason
    assert (ended.votes, ended.reason) == ((2, 1), "")
