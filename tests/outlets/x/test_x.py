"""The X outlet: tweepy's real client against a local X with a ledger and faults on demand."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from bot.outlets import (
    AccountRefused,
    LookupInconclusive,
    NotFound,
    OutcomeUnknown,
    OutletError,
    Part,
    Refused,
    RetryLater,
    Sent,
    Votes,
    part_marker,
    x,
)
from bot.outlets.x import lookback, responses
from bot.records import CheckResult, Picture, Poll
from tests.outlets.rig_x import outlet, waited
from tests.peers.openapi import Recorded, described, judged
from tests.peers.ports import reserved
from tests.peers.x_api import FAILURES, KEYS, NAME, NOT_SUMMONED, PROBLEMS, Failure, XPeer
from tests.peers.x_rules import ALLOWED, FILES, unwritten

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
CARD = Picture("card.png", PNG, "Bar chart: 929 of 3,778 models used.")
TEXT = "OpenGradient, 14 Jan 2026: 929 of 3,778 models were used. A record & no less."
WEEK = timedelta(days=7)

RECORDED: list[Recorded] = []
"""Every request of every test in this file."""


@pytest.fixture
def peer() -> Iterator[XPeer]:
    with waited() as peer:
        yield peer
        RECORDED.extend(peer.requests)


@pytest.fixture
def posting(peer: XPeer) -> Iterator[x.XOutlet]:
    with closing(outlet(peer.url)) as x_outlet:
        yield x_outlet


def part(text: str = TEXT, **more: object) -> Part:
    return replace(Part(text, part_marker(text)), **more)  # type: ignore[arg-type]


def routes(peer: XPeer) -> list[str]:
    return [f"{request.method} {request.path}" for request in peer.requests]


# --- posting


def test_a_picture_is_uploaded_and_described_before_its_post(peer: XPeer, posting: x.XOutlet) -> None:
    sent = posting.post(part(pictures=(CARD,)), NAME)
    assert isinstance(sent, Sent)
    assert routes(peer) == ["POST /2/media/upload", "POST /2/media/metadata", "POST /2/tweets"]
    (post,) = peer.posts
    assert (post["id"], post["sent"]) == (sent.platform_id, TEXT)
    assert sent.url == f"https://x.com/{NAME}/status/{sent.platform_id}"
    assert peer.media[post["media"][0]] == {"content": PNG, "alt": CARD.alt}


def test_a_thread_goes_part_by_part_each_under_the_one_before(peer: XPeer, posting: x.XOutlet) -> None:
    above = None
    for number in range(3):
        sent = posting.post(part(f"14 Jan 2026, part {number} of 3", reply_to=above), NAME)
        assert isinstance(sent, Sent)
        above = sent.platform_id
    assert [post["reply_to"] for post in peer.posts] == [None, peer.posts[0]["id"], peer.posts[1]["id"]]


def test_a_poll_goes_out_and_its_votes_come_back(peer: XPeer, posting: x.XOutlet) -> None:
    sent = posting.post(part(poll=Poll("Which?", ("More", "Fewer", "The same"), WEEK)), NAME)
    assert isinstance(sent, Sent)
    assert peer.posts[0]["body"]["poll"] == {"options": ["More", "Fewer", "The same"], "duration_minutes": 10_080}
    assert posting.votes(NAME, sent.platform_id) == Votes((0, 0, 0), final=False)
    poll = peer.polls[sent.platform_id]
    poll["voting_status"] = "closed"
    poll["options"] = [{**o, "votes": 10 * o["position"]} for o in reversed(poll["options"])]
    assert posting.votes(NAME, sent.platform_id) == Votes((10, 20, 30), final=True)


def test_votes_of_a_post_without_a_poll_or_of_no_post_are_unknown(peer: XPeer, posting: x.XOutlet) -> None:
    sent = posting.post(part(), NAME)
    assert isinstance(sent, Sent)
    for number in (sent.platform_id, "12"):
        assert isinstance(posting.votes(NAME, number), LookupInconclusive)
    peer.fail("500", "/2/tweets/{id}")
    assert isinstance(posting.votes(NAME, "12"), LookupInconclusive)


def test_uploaded_pictures_are_used_again_in_a_retry_for_23_hours(peer: XPeer) -> None:
    now = [datetime.now(UTC)]
    with closing(outlet(peer.url, lambda: now[0])) as posting:
        peer.fail("429 without a reset")
        assert isinstance(posting.post(part(pictures=(CARD,)), NAME), RetryLater)
        assert isinstance(posting.post(part(pictures=(CARD,)), NAME), Sent)
        assert routes(peer).count("POST /2/media/upload") == 1
        posting.post(part("Another card text", pictures=(replace(CARD, alt="Another"),)), NAME)
        assert routes(peer).count("POST /2/media/upload") == 2
        now[0] += timedelta(hours=23)
        posting.post(part("The day after, the same card", pictures=(CARD,)), NAME)
        assert routes(peer).count("POST /2/media/upload") == 3


def test_a_remembered_picture_that_x_has_forgotten_is_uploaded_afresh_once(peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail("429 without a reset")
    posting.post(part(pictures=(CARD,)), NAME)
    peer.media.clear()
    outcome = posting.post(part(pictures=(CARD,)), NAME)
    assert isinstance(outcome, RetryLater) and "uploaded again" in outcome.reason
    assert isinstance(posting.post(part(pictures=(CARD,)), NAME), Sent)
    peer.fail("400")
    fresh = replace(CARD, alt="A fresh one")
    assert isinstance(posting.post(part("Refused though fresh", pictures=(fresh,)), NAME), Refused)


# --- failures

EXPECTED = {
    "400": (Refused, "The text is odd"),
    "401": (AccountRefused, "keys are wrong"),
    "402 since August": (AccountRefused, "top up"),
    "402 before": (AccountRefused, "top up"),
    "403 not summoned": (Refused, "not summoned"),
    "403 of no known kind": (Refused, "not permitted"),
    "403 app not enrolled": (AccountRefused, "may not post"),
    "403 read only keys": (AccountRefused, "may not post"),
    "403 suspended": (AccountRefused, "suspended"),
    "404": (Refused, "HTTP 404"),
    "408": (OutcomeUnknown, "HTTP 408"),
    "429 without a reset": (RetryLater, "HTTP 429"),
    "429 code 88": (RetryLater, "Rate limit exceeded"),
    "429 with a broken reset": (RetryLater, "HTTP 429"),
    "usage-capped": (AccountRefused, "cap"),
    "500": (OutcomeUnknown, "HTTP 500"),
    "503 HTML": (OutcomeUnknown, "HTTP 503"),
    "503 with a JSON list": (OutcomeUnknown, "HTTP 503"),
    "500 after accepting": (OutcomeUnknown, "HTTP 500"),
    "redirect": (OutcomeUnknown, "HTTP 307"),
    "dropped before accepting": (OutcomeUnknown, "no answer"),
    "dropped after accepting": (OutcomeUnknown, "no answer"),
    "time-out before accepting": (OutcomeUnknown, "ReadTimeout"),
    "time-out after accepting": (OutcomeUnknown, "ReadTimeout"),
    "dripping for ever": (OutcomeUnknown, "no answer"),
    "malformed JSON": (OutcomeUnknown, "not a JSON object"),
    "truncated": (OutcomeUnknown, "no answer"),
    "200 HTML": (OutcomeUnknown, "not a JSON object"),
    "success without an id": (OutcomeUnknown, "without the post's id"),
    "success with errors only": (OutcomeUnknown, "without the post's id"),
    "an answer too large": (OutcomeUnknown, "no answer"),
}


def test_the_table_of_failures_is_whole() -> None:
    assert set(EXPECTED) == set(FAILURES)


@pytest.mark.parametrize("how", FAILURES)
def test_each_failure_of_the_post_has_its_outcome(how: str, peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail(how)
    outcome = posting.post(part(), NAME)
    kind, words = EXPECTED[how]
    assert isinstance(outcome, kind) and words in outcome.reason
    assert routes(peer) == ["POST /2/tweets"], "one attempt is one request"
    if isinstance(outcome, OutcomeUnknown):
        outcome = posting.find(part(), NAME)
        assert isinstance(outcome, Sent if peer.posts else NotFound)


@pytest.mark.parametrize("route", ["/2/media/upload", "/2/media/metadata"])
@pytest.mark.parametrize("how", FAILURES)
def test_a_failure_before_the_post_leaves_no_doubt(how: str, route: str, peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail(how, route)
    outcome = posting.post(part(pictures=(CARD,)), NAME)
    kind, _ = EXPECTED[how]
    if how.startswith("success") and route == "/2/media/metadata":
        assert isinstance(outcome, Sent)
        return
    assert isinstance(outcome, RetryLater if kind is OutcomeUnknown else kind)
    assert peer.posts == []
    assert "POST /2/tweets" not in routes(peer)


@pytest.mark.parametrize("how", FAILURES)
def test_a_failed_look_back_never_says_not_found(how: str, peer: XPeer, posting: x.XOutlet) -> None:
    posting.post(part(), NAME)
    peer.fail(how, "/2/users/{id}/tweets")
    outcome = posting.find(part(), NAME)
    assert isinstance(outcome, LookupInconclusive) and outcome.reason
    assert isinstance(posting.find(part(), NAME), Sent)


def test_nothing_listening_or_no_such_name_is_tried_later() -> None:
    with reserved() as port:
        for host in (f"http://127.0.0.1:{port}", "https://no-such-host.invalid"):
            with closing(outlet(host)) as posting:
                outcome = posting.post(part(), NAME)
                assert isinstance(outcome, RetryLater) and outcome.not_before > datetime.now(UTC)
                outcome = posting.find(part(), NAME)
                assert isinstance(outcome, LookupInconclusive) and outcome.retry_at


def test_a_dead_proxy_is_tried_later_and_its_password_is_not_told(
    peer: XPeer, posting: x.XOutlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://user:canaryproxy@127.0.0.1:1")
    outcome = posting.post(part(), NAME)
    assert isinstance(outcome, RetryLater) and "canaryproxy" not in outcome.reason
    assert peer.requests == []


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        ({"x-rate-limit-reset": "+600"}, 10),
        ({"x-rate-limit-reset": "-600"}, 1),
        ({"x-rate-limit-reset": "+9999999"}, 24 * 60),
        ({"x-rate-limit-reset": "99999999999999999999"}, 15),
        (
            {"x-rate-limit-reset": "+60", "x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": "+7200"},
            120,
        ),
        (
            {"x-rate-limit-reset": "+600", "x-rate-limit-remaining": "0"}
            | {"x-app-limit-24hour-remaining": "7", "x-app-limit-24hour-reset": "+7200"},
            10,
        ),
        ({}, 15),
    ],
)
@pytest.mark.parametrize("offset", [0, 4, -4])
def test_a_rate_limit_is_waited_out_by_xs_clock_within_a_day(
    headers: dict[str, str], minutes: int, offset: int, peer: XPeer
) -> None:
    now = stopped(peer)
    peer.offset = timedelta(minutes=offset)
    there = int(peer.now().timestamp())
    entries = {k: str(there + int(v)) if v[0] in "+-" else v for k, v in headers.items()}
    peer.fail(Failure(429, {"title": "Too Many Requests"}, entries))
    with closing(outlet(peer.url, lambda: now)) as posting:
        outcome = posting.post(part(), NAME)
    assert isinstance(outcome, RetryLater) and outcome.not_before == now + timedelta(minutes=minutes)


@pytest.mark.parametrize(("minutes", "side"), [(10, "behind"), (-10, "ahead of")])
def test_a_wrong_clock_is_named_where_x_refuses_the_signature(minutes: int, side: str, peer: XPeer) -> None:
    now = stopped(peer)
    peer.offset = timedelta(minutes=minutes)
    with closing(outlet(peer.url, lambda: now)) as posting:
        outcome = posting.post(part(), NAME)
    assert isinstance(outcome, AccountRefused) and f"clock is 600 s {side} X's" in outcome.reason


def stopped(peer: XPeer) -> datetime:
    """The second at which X's clock and ours stop."""
    now = datetime.now(UTC).replace(microsecond=0)
    peer.clock = lambda: now
    return now


def test_a_wrong_key_stops_the_outlet(peer: XPeer) -> None:
    settings = x.Settings(destinations=(NAME,), host=peer.url)
    for name in KEYS:
        keys = {k: SecretStr(v[:-1] + "x" if k == name else v) for k, v in KEYS.items()}
        with closing(x.make_outlet(settings, Path(), keys, lambda: datetime.now(UTC))) as posting:
            assert isinstance(posting.post(part(), NAME), AccountRefused)
    assert peer.posts == []


def test_a_token_that_cannot_be_one_is_refused_without_being_shown() -> None:
    keys = {k: SecretStr(v) for k, v in KEYS.items()} | {"X_ACCESS_TOKEN": SecretStr("canary-bearer")}
    with pytest.raises(OutletError, match="X_ACCESS_TOKEN") as caught:
        x.make_outlet(x.Settings(), Path(), keys, lambda: datetime.now(UTC))
    assert "canary" not in str(caught.value)


# --- two clocks


def by_our_clock(peer: XPeer, ahead: timedelta, **chosen: object) -> x.XOutlet:
    """An account on a machine whose clock is ahead of X's."""
    peer.offset = -ahead
    return outlet(peer.url, **chosen)


APART = [timedelta(minutes=minutes) for minutes in (-4, -3, 0, 3, 4)]


@pytest.mark.parametrize("ahead", APART)
def test_what_is_out_is_found_whatever_this_machines_clock_says(peer: XPeer, ahead: timedelta) -> None:
    with closing(by_our_clock(peer, ahead)) as posting:
        wanted = part(since=posting.platform_time())
        peer.fail("time-out after accepting")
        assert isinstance(posting.post(wanted, NAME), OutcomeUnknown)
        outcome = posting.find(wanted, NAME)
        assert isinstance(outcome, Sent) and outcome.platform_id == peer.posts[0]["id"]
        assert timedelta() <= outcome.age < timedelta(minutes=1)
        assert posting.post(wanted, NAME) == outcome, "a duplicate of this part and of no earlier day"
        assert abs(abs(posting.clock_offset() or WEEK) - abs(ahead)) < timedelta(minutes=1)


@pytest.mark.parametrize("ahead", APART)
def test_what_was_posted_before_the_part_was_due_is_not_the_part(peer: XPeer, ahead: timedelta) -> None:
    with closing(by_our_clock(peer, ahead)) as posting:
        peer.accept(TEXT, at=peer.now() - timedelta(minutes=3))
        wanted = part(since=posting.platform_time())
        assert posting.find(wanted, NAME) == NotFound()
        assert isinstance(posting.post(wanted, NAME), Refused)


@pytest.mark.parametrize(("age", "edits"), [(29, True), (31, False)])
@pytest.mark.parametrize("ahead", [timedelta(hours=-5), timedelta(minutes=4), timedelta(hours=5)])
def test_the_window_for_edits_is_counted_by_xs_clock(peer: XPeer, age: int, edits: bool, ahead: timedelta) -> None:
    with closing(outlet(peer.url, clock=lambda: datetime.now(UTC) + ahead)) as posting:
        old = peer.accept(TEXT, at=peer.now() - timedelta(minutes=age))
        outcome = posting.edit(part("Corrected, 14 Jan 2026"), NAME, old)
        assert isinstance(outcome, Sent if edits else Refused), outcome
        assert ("POST /2/tweets" in routes(peer)) is edits


def test_where_xs_time_cannot_be_known_x_decides_whether_it_is_too_late(
    peer: XPeer, posting: x.XOutlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x.XOutlet, "platform_time", lambda _: None)
    old = peer.accept(TEXT, at=peer.now() - timedelta(minutes=31))
    assert isinstance(posting.edit(part("Corrected, 14 Jan 2026"), NAME, old), Refused)
    assert "POST /2/tweets" in routes(peer)


def test_the_time_is_asked_for_once_without_keys_and_then_read_from_every_answer(
    peer: XPeer, posting: x.XOutlet
) -> None:
    peer.offset = timedelta(days=3)
    assert posting.clock_offset() is None
    for _ in range(3):
        there = posting.platform_time()
        assert there and abs(there - peer.now()) < timedelta(minutes=1)
    assert routes(peer) == ["HEAD /2/openapi.json"] and "Authorization" not in peer.requests[0].headers
    peer.offset = timedelta()
    posting.find(part(), NAME)
    assert abs(posting.clock_offset() or WEEK) < timedelta(minutes=1)


def test_a_server_on_the_way_does_not_tell_xs_time(peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail(Failure(502, "<html>", {"Date": "Thu, 01 Jan 2099 00:00:00 GMT"}), "/2/users/{id}/tweets")
    posting.find(part(), NAME)
    assert posting.clock_offset() is None


def test_where_x_cannot_be_reached_its_time_is_not_known() -> None:
    with closing(outlet("http://127.0.0.1:1")) as posting:
        assert posting.platform_time() is None and posting.clock_offset() is None


def test_without_a_date_the_reset_of_a_rate_limit_says_nothing() -> None:
    now = datetime(2026, 1, 14, tzinfo=UTC)
    there = {"x-rate-limit-reset": str(int(now.timestamp()) + 7200), "x-rate-limit-remaining": "0"}
    assert responses.limit_reset(there, now) == now + responses.WINDOW
    dated = there | {"Date": "Wed, 14 Jan 2026 01:50:00 GMT"}
    assert responses.limit_reset(dated, now) == now + timedelta(minutes=10)


# --- duplicates and looking back


NAMES = [
    "Tom &amp; Jerry",
    "q&notes",
    "model&copy",
    "a &lt;b&gt; c",
    "x&lt",
    "AT&T",
    "a &amp;amp; b",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_looks_like_html_is_found_as_it_was_sent(peer: XPeer, posting: x.XOutlet, name: str) -> None:
    wanted = part(f"14 Jan 2026: {name} was the most used model", since=posting.platform_time())
    peer.fail("time-out after accepting")
    assert isinstance(posting.post(wanted, NAME), OutcomeUnknown)
    outcome = posting.find(wanted, NAME)
    assert isinstance(outcome, Sent) and outcome.platform_id == peer.posts[0]["id"]
    other = unescape(wanted.text)
    assert other == wanted.text or posting.find(part(other), NAME) == NotFound(), "another name is another post"


@pytest.mark.parametrize("more", [" ", "\n", "  \n ", "\u2060", " \u200b"])
def test_blanks_at_the_ends_and_invisible_signs_are_no_difference(more: str) -> None:
    assert lookback.is_same_post(f"{more}A name{more}", "A name") and lookback.is_same_post("A name", f"A name{more}")


def test_a_composed_letter_is_the_same_as_its_pieces() -> None:
    assert lookback.is_same_post("Cafe\u0301 &amp", "Caf\u00e9 &amp;amp")


def test_without_a_bound_a_look_back_reads_on_until_it_knows(peer: XPeer, posting: x.XOutlet) -> None:
    mine = peer.accept(TEXT)
    for number in range(150):
        peer.accept(f"Chatter number {number}")
    outcome = posting.find(part(), NAME)
    assert isinstance(outcome, Sent) and outcome.platform_id == mine
    assert posting.find(part("Not there"), NAME) == NotFound()
    for number in range(400):
        peer.accept(f"More chatter number {number}")
    assert isinstance(posting.find(part("Not there"), NAME), LookupInconclusive)


def test_a_duplicate_is_adopted_not_varied(peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail("time-out after accepting")
    assert isinstance(posting.post(part(), NAME), OutcomeUnknown)
    again = posting.post(part(), NAME)
    assert again == Sent(peer.posts[0]["id"], f"https://x.com/{NAME}/status/{peer.posts[0]['id']}")
    assert len(peer.posts) == 1


def test_a_duplicate_of_an_older_day_is_refused_with_its_link(peer: XPeer, posting: x.XOutlet) -> None:
    old = peer.accept(TEXT, at=datetime.now(UTC) - WEEK)
    outcome = posting.post(part(since=datetime.now(UTC) - timedelta(hours=1)), NAME)
    assert isinstance(outcome, Refused) and old in outcome.reason


def test_a_duplicate_that_does_not_show_yet_or_cannot_be_asked_for_is_unsure(peer: XPeer, posting: x.XOutlet) -> None:
    posting.post(part(), NAME)
    peer.lag = 1
    hidden = posting.post(part(), NAME)
    peer.fail("503 HTML", "/2/users/{id}/tweets")
    silent = posting.post(part(), NAME)
    for outcome in (hidden, silent):
        assert isinstance(outcome, OutcomeUnknown) and outcome.accepted, "that it is a duplicate proves that it is out"
    assert isinstance(posting.post(part(), NAME), Sent)
    assert len(peer.posts) == 1


def test_a_reading_that_lags_says_not_found_and_later_finds(peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail("dropped after accepting")
    posting.post(part(), NAME)
    peer.lag = 2
    entries = [posting.find(part(), NAME) for _ in range(3)]
    assert [type(entry) for entry in entries] == [NotFound, NotFound, Sent]


def test_the_same_words_elsewhere_in_a_thread_are_another_part(peer: XPeer, posting: x.XOutlet) -> None:
    root = peer.accept("A root of 14 Jan 2026")
    reply = peer.accept(TEXT, reply_to=root)
    assert isinstance(posting.find(part(), NAME), NotFound)
    assert isinstance(posting.find(part(reply_to="77"), NAME), NotFound)
    outcome = posting.find(part(reply_to=root), NAME)
    assert isinstance(outcome, Sent) and outcome.platform_id == reply


def test_the_oldest_of_two_is_the_one_and_what_is_older_than_the_part_is_not(peer: XPeer, posting: x.XOutlet) -> None:
    now = datetime.now(UTC)
    peer.accept(TEXT, at=now - WEEK)
    first, _ = peer.accept(TEXT, at=now - timedelta(minutes=9)), peer.accept(TEXT, at=now)
    outcome = posting.find(part(since=now - timedelta(hours=1)), NAME)
    assert isinstance(outcome, Sent) and outcome.platform_id == first
    assert isinstance(posting.find(part(since=now + timedelta(hours=1)), NAME), NotFound)


def test_a_look_back_turns_the_pages(peer: XPeer, posting: x.XOutlet) -> None:
    now = datetime.now(UTC)
    mine = peer.accept(TEXT, at=now - timedelta(hours=2))
    for number in range(150):
        peer.accept(f"Chatter number {number}", at=now - timedelta(minutes=60))
    outcome = posting.find(part(since=now - timedelta(hours=3)), NAME)
    assert isinstance(outcome, Sent) and outcome.platform_id == mine
    assert isinstance(posting.find(part("Not there", since=now - timedelta(hours=3)), NAME), NotFound)
    for number in range(400):
        peer.accept(f"More chatter number {number}", at=now - timedelta(minutes=60))
    outcome = posting.find(part("Not there", since=now - timedelta(hours=3)), NAME)
    assert isinstance(outcome, LookupInconclusive) and outcome.retry_at is None


def test_a_timeline_in_another_dialect_is_not_trusted(peer: XPeer, posting: x.XOutlet) -> None:
    peer.accept("Something else")
    peer.dialect = "post"
    outcome = posting.find(part(), NAME)
    assert isinstance(outcome, LookupInconclusive) and "fields asked for" in outcome.reason


@pytest.mark.parametrize(
    "text",
    [
        "Fish & chips <b> \"quoted\" 'so' 14 Jan 2026",
        "With a link https://footfall.example/2026-01-14 inside, and words",
        "Ends with a link: https://footfall.example/a?b=1&c=2",
        "In brackets (https://footfall.example), then words",
        "Two  spaces\nand a\n\nline",
        "Cafe\u0301 decomposed, 14 Jan 2026",
        "Named foo\u2060.io with a joiner, 14 Jan 2026",
        "Emoji 📈🧑‍💻 and 数字 14 Jan 2026",
    ],
)
@pytest.mark.parametrize("pictures", [(), (CARD,)])
def test_what_was_sent_is_found_however_x_shows_it(text: str, pictures: tuple[Picture, ...], peer: XPeer) -> None:
    with closing(outlet(peer.url, links=True)) as posting:
        sent = posting.post(part(text, pictures=pictures), NAME)
        assert isinstance(sent, Sent)
        assert posting.find(part(text), NAME) == sent
        assert posting.find(part(text + " more"), NAME) == NotFound()
        assert posting.find(part(text.replace("14 Jan", "15 Jan").replace("words", "woods") + "."), NAME) == NotFound()


def test_texts_that_only_look_alike_are_not_the_same_post() -> None:
    assert lookback.is_same_post("a b https://x.example/1", "a b https://t.co/q https://t.co/pic")
    assert not lookback.is_same_post("a b", "a b c")
    assert not lookback.is_same_post("a b https://x.example/1", "a c https://t.co/q")
    assert not lookback.is_same_post("929 of 3778", "https://t.co/q of 3778")
    assert not lookback.is_same_post("https://x.example/1", "https://t.co/q")
    assert not lookback.is_findable("https://x.example/1") and lookback.is_findable("hi https://x.example/1")


# --- before sending


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (part("a " * 141), "282 long"),
        (part("→" * 141), "282 long"),
        (part("https://x.example/1"), "no word that is not a link"),
        (part(""), "no word"),
        (part("Odd \ufffe sign"), "U+FFFE"),
        (part("Ask @someone"), "@someone would mention"),
        (part("New: #AI"), "#AI would become a tag"),
        (part("Up: $BTC"), "$BTC would become a tag"),
        (part("Up: $BTC and $ETH"), "2 cashtags"),
        (part("Says RT@someone"), "@someone would mention"),
        (part("Asks \uff41@someone"), "@someone would mention"),
        (part("A list: @someone/models"), "@someone/models would mention"),
        (part("Up: $TEST_"), "$TEST would become a tag"),
        (part("a." * 10_000), "20,000 characters; wanted at most 1,120"),
        (part("Up: ($TEST)"), "$TEST would become a tag"),
        (part("New: #\u0301AI"), "#\u0301AI would become a tag"),
        (part("New: #\u0f0cAI"), "#\u0f0cAI would become a tag"),
        (part("Model foo.io leads"), "foo.io would become a link"),
        (part(pictures=(CARD,) * 5), "5 pictures"),
        (part(pictures=(replace(CARD, content=b"<svg/>"),)), "wanted a PNG or JPEG"),
        (part(pictures=(replace(CARD, content=PNG + bytes(5 * 1024 * 1024)),)), "5,242,952 bytes"),
        (part(pictures=(replace(CARD, alt=""),)), "an alt text of 0"),
        (part(pictures=(replace(CARD, alt="a" * 1001),)), "an alt text of 1,001"),
        (part(pictures=(CARD,), poll=Poll("?", ("a", "b"), WEEK)), "a poll and a picture"),
        (part(poll=Poll("?", ("a",), WEEK)), "a poll of 1"),
        (part(poll=Poll("?", tuple("abcde"), WEEK)), "a poll of 5"),
        (part(poll=Poll("?", ("a", "b" * 26), WEEK)), "26 characters"),
        (part(poll=Poll("?", ("a", "b"), timedelta(days=8))), "5 minutes to 7 days"),
    ],
)
def test_what_x_would_refuse_is_never_sent(wrong: Part, words: str, peer: XPeer, posting: x.XOutlet) -> None:
    outcome = posting.post(wrong, NAME)
    assert isinstance(outcome, Refused) and words in outcome.reason
    assert peer.requests == []


def test_the_limits_themselves_are_sent(peer: XPeer) -> None:
    widest = replace(CARD, content=PNG + bytes(5 * 1024 * 1024 - len(PNG)), alt="a" * 1000)
    with closing(outlet(peer.url, tags=["#Footfall", "$OPG"])) as posting:
        fitting = [
            part("a" * 280),
            part("→" * 140),
            part("By #footfall and $OPG", pictures=(widest, CARD, CARD, CARD)),
            part(poll=Poll("?", ("a" * 25,) * 4, timedelta(minutes=5))),
        ]
        assert [type(posting.post(part, NAME)) for part in fitting] == [Sent] * 4


def test_another_account_is_refused(peer: XPeer, posting: x.XOutlet) -> None:
    outcome = posting.post(part(), "somebody_else")
    assert isinstance(outcome, Refused) and "somebody_else" in outcome.reason
    assert peer.requests == []


@pytest.mark.parametrize(
    "chosen",
    [
        {"destinations": ["a", "b"]},
        {"destinations": ["@a"]},
        {"destinations": ["a" * 16]},
        {"tags": ["$A", "$B"]},
        {"tags": ["footfall"]},
        {"tags": ["#1"]},
        {"host": "http://api.x.com"},
        {"host": "ftp://localhost"},
        {"monthly_budget": -1},
        {"surprise": True},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(chosen: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        x.Settings.model_validate(chosen)


def test_the_cost_of_a_part_is_the_published_one() -> None:
    assert x.cost(part()) == Decimal("0.015")
    assert x.cost(part(pictures=(CARD, CARD))) == Decimal("0.025")
    assert x.cost(part("See foo.io for more")) == Decimal("0.200")


# --- corrections


def test_an_edit_replaces_the_post_and_has_a_new_id(peer: XPeer, posting: x.XOutlet) -> None:
    sent = posting.post(part(), NAME)
    assert isinstance(sent, Sent)
    edited = posting.edit(part(TEXT.replace("929", "930")), NAME, sent.platform_id)
    assert isinstance(edited, Sent) and edited.platform_id != sent.platform_id
    (post,) = peer.posts
    assert "930" in post["sent"] and post["edits"] == sent.platform_id


def test_an_edit_that_x_does_not_allow_is_refused(peer: XPeer, posting: x.XOutlet) -> None:
    old = peer.accept(TEXT, at=datetime.now(UTC) - timedelta(minutes=31))
    assert isinstance(posting.edit(part("New words"), NAME, old), Refused)
    poll = part("New words", poll=Poll("?", ("a", "b"), WEEK))
    assert isinstance(posting.edit(poll, NAME, peer.accept("Asked")), Refused)
    assert routes(peer) == ["HEAD /2/openapi.json"], "what time it is there, and no more"


def test_an_edit_whose_answer_is_lost_is_found_by_its_new_words(peer: XPeer, posting: x.XOutlet) -> None:
    sent = posting.post(part(), NAME)
    assert isinstance(sent, Sent)
    peer.fail("500 after accepting")
    corrected = part("Corrected: 930 of 3,778")
    assert isinstance(posting.edit(corrected, NAME, sent.platform_id), OutcomeUnknown)
    outcome = posting.find(corrected, NAME)
    assert isinstance(outcome, Sent) and outcome.platform_id == peer.posts[0]["id"]


def test_what_is_no_number_of_a_post_reaches_no_address(peer: XPeer, posting: x.XOutlet) -> None:
    assert isinstance(posting.edit(part(), NAME, "../users/me"), Refused)
    assert isinstance(posting.votes(NAME, "../users/me"), LookupInconclusive)
    assert peer.requests == []


# --- doctor


def test_a_check_of_good_keys_passes_without_posting(peer: XPeer, posting: x.XOutlet) -> None:
    checks = posting.check()
    assert {c.name: c.ok for c in checks} == {
        "x account": True,
        "x permission": True,
        "x clock": True,
        "x credits": None,
    }
    assert routes(peer) == ["GET /2/users/me"]


def test_a_check_names_what_is_wrong_and_the_cure(peer: XPeer, posting: x.XOutlet) -> None:
    peer.name, peer.access_level, peer.offset = "stranger", "read", timedelta(minutes=4)
    bad = {c.name: c for c in posting.check() if c.ok is False}
    assert set(bad) == {"x account", "x permission", "x clock"}
    assert all(c.fix for c in bad.values())
    with closing(outlet(peer.url, destinations=[])) as unnamed:
        assert unnamed.check()[0].ok is False


@pytest.mark.parametrize("how", FAILURES)
def test_a_check_that_fails_is_a_line_not_an_error(how: str, peer: XPeer, posting: x.XOutlet) -> None:
    peer.fail(how, "/2/users/me")
    first: CheckResult = posting.check()[0]
    assert first.ok is (False if EXPECTED[how][0] is AccountRefused or how.startswith("success") else None)
    assert first.text


# --- secrets and threads


def test_no_secret_reaches_a_log_a_reason_or_a_repr_whatever_fails(
    peer: XPeer, posting: x.XOutlet, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = " ".join(KEYS.values())
    peer.fail(Failure(403, {"detail": f"bad signature for {echo}", "title": "Forbidden"}))
    texts = [repr(posting.post(part("Echo of keys"), NAME)), repr(posting), str(vars(posting))]
    for number, how in enumerate(FAILURES):
        peer.fail(how)
        texts += [repr(posting.post(part(f"Attempt number {number}"), NAME)), repr(posting.find(part(), NAME))]
    texts += [repr(posting.check()), caplog.text]
    assert "[redacted]" in texts[0] and "127.0.0.1" in caplog.text
    assert [line for line in texts for key in KEYS.values() if key in line] == []
    assert "canary" not in " ".join(texts)


def test_several_threads_may_post_at_once(peer: XPeer, posting: x.XOutlet) -> None:
    outcomes: list[object] = []
    jobs = [
        threading.Thread(target=lambda n=n: outcomes.append(posting.post(part(f"Thread number {n}"), NAME)))
        for n in range(8)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(120)
    assert [type(outcome) for outcome in outcomes] == [Sent] * 8
    assert len({outcome.platform_id for outcome in outcomes if isinstance(outcome, Sent)}) == 8


def test_tweepy_still_has_the_host_that_the_session_replaces(peer: XPeer, posting: x.XOutlet) -> None:
    """If tweepy changes it, signatures are for the wrong host: then this test fails first."""
    posting.post(part(), NAME)
    assert peer.requests[0].headers["Host"] == urlsplit(peer.url).netloc
    assert "Tweepy/" in peer.requests[0].headers["User-Agent"]
    assert peer.requests[0].headers["Authorization"].startswith("OAuth ")


def test_the_status_table_covers_every_status() -> None:
    now, result = datetime.now(UTC), {"detail": NOT_SUMMONED, "type": PROBLEMS + "credits"}
    for status in [*range(300, 600)]:
        for creating in (True, False):
            answer = responses.HttpStatusError(status, {}, result)
            outcome = responses.failure_outcome(answer, now, (), creating=creating)
            assert not (isinstance(outcome, RetryLater) and creating and status != 429)
            assert not (isinstance(outcome, OutcomeUnknown) and not creating)


# --- against X's own description; the last test of the file


def _request(method: str, target: str, body: object = None, auth: str = "OAuth x") -> Recorded:
    headers = {"Content-Type": "application/json", "Authorization": auth} if auth else {}
    return Recorded(method, target, headers, b"" if body is None else json.dumps(body).encode())


BAD = [
    _request("POST", "/2/tweets", {"text": 1}),
    _request("POST", "/2/tweets", {"text": "a", "surprise": 1}),
    _request("POST", "/2/tweets", {"text": "a", "poll": {"options": ["a"], "duration_minutes": 1}}),
    _request("POST", "/2/tweets", {"text": "a", "reply": {"in_reply_to_tweet_id": "x"}}),
    _request("POST", "/2/tweets", {"text": "a" * 281}),
    _request("POST", "/2/tweets", {}),
    _request("POST", "/2/tweets", {"text": "$A $B"}),
    _request("POST", "/2/tweets", {"text": "a", "media": {"media_ids": ["1"]}, "poll": {"options": ["a", "b"]}}),
    _request("POST", "/2/media/upload", {"media": "aGk=", "media_category": "surprise"}),
    _request("POST", "/2/media/metadata", {"id": "1", "metadata": {"alt_text": {"text": "a" * 1001}}}),
    _request("GET", "/2/users/1/tweets?max_results=1000"),
    _request("GET", "/2/users/1/tweets?surprise=1"),
    _request("GET", "/2/users/me", auth=""),
    _request("GET", "/2/surprise"),
]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.method} {bad.target} {bad.body[:60].decode()}")
def test_the_judge_refuses_bad_requests(file: str, bad: Recorded) -> None:
    description = described(file, ALLOWED)
    if description is None:
        pytest.skip("SPECS_DIR is not set")
    assert description.faults(bad, unwritten)


def test_the_exceptions_to_xs_description_are_needed() -> None:
    """The requests of all tests are compared with the description; here, without the exceptions."""
    faults = judged(FILES, RECORDED, (), unwritten)
    if faults is None:
        pytest.skip(f"NOT CHECKED: no SPECS_DIR, so no request of tweepy was compared with {FILES}")
    assert RECORDED, "nothing was recorded: run the whole file"
    assert len({fault.partition(": ")[2] for fault in faults}) == len(ALLOWED), (
        "an exception that is not needed must go"
    )
