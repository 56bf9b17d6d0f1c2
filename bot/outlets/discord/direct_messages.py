"""Direct messages to members, sent by the same bot and in the same way as posts to channels. A destination is a random
key; its account is looked up when the message is sent, so that a deleted member gets none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from bot.outlets.discord.outlet import DiscordOutlet
from bot.outlets.types import Found, LookupInconclusive, Outcome, Part, Refused, RetryLater, Sent
from bot.records import CheckResult


class DirectMessageOutlet:
    """The bot's direct messages; closing it does not close the bot."""

    def __init__(self, discord: DiscordOutlet, account: Callable[[str], str | None]) -> None:
        self._discord, self._account = discord, account

    def post(self, part: Part, destination: str) -> Outcome:
        channel = self._direct_channel(destination)
        return self._discord.post(part, channel) if isinstance(channel, str) else channel

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        channel = self._direct_channel(destination)
        return self._discord.edit(part, channel, platform_id) if isinstance(channel, str) else channel

    def find(self, part: Part, destination: str) -> Found:
        channel = self._direct_channel(destination)
        if isinstance(channel, str):
            return self._discord.find(part, channel)
        assert not isinstance(channel, Sent)
        return LookupInconclusive(channel.reason, channel.not_before if isinstance(channel, RetryLater) else None)

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        return self._discord.check(polled)

    def platform_time(self) -> datetime | None:
        return self._discord.platform_time()

    def clock_offset(self) -> timedelta | None:
        return self._discord.clock_offset()

    def close(self) -> None:
        pass

    def _direct_channel(self, destination: str) -> str | Outcome:
        account = self._account(destination)
        return self._discord.direct_channel(account) if account else Refused("this member has no watches any more")
