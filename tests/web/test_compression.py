"""Compressed answers, as clients of every kind get them over a real socket."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web as aiohttp_web

from bot.queries import QueryContext
from bot.web import compression, monitoring, static_site
from bot.web.app import LOOKING
from bot.web.compression import compress_answers
from bot.web.middleware import DbThreadPool
from tests.patience import PATIENCE, make_client
from tests.web.test_rendered_site import DAY, desk, folder, rendered, site, written
from tests.web.test_web import Served

__all__ = ["desk", "folder", "rendered", "site", "written"]
KINDS = {
    "/index.html": True,
    "/style.css": True,
    "/feed.xml": True,
    "/feed.json": True,
    f"{DAY}models.csv": True,
    f"{DAY}digest.json": True,
    "/favicon.svg": False,  # too short
}


@pytest.fixture(params=["rendered", "written"])
def client(request: pytest.FixtureRequest) -> httpx.Client:
    chosen: httpx.Client = request.getfixturevalue(request.param)
    return chosen


def raw(client: httpx.Client, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its bytes as they were sent."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    with client.stream("GET", path, headers=named) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(("path", "packed"), KINDS.items())
def test_text_is_compressed_once_and_is_the_same_text(client: httpx.Client, path: str, packed: bool) -> None:
    plain, content = raw(client, path, Accept_Encoding="identity")
    answer, sent = raw(client, path, Accept_Encoding="gzip")
    assert "content-encoding" not in plain.headers and plain.headers["vary"] == "Accept-Encoding"
    assert (answer.headers.get("content-encoding") == "gzip") == packed and answer.headers["vary"] == "Accept-Encoding"
    assert (gzip.decompress(sent) if packed else sent) == content
    assert int(answer.headers["content-length"]) == len(sent) and (len(sent) < len(content) * 0.6) == packed
    assert answer.headers["etag"] == plain.headers["etag"] and answer.headers["etag"].startswith('W/"')


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.5, br", True),
        ("*", True),
        ("x-gzip", True),
        ("gzip;q=1.0, identity;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("gzip;q=0.2, identity;q=0.9", False),
        ("identity", False),
        ("deflate, br, zstd", False),
        ("gzippy", False),
        ("gzip;q=much", False),
        ("", False),
    ],
)
def test_only_who_accepts_gzip_gets_it(client: httpx.Client, accepted: str, packed: bool) -> None:
    for path in ("/index.html", "/api/v1/digest"):
        answer, _ = raw(client, path, Accept_Encoding=accepted)
        assert (answer.headers.get("content-encoding") == "gzip") == packed, path


def test_a_head_request_has_the_headers_of_the_answer(client: httpx.Client) -> None:
    for coding in ("gzip", "identity"):
        for path in (DAY, "/api/v1/digest"):
            head = client.head(path, headers={"Accept-Encoding": coding})
            answer, sent = raw(client, path, Accept_Encoding=coding)
            assert head.content == b"" and int(head.headers["content-length"]) == len(sent)
            for name in ("content-encoding", "etag", "vary", "content-type"):
                assert head.headers.get(name) == answer.headers.get(name), (path, name)


def test_a_compressed_page_that_the_client_has_is_not_sent_again(client: httpx.Client) -> None:
    first, _ = raw(client, DAY, Accept_Encoding="gzip")
    again, sent = raw(client, DAY, Accept_Encoding="gzip", If_None_Match=first.headers["etag"])
    assert (again.status_code, sent, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["vary"] == "Accept-Encoding" and "content-encoding" not in again.headers


def test_a_compressed_page_has_its_time_if_it_is_a_file(written: httpx.Client) -> None:
    first, _ = raw(written, DAY, Accept_Encoding="gzip")
    again, _ = raw(written, DAY, Accept_Encoding="gzip", If_Modified_Since=first.headers["last-modified"])
    assert again.status_code == 304
    older, _ = raw(written, DAY, Accept_Encoding="gzip", If_Modified_Since="Mon, 01 Jan 2001 00:00:00 GMT")
    other, _ = raw(written, DAY, If_Modified_Since=first.headers["last-modified"], If_None_Match='"other"')
    assert older.status_code == other.status_code == 200


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=0-99999999", slice(None)),
        ("bytes=-99999999", slice(None)),
    ],
)
def test_a_part_is_a_part_of_the_plain_file(client: httpx.Client, site: Path, wanted: str, part: slice) -> None:
    content = (site / DAY.strip("/") / "models.csv").read_bytes()
    answer, sent = raw(client, f"{DAY}models.csv", Range=wanted, Accept_Encoding="gzip")
    assert (answer.status_code, sent) == (206, content[part])
    first, _, _ = part.indices(len(content))
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(sent) - 1}/{len(content)}"
    assert "content-encoding" not in answer.headers and answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "wanted", ["bytes=99999999-", "bytes=5-2", "bytes=x", "lines=1-2", "bytes=-", "bytes=-0", "bytes=-00"]
)
def test_a_part_that_does_not_exist_is_refused(client: httpx.Client, site: Path, wanted: str) -> None:
    answer, _ = raw(client, f"{DAY}models.csv", Range=wanted, Accept_Encoding="gzip")
    size = (site / DAY.strip("/") / "models.csv").stat().st_size
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")


def test_a_part_of_what_changed_is_not_sent(client: httpx.Client, site: Path) -> None:
    content = (site / DAY.strip("/") / "models.csv").read_bytes()
    tag = client.head(f"{DAY}models.csv").headers["etag"]
    for since in (tag, '"other"', "Mon, 01 Jan 2001 00:00:00 GMT"):
        answer, sent = raw(client, f"{DAY}models.csv", Range="bytes=5-9", If_Range=since, Accept_Encoding="identity")
        assert (answer.status_code, sent) == (200, content), "our ETags are weak, and the file is newer"


def test_pictures_and_short_answers_are_not_compressed(client: httpx.Client, written: httpx.Client) -> None:
    assert "content-encoding" not in written.get("/favicon.svg").headers
    assert "content-encoding" not in client.get("/api/v1/model/nobody").headers
    missing, sent = raw(client, "/nothing", Accept_Encoding="gzip")
    assert missing.status_code == 404 and missing.headers["content-encoding"] == "gzip"
    assert b"There is no such page" in gzip.decompress(sent)


@pytest.fixture
def bare(desk: QueryContext) -> Iterator[httpx.Client]:
    """An application with answers of every kind."""

    async def answer(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        body = request.match_info["letter"].encode() * 5000
        headers = {"ETag": f'W/"{hashlib.sha256(body).hexdigest()}"'} if "tag" in request.query else {}
        if "packed" in request.query:
            return aiohttp_web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return aiohttp_web.Response(body=body, headers=headers, content_type=request.query.get("type", "text/plain"))

    app = aiohttp_web.Application(middlewares=[compress_answers()])
    app.router.add_get("/{letter}", answer)
    app[monitoring.METRICS], app[LOOKING] = monitoring.WebMetrics(desk), DbThreadPool(PATIENCE, 1)
    app.on_cleanup.append(app[LOOKING].close)
    running = Served(app)
    try:
        with make_client(base_url=running.url) as client:
            yield client
    finally:
        running.stop()


def test_what_is_compressed_already_is_not_compressed_again(bare: httpx.Client) -> None:
    answer, sent = raw(bare, "/a?packed=1&type=text/html", Accept_Encoding="gzip")
    assert answer.headers.get_list("content-encoding") == ["gzip"] and gzip.decompress(sent) == b"a" * 5000


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("application/json", True),
        ("application/feed+json", True),
        ("application/atom+xml", True),
        ("image/svg+xml", True),
        ("image/png", False),
        ("application/zip", False),
        ("application/jsonx", False),
    ],
)
def test_types_of_text_are_compressed(bare: httpx.Client, kind: str, packed: bool) -> None:
    answer, _ = raw(bare, f"/a?type={kind.replace('+', '%2B')}", Accept_Encoding="gzip")
    assert ("content-encoding" in answer.headers) == packed == ("vary" in answer.headers)


def test_compressed_bytes_are_kept_in_bounded_memory(bare: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    compress = gzip.compress

    def counted(body: bytes, *more: object, **named: object) -> bytes:
        made.append(len(body))
        return compress(body, 6, mtime=0)

    monkeypatch.setattr(compression.gzip, "compress", counted)
    for _ in range(3):
        assert bare.get("/a?tag=1").text == "a" * 5000
    assert made == [5000], "the same content is compressed once"
    for _ in range(2):
        bare.get("/b")
    assert len(made) == 3, "without a tag nothing is kept"


def test_all_pages_of_a_year_do_not_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = compression.VersionedCache(1000, len)
    for number in range(200):
        compression._compressed(cache, str(number), bytes(range(256)) * 8)
    assert cache._weight <= 1000


def test_a_small_plain_file_from_memory_has_the_headers_of_one_from_the_disk(written: httpx.Client, site: Path) -> None:
    path = site / "index.html"
    assert path.stat().st_size <= static_site.SMALL
    answer, content = raw(written, "/index.html", Accept_Encoding="identity")
    modified = answer.headers["last-modified"]
    disk, sent = raw(written, "/index.html", Accept_Encoding="identity", If_Unmodified_Since=modified)
    assert content == sent == path.read_bytes()
    for header in ("accept-ranges", "cache-control", "content-length", "content-type", "etag", "last-modified", "vary"):
        assert answer.headers[header] == disk.headers[header], header
    later, nothing = raw(written, "/index.html", Accept_Encoding="identity", If_Modified_Since=modified)
    assert (later.status_code, nothing) == (304, b"")
    early = "Mon, 01 Jan 2001 00:00:00 GMT"
    refused, _ = raw(written, "/index.html", Accept_Encoding="identity", If_Unmodified_Since=early)
    assert refused.status_code == 412
