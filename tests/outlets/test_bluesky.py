"""Bluesky: what a record holds, and what is there after a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.outlets import (
    AccountRefused,
    NotFound,
    OutcomeUnknown,
    OutletError,
    Part,
    Refused,
    RetryLater,
    Sent,
    bluesky,
    part_marker,
)
from bot.outlets.bluesky.outlet import BlueskyOutlet
from bot.outlets.bluesky.record import record_key
from bot.outlets.bluesky.session import XrpcClient
from bot.records import Link, Picture, Poll
from tests.outlets.rig_bluesky import outlet, part
from tests.outlets.short_waits import arm, patient
from tests.peers.bluesky_pds import BLOB, FAILURES, HANDLE, PASSWORD, PUT, RECORD, REFRESH, SESSION, TID, BlueskyPeer
from tests.peers.failing_server import Fault

NOW = datetime(2026, 1, 15, 2, 30, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8) + (1600).to_bytes(4) + (900).to_bytes(4)
CARD = Picture("card.png", PNG, "A chart of models")


@pytest.fixture
def peer() -> Iterator[BlueskyPeer]:
    with patient(), BlueskyPeer() as served:
        yield served


@pytest.fixture
def sky(peer: BlueskyPeer) -> Iterator[BlueskyOutlet]:
    made = outlet(peer.url, lambda: NOW)
    yield made
    made.close()


def test_a_record_key_is_a_valid_timestamp_always_the_same_and_of_the_periods_day() -> None:
    days = [date(2026, 1, 14) + timedelta(days=n) for n in range(40)]
    keys = [record_key(replace(part("x"), marker=part_marker(day), day=day)) for day in days]
    assert all(TID.fullmatch(key) for key in keys) and keys == sorted(keys) and len(set(keys)) == 40
    assert record_key(part("x")) == "3mceam2dyvqkl"
    alphabet = "234567abcdefghijklmnopqrstuvwxyz"
    number = sum(alphabet.index(sign) << 5 * (12 - place) for place, sign in enumerate(keys[0]))
    assert datetime.fromtimestamp((number >> 10) / 1e6, UTC).date() == days[0]
    assert TID.fullmatch(record_key(replace(part("x"), day=None)))


def test_a_record_has_the_text_the_language_the_picture_and_a_link_counted_in_bytes(
    sky: BlueskyOutlet, peer: BlueskyPeer
) -> None:
    words = "所有数字，以及未知的内容"
    sent = sky.post(
        replace(part(f"Café 模型 👩‍🔬\n\n{words}"), link=Link(words, "https://f.example/day/"), pictures=(CARD,)),
        HANDLE,
    )
    (record,) = peer.posts
    assert (
        isinstance(sent, Sent)
        and sent.url == f"https://bsky.app/profile/did:plc:footfalltest2345672345672/post/{sent.platform_id}"
    )
    (facet,) = record["facets"]
    start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
    assert record["text"].encode()[start:end].decode() == words and end == len(record["text"].encode())
    assert facet["features"] == [{"$type": "app.bsky.richtext.facet#link", "uri": "https://f.example/day/"}]
    (image,) = record["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A chart of models", {"width": 1600, "height": 900})
    assert peer.blobs[image["image"]["ref"]["$link"]] == PNG
    assert record["langs"] == ["en"] and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["createdAt"])


def test_a_part_that_is_sent_again_by_another_process_stays_one_post(peer: BlueskyPeer) -> None:
    outlets = [outlet(peer.url) for _ in range(3)]
    sent = [made.post(part("Seven models."), HANDLE) for made in outlets]
    assert all(isinstance(outcome, Sent) for outcome in sent) and len(set(sent)) == 1
    assert len(peer.posts) == 1
    for made in outlets:
        made.close()


def test_an_answer_that_was_lost_is_found_by_its_key(sky: BlueskyOutlet, peer: BlueskyPeer) -> None:
    arm(peer, FAILURES["time-out after accepting"], PUT)
    assert isinstance(sky.post(part("x"), HANDLE), OutcomeUnknown)
    found = sky.find(part("x"), HANDLE)
    assert isinstance(found, Sent) and found.platform_id == record_key(part("x"))
    assert isinstance(sky.find(part("y"), HANDLE), NotFound)


def test_an_expired_token_is_renewed_and_the_call_repeated(sky: BlueskyOutlet, peer: BlueskyPeer) -> None:
    assert isinstance(sky.post(part("one"), HANDLE), Sent)
    peer.expire()
    assert isinstance(sky.post(part("two"), HANDLE), Sent) and peer.sessions == 1
    peer.expire(refresh=True)
    assert isinstance(sky.post(part("three"), HANDLE), Sent) and peer.sessions == 2
    assert len(peer.posts) == 3


@pytest.mark.parametrize(
    ("fault", "route", "kind"),
    [
        ("401", SESSION, AccountRefused),
        ("account taken down", SESSION, AccountRefused),
        ("429", SESSION, RetryLater),
        ("500", SESSION, RetryLater),
        ("dropped after accepting", SESSION, RetryLater),
        ("200 HTML", SESSION, RetryLater),
        ("500", BLOB, RetryLater),
        ("time-out after accepting", BLOB, RetryLater),
        ("200 HTML", BLOB, RetryLater),
        ("400 record", BLOB, Refused),
        ("401", PUT, AccountRefused),
        ("400 record", PUT, Refused),
        ("500", PUT, OutcomeUnknown),
        ("429", PUT, RetryLater),
    ],
)
def test_each_failure_means_what_it_says_and_posts_nothing(
    sky: BlueskyOutlet, peer: BlueskyPeer, fault: str, route: str, kind: type
) -> None:
    arm(peer, FAILURES[fault], route)
    assert isinstance(sky.post(replace(part("x"), pictures=(CARD,)), HANDLE), kind)
    assert peer.posts == []


def test_a_rate_limit_is_kept_to_its_reset_by_the_servers_clock(sky: BlueskyOutlet, peer: BlueskyPeer) -> None:
    reset = str(int(peer.now().timestamp()) + 600)
    peer.fail(Fault(429, {"error": "RateLimitExceeded"}, {"RateLimit-Reset": reset}), PUT)
    outcome = sky.post(part("x"), HANDLE)
    assert isinstance(outcome, RetryLater)
    assert timedelta(seconds=595) < outcome.not_before - NOW <= timedelta(seconds=600)


@pytest.mark.parametrize("route", [SESSION, PUT, REFRESH, RECORD])
def test_no_secret_or_token_is_in_a_reason(peer: BlueskyPeer, route: str) -> None:
    made = outlet(peer.url)
    assert isinstance(made.post(part("x"), HANDLE), Sent)
    tokens = [token.get_secret_value() for token in made._wire.known_tokens()]  # type: ignore[attr-defined]
    echo = {"error": "Odd", "message": f"{PASSWORD} {' '.join(tokens)}"}
    if route == REFRESH:
        peer.expire()
    if route == SESSION:
        peer.expire(refresh=True)
    peer.fail(Fault(403, echo), route)
    told = f"{made.post(part('y'), HANDLE)!r} {made.find(part('y'), HANDLE)!r} {made!r} {made.check()!r}"
    assert tokens and not [secret for secret in (PASSWORD, *tokens) if secret in told], told
    made.close()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"text": "👩‍🔬" * 301}, "301 graphemes; wanted at most 300"),
        ({"text": "👩‍👩‍👧‍👦" * 200}, "5,000 bytes; wanted at most 3,000"),
        ({"poll": Poll("Q", ("a", "b"), timedelta(days=1))}, "there are no polls"),
        ({"pictures": (replace(CARD, content=bytes(1_000_001)),)}, "1,000,001 bytes; wanted at most 1,000,000"),
        ({"pictures": (CARD,) * 5}, "5 pictures; wanted at most 4"),
    ],
)
def test_what_exceeds_a_limit_is_refused_before_anything_is_sent(
    sky: BlueskyOutlet, peer: BlueskyPeer, changed: dict[str, object], reason: str
) -> None:
    outcome = sky.post(replace(part("x"), **changed), HANDLE)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused) and reason in outcome.reason and peer.requests == []


def test_a_reply_names_its_parent_and_the_first_post_of_the_thread(sky: BlueskyOutlet, peer: BlueskyPeer) -> None:
    first = sky.post(part("1"), HANDLE)
    assert isinstance(first, Sent)
    second = sky.post(replace(part("2"), reply_to=first.platform_id), HANDLE)
    assert isinstance(second, Sent)
    assert isinstance(sky.post(replace(part("3"), reply_to=second.platform_id), HANDLE), Sent)
    places = [{name: place["uri"].rpartition("/")[2] for name, place in row["reply"].items()} for row in peer.posts[1:]]
    assert places == [
        {"root": first.platform_id, "parent": first.platform_id},
        {"root": first.platform_id, "parent": second.platform_id},
    ]


def test_a_post_is_not_edited(sky: BlueskyOutlet, peer: BlueskyPeer) -> None:
    assert isinstance(sky.edit(part("x"), HANDLE, "3mceam2dyvqkl"), Refused) and peer.requests == []


def test_doctor_names_an_account_that_is_not_the_configured_one(peer: BlueskyPeer, sky: BlueskyOutlet) -> None:
    assert [check.ok for check in sky.check()][:1] == [True]
    settings = bluesky.Settings(destinations=("other.example",), service=peer.url)
    other = BlueskyOutlet(settings, XrpcClient(peer.url, HANDLE, SecretStr(PASSWORD)), SecretStr(PASSWORD), lambda: NOW)
    check = other.check()[0]
    assert check.ok is False and f"[{HANDLE}]" in check.fix
    peer.fail(FAILURES["401"], "/xrpc/com.atproto.server.getSession")
    assert sky.check()[0].ok is False
    peer.fail(FAILURES["500"], "/xrpc/com.atproto.server.getSession")
    assert sky.check()[0].ok is None
    other.close()


def test_a_missing_account_is_one_line() -> None:
    with pytest.raises(OutletError, match=r"set outlets\.bluesky\.destinations"):
        bluesky.make_outlet(bluesky.Settings(), Path(), {"BLUESKY_APP_PASSWORD": SecretStr("x")}, lambda: NOW)


@pytest.mark.parametrize(
    "block",
    [
        {"destinations": ["@me.bsky.social"]},
        {"destinations": ["a.example", "b.example"]},
        {"service": "http://b.example"},
    ],
)
def test_settings_refuse_what_cannot_work(block: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        bluesky.Settings.model_validate(block)


def test_a_part_without_a_link_at_its_end_has_no_facet(sky: BlueskyOutlet, peer: BlueskyPeer) -> None:
    sky.post(Part("More. And then", "m" * 24, link=Link("More", "https://f.example/")), HANDLE)
    assert "facets" not in peer.posts[0]
