"""The site served from the database, over a real socket: the same answers as from a written folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot import ledger, pipeline, site_builder
from bot.config import WebConfig
from bot.queries import QueryContext
from bot.records import Period
from bot.site_builder import OnDemandSite, open_build
from bot.site_builder.folder import MANIFEST, MARKER
from tests import query_contexts
from tests.web.test_web import served

NOW, DAY = query_contexts.NOW, f"/replicate/{query_contexts.NEWEST}/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rendered")


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[QueryContext]:
    with query_contexts.desk(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(desk: QueryContext, folder: Path) -> Path:
    return write(desk, folder / "site")


@pytest.fixture(scope="module")
def rendered(desk: QueryContext, folder: Path) -> Iterator[httpx.Client]:
    """A server without a folder."""
    with served(desk, folder / "nothing", pages=pages_of(desk)) as client:
        yield client


@pytest.fixture(scope="module")
def written(desk: QueryContext, site: Path) -> Iterator[httpx.Client]:
    with served(desk, site) as client:
        yield client


def write(desk: QueryContext, site: Path) -> Path:
    return site_builder.write_site(desk, site, lambda _line: None, NOW).parent


def pages_of(desk: QueryContext) -> OnDemandSite:
    return OnDemandSite(lambda: open_build(desk, NOW), refresh_seconds=0)


def add_day(desk: QueryContext, number: int) -> str:
    day = query_contexts.NEWEST + timedelta(days=number)
    ledger.add_snapshot(desk.store, query_contexts.snapshot(day, query_contexts.counts(day)))
    pipeline.compose_digest(desk.store, desk.archive, query_contexts.PLAN, Period.for_day(day), NOW)
    return f"/replicate/{day}/"


def test_every_file_has_the_same_answer_as_from_a_folder(
    rendered: httpx.Client, written: httpx.Client, site: Path
) -> None:
    files = [path for path in site.rglob("*") if path.is_file() and path.name not in (MARKER, MANIFEST)]
    assert len(files) > 70
    for path in files:
        name = f"/{path.relative_to(site).as_posix()}"
        for coding in ("identity", "gzip"):
            ours, theirs = (client.get(name, headers={"Accept-Encoding": coding}) for client in (rendered, written))
            assert ours.status_code == theirs.status_code == 200, name
            assert ours.content == theirs.content == path.read_bytes(), name
            for header in ("content-type", "etag", "cache-control", "vary", "content-encoding", "content-length"):
                assert ours.headers.get(header) == theirs.headers.get(header), (name, header, coding)
            again = rendered.get(name, headers={"If-None-Match": theirs.headers["etag"], "Accept-Encoding": coding})
            assert (again.status_code, again.content, again.headers["vary"]) == (304, b"", "Accept-Encoding")


@pytest.mark.parametrize("path", ["/nothing", "/replicate/2020-01-01/", "/replicate/..%2f..%2fx", f"{DAY}x.html"])
def test_what_does_not_exist_gets_the_sites_own_page(rendered: httpx.Client, site: Path, path: str) -> None:
    answer = rendered.get(path)
    assert (answer.status_code, answer.content) == (404, (site / "404.html").read_bytes())
    assert answer.headers["cache-control"] == "no-store"


def test_a_folder_without_its_slash_leads_to_the_one_with_it(rendered: httpx.Client) -> None:
    for path in ("/replicate", DAY.rstrip("/")):
        answer = rendered.get(path)
        assert (answer.status_code, answer.headers["location"]) == (308, f"{path}/")


def test_the_newest_archive_is_served_whatever_the_folder_has(desk: QueryContext, site: Path, tmp_path: Path) -> None:
    site = shutil.copytree(site, tmp_path / "site")
    (site / "about.html").write_text("from the folder")
    with (
        served(desk, site, pages=pages_of(desk)) as auto,
        served(desk, site, pages=pages_of(desk), settings=WebConfig(site="files")) as files,
        served(desk, site, pages=pages_of(desk), settings=WebConfig(site="database")) as database,
    ):
        assert auto.get("/about.html").text == files.get("/about.html").text == "from the folder"
        assert database.get("/about.html").text != "from the folder"
        day = add_day(desk, 1)
        assert [client.get(day).status_code for client in (auto, files, database)] == [200, 404, 200]
        assert auto.get("/about.html").text != "from the folder"
        write(desk, site)
        assert files.get(day).content == auto.get(day).content
        (site / day.strip("/") / "index.html").unlink()
        assert (auto.get(day).status_code, files.get(day).status_code) == (200, 404)


def test_a_written_site_is_served_while_the_database_cannot_be_read(desk: QueryContext, tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    with query_contexts.desk(tmp_path / "world", query_contexts.DAYS[:2]) as own:
        site = write(own, tmp_path / "site")
        with served(own, site, pages=pages_of(own)) as auto, served(own, site / "no", pages=pages_of(own)) as nothing:
            with own.store.write_transaction() as connection:
                connection.exec_driver_sql("ALTER TABLE digests RENAME TO gone")
            assert auto.get("/").content == (site / "index.html").read_bytes()
            refused = nothing.get("/")
            assert refused.status_code == 503 and "database cannot be read" in refused.text


def test_a_page_that_takes_too_long_is_given_up(desk: QueryContext, tmp_path: Path) -> None:
    with served(desk, tmp_path, pages=pages_of(desk), answer_seconds=0.0) as client:
        answer = client.get(DAY)
        assert answer.status_code == 503 and "took too long" in answer.text


def test_an_empty_archive_has_a_front_page(tmp_path: Path) -> None:
    with (
        query_contexts.desk(tmp_path, query_contexts.DAYS[:1]) as empty,
        served(empty, tmp_path / "no", pages=pages_of(empty)) as client,
    ):
        assert client.get("/").status_code == 200 and "No digest yet" in client.get("/").text


def test_only_what_was_rendered_of_the_newest_archive_is_found_without_rendering(desk: QueryContext) -> None:
    pages, path = pages_of(desk), f"replicate/{query_contexts.NEWEST}/index.html"
    assert pages.find_rendered_file(path) is None
    file = pages.find_file(path)
    assert file and pages.find_rendered_file(path) is file
    assert pages.find_rendered_file("nothing.html") is None
    add_day(desk, 5)
    assert pages.find_rendered_file(path) is None
