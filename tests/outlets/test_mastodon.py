"""Mastodon: how a text is counted and escaped, and what is there after a failure."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.outlets import (
    AccountRefused,
    LookupInconclusive,
    NotFound,
    OutcomeUnknown,
    OutletError,
    Refused,
    RetryLater,
    Sent,
    Votes,
    mastodon,
)
from bot.outlets.mastodon.outlet import MastodonOutlet
from bot.outlets.mastodon.text import FORMAT, counted_length, for_mastodon, is_same_text
from bot.records import Picture, Poll
from tests.hostile import NAMES
from tests.outlets.rig_mastodon import outlet, part
from tests.outlets.short_waits import arm, patient
from tests.peers.failing_server import Fault
from tests.peers.mastodon_api import FAILURES, MEDIA, STATUSES, TOKEN, USER, MastodonPeer

NOW = datetime(2026, 1, 15, 2, 30, tzinfo=UTC)
CARD = Picture("card.png", b"\x89PNG\r\n\x1a\n" + bytes(16), "A chart of models")
ASKED = Poll("More?", ("Yes", "No"), timedelta(days=5))


@pytest.fixture
def peer() -> Iterator[MastodonPeer]:
    with patient(), MastodonPeer() as served:
        yield served


@pytest.fixture
def board(peer: MastodonPeer) -> Iterator[MastodonOutlet]:
    made = outlet(peer.url)
    yield made
    made.close()


def test_a_post_has_text_language_visibility_picture_and_alt_text(peer: MastodonPeer) -> None:
    made = outlet(peer.url, visibility="unlisted", locale="zh-CN")
    sent = made.post(replace(part("七个模型"), pictures=(CARD,)), USER)
    (row,) = peer.posts
    assert isinstance(sent, Sent) and sent.url == row["url"] and sent.platform_id == row["id"]
    assert (row["sent"], row["visibility"], row["language"]) == ("七个模型", "unlisted", "zh")
    assert peer.media[row["media"][0]] == {"content": CARD.content, "alt": CARD.alt}
    made.close()


def test_within_an_hour_the_server_answers_a_repetition_with_the_same_post(
    board: MastodonOutlet, peer: MastodonPeer
) -> None:
    arm(peer, FAILURES["time-out after accepting"], STATUSES)
    assert isinstance(board.post(part("x"), USER), OutcomeUnknown)
    again = board.post(part("x"), USER)
    assert isinstance(again, Sent) and [row["id"] for row in peer.posts] == [again.platform_id]


def test_after_the_hour_a_look_back_finds_the_post(board: MastodonOutlet, peer: MastodonPeer) -> None:
    peer.keys_last = timedelta()
    text = 'Bob\'s "A&B" <model> had 7 runs.\n\nRuns as reported.\nhttps://f.example/day/?a=1&b=2'
    arm(peer, FAILURES["500 after accepting"], STATUSES)
    assert isinstance(board.post(part(text), USER), OutcomeUnknown)
    found = board.find(replace(part(text), since=peer.now() - timedelta(minutes=1)), USER)
    assert isinstance(found, Sent) and found.platform_id == peer.posts[0]["id"]
    assert isinstance(board.find(part("Bob had 8 runs."), USER), NotFound)
    assert isinstance(board.find(replace(part(text), reply_to="109000000000000009"), USER), NotFound)


def test_a_look_back_goes_through_pages_and_ends_at_the_first_possible_instant(
    board: MastodonOutlet, peer: MastodonPeer
) -> None:
    for number in range(90):
        assert isinstance(board.post(part(f"post {number}"), USER), Sent)
    assert isinstance(board.find(part("post 3"), USER), Sent)
    peer.requests.clear()
    later = replace(part("post 3"), since=peer.now() + timedelta(hours=1))
    assert isinstance(board.find(later, USER), NotFound)
    assert len([path for _, path in peer.requests if path.endswith("/statuses")]) == 1


def test_more_posts_than_a_look_back_reads_leave_the_answer_open(board: MastodonOutlet, peer: MastodonPeer) -> None:
    for number in range(210):
        assert isinstance(board.post(part(f"post {number}"), USER), Sent)
    assert isinstance(board.find(part("another"), USER), LookupInconclusive)


def test_a_picture_that_takes_time_is_asked_for_again_and_not_uploaded_twice(
    board: MastodonOutlet, peer: MastodonPeer
) -> None:
    peer.slow_pictures = 2
    wanted = replace(part("x"), pictures=(CARD,))
    outcomes = [board.post(wanted, USER) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [RetryLater, RetryLater, Sent]
    assert len(peer.media) == len(peer.posts) == 1


@pytest.mark.parametrize(
    ("fault", "route", "kind"),
    [
        ("422", MEDIA, Refused),
        ("500", MEDIA, RetryLater),
        ("time-out after accepting", MEDIA, RetryLater),
        ("200 HTML", MEDIA, RetryLater),
        ("401", MEDIA, AccountRefused),
        ("500", "/api/v2/instance", RetryLater),
        ("401", STATUSES, AccountRefused),
        ("403 scope", STATUSES, AccountRefused),
        ("422", STATUSES, Refused),
        ("429", STATUSES, RetryLater),
        ("500", STATUSES, OutcomeUnknown),
    ],
)
def test_each_failure_means_what_it_says_and_posts_nothing(
    board: MastodonOutlet, peer: MastodonPeer, fault: str, route: str, kind: type
) -> None:
    arm(peer, FAILURES[fault], route)
    assert isinstance(board.post(replace(part("x"), pictures=(CARD,)), USER), kind)
    assert peer.posts == []


def test_a_rate_limit_is_kept_to_its_reset_by_the_servers_clock(peer: MastodonPeer) -> None:
    made = outlet(peer.url, lambda: NOW)
    reset = (peer.now() + timedelta(minutes=20)).isoformat()
    peer.fail(Fault(429, {"error": "Too many requests"}, {"X-RateLimit-Reset": reset}), STATUSES)
    outcome = made.post(part("x"), USER)
    assert isinstance(outcome, RetryLater)
    assert timedelta(minutes=19) < outcome.not_before - NOW <= timedelta(minutes=20, seconds=1)
    made.close()


def test_the_servers_own_limit_is_read_and_kept(peer: MastodonPeer) -> None:
    made = outlet(peer.url, characters=1000)
    limit = made.check()[1]
    assert limit.ok is False and limit.fix == "set outlets.mastodon.characters: 500"
    outcome = made.post(part("x" * 501), USER)
    assert isinstance(outcome, Refused) and "501 characters; the server allows 500" in outcome.reason
    made.close()
    peer.longest = peer.announced = 1000
    made = outlet(peer.url, characters=1000)
    assert made.check()[1].ok and isinstance(made.post(part("x" * 1000), USER), Sent)
    made.close()


def test_an_edit_replaces_the_text_and_is_found_again(board: MastodonOutlet, peer: MastodonPeer) -> None:
    first = board.post(part("Seven models."), USER)
    assert isinstance(first, Sent)
    arm(peer, FAILURES["500 after accepting"], f"{STATUSES}/")
    assert isinstance(board.edit(part("Correction. Eight models."), USER, first.platform_id), OutcomeUnknown)
    found = board.find(part("Correction. Eight models."), USER)
    assert isinstance(found, Sent) and found.platform_id == first.platform_id and len(peer.posts) == 1
    assert isinstance(board.edit(part("x"), USER, "109999999999999999"), Refused), "it was deleted there"


def test_a_poll_is_posted_and_its_votes_are_read(board: MastodonOutlet, peer: MastodonPeer) -> None:
    sent = board.post(replace(part("More?"), poll=ASKED), USER)
    assert isinstance(sent, Sent)
    assert board.votes(USER, sent.platform_id) == Votes((0, 0), False)
    peer.vote(sent.platform_id, [5, 3], ended=True)
    assert board.votes(USER, sent.platform_id) == Votes((5, 3), True)
    plain = board.post(part("x"), USER)
    assert isinstance(plain, Sent) and isinstance(board.votes(USER, plain.platform_id), LookupInconclusive)
    assert isinstance(board.votes(USER, "../accounts"), LookupInconclusive)
    refused = board.post(replace(part("y"), poll=ASKED, pictures=(CARD,)), USER)
    assert isinstance(refused, Refused) and "a poll and a picture" in refused.reason


@pytest.mark.parametrize("kind", NAMES)
def test_no_name_becomes_a_mention_a_tag_a_link_or_an_emoji(kind: str) -> None:
    assert not FORMAT.linked(for_mastodon(NAMES[kind]))


@given(st.text(alphabet="@#:/＠＃ab.1 _-h\u200d", max_size=40))
def test_no_text_of_signs_becomes_a_mention_a_tag_a_link_or_an_emoji(text: str) -> None:
    assert not FORMAT.linked(for_mastodon(text))
    assert not FORMAT.linked(for_mastodon(f"https://{text}"))


@pytest.mark.parametrize("text", ["At 02:30:00 UTC: 7 runs", "grok:free", "Note: the list", "owner/model: 12 runs"])
def test_a_harmless_colon_stays(text: str) -> None:
    assert for_mastodon(text) == text and not FORMAT.linked(text)


def test_the_text_after_a_name_completes_no_emoji() -> None:
    assert not FORMAT.linked(f"{for_mastodon(':verified')}: 12 runs")


def test_a_link_counts_as_23_characters_and_an_emoji_as_one() -> None:
    assert counted_length("x " + "https://f.example/" + "a" * 80) == 25
    assert counted_length("👩‍🔬") == 1


def test_no_secret_is_in_a_reason(board: MastodonOutlet, peer: MastodonPeer) -> None:
    peer.fail(Fault(403, {"error": f"bad {TOKEN}"}), "/api/", times=4)
    told = f"{board.post(part('x'), USER)!r} {board.find(part('x'), USER)!r} {board.check()!r} {board!r}"
    assert TOKEN not in told and "[redacted]" in told


@pytest.mark.parametrize(
    "url", ["javascript:x", "https://a/\n\x1b[31m", "https://a/ b", "https://a/\u202e", "https://"]
)
def test_an_address_that_could_harm_a_terminal_or_a_page_is_no_proof(
    board: MastodonOutlet, peer: MastodonPeer, url: str
) -> None:
    peer.fail(Fault(200, json.dumps({"id": "1", "url": url})), STATUSES)
    assert isinstance(board.post(part("x"), USER), OutcomeUnknown)


def test_html_that_is_slow_to_read_is_another_text() -> None:
    begun = time.process_time()
    assert not is_same_text("Seven models.", "<!" * 100_000) and time.process_time() - begun < 1
    assert is_same_text("Seven models. https://example.org/x", '<p>Seven models. <a href="https://example.org/x" '
                        'rel="nofollow noopener" target="_blank"><span class="invisible">https://</span>'
                        '<span class="">example.org/x</span></a></p>')  # fmt: skip


def test_doctor_names_an_account_that_is_not_the_configured_one(peer: MastodonPeer) -> None:
    made = outlet(peer.url, destinations=["someone"])
    check = made.check()[0]
    assert check.ok is False and check.fix == f"set outlets.mastodon.destinations: [{USER}], or the token of someone"
    peer.fail(FAILURES["401"], "/api/v1/accounts")
    assert made.check()[0].ok is False
    peer.fail(FAILURES["500"], "/api/v1/accounts")
    assert made.check()[0].ok is None
    made.close()


def test_a_missing_server_is_one_line() -> None:
    with pytest.raises(OutletError, match=r"set outlets\.mastodon\.server"):
        mastodon.make_outlet(mastodon.Settings(), Path(), {"MASTODON_TOKEN": SecretStr("x")}, lambda: NOW)


@pytest.mark.parametrize(
    "block",
    [
        {"destinations": ["@me"]},
        {"destinations": ["me@social.example"]},
        {"server": "social.example"},
        {"characters": 9},
    ],
)
def test_settings_refuse_what_cannot_work(block: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        mastodon.Settings.model_validate(block)


@pytest.mark.parametrize("longest", [True, "5000", None, 0])
def test_a_limit_that_is_no_number_is_not_the_servers_limit(peer: MastodonPeer, longest: Any) -> None:
    """`true` is 1 in Python: no post would have been short enough."""
    peer.announced = longest
    made = outlet(peer.url)
    assert isinstance(made.post(part("Seven models."), USER), Sent)
    made.close()
