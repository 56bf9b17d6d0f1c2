"""/subscribe, /unsubscribe, /subscriptions: permissions, refusals with reasons, and the end of subscriptions."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.discord_bot import SERVER, BotSettings, FootfallClient
from bot.discord_bot.commands.server import IN_THREAD, NOT_ALLOWED, NOT_POSTING, TAKEN
from bot.subscriptions import ChannelSubscriptions, SubscriptionLimits, SubscriptionOptions
from tests import query_contexts
from tests.discord_bot.rig import Rig, embed, run, texts

MANAGE = discord.Permissions(manage_guild=True, view_channel=True, send_messages=True, use_application_commands=True)


def admin(rig: Rig) -> Any:
    """A member with Manage Server."""
    role = rig.channel.guild.create_role("moderators", permissions=MANAGE)
    return rig.channel.guild.add_member(rig.env.create_user("moderator"), roles=[role])


def kept(rig: Rig) -> tuple[Any, ...]:
    return ChannelSubscriptions(rig.desk.store).all_subscriptions()


def sentence(result: Any) -> str:
    assert result.ephemeral
    return str(result.response.content)


def test_a_channel_is_subscribed_with_everything_that_was_asked(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)
        result = await rig.ask(
            "subscribe",
            member=mod,
            time="8:30",
            zone="europe/zurich",
            networks="replicate",
            locale="tr",
            threshold=10.0,
            quiet="22:00-07:00",
        )
        assert result.ephemeral and embed(result).title == "Subscribed"
        (subscription,) = kept(rig)
        assert (subscription.guild, subscription.channel) == (str(rig.channel.guild.id), str(rig.channel.id))
        quiet = (time(22), time(7))
        assert subscription.terms == SubscriptionOptions(time(8, 30), "Europe/Zurich", ("replicate",), "tr", 0.1, quiet)
        text = " ".join(texts(result.response))
        for words in (f"<#{rig.channel.id}>", "Replicate", "Türkçe", "10%", "Europe/Zurich", "<t:"):
            assert words in text
        assert str(mod.id) not in text

    run(tmp_path, scenario)


def test_defaults_are_this_channel_nine_utc_every_network_and_the_servers_language(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("subscribe", member=admin(rig))
        (subscription,) = kept(rig)
        assert subscription.channel == str(rig.channel.id) and subscription.terms == SubscriptionOptions(time(9), "UTC")
        assert subscription.schedule_entry.period == "day" and subscription.since == query_contexts.NOW

    run(tmp_path, scenario)


def test_subscribing_again_changes_the_terms_and_adds_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)
        await rig.ask("subscribe", member=mod)
        result = await rig.ask("subscribe", member=mod, time="10:00")
        assert embed(result).title == "Subscription changed"
        assert [row.terms.at for row in kept(rig)] == [time(10)]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"time": "25:00"}, "time: found 25"),
        ({"time": "soon\n@everyone"}, "wanted a time of day such as"),
        ({"zone": "Mars/Olympus"}, "wanted a time zone such as"),
        ({"networks": "replicate, nowhere"}, "nowhere: no such network"),
        ({"quiet": "all night"}, "wanted two times of day such as"),
        ({"quiet": "22:00-22:00"}, "wanted hours that end some time"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, options: dict[str, object], text: str
) -> None:
    async def scenario(rig: Rig) -> None:
        word = sentence(await rig.ask("subscribe", member=admin(rig), **options)).replace("\\", "")
        assert text in word and "@everyone" not in word and "Traceback" not in word
        assert kept(rig) == ()

    run(tmp_path, scenario)


def test_only_members_with_manage_server_may(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        offered = rig.ann.available_commands(rig.channel)
        assert not {entry.name for entry in SERVER} & set(offered)
        everyone = {rig.channel.guild.default_role: True}
        known = {command.name: command for command in await rig.bot.tree.fetch_commands()}
        for command in SERVER:  # a server may show them to everybody; who lacks the permission is still refused
            rig.channel.guild.set_command_permissions(known[command.name], everyone)
            assert sentence(await rig.ask(command.name)) == NOT_ALLOWED
        assert kept(rig) == ()

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        ("view_channel", "View Channel"),
        ("send_messages", "Send Messages"),
        ("embed_links", "Embed Links"),
        ("attach_files", "Attach Files"),
        ("read_message_history", "Read Message History"),
    ],
)
def test_a_permission_that_the_bot_lacks_is_named(tmp_path: Path, denied: str, named: str) -> None:
    async def scenario(rig: Rig) -> None:
        guild, mod = rig.channel.guild, admin(rig)
        closed = {guild.me: discord.PermissionOverwrite(**{denied: False})}
        there = guild.create_text_channel("closed", overwrites=closed)
        sentence_text = sentence(await rig.ask("subscribe", member=mod, channel=there))
        assert named in sentence_text and kept(rig) == ()

    run(tmp_path, scenario)


def test_channels_that_get_the_posts_already_and_an_outlet_that_is_not_there_are_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)
        rig.bot.bot_settings = BotSettings(taken=frozenset({str(rig.channel.id)}))
        assert sentence(await rig.ask("subscribe", member=mod)) == TAKEN
        rig.bot.bot_settings = BotSettings(posts=False)
        assert sentence(await rig.ask("subscribe", member=mod)) == NOT_POSTING
        assert kept(rig) == ()

    run(tmp_path, scenario)


def test_a_server_has_so_many_subscriptions_and_no_more(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        guild, mod = rig.channel.guild, admin(rig)
        channels = [guild.create_text_channel(f"news-{n}") for n in range(3)]
        for channel in channels[:2]:
            assert embed(await rig.ask("subscribe", member=mod, channel=channel)).title == "Subscribed"
        assert "the most it may have" in sentence(await rig.ask("subscribe", member=mod, channel=channels[2]))
        assert embed(await rig.ask("subscribe", member=mod, channel=channels[0], time="07:00")).title
        assert len(kept(rig)) == 2

    run(tmp_path, scenario, bot_settings=BotSettings(bounds=SubscriptionLimits(per_server=2)))


def test_what_is_listed_can_be_ended_also_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)
        empty = await rig.ask("subscriptions", member=mod)
        assert "none yet" in (embed(empty).description or "")
        await rig.ask("subscribe", member=mod, time="07:15")
        await rig.env.restart_bot(FootfallClient(rig.desk))
        assert "07\\:15" in (embed(await rig.ask("subscriptions", member=mod)).description or "")
        ended = await rig.ask("unsubscribe", member=mod)
        assert embed(ended).title == "Subscription ended" and kept(rig) == ()
        assert "has no subscription" in sentence(await rig.ask("unsubscribe", member=mod))

    run(tmp_path, scenario)


def test_another_servers_subscription_cannot_be_ended(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        ChannelSubscriptions(rig.desk.store).save_subscription(
            "1", str(rig.channel.id), SubscriptionOptions(time(9), "UTC"), query_contexts.NOW
        )
        assert "has no subscription" in sentence(await rig.ask("unsubscribe", member=admin(rig)))
        assert len(kept(rig)) == 1

    run(tmp_path, scenario)


def test_zones_and_networks_are_offered_while_they_are_typed(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)

        async def offered(option: str, typed: str) -> list[str]:
            return [choice["value"] for choice in await mod.autocomplete(rig.channel, "subscribe", option, typed)]

        assert (await offered("zone", "zuri"))[0] == "Europe/Zurich"
        assert (await offered("zone", "new york"))[0] == "America/New_York"
        first = await offered("zone", "")
        assert first[0] == "UTC" and len(first) == 25
        assert await offered("networks", "") == ["replicate"]
        assert await offered("networks", "replicate, ") == []

    run(tmp_path, scenario)


def test_leaving_a_server_or_losing_the_channel_ends_the_subscription_and_an_outage_does_not(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        guild, mod, channels = rig.channel.guild, admin(rig), ChannelSubscriptions(rig.desk.store)
        other = guild.create_text_channel("news")
        for channel in (rig.channel, other):
            await rig.ask("subscribe", member=mod, channel=channel)
        channels.save_subscription("42", "43", SubscriptionOptions(time(9), "UTC"), query_contexts.NOW)
        state = rig.bot._connection
        state.parse_guild_delete({"id": str(guild.id), "unavailable": True})
        await rig.env.settle()
        assert len(channels.all_subscriptions()) == 3, "an outage is no end"
        there = rig.bot.get_channel(other.id)
        assert isinstance(there, discord.TextChannel)
        await there.delete()
        await rig.env.settle()
        assert [subscription.channel for subscription in channels.all_subscriptions()] == [str(rig.channel.id), "43"]
        await rig.bot.get_guild(guild.id).leave()  # type: ignore[union-attr]
        await rig.env.settle()
        assert [subscription.guild for subscription in channels.all_subscriptions()] == ["42"]

    run(tmp_path, scenario)


def test_in_a_thread_it_says_that_posts_go_to_channels(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)
        rig.env.backend.create_thread(rig.channel.id, "a thread", mod.id)
        (thread,) = rig.channel.threads
        for command in ("subscribe", "unsubscribe"):
            assert sentence(await mod.slash(thread, command)).replace("\\", "") == IN_THREAD
        assert kept(rig) == ()
        result = await mod.slash(thread, "subscribe", channel=rig.channel)
        assert embed(result).title == "Subscribed"
        assert [row.channel for row in kept(rig)] == [str(rig.channel.id)]

    run(tmp_path, scenario)
