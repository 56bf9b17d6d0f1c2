"""The Discord outlet: posts, looks back, edits, crossposts, reads polls and checks permissions, as a bot."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot import config
from bot.outlets.discord import failures, message
from bot.outlets.discord import message as calls
from bot.outlets.discord.bulk_send import send_concurrently
from bot.outlets.discord.failures import (
    ALREADY_CROSSPOSTED,
    PAUSE,
    UNKNOWN_MESSAGE,
    WRONG_CHANNEL_TYPE,
    failure_outcome,
)
from bot.outlets.discord.permissions import HISTORY, ChannelPermissions, PermissionCache
from bot.outlets.discord.rest_client import DiscordFailure, DiscordRestClient
from bot.outlets.discord.settings import DiscordSettings
from bot.outlets.types import (
    Found,
    Job,
    LookupInconclusive,
    NotFound,
    Outcome,
    Part,
    Refused,
    RetryLater,
    Sent,
    Votes,
    clock_check,
    redact_reason,
)
from bot.records import CheckResult

if TYPE_CHECKING:
    import discord

SETTLE = timedelta(minutes=1)
"""History shows a message as soon as it is accepted; the minute is for a request that is still under way. It is shorter
than the "past few minutes" of the nonce (resources/message, Create Message, `enforce_nonce`)."""
LONGEST_AWAY = timedelta(days=1)
OUT_OF_REACH = timedelta(hours=6)
"""Time between two look-backs into a channel that could not be read."""

log = logging.getLogger(__name__)


_ID = re.compile(r"[0-9]{1,20}")
_GUILD = re.compile(r"/channels/([0-9]{1,20})/")


def _id_refusal(*ids: str) -> Refused | None:
    """Why these ids cannot be used."""
    wrong = [redact_reason(repr(text)) for text in ids if not _ID.fullmatch(text)]
    return Refused(f"discord: found {', '.join(wrong)}, wanted the number of a channel or message") if wrong else None


def cost(part: Part) -> Decimal:
    """US dollars: Discord is free."""
    return Decimal(0)


def make_outlet(
    settings: config.OutletConfig, output_folder: Path, secrets: Mapping[str, SecretStr], clock: Callable[[], datetime]
) -> DiscordOutlet:
    """Discord with a bot's token. Sends no request yet."""
    assert isinstance(settings, DiscordSettings)
    token = secrets["DISCORD_TOKEN"]
    return DiscordOutlet(settings, DiscordRestClient(settings.api, token), token, clock)


class DiscordOutlet:
    """The bot, ready to post. Its session opens at the first request and stays open until `close`."""

    def __init__(
        self, settings: DiscordSettings, wire: DiscordRestClient, token: SecretStr, clock: Callable[[], datetime]
    ) -> None:
        self._settings, self._wire, self._token, self._clock = settings, wire, token, clock
        self._places = PermissionCache(wire, token)
        self._away: RetryLater | None = None
        """The outcome of everything while Discord refuses our requests."""
        self._time_asked: datetime | None = None
        """When a request for the time last failed."""

    def post(self, part: Part, destination: str) -> Outcome:
        """Send one part to one channel, once; its permissions are checked first. In an announcement channel, the
        message is then crossposted; it is out even if that fails (see `crosspost`)."""
        return (
            self._part_refusal(part, destination)
            or self._wire.submit_work(self._send_part(part, destination, "")).result()
        )

    def post_many(self, jobs: Iterable[Job], seen: Mapping[str, str] | None = None) -> Iterator[tuple[str, Outcome]]:
        """Send parts to many channels at the rate that Discord allows; yields each part's marker and outcome when done.

        `jobs` is consumed in this thread and only when a job can start, so that it can be claimed then. `seen` links to
        an earlier message in a channel: its permissions are not checked again, which takes one request instead of up to
        four. Once the account is refused or must wait, the remaining jobs get the same outcome unsent."""
        guilds = {channel: match[1] for channel, link in (seen or {}).items() if (match := _GUILD.search(link))}

        def begin_send(part: Part, destination: str) -> Outcome | Future[Outcome]:
            refused = self._part_refusal(part, destination)
            return refused or self._wire.submit_work(self._send_part(part, destination, guilds.get(destination, "")))

        return send_concurrently(jobs, begin_send)

    def crosspost(self, destination: str, platform_id: str) -> Outcome:
        """Crosspost a message in an announcement channel to its followers. May be repeated: a message that is already
        crossposted counts as `Sent`. Discord allows few per hour; `RetryLater` never means to send again."""
        wrong = _id_refusal(destination, platform_id)
        return wrong or self._wire.submit_work(self._crosspost_message(destination, platform_id)).result()

    def find(self, part: Part, destination: str) -> Found:
        """Search the channel's history for the part."""
        if wrong := _id_refusal(destination):
            return LookupInconclusive(wrong.reason, None)
        return self._wire.submit_work(self._find_part(part, destination)).result()

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Replace a message with a part. Its pictures replace the old ones; without pictures, the old ones stay."""
        if part.poll is not None:
            return Refused(f"discord channel {destination}: a poll cannot be edited")
        wrong = self._part_refusal(part, destination, platform_id)
        return wrong or self._wire.submit_work(self._edit_part(part, destination, platform_id)).result()

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        """The votes of a poll. Counts before its end are approximate."""
        if wrong := _id_refusal(destination, platform_id):
            return LookupInconclusive(wrong.reason, None)
        return self._wire.submit_work(self._read_votes(destination, platform_id)).result()

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """The token, and the permissions in each configured channel; Send Polls only in those `polled`."""
        return self._wire.submit_work(self._check_account(polled)).result()

    def direct_channel(self, account: str) -> str | Outcome:
        """The channel of a member's direct messages, or why there is none. Sends no message."""
        return _id_refusal(account) or self._wire.submit_work(self._open_direct(account)).result()

    def platform_time(self) -> datetime | None:
        """Discord's own time, from the login, which every other request needs as well."""
        now = self._clock()
        recent = self._time_asked is not None and self._time_asked <= now < self._time_asked + PAUSE
        if self._wire.time.now() is None and not recent and not self._waiting():
            trouble = self._wire.submit_work(self._wire.call_api(_nothing)).result()
            if isinstance(trouble, DiscordFailure):
                self._time_asked = now
                self._failure_outcome(trouble, "any")
        return self._wire.time.now()

    def clock_offset(self) -> timedelta | None:
        return self._wire.time.offset(self._clock())

    def close(self) -> None:
        """End the session."""
        self._wire.close()

    async def _send_part(self, part: Part, destination: str, guild: str) -> Outcome:
        if away := self._waiting():
            return away
        news = False
        if not guild:
            place = await self._find_channel(destination)
            if not isinstance(place, ChannelPermissions):
                return place
            if lack := place.missing_permissions(part.poll is not None):
                return Refused(lack)
            guild, news = place.guild, place.news
        answer = await self._wire.call_api(lambda client: calls.send_message(client, part, int(destination)))
        if isinstance(answer, DiscordFailure):
            return await self._send_failure(answer, destination, part)
        sent = Sent(answer, _message_url(guild, destination, answer))
        return await self._crosspost_sent(destination, sent) if news else sent

    async def _send_failure(self, trouble: DiscordFailure, destination: str, part: Part) -> Outcome:
        """The outcome of a failed send, with the missing permission."""
        outcome = self._failure_outcome(trouble, destination)
        if not isinstance(outcome, Refused) or outcome.gone:
            return outcome
        if trouble.code == UNKNOWN_MESSAGE:
            return Refused(f"discord channel {destination}: it was posted and then deleted there; not posted again")
        if trouble.status == 403:
            self._places.clear_cache()
            place = await self._places.permissions_in(destination)
            if isinstance(place, ChannelPermissions) and (lack := place.missing_permissions(part.poll is not None)):
                return Refused(lack)
        return outcome

    async def _crosspost_sent(self, destination: str, sent: Sent) -> Sent:
        """The outcome of a message in an announcement channel after its crosspost."""
        if not self._settings.crosspost:
            return replace(sent, passed=False)
        outcome = await self._crosspost_message(destination, sent.platform_id)
        if isinstance(outcome, Sent):
            return replace(sent, passed=True)
        log.warning("posted, but not crossposted: %s: %s", sent.url, outcome.reason)
        if isinstance(outcome, Refused):
            return replace(sent, passed=False)
        again = outcome.not_before if isinstance(outcome, RetryLater) else self._clock() + 15 * PAUSE
        return replace(sent, passed=False, pass_at=again)

    def _waiting(self) -> RetryLater | None:
        """The outcome of everything until Discord accepts our requests again; at most a day."""
        now, away = self._clock(), self._away
        return away if away and now < away.not_before <= now + LONGEST_AWAY else None

    async def _find_channel(self, destination: str) -> ChannelPermissions | Outcome:
        """A channel with the bot's permissions, or the outcome of any attempt there."""
        if away := self._waiting():
            return away
        place = await self._places.permissions_in(destination)
        return self._failure_outcome(place, destination) if isinstance(place, DiscordFailure) else place

    async def _crosspost_message(self, destination: str, platform_id: str) -> Outcome:
        place = await self._find_channel(destination)
        if not isinstance(place, ChannelPermissions):
            return place
        sent = Sent(platform_id, _message_url(place.guild, destination, platform_id), passed=True)
        answer = await self._wire.call_api(
            lambda client: client.http.publish_message(int(destination), int(platform_id))
        )
        if not isinstance(answer, DiscordFailure) or answer.code == ALREADY_CROSSPOSTED:
            return sent
        if answer.code == WRONG_CHANNEL_TYPE:
            return Refused(f"discord channel {destination}: not an announcement channel")
        return self._failure_outcome(answer, destination)

    async def _find_part(self, part: Part, destination: str) -> Found:
        place = await self._find_channel(destination)
        if not isinstance(place, ChannelPermissions):
            return self._cannot_tell(place)
        if HISTORY not in place.granted:  # Discord then shows an empty history, not an error
            return LookupInconclusive(place.describe_missing([HISTORY]), self._clock() + 15 * PAUSE)
        match = await self._wire.call_api(lambda client: calls.find_message(client, part, int(destination)))
        if isinstance(match, DiscordFailure):
            return self._cannot_tell(self._failure_outcome(match, destination))
        if isinstance(match, bool):
            last = f"not among its last {calls.LOOK_BACK} messages; there are older ones"
            whole = f"discord channel {destination}: {last}"
            return NotFound() if match else LookupInconclusive(whole, None)
        posted = message.posted_at(match)
        age = max(timedelta(), (self._wire.time.now() or posted) - posted)
        sent = Sent(match, _message_url(place.guild, destination, match), age=age)
        return await self._crosspost_sent(destination, sent) if place.news else sent

    async def _edit_part(self, part: Part, destination: str, platform_id: str) -> Outcome:
        place = await self._find_channel(destination)
        if not isinstance(place, ChannelPermissions):
            return place
        answer = await self._wire.call_api(
            lambda client: calls.edit_message(client, part, int(destination), int(platform_id))
        )
        if isinstance(answer, DiscordFailure):
            return self._failure_outcome(answer, destination)
        sent = Sent(platform_id, _message_url(place.guild, destination, platform_id))
        return replace(sent, passed=True) if place.news else sent  # an edit reaches crossposts automatically

    async def _read_votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        if away := self._waiting():
            return self._cannot_tell(away)
        answer = await self._wire.call_api(lambda client: calls.read_votes(client, int(destination), int(platform_id)))
        if isinstance(answer, DiscordFailure):
            return self._cannot_tell(self._failure_outcome(answer, destination))
        if answer is None:  # resources/poll: absent means unknown, not zero
            reason = f"discord channel {destination}: message {platform_id} shows no poll results"
            return LookupInconclusive(reason, self._clock() + 15 * PAUSE)
        return answer

    async def _open_direct(self, account: str) -> str | Outcome:
        if away := self._waiting():
            return away
        opened = await self._wire.call_api(lambda client: client.http.start_private_message(account))
        if not isinstance(opened, DiscordFailure):
            return str(opened["id"])
        return self._failure_outcome(replace(opened, doubt=False), "of direct messages")

    async def _check_account(self, polled: Collection[str]) -> list[CheckResult]:
        if away := self._waiting():
            return [CheckResult("token", None, away.reason, f"look again after {away.not_before:%d %b %H:%M} UTC")]
        me = await self._wire.call_api(lambda client: client.application_info())
        if isinstance(me, DiscordFailure):
            return [failures.refused_token(me)]
        self._places.clear_cache()
        name = redact_reason(me.name, [self._token])
        return [
            CheckResult("token", True, f"accepted; the bot is {name}"),
            clock_check("discord clock", "Discord", self.clock_offset()),
            *[
                failures.check_channel(channel, await self._places.permissions_in(channel), channel in polled)
                for channel in self._settings.destinations
            ],
        ]

    def _part_refusal(self, part: Part, *ids: str) -> Refused | None:
        wrong = message.find_mistakes(part)
        return Refused(f"discord: {'; '.join(wrong)}") if wrong else _id_refusal(*ids)

    def _failure_outcome(self, trouble: DiscordFailure, destination: str) -> Outcome:
        outcome = failure_outcome(trouble, destination, self._clock())
        if isinstance(outcome, RetryLater) and trouble.wait is not None and trouble.everywhere:
            self._away = outcome
        return outcome

    def _cannot_tell(self, outcome: Outcome) -> LookupInconclusive:
        assert not isinstance(outcome, Sent)
        if isinstance(outcome, RetryLater):
            return LookupInconclusive(outcome.reason, outcome.not_before)
        if isinstance(outcome, Refused):  # an unreachable channel may be reachable again later
            return LookupInconclusive(outcome.reason, self._clock() + OUT_OF_REACH if outcome.gone else None)
        return LookupInconclusive(outcome.reason, self._clock() + 15 * PAUSE)


async def _nothing(client: discord.Client) -> None:
    """A request that only needs a session."""


def _message_url(guild: str, channel: str, message_id: str) -> str:
    return f"https://discord.com/channels/{guild}/{channel}/{message_id}"
