"""Blobs from aggregators that fail, lie and forget."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest

from bot.sources.opengradient.blob_archive import KEPT_VERSIONS, BlobArchive
from bot.sources.opengradient.walrus import Blob, BlobMissing, Walrus, blob_id, next_try
from tests.patience import make_client
from tests.peers.aggregator import Aggregator, Fault
from tests.peers.served import Server, serving

ID = "orGaXuTN-hxHTViVALqcbFN8Cv6fxjaC3OUqg1ZjvZY"
BODY = b'{"format":"standard-v1"}'
SETTLED = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = SETTLED + timedelta(hours=1)


class Limits(httpx.HTTPTransport):
    """Waits for each server as long as Walrus says, but only a moment for those that never answer."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[int | None, float] = {}
        """By port."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if (seconds := self.seconds.get(request.url.port)) is not None:
            request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        return super().handle_request(request)


def ticking() -> Callable[[], float]:
    """A clock that advances half a minute at each read."""
    seconds = count(0.0, 30.0)
    return lambda: next(seconds)


class Fleet:
    """Aggregators of a test, and a reader of them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.servers: list[Server] = []
        self.limits = Limits()
        self.client = stack.enter_context(make_client(transport=self.limits))

    def add(self, fault: Fault | None = None, body: bytes = BODY) -> Server:
        server = self.stack.enter_context(serving(Aggregator({ID: body}, fault)))
        self.servers.append(server)
        if fault == "hangs":
            self.limits.seconds[httpx.URL(server.url).port] = 0.1
        return server

    def walrus(self, max_bytes: int = 10_000, monotonic: Callable[[], float] = time.monotonic) -> Walrus:
        return Walrus(
            [each.url for each in self.servers], BlobArchive(self.folder), self.client, max_bytes, 60.0, monotonic
        )


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, tmp_path / "walrus")


def got(blob: Blob | BlobMissing) -> Blob:
    assert isinstance(blob, Blob), blob
    return blob


def missed(blob: Blob | BlobMissing) -> BlobMissing:
    assert isinstance(blob, BlobMissing), blob
    return blob


def test_a_blob_comes_with_its_hash_and_its_source_and_is_kept(fleet: Fleet) -> None:
    server = fleet.add()
    blob = got(fleet.walrus().fetch_blob(ID, SETTLED, SOON))
    assert (blob.content, blob.aggregator) == (BODY, server.url)
    assert blob.sha256 == hashlib.sha256(BODY).hexdigest()
    assert list(BlobArchive(fleet.folder).contents(ID, SETTLED.date())) == [(blob.sha256, BODY)]
    assert [path.name for path in fleet.folder.rglob("*")] == ["2026-11-20.sqlite"], "one file a day, whatever it holds"


def test_what_was_read_once_is_never_asked_for_again(fleet: Fleet) -> None:
    server = fleet.add()
    fleet.walrus().fetch_blob(ID, SETTLED, SOON)
    blob = got(fleet.walrus().fetch_blob(ID, SETTLED, SOON))
    assert (blob.content, blob.aggregator) == (BODY, "archive")
    assert len(server.asked) == 1


def test_a_copy_that_was_altered_on_disk_is_read_again(fleet: Fleet) -> None:
    server = fleet.add()
    first = got(fleet.walrus().fetch_blob(ID, SETTLED, SOON))
    with closing(sqlite3.connect(fleet.folder / "2026-11-20.sqlite")) as pack, pack:
        pack.execute("UPDATE blobs SET packed = ?", (zlib.compress(b"altered"),))
    assert (
        BlobArchive(fleet.folder).checksum(ID, first.sha256, SETTLED.date()) == hashlib.sha256(b"altered").hexdigest()
    )
    assert got(fleet.walrus().fetch_blob(ID, SETTLED, SOON)).content == BODY
    assert got(fleet.walrus().fetch_blob(ID, SETTLED, SOON)).aggregator == "archive"
    assert len(server.asked) == 2


def test_blobs_are_packed_by_day_and_whole_days_are_pruned(fleet: Fleet) -> None:
    archive = BlobArchive(fleet.folder)
    days = [SETTLED.date() + timedelta(days=n) for n in range(3)]
    with ThreadPoolExecutor(8) as pool:
        names = [f"{n:043d}" for n in range(60)]
        kept = list(pool.map(lambda name: archive.add(name, days[int(name) % 3], name.encode()), names))
    assert len(list(fleet.folder.iterdir())) == 3
    assert all(archive.checksum(name, sha256, None) == sha256 for name, sha256 in zip(names, kept, strict=True))
    assert archive.prune(days[1]) > 0
    found = [archive.checksum(name, sha256, days[int(name) % 3]) for name, sha256 in zip(names, kept, strict=True)]
    assert [each is None for each in found] == [int(name) % 3 == 0 for name in names]


def test_blobs_that_an_earlier_version_kept_are_found_and_pruned(fleet: Fleet) -> None:
    server, sha256 = fleet.add(), hashlib.sha256(BODY).hexdigest()
    (fleet.folder / ID).mkdir(parents=True)
    (fleet.folder / ID / sha256).write_bytes(BODY)
    assert got(fleet.walrus().fetch_blob(ID, SETTLED, SOON)).aggregator == "archive" and not server.asked
    archive = BlobArchive(fleet.folder)
    assert archive.checksum(ID, sha256, SETTLED.date()) == sha256
    os.utime(fleet.folder / ID, (SETTLED.timestamp(), SETTLED.timestamp()))
    assert archive.prune(SETTLED.date()) == 0 and archive.prune(SETTLED.date() + timedelta(days=1)) == len(BODY)
    assert archive.checksum(ID, sha256, SETTLED.date()) is None


@pytest.mark.parametrize("fault", ["absent", "busy", "page", "drops", "redirects", "declares", "packed", "endless"])
def test_the_next_aggregator_is_asked_when_one_fails(fleet: Fleet, fault: Fault) -> None:
    bad, good = fleet.add(fault), fleet.add()
    blob = got(fleet.walrus().fetch_blob(ID, SETTLED, SOON))
    assert (blob.content, blob.aggregator) == (BODY, good.url)
    assert len(bad.asked) == 1


def test_the_next_aggregator_is_asked_when_one_never_answers(fleet: Fleet) -> None:
    fleet.add("hangs")
    good = fleet.add()
    assert got(fleet.walrus().fetch_blob(ID, SETTLED, SOON)).aggregator == good.url


def test_an_answer_that_never_comes_is_told_in_the_words_of_one_that_drips(fleet: Fleet) -> None:
    fleet.add("hangs")
    assert "no complete answer within 60 s" in missed(fleet.walrus().fetch_blob(ID, SETTLED, SOON)).reason


def test_an_answer_that_drips_is_cut_off_at_its_time_and_not_at_its_size(fleet: Fleet) -> None:
    fleet.add("drips")
    blob_missing = missed(fleet.walrus(monotonic=ticking()).fetch_blob(ID, SETTLED, SOON))
    assert "no complete answer within 60 s" in blob_missing.reason
    assert blob_missing.retry


def test_an_aggregator_that_lies_is_passed_over_and_cannot_spoil_the_archive(fleet: Fleet) -> None:
    fleet.add(body=b"a lie")
    good = fleet.add()
    honest = got(fleet.walrus().fetch_blob(ID, SETTLED, SOON, lambda content: content == BODY))
    assert (honest.aggregator, honest.matches) == (good.url, True)
    again = got(fleet.walrus().fetch_blob(ID, SETTLED, SOON, lambda content: content == BODY))
    assert (again.content, again.aggregator) == (BODY, "archive")


def test_content_that_nobody_wanted_is_given_as_such_after_a_day(fleet: Fleet) -> None:
    fleet.add(body=b"something else")
    fleet.add("absent")
    early = missed(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(hours=23), lambda content: False))
    assert early.retry and not early.final and "not what the log names" in early.reason
    blob = got(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(hours=24), lambda content: False))
    assert (blob.content, blob.matches) == (b"something else", False)


@pytest.mark.parametrize("fault", ["hangs", "busy", "drops"])
def test_a_lie_is_not_the_last_word_while_another_aggregator_only_failed(fleet: Fleet, fault: Fault) -> None:
    fleet.add(body=b"a lie")
    fleet.add(fault)
    late = SETTLED + timedelta(days=9)
    blob_missing = missed(fleet.walrus().fetch_blob(ID, SETTLED, late, lambda content: content == BODY))
    assert blob_missing.retry and not blob_missing.final
    fleet.servers.pop()
    good = fleet.add()
    assert got(fleet.walrus().fetch_blob(ID, SETTLED, late, lambda content: content == BODY)).aggregator == good.url


def test_a_lying_aggregator_cannot_fill_the_disk(fleet: Fleet) -> None:
    server = fleet.add()
    handler = fleet.walrus()
    blobs: dict[str, bytes] = {}
    for number in range(KEPT_VERSIONS + 3):
        blobs[ID] = f"lie {number}".encode()
        with serving(Aggregator(blobs, None)) as liar:
            Walrus([liar.url], BlobArchive(fleet.folder), fleet.client).fetch_blob(
                ID, SETTLED, SOON, lambda content: False
            )
    assert len(list(BlobArchive(fleet.folder).contents(ID, SETTLED.date()))) == KEPT_VERSIONS
    assert got(handler.fetch_blob(ID, SETTLED, SOON, lambda content: content == BODY)).aggregator == server.url


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "../../../../etc/passwd".ljust(43, "A"),
        "evil.example/".ljust(43, "A"),
        "@evil.example".ljust(43, "A"),
        "A" * 42 + "\n",
        "A" * 44,
        "A" * 42 + "%",
        "A" * 42 + "é",
        "A" * 43 + "\n",
    ],
)
def test_a_blob_id_with_a_path_or_a_host_in_it_is_asked_of_nobody(fleet: Fleet, hostile: str) -> None:
    server = fleet.add()
    blob_missing = missed(fleet.walrus().fetch_blob(hostile, SETTLED, SOON))
    assert blob_missing.final and not blob_missing.retry
    assert server.asked == []
    assert not fleet.folder.exists()
    assert hostile not in blob_missing.reason or not hostile
    assert blob_id(hostile.encode()) is None


def test_the_blob_id_of_a_log_is_ascii() -> None:
    assert blob_id(ID.encode()) == ID
    assert blob_id(b"\xff" * 43) is None
    assert blob_id(bytes(32)) is None


def test_a_gigabyte_is_refused_for_good_without_being_read(fleet: Fleet) -> None:
    fleet.add("endless")
    fleet.add("declares")
    blob_missing = missed(fleet.walrus().fetch_blob(ID, SETTLED, SOON))
    assert "more than 10,000 bytes" in blob_missing.reason
    assert blob_missing.final and not blob_missing.retry


def test_a_blob_denied_by_all_may_turn_up_for_a_day_and_then_counts_as_not_there(fleet: Fleet) -> None:
    fleet.add("absent")
    fleet.add("absent")
    early = missed(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(hours=23)))
    assert early.retry and not early.final
    late = missed(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(hours=24)))
    assert late.final and not late.retry


def test_a_blob_that_one_aggregator_could_not_speak_of_is_never_given_up(fleet: Fleet) -> None:
    fleet.add("absent")
    fleet.add("busy")
    blob_missing = missed(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(days=200)))
    assert blob_missing.retry and not blob_missing.final
    assert "503" in blob_missing.reason


def test_a_blob_past_its_life_has_expired(fleet: Fleet) -> None:
    fleet.add("absent")
    blob_missing = missed(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(days=126)))
    assert blob_missing.final
    assert "expired, 126 days after" in blob_missing.reason


def test_an_owner_may_have_kept_a_blob_past_its_life(fleet: Fleet) -> None:
    fleet.add()
    assert got(fleet.walrus().fetch_blob(ID, SETTLED, SETTLED + timedelta(days=300))).content == BODY


def test_nobody_within_reach_is_unknown_and_not_absent(fleet: Fleet) -> None:
    with make_client() as client:
        walrus = Walrus(["http://127.0.0.1:9", "not a url"], BlobArchive(fleet.folder), client)
        blob_missing = missed(walrus.fetch_blob(ID, SETTLED, SETTLED + timedelta(days=2)))
        assert blob_missing.retry and not blob_missing.final
        assert missed(Walrus([], BlobArchive(fleet.folder), client).fetch_blob(ID, SETTLED, SOON)).retry


def test_a_key_in_an_aggregators_address_stands_in_no_reason(fleet: Fleet) -> None:
    server = fleet.add("busy")
    host = server.url.removeprefix("http://")
    bases = [f"http://user:canary@{host}", f"{server.url}/v1/canary", f"{server.url}/?key=canary", "http://[canary"]
    blob_missing = missed(Walrus(bases, BlobArchive(fleet.folder), fleet.client).fetch_blob(ID, SETTLED, SOON))
    assert "canary" not in blob_missing.reason
    assert blob_missing.reason.count(f"{host}: HTTP ") == 3


def test_tries_are_spaced_wider_and_wider_over_a_day() -> None:
    times = [next_try(SETTLED, attempts) for attempts in range(1, 12)]
    minutes = [(each - SETTLED) // timedelta(minutes=1) for each in times if each]
    assert minutes == [5, 15, 35, 75, 155, 315, 635, 1275, 1440]
    assert times[9:] == [None, None]
    assert next_try(SETTLED, 10**9) is None
