"""/subscribe, /unsubscribe, /subscriptions: a server's channels as destinations of posts. For members with Manage
Server; Discord hides the commands from others, whose attempts are refused.
"""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot import i18n, schedule_times
from bot.discord_bot.commands import _options
from bot.discord_bot.context import Interaction
from bot.outlets.discord.permissions import PERMISSIONS, ChannelPermissions
from bot.queries import QueryContext, QueryError
from bot.records import Document, message
from bot.subscriptions import Subscription, SubscriptionOptions

NOT_HERE = message("Subscriptions are a server's: use this in a server that the bot was added to.")
NOT_ALLOWED = message("Only members with the permission Manage Server may do this.")
NOT_POSTING = message("This Footfall does not post to Discord yet; its operator has to set that up.")
NOT_ADDED = message("The bot is not a member of this server: add it to the server, then subscribe.")
IN_THREAD = message(
    "This is a thread, and posts go to channels: use this in the thread's channel, or name the channel."
)
TAKEN = message("This channel gets every post already, by the configuration of this Footfall.")
ENDED = "its subscription was ended"


def refusal_reason(interaction: Interaction) -> str:
    """Why the user may not change a server's settings; empty if they may."""
    if interaction.guild_id is None:
        return NOT_HERE
    return "" if interaction.permissions.manage_guild else NOT_ALLOWED


def posting_obstacle(guild: discord.Guild | None, channel: int) -> str:
    """Why the bot cannot post in a channel, with each missing permission; empty if it can."""
    if guild is None or guild.me is None:
        return NOT_ADDED
    there = guild.get_channel(channel)
    if there is None:
        return message("The bot cannot see this channel; give its role the permission View Channel there.")
    held = dict(there.permissions_for(guild.me))
    granted = frozenset(shown for key, shown in PERMISSIONS.items() if held[key])
    place = ChannelPermissions(str(channel), there.name, str(guild.id), False, granted)
    missing = place.missing_permissions().rpartition("the bot lacks ")[2]
    return message("cannot_post", rest=missing) if missing else ""


def subscription_document(desk: QueryContext, subscription: Subscription) -> Document:
    """A subscription as the document of an answer."""
    terms = subscription.terms
    titles = [desk.watched[name].title for name in terms.networks if name in desk.watched]
    return {
        "channel": subscription.channel,
        "at": f"{terms.at:%H:%M}",
        "zone": terms.zone,
        "networks": titles,
        "language": _options.LOCALES[i18n.nearest_language(terms.locale)],
        "share": terms.share,
        "quiet": [f"{at:%H:%M}" for at in terms.quiet] if terms.quiet else None,
        "next": int(schedule_times.next_runs(subscription.schedule_entry, desk.clock(), 1)[0].timestamp()),
    }


@app_commands.command(description="Post the daily digest in a channel of this server")
@app_commands.describe(
    channel="Where; this channel by default",
    time="When, HH:MM on the clocks of the zone; 09:00 by default",
    zone="Time zone; UTC by default",
    networks="Which networks, with commas between; every one by default",
    locale="Language of the posts; that of this server by default",
    threshold="Post only when something moved by more than so many percent",
    quiet="Hours in which nothing is posted, such as 22:00-07:00; what falls there waits",
)
@app_commands.choices(locale=[Choice(name=name, value=key) for key, name in _options.LOCALES.items()])
@app_commands.autocomplete(zone=_options.complete_zone, networks=_options.complete_networks)
async def subscribe(
    interaction: Interaction,
    channel: discord.TextChannel | None = None,
    time: str = "09:00",
    zone: str = "UTC",
    networks: str | None = None,
    locale: str | None = None,
    threshold: app_commands.Range[float, 0.1, 1000.0] | None = None,
    quiet: str | None = None,
) -> None:
    client, guild = interaction.client, interaction.guild_id
    where = channel.id if channel else interaction.channel_id
    if why := refusal_reason(interaction) or _in_thread(interaction, channel) or _subscribe_refusal(interaction, where):
        await _options.refuse_command(interaction, why)
        return
    theirs = locale or i18n.nearest_language(interaction.guild_locale.value if interaction.guild_locale else None)

    def job() -> Document:
        wanted = SubscriptionOptions(
            _options.parse_time("time", time),
            _options.parse_zone(zone),
            _options.parse_networks(client, networks),
            theirs,
            threshold / 100 if threshold is not None else None,
            _options.parse_hours(quiet) if quiet else None,
        )
        kept, new = client.repositories.channels.save_subscription(str(guild), str(where), wanted, client.desk.clock())
        return {"question": "subscribed", "new": new, "subscription": subscription_document(client.desk, kept)}

    await _options.run_and_reply(interaction, "subscribe", job)


def _in_thread(interaction: Interaction, channel: object) -> str:
    """Why a thread is refused if no channel is given."""
    return IN_THREAD if channel is None and isinstance(interaction.channel, discord.Thread) else ""


def _subscribe_refusal(interaction: Interaction, channel: int | None) -> str:
    client = interaction.client
    if not client.bot_settings.posts:
        return NOT_POSTING
    if channel is None or str(channel) in client.bot_settings.taken:
        return TAKEN
    return posting_obstacle(interaction.guild, channel)


@app_commands.command(description="End the daily posts in a channel of this server")
@app_commands.describe(channel="Which channel; this one by default")
async def unsubscribe(interaction: Interaction, channel: discord.TextChannel | None = None) -> None:
    if why := refusal_reason(interaction) or _in_thread(interaction, channel):
        await _options.refuse_command(interaction, why)
        return
    client, guild, where = (
        interaction.client,
        str(interaction.guild_id),
        str(channel.id if channel else interaction.channel_id),
    )

    def job() -> Document:
        if not client.repositories.channels.end_subscriptions(guild=guild, channel=where):
            raise QueryError(message("this channel has no subscription; /subscriptions lists those of this server"))
        if where not in client.bot_settings.taken:
            client.repositories.outbox.skip_destination("discord", where, ENDED, client.desk.clock())
        return {"question": "unsubscribed", "channel": where}

    await _options.run_and_reply(interaction, "unsubscribe", job)


@app_commands.command(description="The channels of this server that get the daily posts")
async def subscriptions(interaction: Interaction) -> None:
    if why := refusal_reason(interaction):
        await _options.refuse_command(interaction, why)
        return
    client, guild = interaction.client, str(interaction.guild_id)

    def job() -> Document:
        kept = client.repositories.channels.server_subscriptions(guild)
        subscription_documents = [subscription_document(client.desk, subscription) for subscription in kept]
        return {
            "question": "subscriptions",
            "subscriptions": subscription_documents,
            "most": client.bot_settings.bounds.per_server,
        }

    await _options.run_and_reply(interaction, "subscriptions", job)


SERVER: tuple[app_commands.Command[Any, ..., None], ...] = (subscribe, unsubscribe, subscriptions)
"""The commands of a server."""
for _one in SERVER:
    app_commands.default_permissions(manage_guild=True)(_one)
    app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)(_one)
    app_commands.allowed_installs(guilds=True, users=False)(_one)
