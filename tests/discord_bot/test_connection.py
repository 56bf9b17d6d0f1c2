"""discord.py's real client against a local gateway: login, resume, new session, lost responses, gateway unavailable."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import discord
import pytest
import sqlalchemy as sa
import structlog
import yarl
from pydantic import SecretStr

from bot import discord_bot, store
from bot.discord_bot import BotSettings, client, presenter, responder
from bot.discord_bot import connection as discord_bot_connection
from bot.discord_bot.connection import gc_frozen
from bot.queries import QueryContext
from tests import query_contexts
from tests.peers.discord_api import TOKEN, Fault, error, rate_limited
from tests.peers.discord_gateway import CALLBACK, DEADLINE, DEFERRED, INVALID, RECONNECT, SYNC, DiscordGateway
from tests.peers.discord_rules import ALLOWED, FILES, unwritten
from tests.peers.openapi import judged


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    with query_contexts.desk(tmp_path_factory.mktemp("gateway")) as desk:
        yield desk


@pytest.fixture(autouse=True)
def _untold(desk: QueryContext) -> None:
    """No commands are registered with Discord yet."""
    with desk.store.write_transaction() as connection:
        connection.execute(store.synced.delete())


@contextmanager
def serving(peer: DiscordGateway, desk: QueryContext, data: Path, **options: object) -> Iterator[None]:
    """Run the bot in its own thread, like the worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord.http.Route, "BASE", peer.url)
        patch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(peer.gateway))
        stop = threading.Event()
        given = {"token": SecretStr(TOKEN), "first_pause": 0.05, "bot_settings": BotSettings(api=peer.url), **options}
        thread = threading.Thread(target=lambda: discord_bot.run_bot(desk, stop=stop, **given))  # type: ignore[arg-type]
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(120)
            assert not thread.is_alive(), "the bot did not stop"


def answered(peer: DiscordGateway, name: str, **options: object) -> str:
    """The title of the final message to a member."""
    reply = peer.ask(name, **options)
    assert reply.done.wait(60), f"/{name} got no answer"
    assert reply.message is not None
    return str(reply.message["embeds"][0]["title"])


def test_no_search_for_garbage_looks_at_what_was_there_before_the_bot() -> None:
    gc.unfreeze()
    try:
        with gc_frozen():
            assert gc.get_freeze_count() > 10_000
        assert gc.get_freeze_count() == 0
    finally:
        gc.freeze()


def test_it_logs_in_tells_its_commands_once_and_answers(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        for _ in range(2):
            with serving(peer, desk, tmp_path):
                wanted = len(peer.identified) + 1
                peer.until(lambda wanted=wanted: len(peer.identified) >= wanted)
                assert answered(peer, "usage") == "Replicate: use, 10 March 2025"
        assert len(peer.synced) == 1
        assert {command["intents"] for command in peer.identified} == {1}
        (names,) = [{command["name"] for command in commands} for commands in peer.synced]
        assert names == {command.name for command in (*discord_bot.COMMANDS, *discord_bot.SERVER, *discord_bot.MEMBER)}
        servers = {command.name for command in discord_bot.SERVER}
        for command in peer.synced[0]:
            where = ([0], [0]) if command["name"] in servers else ([0, 1, 2], [0, 1])
            assert (command["contexts"], command["integration_types"]) == where, command["name"]


def test_the_exceptions_to_the_description_are_needed(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The requests of all tests are compared with the description; here, without the exceptions."""
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        for prompt in (60.0, 0.0):
            monkeypatch.setattr(responder, "PROMPT", prompt)
            answered(peer, "usage")
    faults = judged(FILES, peer.requests, (), unwritten)
    if faults is None:
        pytest.skip(f"NOT CHECKED: no SPECS_DIR, so no request of discord.py was compared with {FILES}")
    needed = {(entry.method, entry.path) for entry in ALLOWED if not entry.path.startswith("/channels/")}
    assert {tuple(fault.split(": ")[1].split(" ")) for fault in faults} == needed
    assert len(faults) == 6, "an exception that is not needed must go"


def test_a_cut_connection_is_resumed_and_what_was_asked_meanwhile_is_answered(
    desk: QueryContext, tmp_path: Path
) -> None:
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        answered(peer, "status")
        for cut in (lambda: peer.cut(4000), lambda: peer.tell(RECONNECT)):
            before = len(peer.resumed)
            cut()
            peer.until(lambda before=before: len(peer.resumed) > before)
            assert answered(peer, "status") == "How fresh it is"
        assert len(peer.identified) == 1


def test_an_invalid_session_leads_to_a_new_one(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        answered(peer, "status")
        peer.tell(INVALID, False)
        peer.until(lambda: len(peer.identified) == 2)
        assert answered(peer, "status") == "How fresh it is"


def test_a_gateway_that_is_down_at_start_is_tried_again(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        peer.closed_to_gateways = True
        with serving(peer, desk, tmp_path):
            peer.until(
                lambda: peer.turned_away >= 2,
            )
            assert not peer.identified
            peer.closed_to_gateways = False
            peer.until(lambda: peer.identified)
            assert answered(peer, "status") == "How fresh it is"


def test_a_discord_that_is_down_at_start_is_tried_again(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        peer.fail(Fault(503, {"message": "unavailable"}), Fault(drop=True), on="GET /users/@me")
        with serving(peer, desk, tmp_path):
            peer.until(lambda: peer.identified)
            assert answered(peer, "status") == "How fresh it is"


def test_a_refused_token_is_said_and_not_tried_at_once_again(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, heard = [], threading.Event()

    def hear(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        texts.append(str(event))
        if "not accepted" in texts[-1]:
            heard.set()
        raise structlog.DropEvent

    monkeypatch.setattr(discord_bot_connection, "log", structlog.wrap_logger(None, processors=[hear]))
    with DiscordGateway() as peer:
        with serving(peer, desk, tmp_path, token=SecretStr("wrong")):
            assert heard.wait(60), texts
        assert len([request for request in peer.requests if request.path.startswith("/users/@me")]) == 1


def test_commands_that_cannot_be_told_do_not_keep_it_from_answering(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        peer.fail(error(403, 50001, "Missing Access"), on=SYNC)
        with serving(peer, desk, tmp_path):
            peer.until(lambda: peer.identified)
            assert answered(peer, "status") == "How fresh it is"
        assert not peer.synced and told(desk) == 0


@pytest.mark.parametrize("when", ["at the next start", "the next day"])
def test_commands_that_discord_lost_are_registered_again(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    with DiscordGateway() as peer:
        if when == "the next day":
            monkeypatch.setattr(client, "SYNC_EVERY", 0.05)
        with serving(peer, desk, tmp_path):
            peer.until(lambda: peer.identified and len(peer.synced) == 1)
            peer.commands = peer.commands[1:]
            if when == "the next day":
                peer.until(lambda: len(peer.synced) == 2)
        if when == "at the next start":
            with serving(peer, desk, tmp_path):
                peer.until(lambda: len(peer.synced) == 2)
        assert {command["name"] for command in peer.commands} == {entry["name"] for entry in peer.synced[0]}


@pytest.mark.parametrize("at", ["GET /users/@me", "GET /gateway/bot"])
def test_a_discord_that_asks_for_an_hour_is_left_alone_for_it(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """A ban by Cloudflare: the 429 has no `Via`, so discord.py does not wait by itself."""
    waits: list[float] = []
    heard = threading.Event()

    async def rest(_self: object, seconds: float) -> None:
        waits.append(seconds)
        heard.set()
        await asyncio.sleep(0.01)

    monkeypatch.setattr(discord_bot_connection._Kept, "_interruptible_sleep", rest)
    with DiscordGateway() as peer:
        peer.fail(rate_limited(3600, via=False), on=at)
        with serving(peer, desk, tmp_path):
            assert heard.wait(60)
            peer.until(lambda: peer.identified)
    assert waits[0] == 3600.0


def told(desk: QueryContext) -> int:
    """Number of applications whose registered commands the database has."""
    with desk.store.read_transaction() as connection:
        return len(connection.execute(sa.select(store.synced)).all())


def test_an_answer_that_needs_time_is_announced_within_a_second(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, go_on = presenter.render_answer, threading.Event()

    def late(*given: object) -> presenter.RenderedAnswer:
        assert go_on.wait(60)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(presenter, "render_answer", late)
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        reply = peer.ask("usage", private=True)
        peer.until(lambda: reply.first is not None)
        assert reply.first == {"type": DEFERRED, "data": {"flags": 64}} and not reply.done.is_set()
        assert responder.PROMPT < 1 < DEADLINE, "it was announced while the work had not ended, so when this had passed"
        go_on.set()
        assert reply.done.wait(60) and reply.message is not None
        assert reply.message["embeds"] and reply.files == 1


def test_an_answer_whose_acceptance_was_lost_is_given_once(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        peer.fail(Fault(502, {"message": "bad gateway"}, after=True), on=CALLBACK)
        reply = peer.ask("usage")
        assert reply.done.wait(60) and reply.message is not None and reply.message["embeds"]
        assert answered(peer, "status") == "How fresh it is"
        peer.fail(Fault(drop=True, after=True), on=CALLBACK)
        peer.ask("status")
        assert answered(peer, "status") == "How fresh it is"


@pytest.mark.parametrize("fault", [Fault(drop=True), Fault(503, {"message": "unavailable"})])
def test_an_answer_that_did_not_come_through_is_given_again(desk: QueryContext, tmp_path: Path, fault: Fault) -> None:
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        peer.fail(fault, on=CALLBACK)
        assert answered(peer, "usage") == "Replicate: use, 10 March 2025"


def test_an_answer_whose_delay_did_not_come_through_is_given_all_the_same(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responder, "PROMPT", 0.0)
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        peer.fail(Fault(drop=True), on=CALLBACK)
        assert answered(peer, "usage") == "Replicate: use, 10 March 2025"


def test_a_delay_whose_acceptance_was_lost_is_followed_by_the_answer(
    desk: QueryContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, go_on = presenter.render_answer, threading.Event()

    def late(*given: object) -> presenter.RenderedAnswer:
        assert go_on.wait(60)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(presenter, "render_answer", late)
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        peer.fail(Fault(drop=True, after=True), on=CALLBACK)
        reply = peer.ask("usage")
        peer.until(lambda: reply.first is not None)
        assert reply.first is not None and reply.first["type"] == DEFERRED
        go_on.set()
        assert reply.done.wait(60) and reply.message is not None and reply.message["embeds"]


def test_only_the_leader_is_connected(desk: QueryContext, tmp_path: Path) -> None:
    leads, looks, looked = threading.Event(), itertools.count(1), threading.Event()

    def leading() -> bool:
        if next(looks) > 3:
            looked.set()
        return leads.is_set()

    with DiscordGateway() as peer, serving(peer, desk, tmp_path, leads=leading):
        assert looked.wait(60) and not peer.requests
        leads.set()
        peer.until(lambda: peer.identified)
        answered(peer, "status")
        leads.clear()
        peer.until(lambda: not any(session.socket and not session.socket.closed for session in peer.sessions))


def test_shards_come_with_the_configured_number_of_servers(desk: QueryContext, tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        peer.servers = 1500
        with serving(peer, desk, tmp_path, bot_settings=BotSettings(sharded_from=1000, api=peer.url)):
            peer.until(lambda: len(peer.identified) == 2)
        assert sorted(entry["shard"] for entry in peer.identified) == [[0, 2], [1, 2]]
