"""Direct messages: sent once, found again, and closed direct messages are distinguished from an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bot.outlets import AccountRefused, NotFound, OutcomeUnknown, Part, Refused, RetryLater, Sent
from bot.outlets.discord.direct_messages import DirectMessageOutlet
from tests.outlets import rig_discord
from tests.peers.discord_api import CREATE, DIRECT, DiscordPeer, Fault, error

ANN = 300000000000000001
KEY = "ab12cd34ef56ab78"
SAID = Part("", "f" * 24, embed={"title": "Models you watch", "description": "one of them", "fields": []})


@dataclass
class Post:
    peer: DiscordPeer
    direct: DirectMessageOutlet
    known: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def post() -> Iterator[Post]:
    with rig_discord.hurried(), DiscordPeer(bucket=(1000, 1.0), nonce_window=0.0) as peer:
        outlet, known = rig_discord.outlet(peer), {KEY: str(ANN)}
        yield Post(peer, DirectMessageOutlet(outlet, known.get), known)
        outlet.close()


def test_a_message_reaches_the_member_pings_nobody_and_is_found_again(post: Post) -> None:
    sent = post.direct.post(SAID, KEY)
    assert isinstance(sent, Sent) and sent.url.startswith("https://discord.com/channels/@me/")
    (message,) = post.peer.messages
    assert message["channel_id"] == str(post.peer.direct[ANN]) and message["sent_nonce"] == SAID.marker
    assert message["sent_mentions"] == {"parse": []}
    outcome = post.direct.find(Part("", SAID.marker, embed={}), KEY)
    assert isinstance(outcome, Sent) and outcome.platform_id == sent.platform_id
    assert isinstance(post.direct.find(Part("", "0" * 24, embed={}), KEY), NotFound)
    assert KEY not in str([request.body for request in post.peer.requests])


def test_a_lost_answer_is_unsure_and_found(post: Post) -> None:
    post.peer.fail(Fault(drop=True, after=True), on=CREATE)
    assert isinstance(post.direct.post(SAID, KEY), OutcomeUnknown)
    assert isinstance(post.direct.find(SAID, KEY), Sent) and len(post.peer.messages) == 1


def test_closed_direct_messages_mean_that_the_destination_is_gone(post: Post) -> None:
    post.peer.shut.add(ANN)
    outcome = post.direct.post(SAID, KEY)
    assert isinstance(outcome, Refused) and outcome.gone and "50007" in outcome.reason
    assert post.peer.messages == []


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (error(404, 10013, "Unknown User"), Refused),
        (error(400, 50278, "Cannot send messages to this user due to having no mutual guilds"), Refused),
        (Fault(drop=True), RetryLater),
        (Fault(503, "away", content_type="text/html"), RetryLater),
        (error(401, 0, "401: Unauthorized"), AccountRefused),
    ],
)
def test_a_channel_that_cannot_be_opened_sends_nothing(post: Post, fault: Fault, wanted: type) -> None:
    post.peer.fail(fault, on=DIRECT)
    outcome = post.direct.post(SAID, KEY)
    assert isinstance(outcome, wanted) and post.peer.messages == []
    if isinstance(outcome, Refused):
        assert outcome.gone
    if not isinstance(outcome, AccountRefused):
        assert str(ANN) not in outcome.reason


def test_other_refusals_are_no_end(post: Post) -> None:
    post.peer.fail(error(400, 50035, "Invalid Form Body"), on=CREATE)
    outcome = post.direct.post(SAID, KEY)
    assert isinstance(outcome, Refused) and not outcome.gone


def test_who_was_forgotten_is_not_written_to(post: Post) -> None:
    post.known.clear()
    assert isinstance(post.direct.post(SAID, KEY), Refused) and post.peer.requests == []


@pytest.mark.parametrize(
    ("fault", "gone"),
    [
        (error(404, 10003, "Unknown Channel"), True),
        (error(403, 50001, "Missing Access"), True),
        (error(403, 50013, "Missing Permissions"), False),
        (error(400, 50035, "Invalid Form Body"), False),
    ],
)
def test_of_a_channel_the_same_is_told(post: Post, fault: Fault, gone: bool) -> None:
    post.peer.channel(int(rig_discord.CHANNEL))
    post.peer.fail(fault, on=CREATE)
    outcome = post.direct._discord.post(SAID, rig_discord.CHANNEL)
    assert isinstance(outcome, Refused) and outcome.gone is gone
