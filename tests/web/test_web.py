"""The web interface over a real socket, compared with the command line and the archive."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import sqlalchemy as sa
from aiohttp import web as aiohttp_web
from aiohttp.test_utils import make_mocked_request
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from bot import ledger, pipeline, site_builder, store, web
from bot.archive import Archive
from bot.cli import app_context, cli
from bot.clients.recording import tls_context
from bot.config import WebConfig
from bot.queries import QueryContext
from bot.queries.context import VersionedCache
from bot.queries.registry import API_QUERIES
from bot.records import Period, Receipt
from bot.web import api
from bot.web.server import Server
from tests import databases
from tests.patience import PATIENCE, make_client
from tests.queries.test_queries import CATALOGUE, DAYS, FIRST, HIDDEN, MISSING, NEWEST, SECRETS, TWO, WORLD
from tests.worlds import snapshot

T = TypeVar("T")
NOW = datetime(2025, 3, 11, 9, tzinfo=UTC)
CONFIG = """
data: {folder}/data
out: {folder}/out
networks: {{replicate: {{headline: {{catalogue: models, figure: models_used}}}}}}
hidden_names: {hidden}
web: {{site: files}}
"""
FILES = {
    "index.html": "<!doctype html><title>The archive</title>",
    "style.css": "p {}",
    "feed.xml": "<feed/>",
    "feed.json": "{}",
    "replicate/index.html": "<!doctype html><title>Replicate</title>",
    "replicate/2025-03-10/digest.json": "{}",
    "replicate/2025-03-10/models.csv": "rank\n",
    "replicate/2025-03-10/usage.svg": "<svg/>",
    "replicate/without/note.txt": "no index here",
    ".footfall-site": "mark",
    "replicate/.private/index.html": "private",
    "key.pem": "private",
}


class Served:
    """An application and its monitoring, served from a thread of their own as `python -m bot web` does."""

    def __init__(self, app: aiohttp_web.Application, token: str = "") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._servers: list[Server] = []
        self.port, self.monitoring_port = (
            self._wait(self._start(each)) for each in (app, web.make_monitoring(app, token))
        )
        self.url = f"http://127.0.0.1:{self.port}"

    async def _start(self, app: aiohttp_web.Application) -> int:
        started = Server(app, 1000, 5.0)
        self._servers.insert(0, started)
        await started.start("127.0.0.1", 0)
        return started.addresses[0][1]

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def stop(self) -> None:
        for server in self._servers:
            self._wait(server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BothPorts(httpx.HTTPTransport):
    """Sends /health and /metrics to the monitoring port."""

    def __init__(self, monitoring_port: int) -> None:
        super().__init__(verify=tls_context())
        self._port = monitoring_port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in ("/health", "/metrics"):
            request.url = request.url.copy_with(port=self._port)
        return super().handle_request(request)


@contextmanager
def served(desk: QueryContext, site: Path, **limits: Any) -> Iterator[httpx.Client]:
    unhurried = {"answer_seconds": PATIENCE, "health_seconds": PATIENCE}
    running = Served(web.make_application(desk, site, **{**unhurried, **limits}))
    try:
        with make_client(base_url=running.url, transport=BothPorts(running.monitoring_port)) as client:
            yield client
    finally:
        running.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, a filled database and a site."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder, hidden=json.dumps(HIDDEN)))
    context = app_context.AppContext(folder / "config.yaml")
    fill(context.store, context.network_plan("replicate"))
    context.store.close()
    write(folder / "out" / "site")
    return folder


def fill(opened: store.Store, plan: pipeline.NetworkPlan) -> None:
    archive = Archive(opened)
    for day, counts in WORLD.items():
        ledger.add_snapshot(opened, snapshot(day, counts))
    for day in DAYS[1:]:
        pipeline.compose_digest(opened, archive, plan, Period.for_day(day), NOW)
    for period in (Period.for_day(DAYS[2]), Period.for_day(DAYS[3], "week")):
        issued = pipeline.compose_digest(opened, archive, plan, period, NOW)
        archive.add_receipt(issued, Receipt("x", "@footfall", 0, "1", "https://x.com/i/status/1", NOW))
    with opened.write_transaction() as connection:
        connection.execute(store.models.update().where(store.models.c.author == "acme").values(category="image"))


def write(site: Path) -> None:
    for path, content in FILES.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)


@pytest.fixture(scope="module")
def desk(home: Path) -> Iterator[QueryContext]:
    context = app_context.AppContext(home / "config.yaml")
    yield replace(context.query_context, clock=lambda: NOW)
    context.store.close()


@pytest.fixture(scope="module")
def ask(desk: QueryContext, home: Path) -> Iterator[httpx.Client]:
    with served(desk, home / "out" / "site") as client:
        yield client


def raw(client: httpx.Client, path: str) -> httpx.Response:
    """Request a path exactly as it is written."""
    return client.get("/", extensions={"target": path.encode()})


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize("path", ["/", "/replicate/2025-03-10/models.csv", "/api/v1/top"])
def test_a_date_that_overflows_is_refused_in_one_sentence(ask: httpx.Client, path: str, header: str) -> None:
    headers = {header: "Mon, 01 Jan 99999999999999999 00:00:00 GMT", "Range": "bytes=0-1"}
    answer = ask.get(path, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "a date in the request's headers is out of range"


# --- the same answers as the command line ---------------------------------------------------------------------------

TWINS = [
    ("/api/v1/usage", ["usage"]),
    (
        "/api/v1/usage?network=replicate&period=week&day=2025-03-05",
        ["usage", "--period", "week", "--day", "2025-03-05"],
    ),
    (f"/api/v1/usage?day={MISSING}", ["usage", "--day", str(MISSING)]),
    ("/api/v1/inventory?day=2025-03-04", ["inventory", "--day", "2025-03-04"]),
    (f"/api/v1/model/{FIRST}", ["model", FIRST]),
    (f"/api/v1/model/{TWO.replace('/', '%2F')}?day=2025-03-04", ["model", TWO, "--day", "2025-03-04"]),
    ("/api/v1/model/two", ["model", "two"]),
    ("/api/v1/top", ["top"]),
    ("/api/v1/top?by=fall&day=2025-03-05", ["top", "--by", "fall", "--day", "2025-03-05"]),
    ("/api/v1/idle", ["idle"]),
    ("/api/v1/idle?days=3", ["idle", "--days", "3"]),
    ("/api/v1/trend/uses", ["trend", "uses"]),
    ("/api/v1/trend/share_used?days=4&network=replicate", ["trend", "share_used", "--days", "4"]),
    (f"/api/v1/compare?model={FIRST}&other={TWO}", ["compare", FIRST, TWO]),
    ("/api/v1/compare?model=replicate&other=replicate", ["compare", "replicate", "replicate"]),
    (
        f"/api/v1/compare?model={FIRST}&other={TWO}&period=day&day=2025-03-05",
        ["compare", FIRST, TWO, "--day", "2025-03-05"],
    ),
    ("/api/v1/new", ["new"]),
    ("/api/v1/new?days=3&day=2025-03-05", ["new", "--days", "3", "--day", "2025-03-05"]),
    ("/api/v1/records", ["records"]),
    ("/api/v1/author/acme", ["author", "acme"]),
    ("/api/v1/author/acme?period=week&day=2025-03-05", ["author", "acme", "--period", "week", "--day", "2025-03-05"]),
    ("/api/v1/category/image", ["category", "image"]),
    ("/api/v1/why", ["why"]),
    (f"/api/v1/why?day={MISSING}", ["why", "--day", str(MISSING)]),
    ("/api/v1/method/models_for_half", ["method", "models_for_half"]),
    ("/api/v1/status", ["status"]),
    ("/api/v1/health", ["health", "sources"]),
    ("/api/v1/networks", ["networks"]),
    ("/api/v1/about", ["about"]),
    ("/api/v1/digest", ["digest", "--network", "replicate"]),
    (
        "/api/v1/digest?network=replicate&period=week&day=2025-03-03",
        ["show", "--network", "replicate", "--period", "week"],
    ),
    ("/api/v1/metrics", ["metrics"]),
]


@pytest.mark.parametrize(("path", "arguments"), TWINS)
def test_the_api_answers_as_the_command_line_does(
    ask: httpx.Client, home: Path, monkeypatch: pytest.MonkeyPatch, path: str, arguments: list[str]
) -> None:
    monkeypatch.setattr(app_context, "clock", lambda: NOW)
    result = CliRunner().invoke(cli, ["--config", str(home / "config.yaml"), *arguments, "--json"])
    assert result.exit_code == 0, result.output
    answer = ask.get(path)
    assert answer.status_code == 200, answer.text
    printed = json.loads(result.stdout)
    if path == "/api/v1/metrics":
        printed = {"question": "metrics", "metrics": printed}
    # Asked of no network by name, the command line answers for each in a list, and the API for the first.
    document = printed[0] if isinstance(printed, list) else printed
    assert same_answer(answer.json(), document)


def same_answer(served_answer: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether the API's answer is that of the command line, but for its version and its place in the list."""
    place = {"schema_version", *(("total", "limit", "offset", "next") if "total" in served_answer else ())}
    pages = {"page", "pages", "next_page"}  # some lists on the command line have pages of a hundred
    return served_answer["schema_version"] == 1 and {
        key: value for key, value in served_answer.items() if key not in place
    } == {key: value for key, value in document.items() if key not in pages}


def test_the_address_of_the_next_page_holds_nothing_that_ends_it() -> None:
    request = make_mocked_request("GET", '/api/v1/author/a>;rel=x,<"b\\/models%3E?limit=1')
    headers = api._next_page(request, API_QUERIES["models"], {"next_offset": 1, "limit": 1})
    assert headers["Link"] == '</api/v1/author/a%3E;rel=x,%3C%22b%5C/models%3E?limit=1&offset=1>; rel="next"'


def test_every_question_has_its_twin() -> None:
    texts = {path.partition("?")[0] for path, _ in TWINS}
    addresses = {query.address for query in API_QUERIES.values()}
    twins = {address for address in addresses if any(_fits(address, path) for path in texts)}
    assert addresses - twins == {"/api/v1/{network}/digests", "/api/v1/models"}


def _fits(address: str, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\{\w+\}", ".+", address), path))


def test_a_digest_is_the_archives_own_document(ask: httpx.Client, desk: QueryContext) -> None:
    digest = desk.archive.find_digest("replicate", "day", NEWEST)
    assert digest and ask.get(f"/api/v1/digest?day={NEWEST}").json() == {"schema_version": 1, **digest}


def test_an_older_edition_stays_as_it_was_issued(desk: QueryContext, home: Path, tmp_path: Path) -> None:
    context = app_context.AppContext(home / "config.yaml")
    moved = store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")
    try:
        fill(moved, context.network_plan("replicate"))
        other = replace(desk, store=moved, archive=Archive(moved))
        first = other.archive.find_digest("replicate", "day", DAYS[2])
        assert first is not None and first["status"] == "issued"
        figures = first["catalogues"][0]["figures"]
        now = {**figures, "uses": {**figures["uses"], "value": 77}}
        other.archive.save_digest({**first, "catalogues": [{**first["catalogues"][0], "figures": now}]})
        with served(other, home) as client:
            newest = client.get(f"/api/v1/digest?day={DAYS[2]}")
            assert newest.json()["edition"] == 2
            assert client.get(f"/api/v1/digest?day={DAYS[2]}&edition=2").json() == newest.json()
            older = client.get(f"/api/v1/digest?day={DAYS[2]}&edition=1")
            assert older.json()["edition"] == 1 and older.json()["catalogues"][0]["figures"] == figures
            missing = client.get(f"/api/v1/digest?day={DAYS[2]}&edition=3")
            assert missing.status_code == 404 and missing.json()["error"]["message"].endswith(
                "no edition 3; the newest is 2"
            )
            assert client.get("/api/v1/digest?edition=one").json() == {
                "schema_version": 1,
                "error": {"code": "bad_request", "message": "edition: found one, wanted a whole number"},
            }
    finally:
        context.close()
        moved.close()


def test_what_did_not_change_is_not_sent_again(ask: httpx.Client) -> None:
    first = ask.get("/api/v1/usage")
    tag = first.headers["etag"]
    for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = ask.get("/api/v1/usage", headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), sent
        assert (
            again.headers["cache-control"] == "public, max-age=60"
            and again.headers["vary"] == "Accept, Accept-Encoding"
        )
        assert again.headers["access-control-allow-origin"] == "*"
    other = ask.get("/api/v1/inventory", headers={"If-None-Match": tag})
    assert other.status_code == 200 and other.headers["etag"] != tag
    plain = ask.get("/api/v1/digest", headers={"Accept-Encoding": "identity"})
    assert plain.headers["etag"] == ask.get("/api/v1/digest").headers["etag"]
    failed = ask.get("/api/v1/model/nobody", headers={"If-None-Match": "*"})
    assert failed.status_code == 404 and "etag" not in failed.headers


def test_a_page_written_anew_with_the_same_words_is_not_sent_again(desk: QueryContext, tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site)
    with served(desk, site) as client:
        first = client.get("/")
        shutil.rmtree(site)
        write(site)
        os.utime(site / "index.html", (1_000_000_000, 1_000_000_000))
        again = client.get("/", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        (site / "index.html").write_text("<p>new</p>")
        changed = client.get("/", headers={"If-None-Match": first.headers["etag"]})
        assert (changed.status_code, changed.text) == (200, "<p>new</p>")
        assert changed.headers["etag"] != first.headers["etag"]


def test_networks_and_digests_are_listed(ask: httpx.Client) -> None:
    (network,) = ask.get("/api/v1/networks").json()["networks"]
    assert network["catalogues"][0]["catalogue"] == CATALOGUE.key
    days = ask.get("/api/v1/replicate/digests").json()["digests"]
    assert [row["day"] for row in days] == [day.isoformat() for day in DAYS[1:]]
    assert ask.get("/api/v1/replicate/digests?period=week").json()["digests"] == [
        {"day": "2025-03-03", "edition": 1, "status": "issued"}
    ]


def test_the_index_lists_every_question_with_what_it_answers(ask: httpx.Client) -> None:
    assert ask.get("/api/v1").json() == ask.get("/api/v1/").json()
    listed = {question["path"]: question["answers"] for question in ask.get("/api/v1").json()["questions"]}
    assert len(listed) == len(API_QUERIES) and all(line.endswith(".") for line in listed.values())
    assert "/api/v1/model/{model}?network=&day=&limit=&offset=" in listed
    for path in listed:
        named = path.partition("?")[0].replace("{model}", FIRST).replace("{metric}", "uses")
        named = named.replace("{author}", "acme").replace("{category}", "image")
        query = f"?model={FIRST}&other={TWO}" if named == "/api/v1/compare" else ""
        assert ask.get(named.replace("{network}", "replicate") + query).status_code == 200, path


def test_hidden_names_are_on_no_page_of_the_api(ask: httpx.Client) -> None:
    for path, _ in TWINS:
        assert not any(secret in ask.get(path).text for secret in SECRETS), path
    refused = ask.get("/api/v1/model/hid/two")
    assert refused.status_code == 404 and "hid/one" not in refused.text


# --- bad input ------------------------------------------------------------------------------------------------------

BAD = [
    ("/api/v1/usage?network=nowhere", 404, "nowhere: no such network; known: replicate"),
    ("/api/v1/nowhere/digests", 404, "no such network"),
    ("/api/v1/model/acme/frist", 404, "did you mean acme/first"),
    ("/api/v1/method/joy", 404, "joy: no such metric"),
    ("/api/v1/trend/joy", 404, "joy: no such metric"),
    ("/api/v1/usage?day=2024-01-01", 404, "no day digest for 2024-01-01; there are 9"),
    ("/api/v1/nothing", 404, "GET /api/v1 lists what may be asked"),
    ("/api/v1/usage/more", 404, "GET /api/v1 lists"),
    ("/api/v1/model/", 404, "GET /api/v1 lists"),
    ("/api/v1/model/hid/one", 400, "this name is hidden here"),
    ("/api/v1/usage?day=2999-01-01", 400, "is in the future"),
    ("/api/v1/usage?day=yesterday", 400, "day: found yesterday, wanted a UTC day as YYYY-MM-DD"),
    ("/api/v1/usage?day=20250310", 400, "YYYY-MM-DD"),
    ("/api/v1/usage?day=2025-02-30", 400, "YYYY-MM-DD"),
    ("/api/v1/usage?day=%D9%A2025-03-10", 400, "YYYY-MM-DD"),
    ("/api/v1/usage?period=year", 400, "period: found year, wanted one of day, week, month"),
    ("/api/v1/top?by=magic", 400, "by: found magic, wanted one of uses, rise, fall"),
    ("/api/v1/idle?days=0", 400, "days: found 0, wanted 1 to 400"),
    ("/api/v1/idle?days=-1", 400, "wanted a whole number"),
    ("/api/v1/idle?days=9999999999999", 400, "wanted a whole number"),
    ("/api/v1/trend/uses?days=999999", 400, "wanted 1 to 3,650"),
    ("/api/v1/trend/uses_change", 400, "is no figure of a day"),
    ("/api/v1/compare", 400, "model: not given"),
    ("/api/v1/compare?model=acme/first&other=", 400, "other: not given"),
    ("/api/v1/usage?netwrok=replicate", 400, "netwrok: is no parameter here; known: network, period, day"),
    ("/api/v1/usage?day=2025-03-10&day=2025-03-09", 400, "day: was given more than once"),
    ("/api/v1/method/uses?x=%00%1b%5b31m", 400, "x: is no parameter here; known: none"),
    ("/api/v1/usage?network=" + "n" * 2000, 400, "characters, wanted at most 1000"),
    ("/api/v1/model/%E2%80%AEevil%0A%1b%5b31m", 404, "no such model"),
]


@pytest.mark.parametrize(("path", "status", "sentence"), BAD)
def test_bad_input_gets_one_sentence(ask: httpx.Client, path: str, status: int, sentence: str) -> None:
    answer = raw(ask, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json().keys() == {"schema_version", "error"} and answer.json()["schema_version"] == 1
    error = answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == {400: "bad_request", 404: "not_found"}[status]
    assert sentence in error and error.isprintable() and "\u202e" not in error
    assert len(error) < 500


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/v1/usage", "/api/v1/nothing", "/health", "/metrics"])
def test_nothing_but_reading_is_answered(ask: httpx.Client, method: str, path: str) -> None:
    answer = ask.request(method, path, content=b"x" * 5000)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(",")) == {"GET", "HEAD"}
    assert answer.json()["error"] == {"code": "method_not_allowed", "message": "only GET and HEAD are answered here"}


def test_an_unexpected_error_is_a_number_that_stands_in_the_log(desk: QueryContext, home: Path) -> None:
    class Broken(Archive):
        def newest_digest(self, *_: object) -> Any:
            raise ZeroDivisionError("the secret of the house")

    with (
        capture_logs() as logged,
        served(replace(desk, archive=Broken(desk.store), documents=VersionedCache()), home) as client,
    ):
        answer = client.get("/api/v1/usage")
    assert answer.status_code == 500
    match = re.fullmatch(
        r"something went wrong here; its id in the log is ([0-9a-f]{12})", answer.json()["error"]["message"]
    )
    assert match
    (line,) = logged
    assert (line["id"], line["path"], line["event"]) == (match[1], "/api/v1/usage", "unexpected")
    assert isinstance(line["exc_info"], ZeroDivisionError)


def test_an_answer_that_takes_too_long_is_given_up(desk: QueryContext, home: Path) -> None:
    release = threading.Event()

    class Slow(Archive):
        def newest_digest(self, *_: object) -> Any:
            release.wait()

    try:
        with (
            capture_logs(),
            served(
                replace(desk, archive=Slow(desk.store), documents=VersionedCache()), home, answer_seconds=0.1
            ) as client,
        ):
            answer = client.get("/api/v1/usage")
            assert answer.status_code == 503 and "took too long" in answer.json()["error"]["message"]
            assert client.get("/health").status_code == 200
    finally:
        release.set()


# --- the site -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "file"),
    [
        ("/", "text/html; charset=utf-8", "index.html"),
        ("/index.html", "text/html; charset=utf-8", "index.html"),
        ("/replicate/", "text/html; charset=utf-8", "replicate/index.html"),
        ("/style.css", "text/css; charset=utf-8", "style.css"),
        ("/feed.xml", "application/atom+xml; charset=utf-8", "feed.xml"),
        ("/feed.json", "application/feed+json", "feed.json"),
        ("/replicate/2025-03-10/digest.json", "application/json", "replicate/2025-03-10/digest.json"),
        ("/replicate/2025-03-10/models.csv", "text/csv; charset=utf-8", "replicate/2025-03-10/models.csv"),
        ("/replicate/2025-03-10/usage.svg", "image/svg+xml", "replicate/2025-03-10/usage.svg"),
    ],
)
def test_files_are_served_with_their_types(ask: httpx.Client, path: str, kind: str, file: str) -> None:
    answer = ask.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, kind, FILES[file])
    head = ask.head(path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(FILES[file])))
    again = ask.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    since = ask.get(path, headers={"If-Modified-Since": answer.headers["last-modified"]})
    assert since.status_code == 304


def test_every_file_that_the_site_outlet_writes_is_served(desk: QueryContext, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site_builder.write_site(desk, site, lambda _line: None, NOW)
    files = [p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file() and p.name[0] != "."]
    assert f"replicate/{NEWEST}/models.csv" in files
    with served(desk, site) as client:
        for file in files:
            answer = client.get(f"/{file}")
            assert (answer.status_code, answer.content) == (200, (site / file).read_bytes()), file


def test_a_folder_without_its_slash_leads_to_the_one_with_it(ask: httpx.Client) -> None:
    answer = ask.get("/replicate")
    assert (answer.status_code, answer.headers["location"]) == (308, "/replicate/")


HOSTILE = [
    "/nothing",
    "/replicate/without/",
    "/replicate/without",
    "/../data/footfall.db",
    "/..%2fdata%2ffootfall.db",
    "/%2e%2e/%2e%2e/data/footfall.db",
    "/replicate/..%2f..%2f..%2fdata/footfall.db",
    "/..%5cdata",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "//evil.example/..",
    "/.footfall-site",
    "/replicate/.private/",
    "/key.pem",
    "//replicate/..",
    "///",
    "http://evil.example/../x",
    "/index.html%00.css",
    "/%00",
    "/index.html/",
    "/index.html/x",
    "/%ff%fe",
    "/a%0d%0aSet-Cookie:%20x=1",
    "/" + "a" * 900,
    "/" + "a/" * 400,
]


@pytest.mark.parametrize("path", HOSTILE)
def test_what_is_no_page_of_the_site_is_not_found(ask: httpx.Client, path: str) -> None:
    answer = raw(ask, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in answer.text and "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/" + "a" * 1000, "/" + "a" * 50_000])
def test_an_endless_address_is_refused(ask: httpx.Client, path: str) -> None:
    assert raw(ask, path).status_code in (400, 414)


def test_links_out_of_the_site_are_not_followed(desk: QueryContext, tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("secret")
    (site / "file.txt").symlink_to(tmp_path / "secret.txt")
    (site / "folder").symlink_to(tmp_path / "other")
    (site / "loop").symlink_to(site / "loop")
    with served(desk, site) as client:
        for path in ("/file.txt", "/folder/", "/folder", "/folder/index.html", "/loop", "/loop/x"):
            assert client.get(path).status_code == 404, path


def test_a_site_that_is_itself_reached_by_a_link_is_served(desk: QueryContext, tmp_path: Path) -> None:
    write(tmp_path / "releases" / "one")
    (tmp_path / "site").symlink_to(tmp_path / "releases" / "one")
    with served(desk, tmp_path / "site") as client:
        assert client.get("/replicate/").text == FILES["replicate/index.html"]


def test_before_the_site_is_written_a_page_says_which_command_does(desk: QueryContext, tmp_path: Path) -> None:
    with served(desk, tmp_path / "site") as client:
        for path in ("/", "/replicate/", "/nothing"):
            answer = client.get(path)
            assert answer.status_code == 503 and "python -m bot site" in answer.text
        assert client.get("/api/v1/usage").status_code == 200
        write(tmp_path / "site")
        assert client.get("/").text == FILES["index.html"]


# --- what holds for every answer ------------------------------------------------------------------------------------

PATHS = {
    "/": 200,
    "/style.css": 200,
    "/replicate": 308,
    "/nothing": 404,
    "/api/v1": 200,
    "/api/v1/usage": 200,
    "/api/v1/nothing": 404,
    "/api/v1/usage?day=x": 400,
    "/api/v1/usage?network=" + "n" * 1000: 400,
    "/health": 200,
    "/metrics": 200,
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(("path", "status"), PATHS.items())
def test_every_answer_carries_the_security_headers(ask: httpx.Client, method: str, path: str, status: int) -> None:
    answer = ask.request(method, path)
    assert answer.status_code == (status if method != "POST" or len(path) > 1000 else 405)
    headers = answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    own = ("style-src", "script-src", "connect-src", "form-action")
    assert all(policy[kind] == "'self'" for kind in own)
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "geolocation=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["server"] == "footfall"
    in_api = path.startswith("/api/v1")
    assert headers.get("access-control-allow-origin") == ("*" if in_api else None)
    assert headers["cross-origin-resource-policy"] == ("cross-origin" if in_api else "same-origin")
    fresh = answer.status_code == 200 and path not in ("/health", "/metrics")
    assert headers.get("cache-control") == (
        "public, max-age=60" if fresh else None if status == 308 and method != "POST" else "no-store"
    )


def test_fifty_at_once_are_answered_alike(ask: httpx.Client) -> None:
    paths = [path for path, _ in TWINS if path not in ("/api/v1/status", "/api/v1/health")]

    async def all_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=ask.base_url, timeout=PATIENCE) as client:
            return await asyncio.gather(*(client.get(paths[n % len(paths)]) for n in range(50)))

    for number, answer in enumerate(asyncio.run(all_at_once())):
        assert answer.status_code == 200
        assert answer.json() == ask.get(paths[number % len(paths)]).json()


def test_long_answers_travel_compressed_where_that_is_understood(ask: httpx.Client) -> None:
    packed, plain = (ask.get("/api/v1/digest", headers={"Accept-Encoding": how}) for how in ("gzip", "identity"))
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert packed.headers["vary"] == "Accept, Accept-Encoding"


# --- health and metrics ---------------------------------------------------------------------------------------------


def test_health_tells_the_age_of_the_newest_digest(ask: httpx.Client) -> None:
    answer = ask.get("/health")
    assert answer.status_code == 200
    # 10 March ended nine hours before the clock's 09:00 of the 11th.
    newest = {"day": "2025-03-10", "age_seconds": 9 * 3600}
    assert answer.json() == {"ok": True, "database": "readable", "newest_digests": {"replicate": newest}}


def public(desk: QueryContext, folder: Path, settings: Mapping[str, object], token: str = "") -> Served:
    chosen = WebConfig.model_validate(settings)
    return Served(web.make_application(desk, folder, PATIENCE, PATIENCE, chosen), token)


def test_health_and_metrics_are_not_on_the_public_port(desk: QueryContext, home: Path) -> None:
    running = public(desk, home / "out" / "site", {})
    try:
        with make_client(base_url=running.url) as client:
            assert [client.get(path).status_code for path in ("/", "/health", "/metrics")] == [200, 404, 404]
    finally:
        running.stop()


def test_on_the_public_port_health_has_no_facts(desk: QueryContext, tmp_path: Path) -> None:
    doomed = ruined(desk, tmp_path)
    running = public(doomed, tmp_path, {"public_health": True})
    try:
        with make_client(base_url=running.url) as client:
            well = client.get("/health")
            assert (well.status_code, well.json(), well.headers["cache-control"]) == (200, {"ok": True}, "no-store")
            (tmp_path / "private.db").unlink()
            ill = client.get("/health")
            assert (ill.status_code, ill.json()) == (503, {"ok": False})
            assert client.get("/metrics").status_code != 200
    finally:
        running.stop()
        doomed.store.close()


def test_with_a_token_only_those_who_show_it_see_facts_and_metrics(desk: QueryContext, home: Path) -> None:
    running = public(desk, home, {}, "a-long-token-of-24-chars")
    try:
        with make_client(base_url=f"http://127.0.0.1:{running.monitoring_port}") as client:
            for header in ({}, {"Authorization": "Bearer a-long-token-of-24-charS"}, {"Authorization": b"Bearer \xff"}):
                assert client.get("/health", headers=header).json() == {"ok": True}
                refused = client.get("/metrics", headers=header)
                assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
                assert "MONITORING_TOKEN" in refused.json()["error"]["message"]
            known = {"Authorization": "Bearer a-long-token-of-24-chars"}
            assert "newest_digests" in client.get("/health", headers=known).json()
            assert client.get("/metrics", headers=known).text.startswith("# HELP")
    finally:
        running.stop()


def test_health_of_an_empty_archive_is_good_and_knows_no_digest(
    desk: QueryContext, db: store.Store, tmp_path: Path
) -> None:
    with served(replace(desk, store=db, archive=Archive(db)), tmp_path) as client:
        assert client.get("/health").json()["newest_digests"] == {"replicate": None}
        assert "footfall_newest_digest_age_seconds" not in samples(client)


def ruined(desk: QueryContext, folder: Path) -> QueryContext:
    headline = tuple(desk.watched["replicate"].headline.items())
    opened = store.open_store(databases.sqlite(folder / "private.db", fill_with_headline, headline))
    return replace(desk, store=opened, archive=Archive(opened))


def fill_with_headline(opened: store.Store, headline: tuple[tuple[str, str], ...]) -> None:
    fill(opened, pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), dict(headline)))


def unhealthy(client: httpx.Client) -> None:
    with capture_logs() as logged:
        health = client.get("/health")
        assert health.status_code == 503
        document = {"ok": False, "database": "cannot be read; the log says why", "newest_digests": None}
        assert health.json() == document
        assert logged and all(
            "private" not in client.get(path).text for path in ("/health", "/api/v1/usage", "/metrics")
        )
    answer = client.get("/metrics")
    assert answer.status_code == 200
    shown = samples(client)
    assert shown["footfall_database_up"] == {(): 0.0}
    assert "footfall_newest_digest_age_seconds" not in shown and "footfall_digests" not in shown


def test_a_database_that_was_deleted_is_not_healthy(desk: QueryContext, tmp_path: Path) -> None:
    doomed = ruined(desk, tmp_path)
    with served(doomed, tmp_path) as client:
        assert client.get("/health").status_code == 200
        assert {"footfall_newest_digest_age_seconds", "footfall_digests"} <= samples(client).keys()
        (tmp_path / "private.db").unlink()
        unhealthy(client)
    doomed.store.close()


def test_a_database_that_is_garbage_is_not_healthy_and_says_so_in_one_sentence(
    desk: QueryContext, tmp_path: Path
) -> None:
    doomed = ruined(desk, tmp_path)
    doomed.store.close()
    (tmp_path / "private.db").write_bytes(b"garbage" * 20_000)
    with served(doomed, tmp_path) as client:
        unhealthy(client)
        with capture_logs() as logged:
            answer = client.get("/api/v1/usage")
        assert answer.status_code == 503
        assert (
            answer.json()["error"]["message"] == f"the database cannot be read; its id in the log is {logged[0]['id']}"
        )
        assert "private.db" in str(logged[0]["exc_info"])
    doomed.store.close()


def test_a_locked_sqlite_database_is_not_waited_for(desk: QueryContext, tmp_path: Path) -> None:
    doomed = ruined(desk, tmp_path)
    doomed.store.close()
    holder = sqlite3.connect(tmp_path / "private.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with served(doomed, tmp_path, health_seconds=0.2, answer_seconds=0.2) as client:
            unhealthy(client)
            holder.execute("ROLLBACK")
            holder.close()
    finally:
        holder.close()
        doomed.store.close()


def test_a_locked_postgresql_table_is_not_waited_for(desk: QueryContext, postgres: Any, tmp_path: Path) -> None:
    opened = store.open_store(postgres.database())
    with opened.engine.connect() as holder:
        holder.execute(sa.text("LOCK TABLE digests IN ACCESS EXCLUSIVE MODE"))
        with served(replace(desk, store=opened, archive=Archive(opened)), tmp_path, health_seconds=0.2) as client:
            with capture_logs():
                assert client.get("/health").status_code == 503
            holder.rollback()
            for _ in range(1000):
                if client.get("/health").status_code == 200:
                    break
            else:
                pytest.fail("it does not recover")
    while opened.engine.pool.checkedout():  # type: ignore[attr-defined]
        time.sleep(0.01)  # the question that waited for the lock is still being answered
    opened.close()


Samples = Mapping[str, Mapping[tuple[str, ...], float]]


def samples(client: httpx.Client) -> Samples:
    """Every sample for Prometheus: name to label values to value."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return samples


def test_metrics_tell_what_the_archive_holds(desk: QueryContext, home: Path) -> None:
    with served(desk, home / "out" / "site") as client:
        shown = samples(client)
    ages = {("replicate", "day"): 9 * 3600.0, ("replicate", "week"): 33 * 3600.0}
    assert shown["footfall_newest_digest_age_seconds"] == ages
    assert shown["footfall_digests"] == {
        ("replicate", "day", "draft"): 8.0,
        ("replicate", "day", "issued"): 1.0,
        ("replicate", "week", "issued"): 1.0,
    }
    assert shown["footfall_database_up"] == {(): 1.0}
    assert any("0.1.0" in labels for labels in shown["footfall_build_info"])


def test_metrics_count_requests_by_route_and_never_by_what_strangers_type(desk: QueryContext, home: Path) -> None:
    with served(desk, home / "out" / "site") as client:
        for number in range(30):
            client.get(f"/no/such/page/{number}")
            client.get(f"/api/v1/model/nobody/{number}")
            client.get(f"/api/v1/nothing/{number}")
        client.get("/api/v1/usage")
        client.post("/api/v1/usage")
        etag = client.get("/").headers["etag"]
        client.get("/", headers={"If-None-Match": etag})
        shown = samples(client)
    assert shown["footfall_requests_total"] == {
        ("/{path}", "404"): 30.0,
        ("/api/v1/model/{model}", "404"): 30.0,
        ("/api/v1/{rest}", "404"): 30.0,
        ("/api/v1/usage", "200"): 1.0,
        ("none", "405"): 1.0,
        ("/{path}", "200"): 1.0,
        ("/{path}", "304"): 1.0,
    }
    assert shown["footfall_request_seconds_count"][("/api/v1/model/{model}",)] == 30.0
    assert 0 < shown["footfall_request_seconds_sum"][("/api/v1/usage",)] < PATIENCE


def test_health_and_metrics_cost_one_query_each(desk: QueryContext, home: Path) -> None:
    statements: list[str] = []
    with served(desk, home / "out" / "site") as client:
        client.get("/health")

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            statements.append(statement)

        sa.event.listen(desk.store.engine, "before_cursor_execute", note)
        try:
            for path in ("/health", "/metrics"):
                statements.clear()
                client.get(path)
                assert [line.split()[0] for line in statements if not line.startswith("BEGIN")] == ["SELECT"], path
        finally:
            sa.event.remove(desk.store.engine, "before_cursor_execute", note)


# --- the server itself ----------------------------------------------------------------------------------------------


def test_an_address_in_use_is_one_clear_line(desk: QueryContext, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(web.WebError) as refused:
            web.run_server(desk, home, "127.0.0.1", port)
    start = f"127.0.0.1 port {port}: cannot listen there: Address already in use; name another with --host and --port"
    assert str(refused.value).startswith(start) and "\n" not in str(refused.value)


def test_an_address_of_another_machine_is_one_clear_line(desk: QueryContext, home: Path) -> None:
    with pytest.raises(web.WebError, match=r"^203\.0\.113\.1 port 0: cannot listen there: Cannot assign requested"):
        web.run_server(desk, home, "203.0.113.1", 0)


def test_idle_threads_have_ended_once_a_pool_is_closed_and_a_busy_one_is_not_waited_for() -> None:
    """A thread that still runs at the end of the process is abandoned with a warning."""
    begun, release = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait()

    async def close_pool(busy: bool) -> set[threading.Thread]:
        before, pool = set(threading.enumerate()), web.middleware.DbThreadPool(PATIENCE, 8)
        await asyncio.gather(*(pool.run(lambda: None) for _ in range(8)))
        hangs = asyncio.ensure_future(pool.run(hang)) if busy else None
        while busy and not begun.is_set():
            await asyncio.sleep(0)
        await pool.close(None)
        left = {thread for thread in threading.enumerate() if thread not in before}
        release.set()
        if hangs:
            await hangs
        return left

    assert asyncio.run(close_pool(busy=False)) == set()
    release.clear()
    assert asyncio.run(close_pool(busy=True))


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_cleanly_when_told(home: Path, sign: signal.Signals) -> None:
    command = [sys.executable, "-m", "bot", "--config", str(home / "config.yaml"), "web", "--port", "0"]
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"Footfall: (http://127\.0\.0\.1:\d+)/ \(JSON at /api\); Ctrl-C stops it\n", line)
        try:
            assert match, (line, process.communicate(timeout=PATIENCE))
            with make_client(base_url=match[1]) as client:  # holds its connection open while the server stops
                assert client.get("/api/v1/method/uses").status_code == 200
                assert client.get("/").text == FILES["index.html"]
                process.send_signal(sign)
                _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")


def test_parameters_by_their_former_names_are_still_answered(ask: httpx.Client) -> None:
    now, before = (ask.get(f"/api/v1/compare?{pair}") for pair in (f"model={FIRST}&other={TWO}", f"a={FIRST}&b={TWO}"))
    assert now.status_code == before.status_code == 200 and now.json() == before.json()
    assert "a" not in ask.get("/api/v1/openapi.json").json()["paths"]["/api/v1/compare"]["get"]["parameters"][0]["name"]
    refused = ask.get(f"/api/v1/compare?name={FIRST}")
    assert refused.status_code == 400 and "known: model, other" in refused.json()["error"]["message"]


def test_an_author_with_a_slash_or_a_space_is_asked_for_in_the_path(ask: httpx.Client) -> None:
    missing = ask.get("/api/v1/author/no%2Fsuch%20one")
    assert missing.status_code == 404 and "no/such one: no such author" in missing.json()["error"]["message"]
