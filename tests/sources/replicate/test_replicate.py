from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import stamina
from peers.replicate_api import Fault, ReplicateApi
from pydantic import ValidationError

from bot.clients import http
from bot.records import MAX_COUNT, Period, Snapshot, SourceError
from bot.sources import make_source, replicate
from tests.peers.ports import reserved

NOW = datetime(2026, 3, 4, 0, 7, tzinfo=UTC)
TOKEN = "r8_a-secret-that-must-not-be-seen"


def counts(snapshot: Snapshot) -> dict[str, int]:
    return {str(reading.model): reading.count for reading in snapshot.readings}


def shown(name: str, runs: object, made: str | None = "2024-11-05T06:07:08.9Z", **more: object) -> dict[str, object]:
    owner, _, title = name.partition("/")
    return {"owner": owner, "name": title, "run_count": runs, "created_at": made, "visibility": "public", **more}


# --- live --------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[ReplicateApi]:
    models = [shown(f"owner{n % 3}/model{n}", n * 10) for n in range(7)]
    with ReplicateApi(models) as served:
        yield served


@pytest.fixture
def quick() -> Iterator[None]:
    """No waiting between tries."""
    with stamina.set_testing(True, attempts=3):
        yield


def taken(api: ReplicateApi, data: Path, token: str = TOKEN, **chosen: object) -> list[Snapshot]:
    made = replicate.Settings.model_validate({"api": api.url, **chosen})
    return list(make_source("replicate", made, data, {"REPLICATE_API_TOKEN": token}, lambda: NOW).snapshots(None))


def kept(data: Path) -> list[Path]:
    return sorted(path for path in data.rglob("*") if path.is_file())


def refused(api: ReplicateApi, data: Path, says: str, **chosen: object) -> None:
    """Reading ends in one clear line, keeps nothing and tells nobody the token."""
    with pytest.raises(SourceError, match=says) as error:
        taken(api, data, **chosen)
    told: BaseException | None = error.value
    while told:
        assert TOKEN not in str(told) + repr(told)
        told = told.__cause__ or told.__context__
    assert "\n" not in str(error.value)
    assert kept(data) == []


def test_a_walk_over_all_pages_is_one_snapshot_at_its_end(api: ReplicateApi, tmp_path: Path) -> None:
    clock = iter([NOW - timedelta(minutes=3), NOW])
    chosen = replicate.Settings(api=api.url)
    asked = replicate.make_source(chosen, tmp_path, {"REPLICATE_API_TOKEN": TOKEN}, lambda: next(clock, NOW))
    (snapshot,) = asked.snapshots(Period.for_day(NOW.date()))
    assert counts(snapshot) == {f"owner{n % 3}/model{n}": n * 10 for n in range(7)}
    assert snapshot.at == snapshot.ref.at == NOW
    assert snapshot.listings[0].author == "owner0"
    assert snapshot.listings[0].created_at == datetime(2024, 11, 5, 6, 7, 8, 900000, tzinfo=UTC)
    assert [request.authorization for request in api.asked] == [f"Bearer {TOKEN}"] * 4
    assert TOKEN not in repr(asked)


def test_the_pages_are_kept_under_the_hash_of_the_receipt(api: ReplicateApi, tmp_path: Path) -> None:
    (snapshot,) = taken(api, tmp_path)
    (file,) = kept(tmp_path)
    assert file == tmp_path / "lake" / "raw" / "replicate" / f"{snapshot.ref.sha256}.jsonl.gz"
    content = gzip.decompress(file.read_bytes())
    assert hashlib.sha256(content).hexdigest() == snapshot.ref.sha256
    pages = [json.loads(line) for line in content.splitlines()]
    assert [model for page in pages for model in page["results"]] == api.models
    again = file.read_bytes()
    assert again[4:8] == bytes(4), "the time of writing would give the same pages different files"
    assert taken(api, tmp_path) == [snapshot]
    assert kept(tmp_path) == [file] and file.read_bytes() == again


def test_what_a_live_receipt_points_at_can_be_checked(api: ReplicateApi, tmp_path: Path) -> None:
    chosen = replicate.Settings(api=api.url)
    (snapshot,) = taken(api, tmp_path)
    sha256 = snapshot.ref.sha256
    (file,) = kept(tmp_path)
    assert replicate.ref_checksum(chosen, tmp_path, api.url, sha256) == sha256
    file.write_bytes(gzip.compress(b"other"))
    assert replicate.ref_checksum(chosen, tmp_path, api.url, sha256) == hashlib.sha256(b"other").hexdigest()
    file.write_bytes(file.read_bytes()[:-9])
    assert replicate.ref_checksum(chosen, tmp_path, api.url, sha256) == ""
    file.unlink()
    assert replicate.ref_checksum(chosen, tmp_path, api.url, sha256) is None
    assert replicate.ref_checksum(chosen, tmp_path, api.url, "../../etc/passwd") is None


def test_private_models_are_left_out(api: ReplicateApi, tmp_path: Path) -> None:
    api.models[3]["visibility"] = "private"
    (snapshot,) = taken(api, tmp_path)
    assert len(snapshot.listings) == 6
    assert "owner0/model3" not in counts(snapshot)


def test_without_a_token_or_with_live_off_nobody_is_asked(api: ReplicateApi, tmp_path: Path, record: Path) -> None:
    assert len(taken(api, tmp_path, token="", record=record)) == 29
    assert len(taken(api, tmp_path, live=False, record=record)) == 29
    assert api.asked == []


def test_the_api_is_not_asked_for_days_that_are_over(api: ReplicateApi, tmp_path: Path) -> None:
    chosen = replicate.Settings(api=api.url)
    asked = replicate.make_source(chosen, tmp_path, {"REPLICATE_API_TOKEN": TOKEN}, lambda: NOW)
    assert list(asked.snapshots(Period.for_day(date(2026, 3, 1)))) == []
    assert api.asked == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "fault",
    [
        Fault(429),
        Fault(429, {"Retry-After": "30"}),
        Fault(429, {"Retry-After": "Wed, 04 Mar 2026 00:08:00 GMT", "Date": "Wed, 04 Mar 2026 00:07:00 GMT"}),
        Fault(500),
        Fault(503),
        Fault(drops=True),
    ],
)
def test_a_page_that_fails_once_is_asked_again(api: ReplicateApi, tmp_path: Path, fault: Fault) -> None:
    api.faults[3] = fault
    (snapshot,) = taken(api, tmp_path)
    assert len(snapshot.listings) == 7
    paths = [request.path for request in api.asked]
    assert paths == ["/v1/models", *(f"/v1/models?cursor={n}" for n in (2, 4, 4, 6))]


def test_retry_after_is_waited_for(api: ReplicateApi, tmp_path: Path) -> None:
    api.faults[2] = Fault(429, {"Retry-After": "1"})
    taken(api, tmp_path)
    assert api.asked[2].at - api.asked[1].at >= 1.0


def test_a_server_that_asks_for_an_hour_is_given_up_at_once(api: ReplicateApi, tmp_path: Path) -> None:
    api.faults[2] = Fault(429, {"Retry-After": "3600"})
    refused(api, tmp_path, "answered 429 and asks to wait 3600 s; run again later")
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 04 Mar 2026 00:00:30 GMT", "Date": "Wed, 04 Mar 2026 00:00:10 GMT"}, 20.0),
        ({"Retry-After": "Wed, 04 Mar 2026 00:00:00 GMT", "Date": "Wed, 04 Mar 2026 00:00:10 GMT"}, 0.0),
        ({"Retry-After": "Wed, 04 Mar 2026 00:00:30 GMT"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert http.retry_after(httpx.Headers(headers)) == seconds


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(429), r"cursor=4: answered 429; run again later"),
        (Fault(502), r"cursor=4: answered 502; run again later"),
        (Fault(drops=True), r"cursor=4: no answer \(RemoteProtocolError\); check the network"),
        (Fault(401), r"answered 401, wanted 200; is the token valid\?"),
        (Fault(404), r"answered 404, wanted 200"),
        (Fault(302, {"Location": "/elsewhere"}), r"answered 302, wanted 200"),
        (Fault(body=b'{"next": null, "resu'), r"is not a page of models: Input data was truncated"),
        (Fault(body=b'{"results": []}'), r"is not a page of models: .* missing required field `next`"),
        (Fault(body=b"<html>"), r"is not a page of models"),
        (Fault(body=b'{"next": "", "results": []}'), r"next page is elsewhere"),
    ],
)
def test_a_walk_cut_short_leaves_no_snapshot(api: ReplicateApi, tmp_path: Path, fault: Fault, says: str) -> None:
    api.faults = dict.fromkeys(range(3, 20), fault)
    refused(api, tmp_path, says)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", [Fault(hangs=True), Fault(drips=True)])
def test_an_answer_that_never_ends_is_told_in_the_same_words_whichever_limit_is_met_first(
    api: ReplicateApi, tmp_path: Path, fault: Fault
) -> None:
    api.faults = dict.fromkeys(range(20), fault)
    refused(api, tmp_path, r"/v1/models: no complete answer within 0\.2 s; check the network", timeout=0.2)


@pytest.mark.usefixtures("quick")
def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with ReplicateApi([]) as gone:
        pass
    with reserved() as port:
        gone.port = port
        refused(gone, tmp_path, r"http://127\.0\.0\.1:\d+/v1/models: no answer \(ConnectError\)")


@pytest.mark.parametrize("runs", [-1, MAX_COUNT + 1, 2**70, 1.5, "7", None, True])
def test_a_counter_that_cannot_be_refuses_the_walk(api: ReplicateApi, tmp_path: Path, runs: object) -> None:
    api.models[4]["run_count"] = runs
    refused(api, tmp_path, r"is not a page of models: .*\$\.results\[0\]\.run_count")


def test_an_empty_list_is_not_taken_for_an_empty_network(tmp_path: Path) -> None:
    with ReplicateApi([]) as api:
        refused(api, tmp_path, "found no public model, wanted thousands")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://{other}/v1/models?cursor=2",
        "https://{here}/v1/models?cursor=2",
        "http://{here}/v1/secrets",
        "http://user:word@{here}/v1/models?cursor=2",
        "http://{here}@evil.example/v1/models",
        "//evil.example/v1/models",
        "/v1/models?cursor=2",
        "http://[bad",
        "file:///etc/passwd",
    ],
)
def test_a_next_page_elsewhere_is_refused_and_never_asked(api: ReplicateApi, tmp_path: Path, elsewhere: str) -> None:
    with ReplicateApi([]) as other:
        there = elsewhere.format(here=f"127.0.0.1:{api.port}", other=f"127.0.0.1:{other.port}")
        api.next_of = lambda number, url: there
        refused(api, tmp_path, r"next page is (elsewhere, at .*; refused|no URL)")
        assert len(api.asked) == 1 and other.asked == []


def test_pages_that_run_in_a_circle_are_refused(api: ReplicateApi, tmp_path: Path) -> None:
    api.next_of = lambda number, url: url or f"{api.url}?cursor=2"
    refused(api, tmp_path, "its pages form a loop, after 4")


def test_a_list_without_end_stops_at_the_budget(api: ReplicateApi, tmp_path: Path) -> None:
    api.next_of = lambda number, url: f"{api.url}?cursor=0&page={number}"
    refused(api, tmp_path, r"goes on after 5 pages; raise networks\.replicate\.page_budget", page_budget=5)
    assert len(api.asked) == 5


def test_a_model_moved_to_a_page_already_read_is_found_by_reading_again(api: ReplicateApi, tmp_path: Path) -> None:
    def bump(number: int) -> None:
        if number == 1:
            api.models.insert(0, api.models.pop())

    api.after = bump
    (snapshot,) = taken(api, tmp_path)
    assert counts(snapshot) == {f"owner{n % 3}/model{n}": n * 10 for n in range(7)}
    assert len(api.asked) == 8


def test_of_two_counters_of_a_model_the_larger_stays(tmp_path: Path) -> None:
    models = [shown("a/b", 5), shown("c/d", 1), shown("a/b", 9), shown("a/b", 7, "2020-01-01T00:00:00Z")]
    with ReplicateApi(models) as api:
        (snapshot,) = taken(api, tmp_path)
    assert counts(snapshot) == {"a/b": 9, "c/d": 1}


def test_a_list_that_never_holds_still_is_refused(tmp_path: Path) -> None:
    mixed = random.Random(7)
    with ReplicateApi([shown(f"a/{n}", n) for n in range(60)]) as api:
        api.after = lambda number: mixed.shuffle(api.models)
        refused(api, tmp_path, "the list kept changing while it was read, 3 times")


def test_an_answer_above_its_cap_is_refused(api: ReplicateApi) -> None:
    manners = http.HttpLimits(timeout=60, size=100)
    with http.make_client(TOKEN, manners) as asked, pytest.raises(SourceError, match="more than 100 bytes; refused"):
        http.get_body(asked, api.url, manners)


@pytest.mark.parametrize("token", [f"{TOKEN}\nX-Other: 1", f"{TOKEN} ", f"{TOKEN}é", f"{TOKEN}\x00"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(
    api: ReplicateApi, tmp_path: Path, token: str
) -> None:
    with pytest.raises(SourceError, match="REPLICATE_API_TOKEN: holds a character that no token has") as error:
        taken(api, tmp_path, token=token)
    assert TOKEN not in str(error.value)
    assert api.asked == []


def test_a_data_folder_that_cannot_be_written_is_named(api: ReplicateApi, tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(SourceError, match="lake/raw/replicate: cannot be written"):
        taken(api, tmp_path)
    assert api.asked == []


@pytest.mark.parametrize(
    "api_url",
    [
        "http://api.replicate.com/v1/models",
        "https://user:word@api.replicate.com/v1/models",
        "https:///v1/models",
        "ftp://127.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "api.replicate.com",
    ],
)
def test_the_token_travels_only_over_https_or_within_this_machine(api_url: str) -> None:
    with pytest.raises(ValidationError, match="wanted https"):
        replicate.Settings(api=api_url)


def test_this_machine_may_speak_plain_http() -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:1"):
        assert replicate.Settings(api=f"http://{host}/v1").api == f"http://{host}/v1"


def test_the_network_opens_with_models_used_unless_told_otherwise() -> None:
    headline = replicate.Settings().headline
    assert (headline.catalogue, headline.figure) == ("models", "models_used")
    (catalogue,) = replicate.CATALOGUES
    assert dataclasses.astuple(catalogue)[:5] == ("replicate", "models", "public models", "runs", "reported")
