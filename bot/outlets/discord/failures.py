"""Turns a failed call into an outcome, and the state of the token and of each channel into results of `doctor`.
Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.outlets.discord.permissions import ChannelPermissions
from bot.outlets.discord.rest_client import DiscordFailure
from bot.outlets.types import AccountRefused, Outcome, OutcomeUnknown, Refused, RetryLater
from bot.records import CheckResult

PAUSE = timedelta(minutes=1)
"""Time to the next attempt if nothing was sent and Discord does not say how long to wait."""
# Error codes: topics/opcodes-and-status-codes, JSON Error Codes.
UNKNOWN_MESSAGE = 10008
ALREADY_CROSSPOSTED = 40033
WRONG_CHANNEL_TYPE = 50024
MISSING_ACCESS = 50001
GONE = frozenset({10003, 10004, 10013, MISSING_ACCESS, 50007, 50278})
"""Unknown channel, server and user; View Channel withdrawn; direct messages closed; no server in common."""


def failure_outcome(failure: DiscordFailure, destination: str, now: datetime) -> Outcome:
    """The outcome of a failed call to one channel."""
    where = f"discord channel {destination}: {failure.words}"
    if failure.code == MISSING_ACCESS:
        where = f"discord channel {destination}: the bot lacks View Channel, or left its server (code 50001)"
    if failure.doubt:
        return OutcomeUnknown(f"{where}; it may have been accepted")
    if failure.status == 401:
        return AccountRefused("discord: 401, the token is not accepted; make a new one and set DISCORD_TOKEN")
    if failure.wait is not None:
        reason = f"discord: {failure.words}" if failure.everywhere else where
        return RetryLater(reason, now + timedelta(seconds=failure.wait))
    if 400 <= failure.status < 500:
        return Refused(where, gone=failure.code in GONE)
    return RetryLater(f"{where}; nothing was sent", now + PAUSE)


def refused_token(failure: DiscordFailure) -> CheckResult:
    """The token where Discord did not say whose it is."""
    if failure.status == 401:
        fix = "make a new token in the developer portal and set DISCORD_TOKEN"
        return CheckResult("token", False, failure.words, fix)
    return CheckResult("token", None, failure.words, "look again later; nothing was posted")


def check_channel(destination: str, place: ChannelPermissions | DiscordFailure, poll: bool) -> CheckResult:
    """Whether the bot may do all it needs in a channel, polls included where they are wanted."""
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
