"""The Discord outlet: discord.py's real client against the local Discord, and once against simcord's."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import discord as library
import pytest
import simcord
from pydantic import ValidationError

from bot.outlets import (
    AccountRefused,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Part,
    Refused,
    RetryLater,
    Sent,
    Votes,
    discord,
    part_marker,
)
from bot.outlets.discord import message
from bot.outlets.discord import message as calls
from bot.outlets.discord.failures import PAUSE
from bot.outlets.discord.outlet import OUT_OF_REACH
from bot.records import Picture, Poll
from tests.outlets.rig_discord import CHANNEL, FAULTS, PNG, hurried, outlet, part
from tests.patience import PATIENCE
from tests.peers import discord_api as api
from tests.peers.discord_api import CREATE, DiscordPeer, Fault, error, rate_limited
from tests.peers.discord_rules import ALLOWED, FILES, unwritten
from tests.peers.openapi import Recorded, judged

OTHER, NEWS = "200000000000000002", "200000000000000003"
NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
NEVER = timedelta(days=9999)


@pytest.fixture
def peer() -> Iterator[DiscordPeer]:
    """A Discord with one server: a channel, another one and an announcement channel."""
    with hurried(), DiscordPeer(bucket=(1000, 1.0)) as discord_peer:
        discord_peer.channel(int(CHANNEL))
        discord_peer.channel(int(OTHER))
        discord_peer.channel(int(NEWS), type=api.NEWS)
        yield discord_peer


@pytest.fixture
def bot(peer: DiscordPeer) -> Iterator[discord.DiscordOutlet]:
    bot = outlet(peer, clock=lambda: NOW)
    yield bot
    bot.close()


def sent_id(outcome: object) -> str:
    assert isinstance(outcome, Sent), outcome
    return outcome.platform_id


def posts(peer: DiscordPeer) -> list[Recorded]:
    return [r for r in peer.requests if r.method == "POST" and r.path.endswith("/messages")]


# --- what is sent ----------------------------------------------------------------------------------------------


def test_a_part_becomes_an_embed_with_its_card_and_alt_text(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    outcome = bot.post(part("929 of 3,778 models were used."), CHANNEL)
    (kept,) = peer.messages
    assert outcome == Sent(kept["id"], f"https://discord.com/channels/100/{CHANNEL}/{kept['id']}")
    assert kept["embeds"][0]["description"] == "929 of 3,778 models were used."
    assert kept["attachments"][0]["description"] == "Runs a day, rising." and kept["files"] == [len(PNG)]
    assert kept["sent_mentions"] == {"parse": []}
    assert kept["sent_nonce"] == part("929 of 3,778 models were used.").marker


def test_the_token_goes_to_discord_and_nowhere_else(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    bot.post(part("a"), CHANNEL)
    assert {r.headers["Authorization"] for r in peer.requests} == {f"Bot {api.TOKEN}"}
    assert not [r for r in peer.requests if api.TOKEN.encode() in r.body or api.TOKEN in r.target]


def test_one_session_serves_all_posts(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    for text in ("a", "b", "c"):
        bot.post(part(text), CHANNEL)
    assert [r.path for r in peer.requests].count("/users/@me") == 1
    assert len(peer.requests) == 2 + 3 + 3, "two to log in, three to see the permissions, one a post"


def test_several_threads_may_post_at_once(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: bot.post(part(f"part {n}"), CHANNEL), range(16)))
    assert all(isinstance(outcome, Sent) for outcome in outcomes) and len(peer.messages) == 16


def test_an_outlet_never_used_closes(peer: DiscordPeer) -> None:
    outlet(peer).close()
    assert peer.requests == []


# --- exactly once ----------------------------------------------------------------------------------------------

OUTCOMES: dict[str, tuple[type, int]] = {
    "401": (AccountRefused, 0),
    "400": (Refused, 0),
    "413": (Refused, 0),
    "403 missing access": (Refused, 0),
    "403 missing permissions": (Refused, 0),
    "403 HTML": (Refused, 0),
    "404 unknown channel": (Refused, 0),
    "404 unknown message": (Refused, 0),
    "429 short": (Sent, 1),
    "429 short, three times": (Sent, 1),
    "429 long": (RetryLater, 0),
    "429 short, everywhere": (Sent, 1),
    "429 long, everywhere": (RetryLater, 0),
    "429 without Via": (RetryLater, 0),
    "429 HTML": (RetryLater, 0),
    "429 that tells no time": (RetryLater, 0),
    "500 once": (Sent, 1),
    "500 once, accepted": (Sent, 1),
    "500 for ever": (OutcomeUnknown, 0),
    "500 for ever, accepted": (OutcomeUnknown, 1),
    "500 accepted, then 403": (OutcomeUnknown, 1),
    "500, then 403": (OutcomeUnknown, 0),
    "500 accepted, then a long 429": (OutcomeUnknown, 1),
    "502 HTML once, accepted": (Sent, 1),
    "503": (OutcomeUnknown, 0),
    "503 accepted": (OutcomeUnknown, 1),
    "504 for ever, accepted": (OutcomeUnknown, 1),
    "no answer": (OutcomeUnknown, 0),
    "no answer, accepted": (OutcomeUnknown, 1),
    "dropped": (OutcomeUnknown, 0),
    "dropped, accepted": (OutcomeUnknown, 1),
    "slow": (Sent, 1),
    "malformed JSON": (OutcomeUnknown, 1),
    "JSON of another shape": (OutcomeUnknown, 1),
    "HTML for JSON": (OutcomeUnknown, 1),
    "an answer too large": (OutcomeUnknown, 1),
    "an answer of no declared length that never ends": (OutcomeUnknown, 1),
    "a gzip bomb": (OutcomeUnknown, 1),
    "a redirect elsewhere": (OutcomeUnknown, 0),
    "a redirect elsewhere, accepted": (OutcomeUnknown, 1),
    "a redirect here": (OutcomeUnknown, 0),
}


def test_every_fault_has_an_expected_outcome() -> None:
    assert set(OUTCOMES) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_outcome_and_never_leads_to_two_posts(peer: DiscordPeer, fault: str) -> None:
    hour = iter(range(100))
    bot = outlet(peer, clock=lambda: NOW + timedelta(hours=next(hour)))
    kind, accepted = OUTCOMES[fault]
    peer.fail(*FAULTS[fault])
    outcome = bot.post(part("x"), CHANNEL)
    assert (type(outcome), len(peer.messages)) == (kind, accepted), outcome
    assert peer.armed == []
    result = bot.find(part("x"), CHANNEL)
    assert isinstance(result, Sent if accepted else NotFound), result
    if not accepted:
        assert isinstance(bot.post(part("x"), CHANNEL), Sent)
    assert len(peer.messages) == 1
    assert api.TOKEN not in f"{outcome!r} {result!r} {bot!r} {vars(bot)!r}"
    bot.close()


def test_later_waits_as_long_as_discord_says(peer: DiscordPeer) -> None:
    for fault, seconds in ((rate_limited(1800), 1800), (rate_limited(5, via=False), 5), (FAULTS["429 HTML"][0], 600)):
        bot = outlet(peer, clock=lambda: NOW)
        peer.fail(fault)
        outcome = bot.post(part("x"), CHANNEL)
        assert isinstance(outcome, RetryLater) and outcome.not_before == NOW + timedelta(seconds=seconds), outcome
        bot.close()


def test_a_repetition_within_minutes_is_answered_with_the_message_that_is_there(
    peer: DiscordPeer, bot: discord.DiscordOutlet
) -> None:
    assert bot.post(part("x"), CHANNEL) == bot.post(part("x"), CHANNEL)
    assert len(peer.messages) == 1


def test_a_message_that_was_deleted_is_not_posted_again(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    peer.delete(sent_id(bot.post(part("x"), CHANNEL)))
    outcome = bot.post(part("x"), CHANNEL)
    assert isinstance(outcome, Refused) and "deleted" in outcome.reason


@pytest.mark.parametrize("address", ["refused", "dead"])
def test_where_nobody_answers_nothing_was_sent(address: str) -> None:
    with api.closed_port() as url:
        bot = outlet(url if address == "refused" else "http://[::1]:9/api/v10", clock=lambda: NOW)
        outcome = bot.post(part("x"), CHANNEL)
        bot.close()
    assert isinstance(outcome, RetryLater) and outcome.not_before > NOW and "nothing was sent" in outcome.reason


@pytest.mark.parametrize("route", [api.ME, "GET /channels/{}", "GET /guilds/{}", "GET /guilds/{}/members/{}"])
@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ((error(401, 0, "401: Unauthorized"),), AccountRefused),
        ((Fault(503, api.HTML, content_type="text/html"),), RetryLater),
        ((Fault(500, {"message": "broken"}),) * 5, RetryLater),
        ((Fault(drop=True),) * 2, RetryLater),
        ((Fault(hang=True),), RetryLater),
        ((Fault(200, "[1"),), RetryLater),
        ((Fault(200, [1, 2]),), RetryLater),
        ((rate_limited(1800),), RetryLater),
        ((rate_limited(1800, via=False),), RetryLater),
    ],
)
def test_what_fails_before_sending_leaves_no_doubt(
    peer: DiscordPeer, bot: discord.DiscordOutlet, route: str, faults: tuple[Fault, ...], kind: type
) -> None:
    peer.fail(*faults, on=route)
    outcome = bot.post(part("x"), CHANNEL)
    assert isinstance(outcome, kind) and posts(peer) == [], outcome


ROUTES = [CREATE, api.HISTORY, api.ME, "GET /channels/{}"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_said_to_another_address(
    peer: DiscordPeer, bot: discord.DiscordOutlet, route: str, status: int
) -> None:
    with DiscordPeer() as elsewhere:
        elsewhere.channel(int(CHANNEL))
        peer.fail(Fault(status, "", {"Location": f"{elsewhere.url}/channels/{CHANNEL}/messages"}), on=route, times=2)
        outcome = bot.find(part("x"), CHANNEL) if route == api.HISTORY else bot.post(part("x"), CHANNEL)
        assert elsewhere.requests == []
    assert not isinstance(outcome, Sent | NotFound) and "redirect" in outcome.reason
    assert isinstance(outcome, OutcomeUnknown) is (route == CREATE), "it may have been taken in before"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("fault", ["an answer of no declared length that never ends", "a gzip bomb"])
def test_an_answer_is_read_up_to_a_limit_whatever_it_declares(
    peer: DiscordPeer, bot: discord.DiscordOutlet, route: str, fault: str
) -> None:
    peer.fail(*(dataclasses.replace(fault, after=False) for fault in FAULTS[fault]), on=route)
    tracemalloc.start()
    outcome = bot.find(part("x"), CHANNEL) if route == api.HISTORY else bot.post(part("x"), CHANNEL)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not isinstance(outcome, Sent | NotFound) and "bytes, not read" in outcome.reason
    assert highest < 120_000_000, "all of it is 200 MB as bytes, and as much again as text"
    assert peer.streamed < 50_000_000


def test_after_a_ban_nothing_is_asked_until_it_is_over(peer: DiscordPeer) -> None:
    now = [NOW]
    bot = outlet(peer, clock=lambda: now[0])
    peer.fail(rate_limited(300, via=False))
    first = bot.post(part("x"), CHANNEL)
    request_count = len(peer.requests)
    assert bot.post(part("y"), OTHER) == first and len(peer.requests) == request_count
    now[0] += timedelta(seconds=301)
    assert isinstance(bot.post(part("y"), OTHER), Sent)
    bot.close()


# --- looking back ----------------------------------------------------------------------------------------------


def kinds() -> dict[str, Part]:
    poll = Poll("Which grows in week 47?", ("Replicate", "OpenGradient"), timedelta(days=2))
    return {
        "an embed": part("x"),
        "text": Part("Week 47, part 2.", part_marker("text")),
        "a poll": Part("", part_marker("poll"), poll=poll),
        "a poll with text": Part("A poll.", part_marker("poll 2"), poll=poll),
    }


@pytest.mark.parametrize("kind", kinds())
def test_a_part_that_is_out_is_found_long_after(peer: DiscordPeer, bot: discord.DiscordOutlet, kind: str) -> None:
    wanted = kinds()[kind]
    assert bot.find(wanted, CHANNEL) == NotFound()
    sent = bot.post(wanted, CHANNEL)
    for n in range(150):
        peer.messages.append({**peer.messages[0], "id": str(int(sent_id(sent)) + n + 1), "embeds": [], "content": "hi"})
        peer.messages[-1].pop("poll", None)
    assert bot.find(wanted, CHANNEL) == sent


def test_what_somebody_else_wrote_is_not_ours(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    bot.post(part("x"), CHANNEL)
    peer.messages[0]["author"] = {**peer.messages[0]["author"], "id": "5"}
    assert bot.find(part("x"), CHANNEL) == NotFound()


def test_another_edition_is_not_this_one(bot: discord.DiscordOutlet, peer: DiscordPeer) -> None:
    bot.post(part("x"), CHANNEL)
    assert bot.find(dataclasses.replace(part("x"), marker=part_marker("edition 2")), CHANNEL) == NotFound()


def test_without_reading_the_history_nobody_can_tell(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    bot.post(part("x"), CHANNEL)
    peer.channels[int(OTHER)].overwrites = [{"id": "100", "type": 0, "allow": "0", "deny": str(api.READ_HISTORY)}]
    outcome = bot.find(part("x"), OTHER)
    assert (
        isinstance(outcome, LookupInconclusive) and "Read Message History" in outcome.reason and OTHER in outcome.reason
    )


def fill(peer: DiscordPeer, count: int, at: datetime) -> None:
    """So many messages of others, one per second from an instant."""
    first = (int(at.timestamp() * 1000) - api.DISCORD_EPOCH_MS) << 22
    like = {**peer.messages[0], "embeds": [], "author": {**peer.messages[0]["author"], "id": "5"}}
    peer.messages += [{**like, "id": str(first + (n * 1000 << 22))} for n in range(count)]


def test_a_busy_channel_is_read_back_to_when_the_post_could_have_been_made(
    peer: DiscordPeer, bot: discord.DiscordOutlet
) -> None:
    bot.post(part("x"), CHANNEL)
    fill(peer, calls.LOOK_BACK, datetime(2030, 1, 1, tzinfo=UTC))
    unbounded = dataclasses.replace(part("y"))
    outcome = bot.find(unbounded, CHANNEL)
    assert isinstance(outcome, LookupInconclusive) and outcome.retry_at is None, (
        "it is not known what stands before those"
    )
    assert (
        bot.find(dataclasses.replace(unbounded, since=datetime(2030, 1, 1, 0, 10, tzinfo=UTC)), CHANNEL) == NotFound()
    )


@pytest.mark.parametrize("ahead", [timedelta(minutes=minutes) for minutes in (-360, -6, 0, 6, 360)])
@pytest.mark.parametrize("kind", kinds())
def test_what_is_out_is_found_whatever_this_machines_clock_says(peer: DiscordPeer, ahead: timedelta, kind: str) -> None:
    peer.offset, peer.nonce_window = -ahead, 0.0
    bot = outlet(peer)
    wanted = dataclasses.replace(kinds()[kind], since=bot.platform_time())
    peer.fail(Fault(drop=True, after=True))
    assert isinstance(bot.post(wanted, CHANNEL), OutcomeUnknown)
    outcome = bot.find(wanted, CHANNEL)
    assert isinstance(outcome, Sent) and outcome.platform_id == peer.messages[0]["id"]
    assert timedelta() <= outcome.age < timedelta(minutes=1)
    assert abs((bot.clock_offset() or NEVER) - ahead) < timedelta(minutes=1)
    bot.close()


def test_what_was_said_before_the_part_was_due_is_not_the_part(peer: DiscordPeer) -> None:
    peer.offset = timedelta(minutes=-6)
    bot = outlet(peer)
    text = Part("The same words.", part_marker("text"))
    bot.post(text, CHANNEL)
    peer.offset += timedelta(minutes=5)
    assert bot.check()[0].ok, "an answer that bears the time"
    later = dataclasses.replace(text, since=bot.platform_time())
    assert bot.find(later, CHANNEL) == NotFound()
    bot.close()


def test_the_time_there_is_asked_for_by_logging_in_and_not_where_discord_wants_none_of_us(peer: DiscordPeer) -> None:
    bot = outlet(peer)
    assert bot.clock_offset() is None
    peer.fail(rate_limited(300, via=False), on=api.ME)
    assert isinstance(bot.post(part("x"), CHANNEL), RetryLater)
    request_count = len(peer.requests)
    bot.platform_time()
    assert len(peer.requests) == request_count
    bot.close()


def test_a_wait_that_was_told_where_the_time_was_asked_for_holds_for_the_post_too(peer: DiscordPeer) -> None:
    bot = outlet(peer)
    peer.fail(rate_limited(300, via=False), on=api.ME)
    assert bot.platform_time() is not None, "the refusal bears the time"
    request_count = len(peer.requests)
    assert isinstance(bot.post(part("x"), CHANNEL), RetryLater) and len(peer.requests) == request_count
    bot.close()


def test_the_time_that_was_not_told_is_not_asked_for_again_at_once(peer: DiscordPeer) -> None:
    now = [NOW]
    bot = outlet(peer, clock=lambda: now[0])
    peer.fail(Fault(drop=True), on=api.ME, times=40)
    assert bot.platform_time() is None
    request_count = len(peer.requests)
    assert bot.platform_time() is None and len(peer.requests) == request_count
    peer.armed.clear()
    now[0] += PAUSE
    assert bot.platform_time() is not None
    bot.close()


@pytest.mark.parametrize("text", ["Tom &amp; Jerry", "q&notes &copy", "  blanks  \n", "Cafe\u0301", "**bold** <@1>"])
def test_words_are_found_as_they_were_sent(peer: DiscordPeer, bot: discord.DiscordOutlet, text: str) -> None:
    wanted = Part(text, part_marker(text))
    sent = bot.post(wanted, CHANNEL)
    assert bot.find(wanted, CHANNEL) == sent
    polled = Part("", part_marker("poll"), poll=Poll(text, ("A", "B"), timedelta(days=2)))
    sent = bot.post(polled, CHANNEL)
    peer.messages[-1]["poll"]["question"]["text"] = text.strip()
    assert bot.find(polled, CHANNEL) == sent


@pytest.mark.parametrize(("minutes", "ok"), [(0, True), (6, False), (-6, False)])
def test_doctor_says_how_far_the_clocks_are_apart(peer: DiscordPeer, minutes: int, ok: bool) -> None:
    peer.offset = timedelta(minutes=minutes)
    bot = outlet(peer)
    (clock,) = [check_result for check_result in bot.check() if check_result.name == "discord clock"]
    assert clock.ok is ok and "Discord's" in clock.text
    bot.close()


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (error(404, 10003, "Unknown Channel"), NOW + OUT_OF_REACH),
        (error(403, 50013, "Missing Permissions"), None),
        (error(401, 0, "401: Unauthorized"), NOW + timedelta(minutes=15)),
        (rate_limited(1800), NOW + timedelta(minutes=30)),
        (Fault(503, "no"), NOW + timedelta(minutes=1)),
        (Fault(200, "[1"), NOW + timedelta(minutes=1)),
    ],
)
def test_a_look_back_that_fails_is_no_proof(
    peer: DiscordPeer, bot: discord.DiscordOutlet, fault: Fault, again: datetime | None
) -> None:
    peer.fail(fault, on=api.HISTORY)
    outcome = bot.find(part("x"), CHANNEL)
    assert isinstance(outcome, LookupInconclusive) and outcome.retry_at == again, outcome


# --- permissions -----------------------------------------------------------------------------------------------

DENIED = {
    "View Channel": api.VIEW_CHANNEL,
    "Send Messages": api.SEND_MESSAGES,
    "Embed Links": api.EMBED_LINKS,
    "Attach Files": api.ATTACH_FILES,
    "Read Message History": api.READ_HISTORY,
    "Send Polls": api.SEND_POLLS,
}


@pytest.mark.parametrize("name", [name for name in DENIED if name not in ("View Channel", "Send Polls")])
def test_a_missing_permission_is_named_before_anything_is_sent(
    peer: DiscordPeer, bot: discord.DiscordOutlet, name: str
) -> None:
    peer.channel(int(OTHER), deny=DENIED[name])
    outcome = bot.post(part("x"), OTHER)
    assert outcome == Refused(f"discord channel {OTHER} (#channel-{OTHER}): the bot lacks {name}")
    assert posts(peer) == []


def test_a_channel_that_may_not_be_viewed_is_refused(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    peer.channel(int(OTHER), deny=api.VIEW_CHANNEL)
    outcome = bot.post(part("x"), OTHER)
    assert isinstance(outcome, Refused) and outcome.gone
    assert OTHER in outcome.reason and "50001" in outcome.reason and "lacks View Channel" in outcome.reason


def test_polls_need_their_permission_and_others_do_not(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    peer.channel(int(OTHER), deny=api.SEND_POLLS)
    outcome = bot.post(kinds()["a poll"], OTHER)
    assert isinstance(outcome, Refused) and outcome.reason.endswith("lacks Send Polls")
    assert isinstance(bot.post(part("x"), OTHER), Sent)


@pytest.mark.parametrize(
    ("everyone", "role", "overwrites", "lacking"),
    [
        (0, api.ALL_NEEDED, [], ""),
        (0, api.ADMINISTRATOR, [(100, 0, 0, api.ALL_NEEDED)], ""),
        (api.ALL_NEEDED, 0, [(7, 0, 0, api.ATTACH_FILES)], "Attach Files"),
        (api.ALL_NEEDED, 0, [(100, 0, 0, api.EMBED_LINKS), (7, 0, api.EMBED_LINKS, 0)], ""),
        (api.ALL_NEEDED, 0, [(7, 0, api.EMBED_LINKS, 0), (api.BOT, 1, 0, api.EMBED_LINKS)], "Embed Links"),
        (api.ALL_NEEDED, 0, [(8, 0, 0, api.SEND_MESSAGES)], ""),
    ],
)
def test_roles_and_overwrites_count_as_discord_counts_them(
    peer: DiscordPeer, bot: discord.DiscordOutlet, everyone: int, role: int, overwrites: list[Any], lacking: str
) -> None:
    guild = peer.guild(permissions=everyone)
    guild.roles |= {7: role, 8: 0}
    guild.member_roles.append(7)
    rows = [{"id": str(i), "type": t, "allow": str(a), "deny": str(d)} for i, t, a, d in overwrites]
    peer.channels[int(CHANNEL)].overwrites = rows
    outcome = bot.post(part("x"), CHANNEL)
    if lacking:
        assert isinstance(outcome, Refused) and outcome.reason.endswith(lacking)
    else:
        assert isinstance(outcome, Sent), outcome


def test_a_permission_lost_since_it_was_seen_is_named(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    bot.post(part("x"), OTHER)
    peer.channel(int(OTHER), deny=api.ATTACH_FILES)
    outcome = bot.post(part("y"), OTHER)
    assert isinstance(outcome, Refused) and outcome.reason.endswith("lacks Attach Files")


@pytest.mark.parametrize(("kind", "text"), [(15, "forum"), (4, "category"), (16, "media")])
def test_a_channel_that_takes_no_messages_is_named(peer: DiscordPeer, kind: int, text: str) -> None:
    peer.channel(int(OTHER), type=kind)
    bot = outlet(peer, destinations=[OTHER])
    outcome = bot.post(part("x"), OTHER)
    assert isinstance(outcome, Refused) and f"is a {text}, which takes no messages" in outcome.reason
    seen = next(check for check in bot.check() if check.ok is False)
    assert seen.ok is False and text in seen.text and "text or announcement channel" in seen.fix
    assert posts(peer) == []
    bot.close()


def test_a_discord_that_wants_no_requests_gets_none_of_any_kind(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    sent = bot.post(part("x"), CHANNEL)
    assert isinstance(sent, Sent)
    peer.fail(rate_limited(3600, via=False))
    assert isinstance(bot.post(part("y"), CHANNEL), RetryLater)
    before = len(peer.requests)
    assert isinstance(bot.find(part("y"), CHANNEL), LookupInconclusive)
    assert isinstance(bot.edit(part("z"), CHANNEL, sent.platform_id), RetryLater)
    assert isinstance(bot.crosspost(CHANNEL, sent.platform_id), RetryLater)
    assert isinstance(bot.votes(CHANNEL, sent.platform_id), LookupInconclusive)
    assert isinstance(bot.direct_channel("1"), RetryLater) and bot.check()[0].ok is None
    assert len(peer.requests) == before


def test_check_says_of_each_channel_what_it_lacks(peer: DiscordPeer) -> None:
    peer.channel(int(OTHER), deny=api.EMBED_LINKS | api.SEND_POLLS)
    bot = outlet(peer, destinations=[CHANNEL, OTHER, "299999999999999999"])
    token, clock, good, lacking, gone = bot.check([OTHER])
    assert (token.ok, clock.ok, good.ok, lacking.ok, gone.ok) == (True, True, True, False, False)
    assert [check_result.place for check_result in (token, good, lacking, gone)] == [
        "",
        CHANNEL,
        OTHER,
        "299999999999999999",
    ]
    assert "Embed Links, Send Polls" in lacking.text and lacking.fix and gone.fix
    assert bot.check()[3].text.endswith("lacks Embed Links"), "no poll is ever sent there"
    assert posts(peer) == []
    bot.close()


def test_check_of_a_bad_token_names_the_cure_and_not_the_token(peer: DiscordPeer) -> None:
    bot = outlet(peer, token="not-the-token")
    (token,) = bot.check()
    assert token.ok is False and "DISCORD_TOKEN" in token.fix and "not-the-token" not in repr(token)
    bot.close()


# --- announcement channels -------------------------------------------------------------------------------------


def test_a_post_in_an_announcement_channel_is_passed_on_once(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    sent = bot.post(part("x"), NEWS)
    assert peer.crossposts == [sent_id(sent)]
    assert bot.crosspost(NEWS, sent_id(sent)) == sent, "40033: it was passed on already"
    assert bot.find(part("x"), NEWS) == sent and len(peer.crossposts) == 1


def test_nothing_is_passed_on_where_that_is_switched_off(peer: DiscordPeer) -> None:
    bot = outlet(peer, crosspost=False)
    assert isinstance(bot.post(part("x"), NEWS), Sent) and peer.crossposts == []
    bot.close()


@pytest.mark.parametrize(
    "fault",
    [
        rate_limited(3600),
        error(400, 40033, "This message has already been crossposted."),
        error(400, 50024, "no"),
        Fault(503, "no"),
        Fault(drop=True),
    ],
)
def test_a_post_stays_sent_whatever_becomes_of_passing_it_on(
    peer: DiscordPeer, bot: discord.DiscordOutlet, fault: Fault
) -> None:
    peer.fail(fault, on=api.CROSSPOST)
    assert isinstance(bot.post(part("x"), NEWS), Sent) and len(peer.messages) == 1


def test_what_could_not_be_passed_on_yet_is_passed_on_later_without_sending_again(
    peer: DiscordPeer, bot: discord.DiscordOutlet, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fail(rate_limited(3600), on=api.CROSSPOST, times=2)
    id = sent_id(bot.post(part("x"), NEWS))
    assert "not crossposted" in caplog.text and id in caplog.text
    outcome = bot.crosspost(NEWS, id)
    assert isinstance(outcome, RetryLater) and outcome.not_before == NOW + timedelta(hours=1)
    assert isinstance(bot.crosspost(NEWS, id), Sent) and peer.crossposts == [id] and len(posts(peer)) == 1
    assert isinstance(bot.crosspost(CHANNEL, sent_id(bot.post(part("y"), CHANNEL))), Refused)


# --- polls and corrections -------------------------------------------------------------------------------------


def test_a_poll_is_asked_and_its_votes_are_read_back(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    id = sent_id(bot.post(kinds()["a poll"], CHANNEL))
    assert peer.messages[0]["poll"]["duration"] == 48
    peer.vote(id, 3, closed=False)
    assert bot.votes(CHANNEL, id) == Votes((3, 0), final=False)
    peer.vote(id, 3, 4)
    assert bot.votes(CHANNEL, id) == Votes((3, 4), final=True)


def test_results_that_are_not_there_are_unknown_and_not_zero(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    id = sent_id(bot.post(kinds()["a poll"], CHANNEL))
    del peer.messages[0]["poll"]["results"]
    assert isinstance(bot.votes(CHANNEL, id), LookupInconclusive)
    assert isinstance(bot.votes(CHANNEL, sent_id(bot.post(part("x"), CHANNEL))), LookupInconclusive)
    assert isinstance(bot.votes(CHANNEL, "5"), LookupInconclusive)


def test_a_correction_replaces_the_words_and_keeps_the_card(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    id = sent_id(bot.post(part("930 models"), CHANNEL))
    corrected = dataclasses.replace(part("~~930~~ 929 models"), pictures=())
    assert sent_id(bot.edit(corrected, CHANNEL, id)) == id
    (kept,) = peer.messages
    assert kept["embeds"][0]["description"] == "~~930~~ 929 models" and kept["edited_timestamp"]
    assert [a["description"] for a in kept["attachments"]] == ["Runs a day, rising."]
    assert isinstance(bot.find(corrected, CHANNEL), Sent)


def test_a_correction_with_a_card_replaces_the_card(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    id = sent_id(bot.post(part("a"), CHANNEL))
    bot.edit(dataclasses.replace(part("b"), pictures=(Picture("new", PNG, "Corrected."),)), CHANNEL, id)
    assert [(a["filename"], a["description"]) for a in peer.messages[0]["attachments"]] == [("new.png", "Corrected.")]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (error(404, 10008, "Unknown Message"), Refused),
        (rate_limited(1200), RetryLater),
        (Fault(503, "no", after=True), OutcomeUnknown),
        (Fault(drop=True, after=True), OutcomeUnknown),
    ],
)
def test_an_edit_that_fails_says_how(peer: DiscordPeer, bot: discord.DiscordOutlet, fault: Fault, kind: type) -> None:
    id = sent_id(bot.post(part("a"), CHANNEL))
    peer.fail(fault, on=api.EDIT)
    assert isinstance(bot.edit(part("b"), CHANNEL, id), kind)
    assert isinstance(bot.edit(part("b"), CHANNEL, id), Sent), "the same edit may be made again"


def test_a_poll_cannot_be_edited(bot: discord.DiscordOutlet, peer: DiscordPeer) -> None:
    assert isinstance(bot.edit(kinds()["a poll"], CHANNEL, "1"), Refused) and peer.requests == []


@pytest.mark.parametrize("id", ["", "a", "1/../2", "-1", "1" * 21, "１"])
def test_what_is_no_number_of_discords_is_never_asked_for(
    peer: DiscordPeer, bot: discord.DiscordOutlet, id: str
) -> None:
    assert isinstance(bot.post(part("x"), id), Refused) and isinstance(bot.edit(part("x"), CHANNEL, id), Refused)
    assert isinstance(bot.crosspost(CHANNEL, id), Refused) and isinstance(bot.find(part("x"), id), LookupInconclusive)
    assert isinstance(bot.votes(CHANNEL, id), LookupInconclusive) and peer.requests == []


# --- limits ----------------------------------------------------------------------------------------------------

MARK = len(" · ") + len(message.footer_mark(part("x")))


def embedded(**embed: object) -> Part:
    return Part("", part_marker("limit"), embed=embed)


def asked(question: str = "Q?", answers: tuple[str, ...] = ("a", "b"), hours: float = 24) -> Part:
    return Part("", part_marker("limit"), poll=Poll(question, answers, timedelta(hours=hours)))


def pictured(size: int = 10, alt: str = "alt", count: int = 1) -> Part:
    return Part("x", part_marker("limit"), tuple(Picture(f"{n}.png", b"0" * size, alt) for n in range(count)))


def fields(count: int, name: int = 1, value: int = 1) -> list[dict[str, str]]:
    return [{"name": "n" * name, "value": "v" * value}] * count


LIMITS: dict[str, tuple[Callable[[int], Part], int]] = {
    "content": (lambda n: Part("x" * n, part_marker("limit")), 2000),
    "title": (lambda n: embedded(title="x" * n), 256),
    "description": (lambda n: embedded(description="x" * n), 4096),
    "footer": (lambda n: embedded(title="t", footer={"text": "x" * (n - MARK)}), 2048),
    "author": (lambda n: embedded(title="t", author={"name": "x" * n}), 256),
    "fields": (lambda n: embedded(fields=fields(n)), 25),
    "field name": (lambda n: embedded(fields=fields(1, name=n)), 256),
    "field value": (lambda n: embedded(fields=fields(1, value=n)), 1024),
    "embed total": (
        lambda n: embedded(description="x" * 4096, footer={"text": "x" * (n - 4096 - MARK)}),
        6000,
    ),
    "alt text": (lambda n: pictured(alt="x" * n), 1024),
    "files": (lambda n: pictured(count=n), 10),
    "file size": (lambda n: pictured(size=n), 10 * 2**20),
    "poll question": (lambda n: asked(question="x" * n), 300),
    "poll answer": (lambda n: asked(answers=("x" * n, "b")), 55),
    "poll answers": (lambda n: asked(answers=("a",) * n), 10),
    "poll hours": (lambda n: asked(hours=n), 768),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_discord_takes_a_part_at_its_limit_and_is_never_sent_one_above(
    peer: DiscordPeer, bot: discord.DiscordOutlet, limit: str
) -> None:
    result, most = LIMITS[limit]
    assert isinstance(bot.post(result(most), CHANNEL), Sent)
    outcome = bot.post(result(most + 1), CHANNEL)
    assert isinstance(outcome, Refused) and len(posts(peer)) == 1, outcome


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (Part(" ", part_marker("x")), "nothing to say"),
        (dataclasses.replace(asked(), embed={"title": "t"}), "beside an embed"),
        (asked(hours=1.5), "whole hours"),
        (asked(answers=()), "answers"),
        (asked(answers=("a", " ")), "empty"),
        (pictured(alt=" "), "no alt text"),
        (embedded(title="t", image={"url": "attachment://card.png"}), "no alt text"),
        (embedded(fields=[{"name": " ", "value": "v"}]), "empty name or value"),
        (pictured(size=9 * 2**20, count=3), "together"),
        (Part("x", "m" * 26), "marker"),
    ],
)
def test_what_discord_would_refuse_is_said_in_words_and_not_sent(
    peer: DiscordPeer, bot: discord.DiscordOutlet, wrong: Part, text: str
) -> None:
    outcome = bot.post(wrong, CHANNEL)
    assert isinstance(outcome, Refused) and text in outcome.reason and peer.requests == []


# --- many channels ---------------------------------------------------------------------------------------------


def jobs(destinations: Iterable[str]) -> list[tuple[Part, str]]:
    return [(dataclasses.replace(part("x"), marker=part_marker("x", d)), d) for d in destinations]


def landed(
    bot: discord.DiscordOutlet, channels: list[str], guilds: Mapping[str, str] | None = None
) -> dict[str, Outcome]:
    """Posts to every channel; returns the outcomes. `guilds`: the server of each channel with an earlier post."""
    places = {part_marker("x", channel): channel for channel in channels}
    links = {channel: f"https://discord.com/channels/{guild}/{channel}/1" for channel, guild in (guilds or {}).items()}
    return {places[name]: outcome for name, outcome in bot.post_many(jobs(channels), links)}


@contextmanager
def crowd(count: int, **options: Any) -> Iterator[tuple[DiscordPeer, list[str]]]:
    with hurried(), DiscordPeer(bucket=(1000, 1.0), **options) as peer:
        channels = [str(300000000000000000 + n) for n in range(count)]
        for n, channel in enumerate(channels):
            peer.channel(int(channel), guild=100 + n % 5)
        yield peer, channels


def test_one_bad_channel_harms_no_other() -> None:
    with crowd(80) as (peer, channels):
        bot = outlet(peer, patience=60)
        del peer.channels[int(channels[3])]
        peer.channel(int(channels[10]), deny=api.SEND_MESSAGES)
        peer.fail(Fault(drop=True), channel=int(channels[20]))
        peer.fail(Fault(503, "no", after=True), channel=int(channels[30]))
        outcomes = landed(bot, channels)
        bot.close()
    odd = {channels.index(d): type(outcome) for d, outcome in outcomes.items() if not isinstance(outcome, Sent)}
    assert odd == {3: Refused, 10: Refused, 20: OutcomeUnknown, 30: OutcomeUnknown}
    assert len(outcomes) == 80 and len(peer.messages) == 77
    assert all(f"/{100 + n % 5}/" in outcomes[channels[n]].url for n in (0, 1, 2, 79))


def test_channels_seen_before_cost_one_request_each_and_still_name_what_they_lack() -> None:
    with crowd(40) as (peer, channels):
        bot = outlet(peer, patience=60)
        peer.channel(int(channels[10]), guild=100, deny=api.ATTACH_FILES)
        guilds = {channel: str(100 + n % 5) for n, channel in enumerate(channels)}
        outcomes = landed(bot, channels, guilds)
        bot.close()
    assert len(peer.requests) == 2 + 40 + 3, "the login, each channel, and a look at the one that refused"
    refused = outcomes[channels[10]]
    assert isinstance(refused, Refused) and refused.reason.endswith("lacks Attach Files")
    assert outcomes[channels[1]].url.startswith("https://discord.com/channels/101/")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(error(401, 0, "401: Unauthorized"), AccountRefused), (rate_limited(900, via=False), RetryLater)],
)
def test_when_the_account_itself_is_refused_the_rest_is_not_tried(fault: Fault, kind: type) -> None:
    with crowd(200) as (peer, channels):
        bot = outlet(peer, clock=lambda: NOW, patience=60)
        peer.fail(fault, times=200)
        outcomes = landed(bot, channels, dict.fromkeys(channels, "100"))
        bot.close()
    assert len(outcomes) == 200 and all(isinstance(outcome, kind) for outcome in outcomes.values())
    assert len(posts(peer)) < 100 and peer.messages == []


def test_jobs_are_drawn_only_as_places_become_free() -> None:
    with crowd(100) as (peer, channels):
        bot = outlet(peer, patience=60)
        drawn = []

        def draw() -> Iterator[tuple[Part, str]]:
            for job in jobs(channels):
                drawn.append(job)
                yield job

        landed = 0
        for _ in bot.post_many(draw()):
            landed += 1
            assert len(drawn) - landed <= 32
        assert landed == 100
        bot.close()


def test_the_global_limit_is_kept() -> None:
    """No machine is too slow for this test: the second fifty may not leave before the second is over."""
    with crowd(100) as (peer, channels):
        settings = discord.Settings(api=peer.url)
        bot = discord.make_outlet(settings, None, {"DISCORD_TOKEN": secret()}, lambda: datetime.now(UTC))  # type: ignore[arg-type]
        began = time.monotonic()
        outcomes = landed(bot, channels, dict.fromkeys(channels, "100"))
        took = time.monotonic() - began
        bot.close()
    assert all(isinstance(outcome, Sent) for outcome in outcomes.values()) and len(peer.messages) == 100
    assert took >= 2.0, "the login and a hundred messages, fifty a second"


# --- secrets and settings --------------------------------------------------------------------------------------


def secret() -> Any:
    from pydantic import SecretStr

    return SecretStr(api.TOKEN)


@pytest.mark.parametrize("route", [api.ME, CREATE, api.HISTORY])
def test_a_platform_that_echoes_the_token_does_not_get_it_into_our_words(
    peer: DiscordPeer, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bot = outlet(peer)
    for fault in (
        error(400, 50035, f"bad {api.TOKEN}"),
        Fault(400, f"<p>Bot {api.TOKEN}</p>", content_type="text/html"),
    ):
        peer.fail(fault, on=route)
        text = f"{bot.post(part('x'), CHANNEL)!r} {bot.find(part('y'), CHANNEL)!r} {bot.check()!r} {bot!r}"
        assert api.TOKEN not in text
    bot.close()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bot")]
    assert not [text for text in ours if api.TOKEN in text]


def test_a_channel_name_from_outside_is_cleaned(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    peer.channel(int(OTHER), deny=api.ATTACH_FILES).name = "evil\u202e\nname" + "x" * 900
    outcome = bot.post(part("x"), OTHER)
    assert isinstance(outcome, Refused) and "\n" not in outcome.reason and "\u202e" not in outcome.reason


def test_channel_ids_may_be_written_with_or_without_quotes() -> None:
    settings = discord.Settings.model_validate(
        {"destinations": [200000000000000001, OTHER], "locales": {CHANNEL: "es"}}
    )
    assert settings.destinations == (CHANNEL, OTHER) and settings.locales == {CHANNEL: "es-ES"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"destinations": ["#general"]},
        {"destinations": [CHANNEL, CHANNEL]},
        {"destinations": [True]},
        {"api": "http://discord.com/api/v10"},
        {"api": "https://"},
        {"api": "ftp://127.0.0.1"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        discord.Settings.model_validate(wrong)


# --- other judges ----------------------------------------------------------------------------------------------


def test_the_exceptions_to_discords_description_are_needed(peer: DiscordPeer, bot: discord.DiscordOutlet) -> None:
    """The requests of all tests are compared with the description; here, without the exceptions."""
    for wanted in kinds().values():
        bot.post(wanted, CHANNEL)
    bot.edit(part("b"), CHANNEL, sent_id(bot.post(part("a"), CHANNEL)))
    faults = judged(FILES, peer.requests, (), unwritten)
    if faults is None:
        pytest.skip(f"NOT CHECKED: no SPECS_DIR, so no request of discord.py was compared with {FILES}")
    outlets = [rule for rule in ALLOWED if rule.path.startswith("/channels/")]
    assert len(faults) == len(outlets) == 5, "an exception that is not needed must go"


def test_simcord_as_a_second_discord_takes_the_same_post() -> None:
    """simcord replaces REST inside discord.py, so the outlet gets its client."""

    async def post(wanted: Part) -> tuple[Sent, Sent, Any, list[Any]]:
        client = library.Client(intents=library.Intents.default())
        async with simcord.run(client, settle_timeout=PATIENCE) as env:
            guild = env.create_guild()
            channel = guild.create_news_channel("announcements")
            discord_outlet = outlet("http://127.0.0.1:9/api/v10")
            discord_outlet._wire._client = client
            first = await discord_outlet._send_part(wanted, str(channel.id), "")
            post_part = await discord_outlet._find_part(wanted, str(channel.id))
            return first, post_part, channel.last_message, list(env.http_requests)

    sent, result, shown, log = asyncio.run(post(part("929 of 3,778 models were used.")))
    assert isinstance(sent, Sent) and result == sent
    assert shown.embeds[0].description == "929 of 3,778 models were used."
    assert shown.attachments[0].description == "Runs a day, rising."
    assert [e.path.rsplit("/", 1)[1] for e in log if e.method == "POST"][:2] == ["messages", "crosspost"]
