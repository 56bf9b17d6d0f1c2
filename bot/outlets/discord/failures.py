"""Turns a failed call into an outcome. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.outlets.discord.rest_client import DiscordFailure
from bot.outlets.types import AccountRefused, Outcome, OutcomeUnknown, Refused, RetryLater

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
