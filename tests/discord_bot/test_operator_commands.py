"""/deliveries: only for the configured owners."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import discord

from bot.cli import cli
from bot.deliveries import EditionKey
from bot.discord_bot import OWNER, BotSettings, FootfallClient
from bot.discord_bot.commands.operator import NOT_AN_OWNER
from bot.outlets import OutcomeUnknown
from tests import query_contexts
from tests.discord_bot.rig import Rig, embed, run

CHANNEL = "200000000000000001"
EDITION = EditionKey("replicate", "day", date(2025, 3, 10), 1)


def owned(rig: Rig) -> Any:
    """An owner, who is an administrator of the server."""
    everything = discord.Permissions(administrator=True)
    role = rig.channel.guild.create_role("admins", permissions=everything)
    member = rig.channel.guild.add_member(rig.env.create_user("owner"), roles=[role])
    rig.bot.bot_settings = BotSettings(owners=frozenset({member.id}), outlets=("discord", "direct"))
    return member


def uncertain(rig: Rig) -> int:
    """A delivery of unknown state."""
    outbox = rig.bot.repositories.outbox
    document = rig.desk.archive.find_digest("replicate", "day", EDITION.day)
    assert document is not None
    outbox.plan(EDITION, "discord", CHANNEL, 1, query_contexts.NOW, None)
    (edition_delivery,) = outbox.edition_deliveries(EDITION)
    from decimal import Decimal

    claimed = outbox.claim(
        edition_delivery, document, "x", Decimal(0), None, "me", query_contexts.NOW, timedelta(minutes=5)
    )
    assert claimed is not None
    outbox.settle(claimed, OutcomeUnknown("no answer"), query_contexts.NOW)
    return edition_delivery.id


def sentence(result: Any) -> str:
    assert result.ephemeral
    return str(result.response.content).replace("\\", "")


FIRST = BotSettings(owners=frozenset({1}))
"""The commands exist only if there is an owner."""


def test_without_owners_there_are_no_such_commands(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert not [command for command in rig.bot.tree.get_commands() if command.name == "deliveries"]

    run(tmp_path, scenario)


def test_they_are_hidden_from_members_and_refused_to_administrators(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert not [name for name in rig.ann.available_commands(rig.channel) if name.startswith("deliveries")]
        role = rig.channel.guild.create_role("admins", permissions=discord.Permissions(administrator=True))
        admin = rig.channel.guild.add_member(rig.env.create_user("admin"), roles=[role])
        uncertain(rig)
        for name, options in (
            ("list", {}),
            ("retry", {"id": 1}),
            ("resolve", {"id": 1, "not_sent": True}),
            ("pause", {"outlet": "discord"}),
            ("lift", {"outlet": "discord"}),
        ):
            assert sentence(await rig.ask(f"deliveries {name}", member=admin, **options)) == NOT_AN_OWNER
        assert await admin.autocomplete(rig.channel, "deliveries pause", "outlet", "") == []
        outbox = rig.bot.repositories.outbox
        assert [delivery.state for delivery in outbox.edition_deliveries(EDITION)] == [
            "unknown"
        ] and outbox.paused_outlets() == ()

    run(tmp_path, scenario, bot_settings=FIRST)


def test_the_newest_comes_first_and_what_was_never_tried_says_when_it_is_due(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        owner, number = owned(rig), uncertain(rig)
        rig.bot.repositories.outbox.plan(EDITION, "discord", "200000000000000002", 1, query_contexts.NOW, None)
        description = embed(await rig.ask("deliveries list", member=owner)).description or ""
        first, second = description.split("\n\n")[1:]
        at = int(query_contexts.NOW.timestamp())
        assert first.endswith(f"**Planned** since <t:{at}:f>, due <t:{at}:f>")
        assert second.startswith(f"**{number}**") and "1 attempt, again" in second

    run(tmp_path, scenario, bot_settings=FIRST)


def test_an_owner_sees_retries_and_resolves(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        owner, number = owned(rig), uncertain(rig)
        listed = await rig.ask("deliveries list", member=owner)
        description = embed(listed).description or ""
        assert (
            listed.ephemeral
            and "1 delivery" in description
            and "**Unknown**" in description
            and "no answer" in description
        )
        none = embed(await rig.ask("deliveries list", member=owner, state="sent")).description or ""
        assert none.startswith("0 deliveries")
        retried = await rig.ask("deliveries retry", member=owner, id=number)
        assert f"Delivery {number}" == embed(retried).title
        for wrong, words in (({}, "wanted one of sent"), ({"sent": "nonsense"}, "wanted the link to the post")):
            assert words in sentence(await rig.ask("deliveries resolve", member=owner, id=number, **wrong))
        link = f"https://discord.com/channels/1/{CHANNEL}/2"
        done = await rig.ask("deliveries resolve", member=owner, id=number, sent=link)
        assert "**Sent**" in (embed(done).description or "")
        assert rig.bot.repositories.outbox.get_delivery(number).url == link
        again = sentence(await rig.ask("deliveries resolve", member=owner, id=number, not_sent=True))
        assert "is sent; wanted one that is unknown" in again
        assert "there is none" in sentence(await rig.ask("deliveries retry", member=owner, id=999))

    run(tmp_path, scenario, bot_settings=FIRST)


def test_an_owner_pauses_an_outlet_and_lifts_it_also_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        owner, outbox = owned(rig), rig.bot.repositories.outbox
        offered = await owner.autocomplete(rig.channel, "deliveries pause", "outlet", "dis")
        assert [entry["value"] for entry in offered] == ["discord"]
        assert "no such outlet; known: discord, direct" in sentence(
            await rig.ask("deliveries pause", member=owner, outlet="x")
        )
        assert embed(await rig.ask("deliveries pause", member=owner, outlet="discord")).title == "Paused"
        assert "is paused already" in sentence(await rig.ask("deliveries pause", member=owner, outlet="discord"))
        assert not outbox.may_check("discord", query_contexts.NOW + timedelta(days=400)), (
            "a working check must not lift it"
        )
        await rig.env.restart_bot(FootfallClient(rig.desk, rig.bot.bot_settings))
        listed = embed(await rig.ask("deliveries list", member=owner))
        assert any("an operator paused it" in (field.value or "") for field in listed.fields)
        assert embed(await rig.ask("deliveries lift", member=owner, outlet="discord")).title == "Lifted"
        assert "is not paused" in sentence(await rig.ask("deliveries lift", member=owner, outlet="discord"))
        assert outbox.paused_outlets() == ()

    run(tmp_path, scenario, bot_settings=FIRST)


def test_they_have_the_names_of_the_command_line() -> None:
    (group,) = OWNER
    twin = cli.get_command(click.Context(cli), "deliveries")
    assert isinstance(twin, click.Group)
    assert {command.name for command in group.commands} == set(twin.commands)
