"""discord.py's real client when Discord limits, refuses, is late or fails: every possible answer is given, and nothing
stops the bot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bot import store
from bot.discord_bot import connection as discord_bot_connection
from bot.discord_bot import presenter, responder
from bot.queries import QueryContext
from tests import query_contexts
from tests.discord_bot.test_connection import answered, serving
from tests.peers.discord_api import HTML, Fault, error, rate_limited
from tests.peers.discord_gateway import CALLBACK, FOLLOW_UP, ORIGINAL, SYNC, DiscordGateway

BROKEN = {"status": 500, "body": {"message": "500: Internal Server Error", "code": 0}}
NOT_BEHIND_THE_LIMIT = rate_limited(5, via=False)
"""As from a proxy before Discord: no `Via`, so discord.py does not retry."""
FRESH = "How fresh it is"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    with query_contexts.desk(tmp_path_factory.mktemp("limits")) as desk:
        yield desk


class Heard:
    """The bot's log lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = threading.Condition()

    def __call__(self, _logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        with self._more:
            self.lines.append(str(event))
            self._more.notify_all()
        raise structlog.DropEvent

    def until(self, words: str) -> str:
        """Wait for the first line with these words."""
        with self._more:
            assert self._more.wait_for(lambda: any(words in line for line in self.lines), 60), self.lines
            return next(line for line in self.lines if words in line)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    recorder = Heard()
    for module in (responder, discord_bot_connection):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(None, processors=[recorder]))
    return recorder


@pytest.fixture
def peer() -> Iterator[DiscordGateway]:
    with DiscordGateway() as discord_gateway:
        yield discord_gateway


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer is ready before a deferral, however slow the machine is."""
    monkeypatch.setattr(responder, "PROMPT", 60.0)


@pytest.fixture
def bot(peer: DiscordGateway, desk: QueryContext, tmp_path: Path, heard: Heard) -> Iterator[None]:
    """A bot that is connected to the peer and has answered once."""
    with serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        answered(peer, "status")
        yield


@pytest.fixture
def deferring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer takes so long that it is deferred."""
    monkeypatch.setattr(responder, "PROMPT", 0.0)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_limited_first_answer_comes_after_the_wait(
    peer: DiscordGateway, slept: list[float], everywhere: bool
) -> None:
    peer.fail(rate_limited(1.25, everywhere=everywhere), rate_limited(1.75, everywhere=everywhere), on=CALLBACK)
    assert answered(peer, "usage") == "Replicate: use, 10 March 2025"
    assert [pause for pause in slept if pause in (1.25, 1.75)] == [1.25, 1.75]


@pytest.mark.usefixtures("bot", "deferring")
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_limited_second_answer_comes_after_the_wait(
    peer: DiscordGateway, slept: list[float], everywhere: bool
) -> None:
    peer.fail(rate_limited(1.25, everywhere=everywhere), on=ORIGINAL)
    assert answered(peer, "usage") == "Replicate: use, 10 March 2025"
    assert 1.25 in slept


@pytest.mark.usefixtures("bot")
def test_an_answer_that_a_limit_makes_late_is_given_up_and_the_next_one_given(
    peer: DiscordGateway, heard: Heard
) -> None:
    peer.deadline = 0.0
    peer.fail(rate_limited(2), on=CALLBACK)
    late = peer.ask("usage")
    assert "usage" in heard.until("interaction expired")
    peer.deadline = 60.0
    assert answered(peer, "status") == FRESH
    assert late.first is None and not late.done.is_set()


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("on", "fault"),
    [
        (CALLBACK, NOT_BEHIND_THE_LIMIT),
        (CALLBACK, error(401, 0, "401: Unauthorized")),
        (CALLBACK, error(403, 50001, "Missing Access")),
        (CALLBACK, Fault(drop=True)),
        (CALLBACK, Fault(429, HTML, {"Via": "1.1 google"}, content_type="text/html")),
        (ORIGINAL, NOT_BEHIND_THE_LIMIT),
        (ORIGINAL, error(401, 50027, "Invalid Webhook Token")),
        (ORIGINAL, Fault(drop=True)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} drop={value.drop}",
)
def test_an_answer_that_cannot_be_given_is_logged_and_the_next_one_given(
    peer: DiscordGateway, heard: Heard, on: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    if on == ORIGINAL:
        monkeypatch.setattr(responder, "PROMPT", 0.0)
    peer.fail(fault, on=on, times=2 if fault.drop else 1)  # a lost connection is tried once more
    peer.ask("usage")
    assert "usage" in heard.until("did not get through" if "html" not in fault.content_type else "command failed")
    assert answered(peer, "status") == FRESH
    assert not peer.armed


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_first_answer_that_was_accepted_and_met_a_5xx_stands_once(
    peer: DiscordGateway, heard: Heard, status: int
) -> None:
    peer.fail(Fault(status, HTML, after=True, content_type="text/html"), on=CALLBACK)
    reply = peer.ask("usage")
    assert reply.done.wait(60) and reply.message and reply.message["embeds"]
    # The second one is refused as a repetition, which is no error.
    peer.until(lambda: [request for request in peer.requests if request.path.endswith(f"/{reply.token}/callback")][1:])
    assert answered(peer, "status") == FRESH
    assert heard.lines == [] and reply.further == []


@pytest.mark.usefixtures("bot", "deferring")
def test_a_second_answer_that_was_accepted_and_met_a_5xx_stands_once(peer: DiscordGateway, heard: Heard) -> None:
    peer.fail(Fault(**BROKEN, after=True), Fault(**BROKEN, after=True), on=ORIGINAL)
    reply = peer.ask("usage")
    peer.until(lambda: [request.path for request in peer.requests if reply.token in request.path][3:])
    assert answered(peer, "status") == FRESH
    first, *further = [request.path for request in peer.requests if reply.token in request.path]
    assert first.endswith("/callback") and len(further) == 3, "put there three times, in one place"
    assert reply.message and reply.message["embeds"] and reply.files == 1
    assert heard.lines == [] and reply.further == []


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("after", [False, True])
def test_a_platform_broken_for_long_costs_one_answer_only(peer: DiscordGateway, heard: Heard, after: bool) -> None:
    # discord.py tries five times, and we have it do so twice.
    peer.fail(*[Fault(**BROKEN, after=after and n == 0) for n in range(10)], on=CALLBACK)
    reply = peer.ask("usage")
    assert "usage" in heard.until("did not get through")
    assert (reply.first is not None) == after
    assert answered(peer, "status") == FRESH


@pytest.mark.usefixtures("bot", "deferring")
@pytest.mark.parametrize("fault", [rate_limited(1.25), Fault(**BROKEN)], ids=["429", "500"])
def test_a_sorry_under_a_pressed_button_is_tried_again(peer: DiscordGateway, heard: Heard, fault: Fault) -> None:
    """The error is a follow-up, so that the answer above stays."""
    peer.fail(fault, on=FOLLOW_UP)
    reply = peer.press("ask:0:usage:0:network=nowhere")
    assert reply.done.wait(60) and [document["flags"] for document in reply.further] == [64]
    assert "nowhere" in reply.further[0]["content"] and reply.message is None
    assert heard.lines == []


@pytest.mark.usefixtures("bot", "deferring")
def test_a_sorry_that_was_accepted_and_met_a_5xx_comes_again_in_private_and_leaves_the_answer(
    peer: DiscordGateway, heard: Heard
) -> None:
    """Follow-ups have no nonce: a duplicate is better than no answer (docs/decisions/slash-commands.md)."""
    peer.fail(Fault(**BROKEN, after=True), on=FOLLOW_UP)
    reply = peer.press("ask:0:usage:0:network=nowhere")
    peer.until(lambda: reply.further[1:])
    assert answered(peer, "status") == FRESH
    assert [document["flags"] for document in reply.further] == [64, 64]
    assert len({document["content"] for document in reply.further}) == 1 and reply.message is None
    assert heard.lines == []


@pytest.mark.usefixtures("bot", "deferring")
def test_a_button_answers_in_its_place_through_limits(peer: DiscordGateway, slept: list[float]) -> None:
    peer.fail(rate_limited(1.25), on=CALLBACK)
    peer.fail(rate_limited(1.75, everywhere=True), on=ORIGINAL)
    reply = peer.press("ask:0:usage:0:period=week")
    assert reply.done.wait(60) and reply.first == {"type": 6}
    assert reply.message and "week" in reply.message["embeds"][0]["title"]
    assert {1.25, 1.75} <= set(slept)


def test_commands_are_told_after_a_limit_on_everything(
    peer: DiscordGateway, desk: QueryContext, tmp_path: Path, slept: list[float]
) -> None:
    with desk.store.write_transaction() as connection:
        connection.execute(store.synced.delete())
    peer.fail(rate_limited(1.25, everywhere=True), on=SYNC)
    peer.fail(rate_limited(1.75, everywhere=True), on="GET /users/@me")
    with serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        assert answered(peer, "status") == FRESH
    assert len(peer.synced) == 1 and {1.25, 1.75} <= set(slept)


@pytest.mark.usefixtures("bot")
def test_a_token_taken_back_ends_the_connection_and_is_not_tried_on_and_on(peer: DiscordGateway, heard: Heard) -> None:
    asked_before = [request.path for request in peer.requests].count("/users/@me")
    peer.token = "MTA.another.token"
    peer.cut(4004)  # Authentication failed
    assert "make a new one" in heard.until("not accepted")
    assert [request.path for request in peer.requests].count("/users/@me") == asked_before
    assert len(peer.identified) == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("code", sorted(discord_bot_connection.REFUSED))
def test_a_close_that_only_an_operator_can_mend_is_told_with_its_cure_and_not_tried_on_and_on(
    peer: DiscordGateway, heard: Heard, code: int
) -> None:
    peer.cut(code)
    line = heard.until("not connected")
    assert (
        discord_bot_connection.REFUSED[code] in line and f"'again_in': {discord_bot_connection.LONGEST_PAUSE}" in line
    )
    assert len(peer.identified) == 1


FRAMES: dict[str, str | bytes] = {
    "no JSON": '{"op": 0, "t": "REA',
    "a list": "[1, 2]",
    "a text": '"hello"',
    "nothing": "",
    "an operation without its data": '{"op": 10, "d": null}',
    "a number too long": '{"op": ' + "9" * 5000 + "}",
    "packed otherwise": b"\x00\x01\x02" * 50 + b"\x00\x00\xff\xff",
}


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_that_cannot_be_read_costs_the_connection_and_not_the_bot(
    peer: DiscordGateway, heard: Heard, kind: str
) -> None:
    peer.send(FRAMES[kind])
    line = heard.until("not connected")
    assert "REA" not in line, "a frame may hold anything"
    peer.until(lambda: len(peer.identified) == 2)
    assert answered(peer, "status") == FRESH


@pytest.mark.parametrize("route", ["GET /users/@me", "GET /gateway/bot", SYNC])
def test_no_answer_leads_the_bot_to_another_address(
    peer: DiscordGateway, desk: QueryContext, tmp_path: Path, heard: Heard, route: str
) -> None:
    with desk.store.write_transaction() as connection:
        connection.execute(store.synced.delete())
    with DiscordGateway() as elsewhere:
        peer.fail(Fault(307, "", {"Location": f"{elsewhere.url}/users/@me"}), on=route)
        with serving(peer, desk, tmp_path):
            peer.until(lambda: peer.identified)
            assert answered(peer, "status") == FRESH
        assert elsewhere.requests == []


@pytest.mark.usefixtures("bot", "deferring")
def test_answers_go_out_while_the_token_is_taken_back(peer: DiscordGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer uses the interaction's own token."""
    real, go_on = presenter.render_answer, threading.Event()

    def late(*given: object) -> presenter.RenderedAnswer:
        assert go_on.wait(60)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(presenter, "render_answer", late)
    reply = peer.ask("usage")
    peer.until(lambda: reply.first is not None)
    peer.token = "MTA.another.token"
    go_on.set()
    assert reply.done.wait(60) and reply.message and reply.message["embeds"]
