"""The results of `doctor` for the token and each channel. Pure."""

from __future__ import annotations

from bot.outlets.discord.failures import MISSING_ACCESS
from bot.outlets.discord.permissions import ChannelPermissions
from bot.outlets.discord.rest_client import DiscordFailure
from bot.records import CheckResult


def refused_token(failure: DiscordFailure) -> CheckResult:
    """The result for a token whose account Discord did not name."""
    if failure.status == 401:
        fix = "make a new token in the developer portal and set DISCORD_TOKEN"
        return CheckResult("token", False, failure.words, fix)
    return CheckResult("token", None, failure.words, "look again later; nothing was posted")


def check_channel(destination: str, place: ChannelPermissions | DiscordFailure, poll: bool) -> CheckResult:
    """Whether the bot has all permissions that it needs in a channel, including polls if they are wanted."""
    name = f"channel {destination}"
    if isinstance(place, DiscordFailure):
        fix = "check the channel's id, and that the bot was invited to its server and may view it"
        if place.code == MISSING_ACCESS:
            fix = "invite the bot to the channel's server, and grant View Channel to its role there"
        passing = place.status in (0, 429) or place.status >= 500
        return CheckResult(name, None if passing else False, place.words, fix, destination)
    if lack := place.missing_permissions(poll):
        other = "name a text or announcement channel, or a thread, in outlets.discord.destinations"
        fix = other if place.wrong_type else "grant that to the bot's role in the channel's settings"
        return CheckResult(name, False, lack, fix, destination)
    return CheckResult(name, True, f"#{place.name}: the bot may do all it needs", place=destination)
