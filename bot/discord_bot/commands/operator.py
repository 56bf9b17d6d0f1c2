"""/deliveries: the outbox for the operator, as in `python -m bot deliveries`. Discord shows it only to a server's
administrators; only the accounts of `discord.owners` may use it.
"""

from __future__ import annotations

from collections.abc import Callable

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.deliveries import Delivery
from bot.discord_bot.commands import _options
from bot.discord_bot.context import Interaction
from bot.queries import QueryError
from bot.records import Document, SafeName, join_messages, message

NOT_AN_OWNER = message("Only the operator of this Footfall may do this.")
SHOWN = 10
STATES = ("planned", "sending", "sent", "refused", "unknown", "skipped")
OPEN = ("planned", "sending", "refused", "unknown")
"""The states that need an operator's attention."""


def delivery_document(delivery: Delivery) -> Document:
    """A delivery as the document of an answer."""
    return {
        "id": delivery.id,
        "key": delivery.label,
        "state": delivery.state,
        "since": int(delivery.since.timestamp()),
        "attempts": delivery.attempts,
        "reason": delivery.reason,
        "again": int(delivery.not_before.timestamp()) if delivery.not_before else None,
    }


async def run_for_owner(interaction: Interaction, name: str, job: Callable[[], Document]) -> None:
    """Run it for an owner; refuse anybody else."""
    if interaction.user.id not in interaction.client.bot_settings.owners:
        await _options.refuse_command(interaction, NOT_AN_OWNER)
        return
    await _options.run_and_reply(interaction, f"deliveries {name}", job)


deliveries = app_commands.Group(
    name="deliveries",
    description="The outbox, for the operator",
    default_permissions=discord.Permissions(0),
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
    allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
)


@deliveries.command(name="list", description="Deliveries, the newest first; by default those that are not settled")
@app_commands.describe(state="Only those in this state")
@app_commands.choices(state=[Choice(name=state, value=state) for state in STATES])
async def listing(interaction: Interaction, state: str | None = None) -> None:
    outbox = interaction.client.repositories.outbox

    def job() -> Document:
        rows = outbox.list_deliveries([state] if state else OPEN)
        paused = [
            {"outlet": pause.outlet, "reason": pause.reason, "since": int(pause.since.timestamp())}
            for pause in outbox.paused_outlets()
        ]
        delivery_documents = [
            delivery_document(delivery)
            for delivery in sorted(rows, key=lambda delivery: (delivery.since, delivery.id), reverse=True)[:SHOWN]
        ]
        return {"question": "deliveries", "deliveries": delivery_documents, "count": len(rows), "paused": paused}

    await run_for_owner(interaction, "list", job)


@deliveries.command(
    name="retry", description="Try a delivery again; one whose fate is unknown is asked about, not sent"
)
@app_commands.describe(id="Its number")
async def retry(interaction: Interaction, id: app_commands.Range[int, 1]) -> None:
    client = interaction.client
    await run_for_owner(
        interaction, "retry", lambda: _delivery_answer(client.repositories.outbox.retry(id, client.desk.clock()))
    )


@deliveries.command(name="resolve", description="Say what became of a delivery whose fate is unknown")
@app_commands.describe(
    id="Its number", sent="It is out: the link to it", not_sent="It is not out, and may be sent again"
)
async def resolve(
    interaction: Interaction, id: app_commands.Range[int, 1], sent: str | None = None, not_sent: bool = False
) -> None:
    client = interaction.client

    def job() -> Document:
        if (sent is None) is not not_sent:
            raise QueryError(message("resolve: wanted one of sent, with the link to it, and not_sent"))
        if sent is not None and not sent.startswith(("https://", "http://")):
            raise QueryError(message("bad_sent", name=f"{SafeName(sent)!s:.60}"))
        return _delivery_answer(client.repositories.outbox.resolve(id, sent, client.desk.clock()))

    await run_for_owner(interaction, "resolve", job)


@deliveries.command(name="pause", description="Let nothing be sent to an outlet until it is lifted")
@app_commands.describe(outlet="Which outlet")
async def pause(interaction: Interaction, outlet: str) -> None:
    client = interaction.client

    def job() -> Document:
        if outlet not in client.bot_settings.outlets:
            known = message("known: {rest}", rest=", ".join(client.bot_settings.outlets) or "none")
            raise QueryError(
                join_messages([message("{name}: no such outlet", name=f"{SafeName(outlet)!s:.60}"), known])
            )
        if not client.repositories.outbox.pause_outlet(outlet, client.desk.clock()):
            raise QueryError(message("{name}: is paused already", name=outlet))
        return {"question": "paused", "outlet": outlet, "paused": True}

    await run_for_owner(interaction, "pause", job)


@deliveries.command(name="lift", description="Let an outlet post again that was paused")
@app_commands.describe(outlet="Which outlet")
async def lift(interaction: Interaction, outlet: str) -> None:
    client = interaction.client

    def job() -> Document:
        if not client.repositories.outbox.lift_pause(outlet):
            raise QueryError(message("{name}: is not paused", name=f"{SafeName(outlet)!s:.60}"))
        return {"question": "paused", "outlet": outlet, "paused": False}

    await run_for_owner(interaction, "lift", job)


@pause.autocomplete("outlet")
@lift.autocomplete("outlet")
async def complete_outlet(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """The outlets; only an owner gets choices."""
    house = interaction.client.bot_settings
    known = house.outlets if interaction.user.id in house.owners else ()
    return [Choice(name=outlet, value=outlet) for outlet in known if typed.casefold() in outlet]


def _delivery_answer(row: Delivery) -> Document:
    return {"question": "delivery", "delivery": delivery_document(row)}


OWNER: tuple[app_commands.Group, ...] = (deliveries,)
"""The commands of the operator."""
