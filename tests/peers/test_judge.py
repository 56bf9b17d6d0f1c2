"""The judge of every request: what it refuses, what it allows, and that it gets the requests of every peer."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import discord
import pytest
import simcord

from tests.patience import PATIENCE
from tests.peers import discord_rules, x_rules
from tests.peers.discord_api import TOKEN, DiscordPeer
from tests.peers.judge import JUDGE, PLATFORMS, summary_lines
from tests.peers.openapi import Recorded, described, shape
from tests.peers.x_api import XPeer

MESSAGES, HOOK = "/channels/1/messages", "/webhooks/1/t"
CALLBACK, COMMANDS = "/interactions/1/t/callback", "/applications/1/commands"
SILENT = {"allowed_mentions": {"parse": []}}
LONG = {"name": "n" * 100, "value": "v" * 100}
SENT = {**SILENT, "nonce": "n", "enforce_nonce": True}


def made(method: str, target: str, body: object = None, auth: str = "Bot x") -> Recorded:
    headers = {"Content-Type": "application/json"} | ({"Authorization": auth} if auth else {})
    return Recorded(method, target, headers, b"" if body is None else json.dumps(body).encode())


def command(**more: object) -> dict[str, object]:
    return {"name": "usage", "description": "What was used", "type": 1, **more}


def option(name: str = "day", **more: object) -> dict[str, object]:
    return {"name": name, "description": "A day", "type": 3, **more}


def button(number: int) -> dict[str, object]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": f"b{number}"}


def rows(*buttons: Mapping[str, object]) -> list[dict[str, object]]:
    return [{"type": 1, "components": [button]} for button in buttons]


UNWRITTEN: dict[str, tuple[Recorded, str]] = {
    "long content": (made("POST", MESSAGES, {**SENT, "content": "x" * 2001}), "content above 2000"),
    "long content of an answer": (
        made("POST", CALLBACK, {"type": 4, "data": {**SILENT, "content": "x" * 2001}}),
        "content above 2000",
    ),
    "long embeds": (
        made("POST", MESSAGES, {**SENT, "embeds": [{"description": "x" * 3001}] * 2}),
        "embeds above 6000",
    ),
    "long embeds in an answer": (
        made("PATCH", f"{HOOK}/messages/@original", {**SILENT, "embeds": [{"description": "x" * 3001}] * 2}),
        "embeds above 6000",
    ),
    "a picture without words": (
        made("POST", MESSAGES, {**SENT, "embeds": [{"image": {"url": "attachment://a.png"}}]}),
        "no alt text",
    ),
    "a file without words": (
        made("POST", MESSAGES, {**SENT, "attachments": [{"id": "0", "filename": "a.png"}]}),
        "without alt text",
    ),
    "long poll answer": (
        made("POST", MESSAGES, {**SENT, "poll": {"answers": [{"poll_media": {"text": "x" * 56}}]}}),
        "poll answer above 55",
    ),
    "a poll with embeds": (
        made("POST", MESSAGES, {**SENT, "embeds": [{"title": "x"}], "poll": {"answers": []}}),
        "a poll with embeds",
    ),
    "an empty message": (made("POST", MESSAGES, {**SENT, "content": " "}), "an empty message"),
    "an empty answer": (made("POST", CALLBACK, {"type": 4, "data": {**SILENT}}), "an empty message"),
    "no nonce": (made("POST", MESSAGES, {**SILENT, "content": "x"}), "no nonce"),
    "mentions": (made("POST", MESSAGES, {"nonce": "n", "enforce_nonce": True, "content": "x"}), "mentioned"),
    "mentions in a follow-up": (made("POST", f"{HOOK}?wait=true", {"content": "x"}), "mentioned"),
    "mentions in an answer": (made("POST", CALLBACK, {"type": 4, "data": {"content": "x"}}), "mentioned"),
    "six rows": (
        made("POST", MESSAGES, {**SENT, "content": "x", "components": rows(*map(button, range(6)))}),
        "more than 5 action rows",
    ),
    "two of an id": (
        made("POST", MESSAGES, {**SENT, "content": "x", "components": rows(button(1), button(1))}),
        "same custom_id",
    ),
    "a button of no id": (
        made("POST", MESSAGES, {**SENT, "content": "x", "components": rows({"type": 2, "style": 1, "label": "x"})}),
        "without custom_id",
    ),
    "a deferral that talks": (made("POST", CALLBACK, {"type": 5, "data": {"content": "x"}}), "deferred"),
    "an empty choice": (
        made("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "", "value": "a"}]}}),
        "a choice of no",
    ),
    "a name in capitals": (made("PUT", COMMANDS, [command(name="Usage")]), "is no name"),
    "a name with a blank": (made("PUT", COMMANDS, [command(name="us age")]), "is no name"),
    "a foreign name with a blank": (
        made("PUT", COMMANDS, [command(name_localizations={"tr": "kul lan"})]),
        "is no name",
    ),
    "no description": (made("PUT", COMMANDS, [command(description="")]), "wanted a description"),
    "no description of an option": (
        made("PUT", COMMANDS, [command(options=[option(description="")])]),
        "wanted a description",
    ),
    "an unknown locale": (made("PUT", COMMANDS, [command(name_localizations={"eo": "x"})]), "no locale"),
    "choices that complete": (
        made("PUT", COMMANDS, [command(options=[option(autocomplete=True, choices=[{"name": "a", "value": "a"}])])]),
        "choices and autocomplete",
    ),
    "a late required option": (
        made("PUT", COMMANDS, [command(options=[option("a"), option("b", required=True)])]),
        "a required option after",
    ),
    "two options of a name": (made("PUT", COMMANDS, [command(options=[option(), option()])]), "two options"),
    "a hundred and one commands": (
        made("PUT", COMMANDS, [command(name=f"c{n}") for n in range(101)]),
        "more than 100 commands",
    ),
    "two commands of a name": (made("PUT", COMMANDS, [command(), command()]), "two commands"),
    "a heavy command": (
        made(
            "PUT",
            COMMANDS,
            [
                command(
                    options=[option(f"o{n}", choices=[{"name": "n" * 99, "value": "v" * 99}] * 2) for n in range(25)]
                )
            ],
        ),
        "more than 8000",
    ),
}
UNWRITTEN_X = {
    "281 signs": ({"text": "a" * 281}, "longer than 280"),
    "141 signs that weigh two": ({"text": "漢" * 141}, "longer than 280"),
    "nothing": ({}, "an empty post"),
    "two cashtags": ({"text": "$AAA and $BBB"}, "two cashtags"),
    "a mention": ({"text": "hello @somebody"}, "somebody is mentioned"),
    "media and a poll": ({"text": "a", "media": {"media_ids": ["1"]}, "poll": {"options": ["a", "b"]}}, "two attach"),
    "media and a quote": ({"text": "a", "media": {"media_ids": ["1"]}, "quote_tweet_id": "1"}, "two attach"),
}
RIGHT = (
    made("POST", MESSAGES, {**SENT, "content": "x" * 2000}),
    made("POST", MESSAGES, {**SENT, "embeds": [{"description": "x" * 3000}] * 2}),
    made("POST", MESSAGES, {**SENT, "content": "x", "components": rows(*map(button, range(5)))}),
    made("POST", CALLBACK, {"type": 5, "data": {"flags": 64}}),
    made("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a", "value": "a"}]}}),
    made("PUT", COMMANDS, [command(name="kullanım", options=[option(required=True), option("b")])]),
    made("PUT", COMMANDS, [command(name_localizations={"zh-CN": "用量", "es-ES": "uso", "vi": "sử-dụng"})]),
)
"""At its limits, but not beyond."""


@pytest.mark.parametrize("name", UNWRITTEN)
def test_what_discords_description_misses_is_refused(name: str) -> None:
    request, word = UNWRITTEN[name]
    assert [text for text in discord_rules.unwritten(request) if word in text]


@pytest.mark.parametrize("name", UNWRITTEN_X)
def test_what_xs_description_misses_is_refused(name: str) -> None:
    body, word = UNWRITTEN_X[name]
    assert [text for text in x_rules.unwritten(made("POST", "/2/tweets", body)) if word in text]


@pytest.mark.parametrize("right", RIGHT, ids=lambda value: f"{value.method} {value.path} {value.body[:40]!r}")
def test_what_is_right_is_let_pass(right: Recorded) -> None:
    assert PLATFORMS["discord"].faults([right]) == []


BEYOND = {
    "an unknown key": (made("POST", MESSAGES, {**SENT, "content": "x", "surprise": 1}), "unknown key surprise"),
    "an unknown key inside": (
        made("POST", MESSAGES, {**SENT, "embeds": [{"footer": {"text": "x", "surprise": 1}}]}),
        "unknown key embeds.footer.surprise",
    ),
    "an unknown key of an answer": (
        made("POST", CALLBACK, {"type": 4, "data": {**SILENT, "content": "x", "surprise": 1}}),
        "unknown key data.surprise",
    ),
    "an unknown key of an option": (
        made("PUT", COMMANDS, [command(options=[option(surprise=1)])]),
        "unknown key options.surprise",
    ),
    "an unknown parameter": (made("GET", f"{MESSAGES}?surprise=1"), "unknown query parameter surprise"),
    "no token": (made("POST", MESSAGES, {**SENT, "content": "x"}, auth=""), "no authorization"),
    "no such route": (made("POST", "/surprise"), "no such operation"),
    "a long title": (made("POST", MESSAGES, {**SENT, "embeds": [{"title": "x" * 257}]}), "too long"),
    "a long alt text": (
        made("POST", MESSAGES, {**SENT, "attachments": [{"id": "0", "filename": "a", "description": "x" * 1025}]}),
        "too long",
    ),
    "26 choices": (
        made("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a", "value": "a"}] * 26}}),
        "too long",
    ),
    "an integer for a text in an answer": (
        made("POST", CALLBACK, {"type": 4, "data": {**SILENT, "content": 1}}),
        "data.content",
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_beyond_discords_description_is_refused(name: str) -> None:
    description = described(discord_rules.FILES[0], discord_rules.ALLOWED)
    if description is None:
        pytest.skip(f"NOT CHECKED: no SPECS_DIR, so nothing was compared with {discord_rules.FILES}")
    request, word = BEYOND[name]
    right = made("POST", MESSAGES, {**SENT, "embeds": [{"title": "x" * 256}]})
    assert description.faults(right, discord_rules.unwritten) == []
    faults = description.faults(request, discord_rules.unwritten)
    assert [text for text in faults if word in text], faults


def test_a_fault_is_found_again_in_a_request_of_the_same_shape() -> None:
    first, second = (shape({"text": text, "ids": ["17"]}) for text in ("Monday, 3 March", "Friday, 9 April"))
    assert first == shape({"ids": ["42"], "text": "Sunday, 1 March"}) and first == second
    for other in ({"text": "Monday, 13 March", "ids": ["17"]}, {"text": "Monday, 3 March", "ids": [17]}):
        assert shape(other) != first
    assert shape("x" * 256) != shape("x" * 257) and shape("tweet_image") != shape("tweet_video")


def asked(url: str, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()


def test_every_peer_is_heard() -> None:
    assert JUDGE.verdict() == []
    with DiscordPeer() as peer:
        peer.channel(5)
        asked(f"{peer.url}/channels/5/messages", {"content": "hi @everyone"}, {"Authorization": f"Bot {TOKEN}"})
    assert [text for text in JUDGE.verdict() if "Discord" in text and "somebody could be mentioned" in text]
    with XPeer() as x:
        asked(f"{x.url}/2/tweets", {"text": "$AAA $BBB"}, {"Authorization": "OAuth x"})
    assert [text for text in JUDGE.verdict() if "X: " in text and "two cashtags" in text]

    async def said() -> None:
        client = discord.Client(intents=discord.Intents.default())
        async with simcord.run(client, settle_timeout=PATIENCE) as env:
            channel: Any = client.get_channel(env.create_guild().create_text_channel("general").id)
            await channel.send("hi @everyone")

    asyncio.run(said())
    assert [text for text in JUDGE.verdict() if "somebody could be mentioned" in text]
    assert JUDGE.verdict() == []


def test_the_last_lines_of_a_run_say_what_was_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = {"X": 1200, "Discord": 34, "ms": 2500}
    monkeypatch.delenv("SPECS_DIR", raising=False)
    (line,) = summary_lines(tally)
    assert line.startswith("NOT CHECKED: SPECS_DIR is not set") and "1,200 to X and 34 to Discord" in line
    monkeypatch.setenv("SPECS_DIR", "/somewhere")
    (line,) = summary_lines(tally)
    assert "1,200 to X and 34 to Discord; 2.5 s" in line and "NOT" not in line
    assert summary_lines({}) == []
